"""Repeats the last price of a service that allows fewer requests than there are rounds."""

from stratoscope.clock import Clock
from stratoscope.market.sources.source import PriceReport, PriceSource


class PacedPriceSource:
    """A price source that is queried at most every `min_interval_s` seconds; a failed request does not count."""

    def __init__(self, source: PriceSource, clock: Clock, min_interval_s: float) -> None:
        self.name = source.name
        self._source, self._clock, self._min_interval_s = source, clock, min_interval_s
        self._last: PriceReport | None = None
        self._queried_at = 0.0  # monotonic s

    async def price(self, currency: str) -> PriceReport:
        """Return the current price, or the last one until the interval is over; raise SourceError."""
        now = self._clock.monotonic()
        if self._last is not None and now - self._queried_at < self._min_interval_s:
            return self._last
        self._last = await self._source.price(currency)
        self._queried_at = now
        return self._last
