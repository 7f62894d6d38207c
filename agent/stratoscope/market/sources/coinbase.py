"""Reads the spot price from Coinbase; it has no time."""

from typing import Final

from pydantic import TypeAdapter

from stratoscope.errors import SourceError
from stratoscope.market.sources.answer import Positive, SourceAnswer, parse_answer
from stratoscope.market.sources.kind import PUBLIC_SERVICE_KEYS, SourceKind
from stratoscope.market.sources.source import PriceReport
from stratoscope.outside.fetch import RemoteService


class _CoinbaseSpot(SourceAnswer):
    amount: Positive
    base: str
    currency: str


class _CoinbaseAnswer(SourceAnswer):
    data: _CoinbaseSpot


ANSWER: Final = TypeAdapter(_CoinbaseAnswer)


def parse(body: bytes, currency: str) -> PriceReport:
    """Return the price in `body`; raise SourceError, also for another pair than requested."""
    spot = parse_answer(ANSWER, body).data
    if (spot.base, spot.currency) != ("BTC", currency):
        raise SourceError("schema", "a price of another pair than requested")
    return PriceReport(spot.amount)


class CoinbaseSource:
    """The price at api.coinbase.com."""

    def __init__(self, remote: RemoteService) -> None:
        self.name = remote.name
        self._remote = remote

    async def price(self, currency: str) -> PriceReport:
        """Return the current price; raise SourceError."""
        answer = await self._remote.get(f"/v2/prices/BTC-{currency}/spot", lambda body: parse(body, currency))
        return PriceReport(answer.value.value, None, answer.age)


KIND: Final = SourceKind(
    name="coinbase",
    provides=("price",),
    build=lambda context: CoinbaseSource(context.remote()),
    optional=PUBLIC_SERVICE_KEYS,
    url="https://api.coinbase.com",
)
