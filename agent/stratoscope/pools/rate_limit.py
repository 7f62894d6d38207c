"""Keeps the number of requests with one key within what a pool allows: a bucket of tokens, and a number for each."""

from stratoscope.clock import Clock
from stratoscope.units import KILO


class Bucket:
    """`burst` requests at once, one each `spacing` s in the long run; who comes too early waits in turn."""

    def __init__(self, spacing: float, burst: int, clock: Clock) -> None:
        self._spacing, self._burst, self._clock = spacing, burst, clock
        self._nonce = 0
        self._full_at = clock.monotonic()  # when the bucket is full again; the future is debt

    async def take(self) -> int:
        """Take a token, waiting until there is one; return a number that grows: ms since 1970, or a little more."""
        now = self._clock.monotonic()
        self._full_at = max(self._full_at, now) + self._spacing
        wait = self._full_at - self._spacing * self._burst - now
        if wait > 0:
            await self._clock.sleep(wait)
        self._nonce = max(self._nonce + 1, int(self._clock.time() * KILO))
        return self._nonce
