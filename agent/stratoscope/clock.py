"""Gives time as an argument, so that a day of running can be tested in a second."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Two times and one wait: intervals are measured by `monotonic`, stamps are taken by `time`."""

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
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never steps."""
        return time.monotonic()

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC; may step."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of monotonic time."""
        await asyncio.sleep(seconds)
