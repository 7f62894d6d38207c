"""Limits the requests made with one key to what a pool allows: a token bucket that also hands out nonces."""

from stratoscope.clock import Clock
from stratoscope.units import KILO


class RateLimiter:
    """Allows `burst` requests at once and one each `spacing` s in the long run; callers that are too early wait."""

    def __init__(self, spacing: float, burst: int, clock: Clock) -> None:
        self._spacing, self._burst, self._clock = spacing, burst, clock
        self._nonce = 0
        self._full_at = clock.monotonic()  # when the bucket is full again; a time in the future means used tokens

    async def acquire(self) -> int:
        """Wait for a token and take it; return a nonce that grows with each call: ms since 1970, or a little more."""
        now = self._clock.monotonic()
        self._full_at = max(self._full_at, now) + self._spacing
        wait = self._full_at - self._spacing * self._burst - now
        if wait > 0:
            await self._clock.sleep(wait)
        self._nonce = max(self._nonce + 1, int(self._clock.time() * KILO))
        return self._nonce
