"""Parses an external price of power from a feed."""

from stratoscope.market.tariff import PowerQuote
from stratoscope.outside.feed import Feed, begins_at, decimal_of, parse_json


def parse_quote(body: bytes, feed: Feed, at: float) -> PowerQuote:
    """Return the price in `body`, valid from the time in it, else from UTC `at`; raise SourceError."""
    document = parse_json(body)
    return PowerQuote(decimal_of(feed.walk(document)) * feed.factor, begins_at(document, feed, at))
