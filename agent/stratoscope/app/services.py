"""Makes everything that is around the rigs, by the config: market, money, stratum endpoints, pools, the guard."""

import random
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from stratoscope.app.money_service import MoneyService, terms_of
from stratoscope.app.pools_service import live_pools, pool_settings
from stratoscope.app.reconcile_service import reconciliation, remembered
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
    """What the agent knows besides what rigs say. What the config has no section for is None."""

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
        """Make every part. `past` is a reconciliation to go on with, instead of the ledger's."""
        self._clock, self._events, self._ledger, self._health = clock, events, ledger, health
        self.watching = self._watching(config)
        self.inbox = self._inbox(config)
        self.market = self._market(config)
        self.sources = self.market.tally if self.market is not None else SourceTally()
        self.money = self._money(config)
        self.guarding = self._guarding(config, fleet)
        self.pools = live_pools(config, clock)
        reckoner = past or remembered(config, ledger, events)
        self.reconciliation = reconciliation(config, self.pools, self.market, clock, reckoner)
        if self.watching is not None:
            self.watching.market = self.market

    @property
    def stratum(self) -> Watch | None:
        """Return what knows the stratum endpoints."""
        return None if self.watching is None else self.watching.watch

    def guard(self) -> GuardNow | None:
        """Return what the guard knows now; None where it is off."""
        return None if self.guarding is None else self.guarding.now

    def _watching(self, config: Config) -> StratumService | None:
        section = config.stratum
        return StratumService(config, self._clock, self._events) if section is not None and section.enabled else None

    def _inbox(self, config: Config) -> Inbox | None:
        if config.mqtt is None:
            return None
        account = config.mqtt.account(reading=True)
        return Inbox(lambda: Connection(account), self._clock, random.random, lambda: self._health.stopping)

    def _market(self, config: Config) -> LiveMarket | None:
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

    def _money(self, config: Config) -> MoneyService | None:
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

    def _guarding(self, config: Config, fleet: Fleet) -> TamperService | None:
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
        """Put what the parts count of themselves on the agent's own page."""
        if self.inbox is not None:
            registry.register(self.inbox)
        if self.market is not None or self.money is not None:
            registry.register(self.sources)

    def work(self, snapshots: Mapping[str, RigSnapshot]) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """Yield what is to run for as long as the agent does, with a name each."""
        if self.money is not None:
            yield "money", self.money.run(snapshots)
        if self.guarding is not None:
            yield "guard", self.guarding.run()
        if self.inbox is not None:
            yield "inbox", self.inbox.run()
        if self.market is not None:
            yield "market", self.market.run()
        if self.watching is not None:
            yield "stratum", self.watching.run(snapshots)
        yield "pools", self.pools.run()
        yield "reconciliation", self.reconciliation.run(snapshots)

    def follow(self, config: Config) -> None:
        """Go on by another config; parts that it adds or removes need a restart, as `app/run.py` says."""
        terms = terms_of(config)
        if self.money is not None and terms is not None and terms.currency == self.money.economist.terms.currency:
            self.money.follow(terms)
        if self.guarding is not None and config.guard.enabled:
            self.guarding.follow(config.guard.rules())
        if self.watching is not None:
            self.watching.follow(config)
        self.pools.follow(pool_settings(config))
        self.reconciliation.follow(pool_settings(config), config.economics.firmware_fee)

    def sections(self) -> tuple[Section, ...]:
        """Return what stands on the page beside rigs, site and money."""
        market, stratum = self.market, self.stratum
        return (
            *(() if market is None else (Section(MARKET, lambda: market.now),)),
            *(() if stratum is None else (Section(STRATUM, lambda: stratum.now),)),
            Section(POOLS, lambda: self.pools.now),
            Section(RECONCILED, lambda: self.reconciliation.now),
            Section(GUARD, self.guard),
        )

    def drain(self) -> tuple[list[Day], list[Peak]]:
        """Return the days and peaks of money that changed since the last call."""
        if self.money is None:
            return [], []
        return self.money.economist.days.drain(), self.money.economist.demand.drain()
