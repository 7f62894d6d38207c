"""Says what an exporter is given: the fleet to read from, its settings, and the state of the agent.

Exporters live outside this package and are started by name through the entry-point group
`stratoscope.exporters`; an entry point is `async def serve(context: Context) -> None`, which runs until cancelled.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from stratoscope.clock import Clock
from stratoscope.economics.economist import Economist
from stratoscope.events import Events
from stratoscope.fleet import Fleet
from stratoscope.ledger import Outbox
from stratoscope.market.records import Market
from stratoscope.metrics import Section
from stratoscope.outside.broker import Account
from stratoscope.pools.service import LivePools
from stratoscope.reconcile.reconciler import Reckoner
from stratoscope.stratum.watch.records import Stratum
from stratoscope.tamper.detector import GuardNow


@dataclass(slots=True)
class AgentHealth:
    """What the agent says of itself; exporters show it, the agent's rooms write it."""

    started: float = 0.0  # UTC s
    ready: bool = False  # every configured rig was tried once
    stopping: bool = False
    config_loaded: float | None = None  # UTC s of the last successful load
    config_ok: bool = True  # the last attempt to load succeeded
    config_error: str | None = None  # its message, without secrets


@dataclass(frozen=True, slots=True)
class Context:
    """Everything an exporter may use. `settings` is its own section of the config, already validated."""

    fleet: Fleet
    clock: Clock
    health: AgentHealth
    registry: CollectorRegistry  # the agent's own metrics (stratoscope_*, process_*)
    site: str
    settings: Any
    market: Market | None = None  # where one is configured
    economist: Economist | None = None  # None: money is not reckoned
    pools: LivePools | None = None  # what the configured pools say
    reckoner: Reckoner | None = None  # whether they credit what the rigs did
    guard: Callable[[], GuardNow | None] = lambda: None  # what is amiss with pools and accounts, where that is guarded
    sections: tuple[Section, ...] = ()  # what stands on the page beside rigs, site and money
    stratum: Stratum | None = None  # where endpoints are watched
    events: Events | None = None  # what happens, for who wants to listen
    outbox: Outbox | None = None  # what waits for the broker, over restarts
    broker: Account | None = None  # the section mqtt, where there is one
    known: Callable[[], Iterable[str]] = tuple  # identities of every machine ever heard, also of those that are away
