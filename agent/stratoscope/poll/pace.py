"""Paces new connections to addresses without a known rig, so that a search never floods a network."""

from stratoscope.clock import Clock


class ConnectionPacer:
    """Allows at most `rate` connections per second, for all callers together."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self._gap = 1.0 / rate
        self._next = clock.monotonic()

    async def wait(self, connections: int = 1) -> None:
        """Wait until `connections` more may be opened."""
        now = self._clock.monotonic()
        start = max(self._next, now)
        self._next = start + connections * self._gap
        if start > now:
            await self._clock.sleep(start - now)
