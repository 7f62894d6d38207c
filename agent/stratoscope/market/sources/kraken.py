"""Reads the last trade on Kraken; it carries no time, and errors come with HTTP 200."""

from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from stratoscope.errors import SourceError
from stratoscope.fields import clean_text
from stratoscope.market.sources.answer import Answer, Positive, read
from stratoscope.market.sources.source import Price
from stratoscope.outside.fetch import Remote


class _Ticker(Answer):
    c: Annotated[list[Positive], Field(min_length=2, max_length=2)]  # price and volume of the last trade


class _Envelope(Answer):
    error: list[str]
    result: dict[str, _Ticker] = Field(default_factory=dict)


ENVELOPE: Final = TypeAdapter(_Envelope)


def parse(body: bytes, currency: str) -> Price:
    """Return the price in `body`; raise SourceError, also for the errors that Kraken answers with HTTP 200.

    The pair's key differs from the one asked (XBTUSD becomes XXBTZUSD, XBTCHF stays).
    """
    envelope = read(ENVELOPE, body)
    if envelope.error:
        limited = any("Rate limit" in text or "Too many" in text for text in envelope.error)
        raise SourceError("rate_limited" if limited else "refused", clean_text(envelope.error[0], 60))
    pairs = {f"XXBTZ{currency}", f"XBT{currency}"}
    found = [ticker for pair, ticker in envelope.result.items() if pair in pairs]
    if len(found) != 1:
        raise SourceError("schema", "a price of another pair than asked")
    return Price(found[0].c[0])


class Kraken:
    """The price of api.kraken.com."""

    def __init__(self, remote: Remote) -> None:
        self.name = remote.name
        self._remote = remote

    async def price(self, currency: str) -> Price:
        """Return the price now; raise SourceError."""
        said = await self._remote.get(f"/0/public/Ticker?pair=XBT{currency}", lambda body: parse(body, currency))
        return Price(said.value.value, None, said.age)
