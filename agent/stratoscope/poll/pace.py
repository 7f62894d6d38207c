"""Spaces out new connections to addresses where no rig is known, so that a search never storms a network."""

from stratoscope.clock import Clock


class ConnectionPacer:
    """At most `rate` connections a second, whatever the number of callers."""

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
