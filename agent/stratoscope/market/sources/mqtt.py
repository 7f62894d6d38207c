"""Reads the price of a bitcoin that something publishes over MQTT, for sites whose only way out is a broker."""

from stratoscope.market.settings import SourceSettings
from stratoscope.market.sources.answer import POSITIVE, checked
from stratoscope.market.sources.source import Price
from stratoscope.outside.feed import Feed, Reader, begins_at, decimal_of, dotted_path, found_in
from stratoscope.outside.fetch import Fetcher


def price_of(body: bytes, feed: Feed, at: float) -> Price:
    """Return the price in `body`, as of the time it names, else of UTC `at`; raise SourceError."""
    document = found_in(body)
    value = checked(POSITIVE, float(decimal_of(feed.walk(document))))
    return Price(value, min(begins_at(document, feed, at), at))


class Mqtt:
    """The price at one topic. It is of the market's currency: a topic names none."""

    def __init__(self, name: str, settings: SourceSettings, fetcher: Fetcher) -> None:
        self.name = name
        feed = Feed.at_topic(
            settings.topic or "",
            path=dotted_path(settings.price_path or ""),
            time_path=dotted_path(settings.time_path) if settings.time_path else None,
        )
        self._reader, self._clock = Reader(name, feed, fetcher, price_of), fetcher.clock

    async def price(self, currency: str) -> Price:  # noqa: ARG002 — the topic is of the configured currency
        """Return the newest price that came; raise SourceError."""
        return await self._reader.read(self._clock.time())
