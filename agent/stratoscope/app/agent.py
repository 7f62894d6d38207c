"""Wires the rooms into one agent and runs it in one TaskGroup until it is told to stop."""

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
from stratoscope.app.money_service import Sums, in_currency, terms_of
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
from stratoscope.poll.plan import Plan, PollDeps
from stratoscope.poll.poll_metrics import Tally
from stratoscope.reconcile.reconciler import Reckoner
from stratoscope.wire.ask import Wire
from stratoscope.wire.target import Limits, Target

CHECKPOINT: Final = 60.0
GAP: Final = 10.0
"""Seconds beyond which it is told that the agent stood still: a poll's time limit twice over."""
LOUD: Final = frozenset(
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
    """Return what the polling loop is to do for a config entry."""
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
    write = log.warning if event.kind in LOUD else log.info
    write(event.text, kind=event.kind, rig=event.rig)


class Agent:
    """One agent: made from a config, it polls and exports until `stop`."""

    def __init__(self, config: Config, clock: Clock, *, remember: bool = True, past: Reckoner | None = None) -> None:
        """Open the ledger (unless not `remember`) and make every room; raises ConfigError.

        `past` is a reconciliation to go on with, instead of the ledger's.
        """
        self.config = config
        self.clock = clock
        self.fleet = Fleet()
        self.health = AgentHealth(started=clock.time(), config_loaded=clock.time())
        self.stopping = asyncio.Event()
        self.ledger = Ledger(Path(config.state_dir), log.error) if remember else None
        self.outbox = Outbox(self.ledger)
        self.watch = LoopWatch(lambda late, stack: log.error("the event loop stands still", seconds=late, stack=stack))
        self.tally = Tally()
        self.collector = GarbageCollector()
        self.book = CounterStore(self._kept_sums(), cut_off=self.ledger is not None and self.ledger.cut_off)
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

    def _kept_sums(self) -> Iterator[Sums]:
        terms, rows = terms_of(self.config), self.ledger.sums() if self.ledger else []
        return iter(rows) if terms is None else in_currency(rows, terms.currency)

    def _limits(self) -> Limits:
        polling = self.config.polling
        return Limits(polling.connect_timeout, polling.timeout, polling.max_response)

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no annotation here
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        registry.register(self.tally)
        registry.register(self.vitals)
        self.services.register(registry)
        return registry

    def _rooms(self) -> PollDeps:
        polling = self.config.polling
        healthy, suspect = lanes_within_file_limit(polling.in_flight, polling.suspect_in_flight, raise_file_limit())
        if healthy < polling.in_flight:
            log.warning("the limit of open files allows fewer polls at once", healthy=healthy, suspect=suspect)
        return PollDeps(
            wire=self.wire,
            clock=self.clock,
            fleet=self.fleet,
            events=self.events,
            identities=self.identities,
            book=self.book,
            budget=Budget(healthy, suspect, self.tally),
            tally=self.tally,
            identify=self.identify,
            nameplate=data_sheet,
            chance=random.random,
            search=ConnectionPacer(self.clock, self.config.discovery.rate / len(PORTS)).wait,
            on_bug=lambda address: log.error("a bug of ours while polling", address=address, exc_info=True),  # noqa: LOG014 — called inside the except block of poll/rig.py
            limits=self._limits(),
            backoff=polling.backoff_max,
            search_interval=self.config.discovery.interval,
            least_freshness=polling.freshness,
            economist=self.services.money.economist if self.services.money else None,
            prover=self.services.guarding.prover if self.services.guarding else None,
            stratum=self.services.stratum,
        )

    async def identify(self, target: Target, only: str | None) -> Driver:
        """Return the driver for the rig at `target`; raises PollError."""
        found = await identify(self.wire, target, only=only, asic_rs=self.config.asic_rs)
        log.debug("identified", address=target.address, driver=found.driver.name)
        return found.driver

    async def run(self) -> None:
        """Run until `stop`; then stop polling, let the exporters end, write what is left."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self.polls = PollFleet(self._rooms(), tasks)
                others = [
                    tasks.create_task(self.watch.run(), name="loop watch"),
                    tasks.create_task(self._checkpoints(), name="checkpoints"),
                    tasks.create_task(self._readiness(), name="readiness"),
                    *(tasks.create_task(work, name=name) for name, work in self.services.work(self.fleet.snapshots)),
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
            theirs, ours = group.split(OperatorError)
            if theirs is None or ours is not None:
                raise
            raise first_error(theirs) from None
        finally:
            await self.wire.close()
            if self.ledger is not None:
                self._checkpoint()
                self.ledger.close()

    def stop(self) -> None:
        """Ask the agent to end."""
        self.stopping.set()

    def follow(self, config: Config) -> None:
        """Poll what `config` lists from now on; only rigs whose entry changed are touched."""
        self.config = config
        self.services.follow(config)
        assert self.polls is not None, "follow() is for a running agent"  # noqa: S101 — a caller's mistake
        added, removed, changed = self.polls.follow(map(plan_for, expand(config)))
        log.info("polling", targets=len(self.polls.loops), added=added, removed=removed, changed=changed)

    def _exporters(self) -> list[tuple[str, Any]]:
        installed = {entry.name: entry for entry in entry_points(group="stratoscope.exporters")}
        started, services = [], self.services
        for name in self.config.exporters:
            if name not in installed:
                known = ", ".join(sorted(installed)) or "none"
                raise ConfigError(f"exporters.{name}: no exporter of that name is installed; installed: {known}")
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
                reckoner=services.reconciliation.reckoner,
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
        log.info("ready: every configured rig was asked", rigs=len(self.fleet.snapshots))

    async def _checkpoints(self) -> None:
        before = self.clock.time() - self.clock.monotonic()
        while True:
            began = self.clock.monotonic()
            await self.clock.sleep(CHECKPOINT)
            self._note_gap(self.clock.monotonic() - began - CHECKPOINT)
            offset = self.clock.time() - self.clock.monotonic()
            if abs(offset - before) > 2.0:
                text = f"the wall clock stepped by {offset - before:+.1f} s"
                self.events(Event(kind="clock_step", at=self.clock.time(), text=text))
            before = offset
            self._checkpoint()

    def _note_gap(self, seconds: float) -> None:
        """Tell of a time in which nothing was measured: the process was stopped, or had no processor."""
        if seconds > GAP:
            text = f"the agent stood still for {seconds:.0f} s"
            self.events(Event(kind="gap", at=self.clock.time(), text=text, details={"seconds": round(seconds, 1)}))

    def _checkpoint(self) -> None:
        sums = self.book.drain()
        days, peaks = self.services.drain()
        if self.ledger is None:
            return
        now = self.clock.time()
        self.ledger.checkpoint(sums, days, peaks)
        self.ledger.keep_pools(self.config.site, *self.services.reconciliation.reckoner.drain())
        self.ledger.saw([(key, rig, address, now) for key, rig, address in self.identities.drain()])
