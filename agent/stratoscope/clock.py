"""Defines the clock that is passed as an argument, so that a test can simulate a day in a second."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time as an argument: `monotonic` measures intervals, `time` makes timestamps, `sleep` waits."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never steps."""
        ...

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC; may step."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of monotonic time."""
        ...


class SystemClock:
    """The clock of the operating system."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never steps."""
        return time.monotonic()

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC; may step."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of monotonic time."""
        await asyncio.sleep(seconds)
