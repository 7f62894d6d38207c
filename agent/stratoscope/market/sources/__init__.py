"""Turns each kind of market source in the config into something that can be asked."""

from collections.abc import Callable, Sequence
from typing import Final

from stratoscope.clock import Clock
from stratoscope.market.settings import BITSTAMP, COINBASE, COINGECKO, KRAKEN, MEMPOOL, SourceSettings
from stratoscope.market.sources.bitcoind import Bitcoind
from stratoscope.market.sources.bitstamp import Bitstamp
from stratoscope.market.sources.coinbase import Coinbase
from stratoscope.market.sources.coingecko import Coingecko
from stratoscope.market.sources.file import File
from stratoscope.market.sources.fixed import Fixed
from stratoscope.market.sources.kraken import Kraken
from stratoscope.market.sources.mempool import Mempool
from stratoscope.market.sources.mqtt import Mqtt
from stratoscope.market.sources.source import Archive, NetworkSource, PriceSource
from stratoscope.market.sources.stratum import Watched
from stratoscope.market.template import Templates
from stratoscope.outside.fetch import Fetcher, Remote

NETWORK_KINDS: Final = ("bitcoind", "mempool", "stratum", "fixed", "file")
PRICE_KINDS: Final = ("coinbase", "kraken", "bitstamp", "mempool", "coingecko", "fixed", "file", "mqtt")
URLS: Final = {
    "mempool": MEMPOOL,
    "coinbase": COINBASE,
    "kraken": KRAKEN,
    "bitstamp": BITSTAMP,
    "coingecko": COINGECKO,
}
"""Where a kind is asked when the config names no URL."""

Source = Bitcoind | Bitstamp | Coinbase | Coingecko | File | Fixed | Kraken | Mempool | Mqtt | Watched
PRICES_ONLY: Final = (Bitstamp, Coinbase, Coingecko, Kraken, Mqtt)
BY_URL: Final[dict[str, Callable[[Remote, Clock, SourceSettings], Source]]] = {
    "bitcoind": lambda remote, _, settings: Bitcoind(remote, settings),
    "mempool": lambda remote, clock, _: Mempool(remote, clock),
    "coinbase": lambda remote, _, __: Coinbase(remote),
    "kraken": lambda remote, _, __: Kraken(remote),
    "bitstamp": lambda remote, _, __: Bitstamp(remote),
    "coingecko": lambda remote, clock, _: Coingecko(remote, clock),
}


class Sources:
    """All sources of a config; one that serves both network and price is the same object in both lists."""

    def __init__(
        self,
        network: Sequence[SourceSettings],
        prices: Sequence[SourceSettings],
        fetcher: Fetcher,
        templates: Templates | None = None,
    ) -> None:
        self._fetcher, self._templates = fetcher, templates
        self._made: dict[SourceSettings, Source] = {}
        self._names: dict[str, int] = {}
        asked = [self._source(settings) for settings in network]
        self.network: list[NetworkSource] = [one for one in asked if not isinstance(one, PRICES_ONLY)]
        quoted = [self._source(settings) for settings in prices]
        self.prices: list[PriceSource] = [one for one in quoted if not isinstance(one, Bitcoind | Watched)]
        self.archive: Archive | None = next((one for one in self._made.values() if isinstance(one, Mempool)), None)

    def _source(self, settings: SourceSettings) -> Source:
        if settings not in self._made:
            self._made[settings] = self._make(settings)
        return self._made[settings]

    def _make(self, settings: SourceSettings) -> Source:
        times = self._names[settings.kind] = self._names.get(settings.kind, 0) + 1
        name = settings.kind if times == 1 else f"{settings.kind}-{times}"
        if settings.kind == "fixed":
            return Fixed(name, settings, self._fetcher.clock)
        if settings.kind == "stratum":
            return Watched(name, self._templates, self._fetcher.clock, self._fetcher.tally)
        if settings.kind == "mqtt":
            return Mqtt(name, settings, self._fetcher)
        if settings.kind == "file":
            if settings.path is None:
                raise ValueError("a source of kind file needs a path")
            return File(name, settings.path, self._fetcher.tally)
        url = settings.url or URLS.get(settings.kind)
        if url is None:
            raise ValueError(f"a source of kind {settings.kind} needs a url")
        remote = Remote(name, url, self._fetcher, allow_http=settings.allow_http)
        return BY_URL[settings.kind](remote, self._fetcher.clock, settings)
