"""Defines what an exporter receives: the fleet to read, its settings, and the state of the agent.

Exporters live outside this package. The agent starts them by name through the entry-point group
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
    """The agent's own state: the agent writes it, exporters read it."""

    started: float = 0.0  # UTC s
    ready: bool = False  # every configured rig was polled at least once
    stopping: bool = False
    config_loaded: float | None = None  # UTC s of the last successful load
    config_ok: bool = True  # the last load succeeded
    config_error: str | None = None  # message of the last load, without secrets; None when it succeeded


@dataclass(frozen=True, slots=True)
class Context:
    """Everything an exporter may use. `settings` is its own validated section of the config."""

    fleet: Fleet
    clock: Clock
    health: AgentHealth
    registry: CollectorRegistry  # the agent's own metrics (stratoscope_*, process_*)
    site: str
    settings: Any
    market: Market | None = None  # None: no market is configured
    economist: Economist | None = None  # None: neither market nor tariffs are configured
    pools: LivePools | None = None  # reports of the configured pools
    reckoner: Reckoner | None = None  # comparison of pool credit with the rigs' work
    guard: Callable[[], GuardNow | None] = lambda: None  # tamper state; None: off
    sections: tuple[Section, ...] = ()  # of the metrics page, besides rigs, site and money
    stratum: Stratum | None = None  # None: stratum is off
    events: Events | None = None  # to subscribe to
    outbox: Outbox | None = None  # unsent MQTT messages, kept across restarts
    broker: Account | None = None  # from the config section mqtt
    known: Callable[[], Iterable[str]] = tuple  # identity keys of all machines ever seen
