"""Reads the price of the last trade on Kraken; it has no time, and errors come with HTTP 200."""

from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from stratoscope.errors import SourceError
from stratoscope.fields import clean_text
from stratoscope.market.sources.answer import Positive, SourceAnswer, parse_answer
from stratoscope.market.sources.kind import PUBLIC_SERVICE_KEYS, SourceKind
from stratoscope.market.sources.source import PriceReport
from stratoscope.outside.fetch import RemoteService


class _KrakenTicker(SourceAnswer):
    c: Annotated[list[Positive], Field(min_length=2, max_length=2)]  # price and volume of the last trade


class _KrakenAnswer(SourceAnswer):
    error: list[str]
    result: dict[str, _KrakenTicker] = Field(default_factory=dict)


ANSWER: Final = TypeAdapter(_KrakenAnswer)


def parse(body: bytes, currency: str) -> PriceReport:
    """Return the price in `body`; raise SourceError, also for the errors that Kraken sends with HTTP 200.

    The key of the pair differs from the requested one (XBTUSD becomes XXBTZUSD, XBTCHF stays).
    """
    answer = parse_answer(ANSWER, body)
    if answer.error:
        limited = any("Rate limit" in text or "Too many" in text for text in answer.error)
        raise SourceError("rate_limited" if limited else "refused", clean_text(answer.error[0], 60))
    pairs = {f"XXBTZ{currency}", f"XBT{currency}"}
    found = [ticker for pair, ticker in answer.result.items() if pair in pairs]
    if len(found) != 1:
        raise SourceError("schema", "a price of another pair than requested")
    return PriceReport(found[0].c[0])


class KrakenSource:
    """The price at api.kraken.com."""

    def __init__(self, remote: RemoteService) -> None:
        self.name = remote.name
        self._remote = remote

    async def price(self, currency: str) -> PriceReport:
        """Return the price of the last trade; raise SourceError."""
        answer = await self._remote.get(f"/0/public/Ticker?pair=XBT{currency}", lambda body: parse(body, currency))
        return PriceReport(answer.value.value, None, answer.age)


KIND: Final = SourceKind(
    name="kraken",
    provides=("price",),
    build=lambda context: KrakenSource(context.remote()),
    optional=PUBLIC_SERVICE_KEYS,
    url="https://api.kraken.com",
)
