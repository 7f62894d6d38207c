"""Reads Coinbase's spot price; it carries no time."""

from typing import Final

from pydantic import TypeAdapter

from stratoscope.errors import SourceError
from stratoscope.market.sources.answer import Answer, Positive, read
from stratoscope.market.sources.source import Price
from stratoscope.outside.fetch import Remote


class _Spot(Answer):
    amount: Positive
    base: str
    currency: str


class _Envelope(Answer):
    data: _Spot


ENVELOPE: Final = TypeAdapter(_Envelope)


def parse(body: bytes, currency: str) -> Price:
    """Return the price in `body`; raise SourceError, also when it is of another pair than asked."""
    spot = read(ENVELOPE, body).data
    if (spot.base, spot.currency) != ("BTC", currency):
        raise SourceError("schema", "a price of another pair than asked")
    return Price(spot.amount)


class Coinbase:
    """The price of api.coinbase.com."""

    def __init__(self, remote: Remote) -> None:
        self.name = remote.name
        self._remote = remote

    async def price(self, currency: str) -> Price:
        """Return the price now; raise SourceError."""
        said = await self._remote.get(f"/v2/prices/BTC-{currency}/spot", lambda body: parse(body, currency))
        return Price(said.value.value, None, said.age)
