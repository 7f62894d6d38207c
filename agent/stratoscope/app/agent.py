"""Builds one agent from a config and runs it in one TaskGroup until it is stopped."""

import asyncio
import random
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import structlog
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from stratoscope.app.agent_metrics import Vitals
from stratoscope.app.garbage_collector import GarbageCollector
from stratoscope.app.loop_watch import LoopWatch
from stratoscope.app.money_service import KeptCounters, in_currency, terms_of
from stratoscope.app.services import Services
from stratoscope.clock import Clock
from stratoscope.config import Config, RigEntry, expand
from stratoscope.discover.identify import PORTS, identify
from stratoscope.drivers.driver import Driver
from stratoscope.errors import ConfigError, OperatorError, first_error
from stratoscope.events import Event, Events
from stratoscope.exporter import AgentHealth, Context
from stratoscope.fleet import Fleet
from stratoscope.judgement.identity import Identities
from stratoscope.judgement.judge import data_sheet
from stratoscope.ledger import Ledger, Outbox
from stratoscope.poll.budget import Budget, lanes_within_file_limit, raise_file_limit
from stratoscope.poll.counter_store import CounterStore
from stratoscope.poll.fleet import PollFleet
from stratoscope.poll.pace import ConnectionPacer
from stratoscope.poll.plan import Accounts, Plan, PollDeps, PollSettings, RigAccess
from stratoscope.poll.poll_metrics import Tally
from stratoscope.reconcile.reconciler import Reckoner
from stratoscope.wire.ask import Wire
from stratoscope.wire.target import Limits, Target

CHECKPOINT_INTERVAL_S: Final = 60.0
MIN_REPORTED_GAP_S: Final = 10.0
"""Shortest suspension of the agent that is reported as an event: twice the time limit of a poll."""
MIN_REPORTED_CLOCK_STEP_S: Final = 2.0
WARNING_EVENTS: Final = frozenset(
    {
        "rig_down",
        "tamper",
        "identity_conflict",
        "config_rejected",
        "clock_step",
        "market_disagreement",
        "stratum_alarm",
        "stratum_redirect",
        "pool_shortfall_raised",
    }
)

log = structlog.get_logger("stratoscope")


def plan_for(entry: RigEntry) -> Plan:
    """Return the polling plan of a config entry."""
    tags = dict(entry.tags)
    if entry.group is not None:
        tags["group"] = entry.group
    return Plan(
        target=entry.target,
        interval=entry.interval,
        name=entry.name,
        driver=entry.driver,
        power=entry.power_watts,
        tags=tags,
        tariff_group=entry.tariff_group,
        expected=entry.expected,
    )


def log_event(event: Event) -> None:
    """Write an event as one log line."""
    write = log.warning if event.kind in WARNING_EVENTS else log.info
    write(event.text, kind=event.kind, rig=event.rig)


def log_poll_bug(address: str) -> None:
    """Log the exception being handled; polling of the rig at `address` continues."""
    log.error("internal error while polling (please report)", address=address, exc_info=True)  # noqa: LOG014 — poll/loop.py calls it inside its except block


class Agent:
    """One agent: built from a config, it polls and exports until `stop`."""

    def __init__(self, config: Config, clock: Clock, *, remember: bool = True, past: Reckoner | None = None) -> None:
        """Open the ledger (if `remember`) and build every service; raises ConfigError.

        `past` is a reconciliation to resume, instead of the ledger's.
        """
        self.config = config
        self.clock = clock
        self.fleet = Fleet()
        self.health = AgentHealth(started=clock.time(), config_loaded=clock.time())
        self.stopping = asyncio.Event()
        self.ledger = Ledger(Path(config.state_dir), log.error) if remember else None
        self.outbox = Outbox(self.ledger)
        self.watch = LoopWatch(lambda late, stack: log.error("event loop blocked", seconds=late, stack=stack))
        self.poll_metrics = Tally()
        self.collector = GarbageCollector()
        unclean = self.ledger is not None and self.ledger.unclean_shutdown
        self.counters = CounterStore(self._kept_counters(), unclean_shutdown=unclean)
        self.identities = Identities(self.ledger.identities() if self.ledger else ())
        self.wire = Wire(clock=clock, limits=self._limits())
        self.events = Events()
        self.services = Services(config, clock, self.fleet, self.events, self.ledger, past, self.health)
        self.polls: PollFleet | None = None
        self.vitals = Vitals(self.health, self.watch, self.ledger, lambda: len(self.polls.loops) if self.polls else 0)
        self.events.listeners += [log_event, self.vitals.heard]
        if self.ledger is not None:
            self.events.listeners.append(self.ledger.record)
        self.registry = self._registry()

    def _kept_counters(self) -> Iterator[KeptCounters]:
        terms, rows = terms_of(self.config), self.ledger.counters() if self.ledger else []
        return iter(rows) if terms is None else in_currency(rows, terms.currency)

    def _limits(self) -> Limits:
        polling = self.config.polling
        return Limits(polling.connect_timeout, polling.timeout, polling.max_response)

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client does not annotate it
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        registry.register(self.poll_metrics)
        registry.register(self.vitals)
        self.services.register(registry)
        return registry

    def _poll_deps(self) -> PollDeps:
        config, polling, services = self.config, self.config.polling, self.services
        healthy, suspect = lanes_within_file_limit(polling.in_flight, polling.suspect_in_flight, raise_file_limit())
        if healthy < polling.in_flight:
            log.warning("open-file limit too low: fewer polls run at once", healthy=healthy, suspect=suspect)
        return PollDeps(
            clock=self.clock,
            access=RigAccess(
                wire=self.wire,
                identify=self.identify,
                budget=Budget(healthy, suspect, self.poll_metrics),
                wait_to_search=ConnectionPacer(self.clock, config.discovery.rate / len(PORTS)).wait,
            ),
            accounts=Accounts(
                counters=self.counters,
                economist=services.money.economist if services.money else None,
                prover=services.tamper.prover if services.tamper else None,
                stratum=services.stratum,
            ),
            fleet=self.fleet,
            events=self.events,
            identities=self.identities,
            metrics=self.poll_metrics,
            nameplate=data_sheet,
            random01=random.random,
            on_bug=log_poll_bug,
            settings=PollSettings(
                limits=self._limits(),
                max_backoff_s=polling.backoff_max,
                search_interval_s=config.discovery.interval,
                min_freshness_s=polling.freshness,
            ),
        )

    async def identify(self, target: Target, only: str | None) -> Driver:
        """Return the driver for the rig at `target`; raises PollError."""
        found = await identify(self.wire, target, only=only, asic_rs=self.config.asic_rs)
        log.debug("identified", address=target.address, driver=found.driver.name)
        return found.driver

    async def run(self) -> None:
        """Run until `stop`; then stop polling and the exporters, and write the last checkpoint."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self.polls = PollFleet(self._poll_deps(), tasks)
                others = [
                    tasks.create_task(self.watch.run(), name="loop watch"),
                    tasks.create_task(self._checkpoints(), name="checkpoints"),
                    tasks.create_task(self._readiness(), name="readiness"),
                    *(
                        tasks.create_task(work, name=name)
                        for name, work in self.services.iter_work(self.fleet.snapshots)
                    ),
                    *(tasks.create_task(serve, name=f"exporter {name}") for name, serve in self._exporters()),
                ]
                self.follow(self.config)
                others.append(tasks.create_task(self.collector.run(), name="garbage collector"))
                await self.stopping.wait()
                self.health.stopping = True
                self.polls.stop()
                for task in others:
                    task.cancel()
        except BaseExceptionGroup as group:
            for_operator, internal = group.split(OperatorError)
            if for_operator is None or internal is not None:
                raise
            raise first_error(for_operator) from None
        finally:
            await self.wire.close()
            if self.ledger is not None:
                self._checkpoint()
                self.ledger.close()

    def stop(self) -> None:
        """Make `run` return."""
        self.stopping.set()

    def follow(self, config: Config) -> None:
        """Switch to `config`; only rigs whose entry changed are touched."""
        self.config = config
        self.services.follow(config)
        assert self.polls is not None, "follow() needs a running agent"  # noqa: S101 — only a wrong caller can cause it
        added, removed, changed = self.polls.follow(map(plan_for, expand(config)))
        log.info("polling", targets=len(self.polls.loops), added=added, removed=removed, changed=changed)

    def _exporters(self) -> list[tuple[str, Any]]:
        installed = {entry.name: entry for entry in entry_points(group="stratoscope.exporters")}
        started, services = [], self.services
        for name in self.config.exporters:
            if name not in installed:
                known = ", ".join(sorted(installed)) or "none"
                raise ConfigError(f"exporters.{name}: no exporter has this name. Use one of: {known}")
            serve = installed[name].load()
            context = Context(
                fleet=self.fleet,
                clock=self.clock,
                health=self.health,
                registry=self.registry,
                site=self.config.site,
                settings=self.config.exporter_settings(name),
                market=services.market,
                economist=services.money.economist if services.money else None,
                pools=services.pools,
                reckoner=services.reconcile.reckoner,
                sections=services.sections(),
                stratum=services.stratum,
                guard=services.guard,
                events=self.events,
                outbox=self.outbox,
                broker=self.config.mqtt.account() if self.config.mqtt is not None else None,
                known=lambda: tuple(self.identities.known),
            )
            started.append((name, serve(context)))
        return started

    async def _readiness(self) -> None:
        while self.polls is None or not self.polls.all_tried:
            await self.clock.sleep(0.2)
        self.health.ready = True
        log.info("ready: first poll of every configured rig finished", rigs=len(self.fleet.snapshots))

    async def _checkpoints(self) -> None:
        before = self.clock.time() - self.clock.monotonic()
        while True:
            began = self.clock.monotonic()
            await self.clock.sleep(CHECKPOINT_INTERVAL_S)
            self._report_gap(self.clock.monotonic() - began - CHECKPOINT_INTERVAL_S)
            offset = self.clock.time() - self.clock.monotonic()
            if abs(offset - before) > MIN_REPORTED_CLOCK_STEP_S:
                text = f"system clock stepped by {offset - before:+.1f} s"
                self.events(Event(kind="clock_step", at=self.clock.time(), text=text))
            before = offset
            self._checkpoint()

    def _report_gap(self, seconds: float) -> None:
        """Report a time in which nothing was measured: the process was suspended or had no CPU time."""
        if seconds > MIN_REPORTED_GAP_S:
            text = f"agent was suspended for {seconds:.0f} s: nothing was measured"
            self.events(Event(kind="gap", at=self.clock.time(), text=text, details={"seconds": round(seconds, 1)}))

    def _checkpoint(self) -> None:
        counters = self.counters.drain()
        days, peaks = self.services.drain_money()
        if self.ledger is None:
            return
        now = self.clock.time()
        self.ledger.checkpoint(counters, days, peaks)
        self.ledger.keep_pools(self.config.site, *self.services.reconcile.reckoner.drain())
        self.ledger.keep_identities([(key, rig, address, now) for key, rig, address in self.identities.drain()])
