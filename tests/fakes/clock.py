"""A clock that only the test moves."""

import asyncio
import heapq
import itertools


class StillClock:
    """Virtual time: `advance` wakes sleepers in order, and lets each of them run before it moves on."""

    def __init__(self, start: float = 1_000.0, epoch: float = 1_700_000_000.0) -> None:
        self._now = start
        self._offset = epoch - start
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._count = itertools.count()

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return self._now + self._offset

    def step(self, seconds: float) -> None:
        """Step the wall clock, as NTP may do; monotonic time does not change."""
        self._offset += seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        entry = (self._now + seconds, next(self._count), woken)
        heapq.heappush(self._sleepers, entry)
        try:
            await woken.wait()
        finally:
            if entry in self._sleepers:  # the sleeper was cancelled
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)

    @property
    def sleepers(self) -> int:
        """Return how many tasks sleep on this clock."""
        return len(self._sleepers)

    def pending(self) -> float | None:
        """Return the monotonic time at which the next sleeper wakes, or None."""
        return self._sleepers[0][0] if self._sleepers else None

    async def advance(self, seconds: float) -> None:
        end = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, woken = heapq.heappop(self._sleepers)
            self._now = max(self._now, at)
            woken.set()
            await settle()
        self._now = end
        await settle()


async def settle(rounds: int = 12) -> None:
    """Let every task run that is ready."""
    for _ in range(rounds):
        await asyncio.sleep(0)


class HastyClock(StillClock):
    """Virtual time that jumps: a sleeper wakes at once, and the time has moved by as much."""

    async def sleep(self, seconds: float) -> None:
        self._now += max(0.0, seconds)
        await asyncio.sleep(0)
