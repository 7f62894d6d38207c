"""A site for polling loops: fake rigs that answer as the test says, and a clock that only the test moves."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from fakes.clock import StillClock
from stratoscope.drivers.driver import Command, Driver, Replies
from stratoscope.errors import PollError
from stratoscope.events import Event, Events
from stratoscope.fleet import Fleet, RigSnapshot
from stratoscope.judgement.identity import Identities
from stratoscope.judgement.judge import Nameplate
from stratoscope.poll.budget import Budget
from stratoscope.poll.counter_store import CounterStore
from stratoscope.poll.loop import RigLoop
from stratoscope.poll.plan import Accounts, Plan, PollDeps, PollSettings, RigAccess
from stratoscope.poll.poll_metrics import Tally
from stratoscope.reading import Defect, Reading, Shares
from stratoscope.wire.target import Answers, Session, Target

ADDRESS = "10.0.0.1"
MAC = "AA:BB:CC:DD:EE:01"
INTERVAL = 30.0


def decode(replies: Replies) -> Reading:
    values: dict[str, Any] = {**replies.get("version", {}), **replies.get("summary", {})}
    return Reading(driver="fake", **values)


FAKE = Driver(
    "fake",
    "Fake",
    (Command("summary", "summary"), Command("version", "version", every=10, identity=True)),
    lambda _: True,
    decode,
    ("5m",),
)


@dataclass
class FakeRig:
    """Answers with `values`, or raises `failure`; it booted at monotonic `booted`."""

    clock: StillClock
    mac: str | None = MAC
    version: str = "1.0"
    failure: PollError | Exception | None = None
    booted: float = 0.0
    accepted: int = 0
    more: dict[str, Any] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)  # command key → reason
    asked: list[tuple[str, ...]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def answer(self, keys: tuple[str, ...]) -> Answers:
        self.asked.append(keys)
        self.times.append(self.clock.monotonic())
        if self.failure is not None:
            raise self.failure
        summary = {
            "uptime": self.clock.monotonic() - self.booted,
            "hashing": True,
            "hashrate": {"5m": 1e14},
            "shares": Shares(accepted=self.accepted),
            **self.more,
        }
        known = {"summary": summary, "version": {"mac": self.mac, "firmware_version": self.version}}
        replies = Replies({key: known[key] for key in keys if key not in self.refuses})
        return Answers(replies, refused={key: self.refuses[key] for key in keys if key in self.refuses}, received=100)

    @property
    def polls(self) -> list[tuple[float, tuple[str, ...]]]:
        """Return time and commands of each exchange, without the identifications."""
        return [(at, keys) for at, keys in zip(self.times, self.asked, strict=True) if keys]


class Site:
    """PollDeps with fakes at the border; `rigs` maps addresses to the rig that is there now."""

    def __init__(self, *, healthy: int = 128, suspect: int = 32, driver: Driver = FAKE, **settings: Any) -> None:
        self.clock = StillClock()
        self.fleet = Fleet()
        self.driver = driver
        self.rigs: dict[str, FakeRig] = {}
        self.events: list[Event] = []
        self.bugs: list[str] = []
        self.identified: list[str] = []
        self.searched = 0
        self.delay = 0.0  # s that each exchange takes
        self.in_flight = self.max_in_flight = 0
        self.random01 = 0.5
        self.nameplate = Nameplate()
        events = Events()
        events.listeners.append(self.events.append)
        self.metrics = Tally()
        self.deps = PollDeps(
            clock=self.clock,
            access=RigAccess(
                wire=self,
                identify=self.identify,
                budget=Budget(healthy, suspect, self.metrics),
                wait_to_search=self.wait_to_search,
            ),
            accounts=Accounts(CounterStore()),
            fleet=self.fleet,
            events=events,
            identities=Identities(),
            metrics=self.metrics,
            nameplate=lambda _make, _model: self.nameplate,
            random01=lambda: self.random01,
            on_bug=self.bugs.append,
            settings=PollSettings(**settings),
        )
        self._tasks: list[asyncio.Task[None]] = []

    # -- what the loops call ------------------------------------------------
    async def wait_to_search(self) -> None:
        self.searched += 1

    async def identify(self, target: Target, only: str | None) -> Driver:
        self.identified.append(target.host)
        self.rigs[target.host].answer(())
        return self.driver

    async def ask(self, target: Target, commands: tuple[Command, ...], session: Session, **_: object) -> Answers:
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            await self.clock.sleep(self.delay)
            return self.rigs[target.host].answer(tuple(command.key for command in commands))
        finally:
            self.in_flight -= 1

    # -- what the tests call ------------------------------------------------
    def rig(self, address: str = ADDRESS, **rest: Any) -> FakeRig:
        """Put a fake rig at `address`."""
        self.rigs[address] = FakeRig(self.clock, **rest)
        return self.rigs[address]

    def plan(self, address: str = ADDRESS, **rest: Any) -> Plan:
        return Plan(**{"target": Target(address), "interval": INTERVAL, **rest})

    def start(self, address: str = ADDRESS, **rest: Any) -> RigLoop:
        """Start a loop for `address`."""
        loop = RigLoop(self.plan(address, **rest), self.deps)
        self._tasks.append(asyncio.create_task(loop.run()))
        return loop

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def shown(self, rig: str = MAC) -> RigSnapshot:
        """Return the snapshot that exporters see."""
        return self.fleet.snapshots[rig]

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def unreadable(*paths: str) -> tuple[Defect, ...]:
    return tuple(Defect(path, "?", "unreadable") for path in paths)
