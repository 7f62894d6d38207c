"""Knows every kind of market source: one file each, one line each in KINDS."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from stratoscope.market.settings import MarketSourceSettings
from stratoscope.market.sources import (
    bitcoind,
    bitstamp,
    coinbase,
    coingecko,
    file,
    fixed,
    kraken,
    mempool,
    mqtt,
    stratum,
)
from stratoscope.market.sources.kind import SourceContext, SourceKind
from stratoscope.market.sources.paced import PacedPriceSource
from stratoscope.market.sources.source import HistorySource, NetworkSource, PriceSource
from stratoscope.market.template import TemplateSource
from stratoscope.outside.fetch import Fetcher

KINDS: Final[tuple[SourceKind, ...]] = (
    bitcoind.KIND,
    mempool.KIND,
    stratum.KIND,
    fixed.KIND,
    file.KIND,
    coinbase.KIND,
    kraken.KIND,
    bitstamp.KIND,
    coingecko.KIND,
    mqtt.KIND,
)
"""All kinds, in the order of the documentation."""

KIND_BY_NAME: Final = {kind.name: kind for kind in KINDS}
NETWORK_KINDS: Final = tuple(kind.name for kind in KINDS if "network" in kind.provides)
PRICE_KINDS: Final = tuple(kind.name for kind in KINDS if "price" in kind.provides)


class MarketSources:
    """All sources of a config. An entry that is in both lists is one source."""

    def __init__(
        self,
        network: Sequence[MarketSourceSettings],
        prices: Sequence[MarketSourceSettings],
        fetcher: Fetcher,
        templates: TemplateSource | None = None,
    ) -> None:
        """Build the sources; raise ValueError for one without a required setting."""
        self._fetcher, self._templates = fetcher, templates
        self._built: dict[MarketSourceSettings, NetworkSource | PriceSource] = {}
        self._count_by_kind: dict[str, int] = {}
        of_network = [self._source(settings) for settings in network]
        self.network: list[NetworkSource] = [one for one in of_network if isinstance(one, NetworkSource)]
        of_prices = [self._source(settings) for settings in prices]
        self.prices: list[PriceSource] = [one for one in of_prices if isinstance(one, PriceSource)]
        self.history = next((one for one in self._built.values() if isinstance(one, HistorySource)), None)

    def _source(self, settings: MarketSourceSettings) -> NetworkSource | PriceSource:
        kind = KIND_BY_NAME[settings.kind]
        settings = replace(settings, url=settings.url or kind.url)
        if settings not in self._built:
            self._built[settings] = self._build(kind, settings)
        return self._built[settings]

    def _build(self, kind: SourceKind, settings: MarketSourceSettings) -> NetworkSource | PriceSource:
        count = self._count_by_kind[kind.name] = self._count_by_kind.get(kind.name, 0) + 1
        name = kind.name if count == 1 else f"{kind.name}-{count}"
        source = kind.build(SourceContext(name, settings, self._fetcher, self._templates))
        if kind.min_interval_s and isinstance(source, PriceSource):
            return PacedPriceSource(source, self._fetcher.clock, kind.min_interval_s)
        return source
