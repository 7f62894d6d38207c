"""Reads the price from Bitstamp's ticker; its time is that of the last trade."""

from typing import Final

from pydantic import TypeAdapter

from stratoscope.market.sources.answer import Positive, SourceAnswer, UtcSeconds, parse_answer
from stratoscope.market.sources.kind import PUBLIC_SERVICE_KEYS, SourceKind
from stratoscope.market.sources.source import PriceReport
from stratoscope.outside.fetch import RemoteService


class _BitstampTicker(SourceAnswer):
    last: Positive
    timestamp: UtcSeconds


TICKER: Final = TypeAdapter(_BitstampTicker)


def parse(body: bytes) -> PriceReport:
    """Return the price in `body`; raise SourceError. The response does not name its pair."""
    ticker = parse_answer(TICKER, body)
    return PriceReport(ticker.last, ticker.timestamp)


class BitstampSource:
    """The price at www.bitstamp.net."""

    def __init__(self, remote: RemoteService) -> None:
        self.name = remote.name
        self._remote = remote

    async def price(self, currency: str) -> PriceReport:
        """Return the price of the last trade; raise SourceError."""
        return (await self._remote.get(f"/api/v2/ticker/btc{currency.lower()}/", parse)).value


KIND: Final = SourceKind(
    name="bitstamp",
    provides=("price",),
    build=lambda context: BitstampSource(context.remote()),
    optional=PUBLIC_SERVICE_KEYS,
    url="https://www.bitstamp.net",
)
