"""Takes an external price of power out of what a feed gave."""

from stratoscope.market.tariff import Quote
from stratoscope.outside.feed import Feed, begins_at, decimal_of, found_in


def quote_of(body: bytes, feed: Feed, at: float) -> Quote:
    """Return the price in `body`, in force from the time it names, else from UTC `at` on; raise SourceError."""
    document = found_in(body)
    return Quote(decimal_of(feed.walk(document)) * feed.factor, begins_at(document, feed, at))
