"""Defines a kind of market source: what it provides, which config keys it takes, and how it is built."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from stratoscope.clock import Clock
from stratoscope.market.settings import MarketSourceSettings
from stratoscope.market.sources.source import NetworkSource, PriceSource
from stratoscope.market.template import TemplateSource
from stratoscope.outside.fetch import Fetcher, RemoteService
from stratoscope.outside.source_metrics import SourceMetrics

Provides = Literal["network", "price", "history"]

PUBLIC_SERVICE_KEYS: Final = ("url", "allow_http")
"""Optional config keys of a public service: the URL of a proxy or of an own server, and whether http is allowed."""


@dataclass(frozen=True, slots=True)
class SourceContext:
    """Everything a source can be built from. `name` is the source's name in metrics and logs."""

    name: str
    settings: MarketSourceSettings
    fetcher: Fetcher
    templates: TemplateSource | None = None  # None: no stratum endpoints are watched

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        return self.fetcher.clock

    @property
    def tally(self) -> SourceMetrics:
        """Return the counters of requests; a source that does not use `remote` counts its own."""
        return self.fetcher.tally

    def remote(self) -> RemoteService:
        """Return the service at the URL of the settings; raise ValueError without one."""
        if self.settings.url is None:
            raise ValueError(f"a source of kind {self.settings.kind} requires a url")
        return RemoteService(self.name, self.settings.url, self.fetcher, allow_http=self.settings.allow_http)


def _no_problem(_: MarketSourceSettings) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """One kind of source, as `kind:` in the config names it. Keys are fields of MarketSourceSettings.

    `history` in `provides` needs no config: the first source that has it fills missing days. `find_problem` returns
    what is wrong with a combination of keys, or None.
    """

    name: str
    provides: tuple[Provides, ...]
    build: Callable[[SourceContext], NetworkSource | PriceSource]
    for_network: tuple[str, ...] = ()  # config keys that an entry of `network` requires
    for_prices: tuple[str, ...] = ()  # config keys that an entry of `prices` requires
    optional: tuple[str, ...] = ()  # config keys that can be left out
    url: str | None = None  # default base URL
    min_interval_s: float = 0.0  # between two price requests; 0: every round
    find_problem: Callable[[MarketSourceSettings], str | None] = _no_problem

    @property
    def all(self) -> frozenset[str]:
        """Return every config key of the kind, without `kind` itself."""
        return frozenset((*self.for_network, *self.for_prices, *self.optional))
