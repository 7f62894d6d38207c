"""Every file in market/sources is a registered kind of source whose example answers give the right values."""

import pkgutil
from importlib import import_module
from types import SimpleNamespace

import pytest

from fakes.market_site import DIFFICULTY, EXAMPLES
from stratoscope.market import sources
from stratoscope.market.settings import MarketSourceSettings
from stratoscope.market.sources import KINDS, MarketSources
from stratoscope.market.sources.kind import SourceKind
from stratoscope.market.sources.source import HistorySource, NetworkSource, PriceSource
from stratoscope.market.template import BlockTemplate
from stratoscope.outside.fetch import Fetcher
from stratoscope.outside.inbox import ReceivedMessage
from stratoscope.outside.source_metrics import SourceMetrics

HELPERS = {"answer", "kind", "mempool_answers", "paced", "source"}
"""Modules of market/sources that are not sources."""

PROVIDES = {"network": NetworkSource, "price": PriceSource, "history": HistorySource}


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(sources.__path__)])
def test_every_file_is_registered_and_has_an_example(name: str) -> None:
    if name in HELPERS:
        return
    kind = getattr(import_module(f"stratoscope.market.sources.{name}"), "KIND", None)
    assert isinstance(kind, SourceKind), (
        f"market/sources/{name}.py has no KIND: define one as in market/sources/kraken.py; "
        "if the file is not a source, add it to HELPERS in this test"
    )
    assert kind in KINDS, f"add `{name}.KIND,` to KINDS in market/sources/__init__.py"
    assert kind.name in EXAMPLES, f"add an example answer of {kind.name!r} to EXAMPLES in tests/fakes/market_site.py"


def test_every_kind_has_its_own_name_and_known_keys() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    known = set(MarketSourceSettings.__dataclass_fields__) - {"kind"}
    for kind in KINDS:
        assert kind.all <= known, f"{kind.name} takes keys that MarketSourceSettings does not have"


class OneMessage:
    """An inbox with one message at every topic."""

    def __init__(self, text: str, at: float) -> None:
        self.message = ReceivedMessage(text.encode(), at, retained=False)

    def follow(self, topic: str) -> None:
        """Do nothing: the message is there already."""

    def newest(self, topic: str) -> ReceivedMessage:
        return self.message


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_the_example_of_every_kind_gives_its_values(kind: SourceKind, web, clock, tmp_path) -> None:
    example = EXAMPLES[kind.name]()
    web.answers |= example.answers
    settings = {"url": web.url, **example.settings} if "url" in kind.all else example.settings
    if "path" in kind.all:
        (tmp_path / "market.json").write_text(example.content)
        settings = {**settings, "path": tmp_path / "market.json"}
    job = BlockTemplate(
        height=901001, difficulty=DIFFICULTY, coinbase_value=314_000_000, at=clock.time(), endpoint="pool"
    )
    fetcher = Fetcher(clock, lambda: 0.0, SourceMetrics(), OneMessage(example.content, clock.time()))
    entry = (MarketSourceSettings(kind=kind.name, **settings),)
    assert kind.find_problem(*entry) is None
    built = MarketSources(entry, entry, fetcher, SimpleNamespace(newest=lambda: job))
    try:
        assert [(await source.network()).height for source in built.network] == [example.height] * len(built.network)
        assert [(await source.price("USD")).value for source in built.prices] == [example.price] * len(built.prices)
    finally:
        await fetcher.close()
    for what, protocol in PROVIDES.items():
        provided = [one for one in (*built.network, *built.prices) if isinstance(one, protocol)]
        assert bool(provided) is (what in kind.provides), f"{kind.name} and {what}"
    assert (
        kind.name in {source for source, outcome in fetcher.tally.outcomes if outcome == "ok"} or kind.name == "fixed"
    )
