"""Builds the services that a config asks for: market, money, stratum, pools, reconciliation, tamper detection."""

import random
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from stratoscope.app.money_service import MoneyService, terms_of
from stratoscope.app.pools_service import make_pools, pool_settings
from stratoscope.app.reconcile_service import make_reconcile_service, resume_reconciler
from stratoscope.app.stratum_service import StratumService
from stratoscope.app.tamper_service import TamperService
from stratoscope.clock import Clock
from stratoscope.config import Config
from stratoscope.economics.days import Day
from stratoscope.economics.demand import Peak
from stratoscope.events import Events
from stratoscope.exporter import AgentHealth
from stratoscope.fleet import Fleet, RigSnapshot
from stratoscope.ledger import Ledger
from stratoscope.market.service import LiveMarket
from stratoscope.metrics import GUARD, MARKET, POOLS, RECONCILED, STRATUM, Section
from stratoscope.outside.broker import Connection
from stratoscope.outside.fetch import Fetcher
from stratoscope.outside.inbox import Inbox
from stratoscope.outside.source_metrics import SourceTally
from stratoscope.reconcile.reconciler import Reckoner
from stratoscope.stratum.watch.watcher import Watch
from stratoscope.tamper.detector import GuardNow

log = structlog.get_logger("stratoscope")


class Services:
    """The services beside polling. One without a section in the config is None."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        fleet: Fleet,
        events: Events,
        ledger: Ledger | None,
        past: Reckoner | None,
        health: AgentHealth,
    ) -> None:
        """Build every service. `past` is a reconciliation to resume, instead of the ledger's."""
        self._clock, self._events, self._ledger, self._health = clock, events, ledger, health
        self.stratum_service = self._stratum_service(config)
        self.inbox = self._inbox(config)
        self.market = self._market_service(config)
        self.sources = self.market.tally if self.market is not None else SourceTally()
        self.money = self._money_service(config)
        self.tamper = self._tamper_service(config, fleet)
        self.pools = make_pools(config, clock)
        reckoner = past or resume_reconciler(config, ledger, events)
        self.reconcile = make_reconcile_service(config, self.pools, self.market, clock, reckoner)
        if self.stratum_service is not None:
            self.stratum_service.market = self.market

    @property
    def stratum(self) -> Watch | None:
        """Return the watcher of the stratum endpoints; None where stratum is off."""
        return None if self.stratum_service is None else self.stratum_service.watch

    def guard(self) -> GuardNow | None:
        """Return the current tamper state; None where tamper detection is off."""
        return None if self.tamper is None else self.tamper.now

    def _stratum_service(self, config: Config) -> StratumService | None:
        section = config.stratum
        return StratumService(config, self._clock, self._events) if section is not None and section.enabled else None

    def _inbox(self, config: Config) -> Inbox | None:
        if config.mqtt is None:
            return None
        account = config.mqtt.account(reading=True)
        return Inbox(lambda: Connection(account), self._clock, random.random, lambda: self._health.stopping)

    def _market_service(self, config: Config) -> LiveMarket | None:
        if config.market is None:
            return None
        return LiveMarket(
            config.market.settings(),
            self._clock,
            chance=random.random,
            memory=self._ledger,
            warn=log.warning,
            events=self._events,
            inbox=self.inbox,
            templates=self.stratum,
        )

    def _money_service(self, config: Config) -> MoneyService | None:
        terms, ledger = terms_of(config), self._ledger
        if terms is None:
            return None
        fetcher = Fetcher(self._clock, random.random, self.sources, self.inbox)
        return MoneyService(
            terms,
            config.site,
            self.market,
            fetcher,
            self._clock,
            self._events,
            days=ledger.money_days() if ledger else (),
            peaks=ledger.demand_peaks() if ledger else (),
        )

    def _tamper_service(self, config: Config, fleet: Fleet) -> TamperService | None:
        ledger = self._ledger
        if not config.guard.enabled:
            return None
        return TamperService(
            config.guard.rules(),
            fleet,
            self._clock,
            self._events,
            pins=ledger.pins() if ledger else (),
            learned=ledger.keep_pins if ledger else lambda _: None,
            stratum=self.stratum,
        )

    def register(self, registry: CollectorRegistry) -> None:
        """Register the services' own metrics."""
        if self.inbox is not None:
            registry.register(self.inbox)
        if self.market is not None or self.money is not None:
            registry.register(self.sources)

    def iter_work(self, snapshots: Mapping[str, RigSnapshot]) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """Yield a name and a coroutine for each service; all of them run until the agent stops."""
        if self.money is not None:
            yield "money", self.money.run(snapshots)
        if self.tamper is not None:
            yield "guard", self.tamper.run()
        if self.inbox is not None:
            yield "inbox", self.inbox.run()
        if self.market is not None:
            yield "market", self.market.run()
        if self.stratum_service is not None:
            yield "stratum", self.stratum_service.run(snapshots)
        yield "pools", self.pools.run()
        yield "reconciliation", self.reconcile.run(snapshots)

    def follow(self, config: Config) -> None:
        """Switch to another config; adding or removing a service needs a restart, see `app.run.restart_only`."""
        terms = terms_of(config)
        if self.money is not None and terms is not None and terms.currency == self.money.economist.terms.currency:
            self.money.follow(terms)
        if self.tamper is not None and config.guard.enabled:
            self.tamper.follow(config.guard.rules())
        if self.stratum_service is not None:
            self.stratum_service.follow(config)
        self.pools.follow(pool_settings(config))
        self.reconcile.follow(pool_settings(config), config.economics.firmware_fee)

    def sections(self) -> tuple[Section, ...]:
        """Return the sections of the metrics page besides rigs, site and money."""
        market, stratum = self.market, self.stratum
        return (
            *(() if market is None else (Section(MARKET, lambda: market.now),)),
            *(() if stratum is None else (Section(STRATUM, lambda: stratum.now),)),
            Section(POOLS, lambda: self.pools.now),
            Section(RECONCILED, lambda: self.reconcile.now),
            Section(GUARD, self.guard),
        )

    def drain_money(self) -> tuple[list[Day], list[Peak]]:
        """Return the days and demand peaks that changed since the last call, for the ledger."""
        if self.money is None:
            return [], []
        return self.money.economist.days.drain(), self.money.economist.demand.drain()
