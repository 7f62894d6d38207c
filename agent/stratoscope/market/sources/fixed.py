"""Returns the values that the config states, for sites without internet or with a contract price."""

from typing import Final

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.market.settings import MarketSourceSettings
from stratoscope.market.sources.kind import SourceKind
from stratoscope.market.sources.source import NetworkReport, PriceReport
from stratoscope.units import SATOSHIS


class FixedSource:
    """Values of the config; they never become stale."""

    def __init__(self, name: str, settings: MarketSourceSettings, clock: Clock) -> None:
        self.name = name
        self._settings, self._clock = settings, clock

    async def network(self) -> NetworkReport:
        """Return the configured network; raise SourceError without height or difficulty."""
        height, difficulty, fees = self._settings.height, self._settings.difficulty, self._settings.fees
        if height is None or difficulty is None:
            raise SourceError("schema", "no height or difficulty is configured")
        fees = None if fees is None else fees * SATOSHIS
        return NetworkReport(height=height, difficulty=difficulty, fees=fees, tip_time=self._clock.time())

    async def price(self, currency: str) -> PriceReport:  # noqa: ARG002 — the price is in the configured currency
        """Return the configured price; raise SourceError without one."""
        if self._settings.price is None:
            raise SourceError("schema", "no price is configured")
        return PriceReport(self._settings.price)


KIND: Final = SourceKind(
    name="fixed",
    provides=("network", "price"),
    build=lambda context: FixedSource(context.name, context.settings, context.clock),
    for_network=("height", "difficulty", "fees"),
    for_prices=("price",),
)
