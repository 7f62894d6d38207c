"""Reads CoinGecko's index price, which is minutes old and carries its own time."""

from typing import Final

from pydantic import TypeAdapter

from stratoscope.errors import SourceError
from stratoscope.market.sources.answer import Positive, SourceAnswer, UtcSeconds, validate
from stratoscope.market.sources.kind import PUBLIC_SERVICE_KEYS, SourceKind
from stratoscope.market.sources.source import PriceReport
from stratoscope.outside.document import document
from stratoscope.outside.fetch import RemoteService
from stratoscope.units import MINUTE


class _CoingeckoPrice(SourceAnswer):
    price: Positive
    last_updated_at: UtcSeconds


PRICE: Final = TypeAdapter(_CoingeckoPrice)


def parse(body: bytes, currency: str) -> PriceReport:
    """Return the price in `body`; raise SourceError."""
    answer = document(body)
    coin = answer.get("bitcoin") if isinstance(answer, dict) else None
    if not isinstance(coin, dict) or currency.lower() not in coin:
        raise SourceError("schema", f"not as documented: bitcoin.{currency.lower()}")
    found = validate(PRICE, {**coin, "price": coin[currency.lower()]})
    return PriceReport(found.price, found.last_updated_at)


class CoingeckoSource:
    """The price at api.coingecko.com."""

    def __init__(self, remote: RemoteService) -> None:
        self.name = remote.name
        self._remote = remote

    async def price(self, currency: str) -> PriceReport:
        """Return the newest index price; raise SourceError."""
        path = f"/api/v3/simple/price?ids=bitcoin&vs_currencies={currency.lower()}&include_last_updated_at=true"
        return (await self._remote.get(path, lambda body: parse(body, currency))).value


KIND: Final = SourceKind(
    name="coingecko",
    provides=("price",),
    build=lambda context: CoingeckoSource(context.remote()),
    optional=PUBLIC_SERVICE_KEYS,
    url="https://api.coingecko.com",
    min_interval_s=5 * MINUTE,  # the free tier allows 10,000 requests a month
)
