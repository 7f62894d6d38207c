"""Reads Bitstamp's ticker; its time is that of the last trade."""

from typing import Final

from pydantic import TypeAdapter

from stratoscope.market.sources.answer import Answer, Moment, Positive, read
from stratoscope.market.sources.source import Price
from stratoscope.outside.fetch import Remote


class _Ticker(Answer):
    last: Positive
    timestamp: Moment


TICKER: Final = TypeAdapter(_Ticker)


def parse(body: bytes) -> Price:
    """Return the price in `body`; raise SourceError. The answer does not say which pair it is of."""
    ticker = read(TICKER, body)
    return Price(ticker.last, ticker.timestamp)


class Bitstamp:
    """The price of www.bitstamp.net."""

    def __init__(self, remote: Remote) -> None:
        self.name = remote.name
        self._remote = remote

    async def price(self, currency: str) -> Price:
        """Return the price now; raise SourceError."""
        return (await self._remote.get(f"/api/v2/ticker/btc{currency.lower()}/", parse)).value
