"""Reads the price of one bitcoin from an MQTT topic, for sites that can reach only a broker."""

from typing import Final

from stratoscope.market.settings import MarketSourceSettings
from stratoscope.market.sources.answer import POSITIVE, validate
from stratoscope.market.sources.kind import SourceKind
from stratoscope.market.sources.source import PriceReport
from stratoscope.outside.feed import Feed, FeedReader, begins_at, decimal_of, dotted_path, parse_json
from stratoscope.outside.fetch import Fetcher


def parse_price(body: bytes, feed: Feed, at: float) -> PriceReport:
    """Return the price in `body` with the time in it, else with UTC `at`; raise SourceError."""
    document = parse_json(body)
    value = validate(POSITIVE, float(decimal_of(feed.walk(document))))
    return PriceReport(value, min(begins_at(document, feed, at), at))


class MqttSource:
    """The price at one topic, in the currency of the market."""

    def __init__(self, name: str, settings: MarketSourceSettings, fetcher: Fetcher) -> None:
        self.name = name
        feed = Feed.at_topic(
            settings.topic or "",
            path=dotted_path(settings.price_path or ""),
            time_path=dotted_path(settings.time_path) if settings.time_path else None,
        )
        self._reader, self._clock = FeedReader(name, feed, fetcher, parse_price), fetcher.clock

    async def price(self, currency: str) -> PriceReport:  # noqa: ARG002 — the topic has the configured currency
        """Return the newest price received; raise SourceError."""
        return await self._reader.read(self._clock.time())


KIND: Final = SourceKind(
    name="mqtt",
    provides=("price",),
    build=lambda context: MqttSource(context.name, context.settings, context.fetcher),
    for_prices=("topic",),
    optional=("price_path", "time_path"),
)
