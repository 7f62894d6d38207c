"""Gives the figures that the operator wrote into the config, for sites that have no internet or a contract price."""

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.market.settings import SourceSettings
from stratoscope.market.sources.source import Network, Price
from stratoscope.units import SATOSHIS


class Fixed:
    """Figures that are always true, and so never grow old."""

    def __init__(self, name: str, settings: SourceSettings, clock: Clock) -> None:
        self.name = name
        self._settings, self._clock = settings, clock

    async def network(self) -> Network:
        """Return the network as configured; raise SourceError where height or difficulty is not."""
        height, difficulty, fees = self._settings.height, self._settings.difficulty, self._settings.fees
        if height is None or difficulty is None:
            raise SourceError("schema", "no height or difficulty is configured")
        fees = None if fees is None else fees * SATOSHIS
        return Network(height=height, difficulty=difficulty, fees=fees, tip_time=self._clock.time())

    async def price(self, currency: str) -> Price:  # noqa: ARG002 — the configured price is of the configured currency
        """Return the price as configured; raise SourceError where none is."""
        if self._settings.price is None:
            raise SourceError("schema", "no price is configured")
        return Price(self._settings.price)
