"""Reads CoinGecko's index price, which is minutes old and says so."""

from typing import Final

from pydantic import TypeAdapter

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.market.sources.answer import Answer, Moment, Positive, checked
from stratoscope.market.sources.source import Price
from stratoscope.outside.document import document
from stratoscope.outside.fetch import Remote
from stratoscope.units import MINUTE

PACE: Final = 5 * MINUTE
"""The open tier gives 10,000 answers a month."""


class _Quote(Answer):
    price: Positive
    last_updated_at: Moment


QUOTE: Final = TypeAdapter(_Quote)


def parse(body: bytes, currency: str) -> Price:
    """Return the price in `body`; raise SourceError."""
    answer = document(body)
    coin = answer.get("bitcoin") if isinstance(answer, dict) else None
    if not isinstance(coin, dict) or currency.lower() not in coin:
        raise SourceError("schema", f"not as documented: bitcoin.{currency.lower()}")
    quote = checked(QUOTE, {**coin, "price": coin[currency.lower()]})
    return Price(quote.price, quote.last_updated_at)


class Coingecko:
    """The price of api.coingecko.com."""

    def __init__(self, remote: Remote, clock: Clock) -> None:
        self.name = remote.name
        self._remote, self._clock = remote, clock
        self._had: Price | None = None
        self._asked = 0.0  # monotonic s

    async def price(self, currency: str) -> Price:
        """Return the price now, or the last one while another would not be newer; raise SourceError."""
        now = self._clock.monotonic()
        if self._had is not None and now - self._asked < PACE:
            return self._had
        path = f"/api/v3/simple/price?ids=bitcoin&vs_currencies={currency.lower()}&include_last_updated_at=true"
        self._had = (await self._remote.get(path, lambda body: parse(body, currency))).value
        self._asked = now
        return self._had
