"""One polling loop under a clock that the test moves, with a rig that answers as the test says."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fakes.clock import StillClock, settle
from stratoscope.drivers.driver import Command, Driver, Replies
from stratoscope.errors import AuthRefused, PollError, TimedOut
from stratoscope.events import Event, Events
from stratoscope.fleet import Fleet
from stratoscope.judgement.identity import Identities
from stratoscope.judgement.judge import Nameplate
from stratoscope.poll.budget import Budget
from stratoscope.poll.counter_store import CounterStore
from stratoscope.poll.fleet import PollFleet
from stratoscope.poll.loop import Grid, RigLoop, phase
from stratoscope.poll.plan import Plan, PollDeps
from stratoscope.poll.poll_metrics import Tally
from stratoscope.reading import PoolSlot, Reading, Shares
from stratoscope.wire.target import Answers, Limits, Target


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
    """Answers with `values`, or raises `failure`; started `uptime` ago at `booted`."""

    clock: StillClock
    mac: str | None = "AA:BB:CC:DD:EE:01"
    version: str = "1.0"
    failure: PollError | Exception | None = None
    booted: float = 0.0
    accepted: int = 0
    more: dict[str, Any] = field(default_factory=dict)
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
        return Answers(replies=Replies({key: known[key] for key in keys}), received=100)


class Site:
    """Rooms with fakes at the border; `rigs` maps addresses to what is there now."""

    def __init__(self, **settings: Any) -> None:
        self.clock = StillClock()
        self.fleet = Fleet()
        self.rigs: dict[str, FakeRig] = {}
        self.events: list[Event] = []
        self.bugs: list[str] = []
        self.identified: list[str] = []
        self.searched = 0
        events = Events()
        events.listeners.append(self.events.append)
        tally = Tally()
        self.rooms = PollDeps(
            wire=self,
            clock=self.clock,
            fleet=self.fleet,
            events=events,
            identities=Identities(),
            book=CounterStore(),
            budget=Budget(settings.pop("healthy", 128), settings.pop("suspect", 32), tally),
            tally=tally,
            identify=self.identify,
            nameplate=lambda _make, _model: Nameplate(),
            chance=lambda: 0.5,
            search=self.search,
            on_bug=self.bugs.append,
            limits=Limits(),
            **settings,
        )

    async def search(self) -> None:
        self.searched += 1

    async def identify(self, target: Target, only: str | None) -> Driver:
        self.identified.append(target.host)
        self.rigs[target.host].answer(())
        return FAKE

    async def ask(self, target: Target, commands: tuple[Command, ...], session: object, **_: object) -> Answers:
        await asyncio.sleep(0)
        return self.rigs[target.host].answer(tuple(command.key for command in commands))

    def rig(self, address: str = "10.0.0.1", **rest: Any) -> FakeRig:
        self.rigs[address] = FakeRig(self.clock, **rest)
        return self.rigs[address]

    def plan(self, address: str = "10.0.0.1", **rest: Any) -> Plan:
        return Plan(**{"target": Target(address), "interval": 30.0, **rest})

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
async def site():
    site = Site()
    tasks: list[asyncio.Task[None]] = []

    def start(address: str = "10.0.0.1", **rest: Any) -> RigLoop:
        loop = RigLoop(site.plan(address, **rest), site.rooms)
        tasks.append(asyncio.create_task(loop.run()))
        return loop

    site.start = start  # type: ignore[attr-defined]
    yield site
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_configured_rig_is_shown_before_it_answered_and_is_not_called_up(site):
    site.rig()
    site.start()
    await site.clock.advance(1)

    snapshot = site.fleet.snapshots["10.0.0.1"]
    assert (snapshot.state, snapshot.up, snapshot.reading) == ("identifying", False, None)


async def test_a_rig_is_polled_once_per_interval_on_a_fixed_grid(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(30 * 10)

    polls = [at for at, keys in zip(rig.times, rig.asked, strict=True) if keys]
    assert len(polls) == 10
    assert {round(b - a, 6) for a, b in itertools.pairwise(polls)} == {30.0}
    assert round((polls[0] - phase("10.0.0.1", 30.0)) % 30.0, 6) in (0.0, 30.0)


async def test_series_follow_the_mac_once_it_is_known(site):
    site.rig()
    site.start()
    await site.clock.advance(31)

    assert list(site.fleet.snapshots) == ["AA:BB:CC:DD:EE:01"]
    assert site.fleet.snapshots["AA:BB:CC:DD:EE:01"].up


async def test_slow_commands_keep_their_cadence_and_their_answers_are_kept_between(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(30 * 30)

    asked = [keys for keys in rig.asked if keys]
    assert asked[0] == ("summary", "version")
    assert sum("version" in keys for keys in asked[1:]) in (2, 3)
    assert site.fleet.snapshots["AA:BB:CC:DD:EE:01"].reading.mac == "AA:BB:CC:DD:EE:01"


async def test_a_dead_rig_is_down_at_once_and_its_values_vanish_when_they_are_no_longer_fresh(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    rig.failure = TimedOut("timeout", "no answer")
    failed_at = site.clock.monotonic()
    await site.clock.advance(30)

    snapshot = site.fleet.snapshots["AA:BB:CC:DD:EE:01"]
    assert not snapshot.up
    assert snapshot.reading is not None

    await site.clock.advance(90 - (site.clock.monotonic() - failed_at) + 1)

    snapshot = site.fleet.snapshots["AA:BB:CC:DD:EE:01"]
    assert (snapshot.state, snapshot.up, snapshot.reading) == ("offline", False, None)
    assert snapshot.judged.hashrate is None
    assert snapshot.polling.last_error == "timeout: no answer"
    assert site.kinds().count("rig_down") == 1


async def test_a_failing_rig_is_asked_ever_less_often_but_never_less_than_the_longest_wait(site):
    rig = site.rig(failure=TimedOut("timeout"))
    site.start()
    await site.clock.advance(4 * 3600)

    gaps = [round(b - a, 6) for a, b in itertools.pairwise(rig.times)]
    assert gaps[0] <= 31
    assert max(gaps) <= 150 + 30  # chance is 0.5 of at most 300 s, then the next tick of the grid
    assert sorted(gaps) == gaps


async def test_a_rig_that_comes_back_is_up_and_asked_everything(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    rig.failure = TimedOut("timeout")
    await site.clock.advance(600)
    rig.failure = None
    await site.clock.advance(600)

    assert site.fleet.snapshots["AA:BB:CC:DD:EE:01"].state == "hashing"
    assert site.kinds().count("rig_up") == 1
    first_good = next(k for k, t in zip(rig.asked, rig.times, strict=True) if t > site.clock.monotonic() - 600 and k)
    assert first_good == ("summary", "version")


async def test_a_rig_that_refuses_to_be_read_is_locked(site):
    site.rig(failure=AuthRefused("denied", "API access is off"))
    site.start()
    await site.clock.advance(120)

    assert site.fleet.snapshots["10.0.0.1"].state == "locked"


async def test_f23_a_rig_slower_than_its_interval_is_never_asked_twice_at_once_and_skips_are_counted(site):
    site.rig()
    inside = most = 0
    ask = site.ask

    async def slow(*args: Any, **kwargs: Any) -> Answers:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await site.clock.sleep(70)
        inside -= 1
        return await ask(*args, **kwargs)

    site.ask = slow
    loop = site.start()
    await site.clock.advance(900)

    assert most == 1
    assert loop.skipped >= 15
    assert site.rooms.tally.skipped == loop.skipped


async def test_f17_two_rigs_that_swap_addresses_keep_their_own_series(site):
    one, two = site.rig("10.0.0.1", mac="AA:BB:CC:DD:EE:01"), site.rig("10.0.0.2", mac="AA:BB:CC:DD:EE:02")
    one.more, two.more = {"power": 1111.0}, {"power": 2222.0}
    two.booted = -50_000.0
    site.start("10.0.0.1")
    site.start("10.0.0.2")
    await site.clock.advance(90)
    site.rigs["10.0.0.1"], site.rigs["10.0.0.2"] = two, one
    wrong = []
    publish: Callable[..., None] = site.fleet.publish

    def watched(snapshot: Any) -> None:
        if snapshot.reading is not None:
            expected = {"AA:BB:CC:DD:EE:01": 1111.0, "AA:BB:CC:DD:EE:02": 2222.0}
            if expected[snapshot.rig] != snapshot.reading.power:
                wrong.append(snapshot)
        publish(snapshot)

    site.fleet.publish = watched
    await site.clock.advance(300)

    assert wrong == []
    assert sorted(site.fleet.snapshots) == ["AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02"]
    assert site.fleet.snapshots["AA:BB:CC:DD:EE:01"].polling.address == "10.0.0.2"
    assert site.kinds().count("identity_moved") == 2


async def test_f18_two_machines_with_one_mac_are_two_rigs_and_one_event(site):
    site.rig("10.0.0.1")
    site.rig("10.0.0.2")
    site.start("10.0.0.1")
    site.start("10.0.0.2")
    await site.clock.advance(300)

    rigs = sorted(rig for rig, snapshot in site.fleet.snapshots.items() if snapshot.reading is not None)
    assert len(rigs) == 2
    assert rigs[0] == "AA:BB:CC:DD:EE:01"
    assert rigs[1].startswith("AA:BB:CC:DD:EE:01@10.0.0.")
    assert site.kinds().count("identity_conflict") == 1


async def test_a_restart_is_told_and_the_sums_go_on(site):
    rig = site.rig(accepted=100)
    site.start()
    await site.clock.advance(61)
    rig.booted, rig.accepted = site.clock.monotonic() + 5, 2
    await site.clock.advance(30)

    snapshot = site.fleet.snapshots["AA:BB:CC:DD:EE:01"]
    assert snapshot.counters.accepted == 102
    assert site.kinds().count("rig_restarted") == 1


async def test_a_changed_firmware_version_is_told_and_the_rig_identified_anew(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    assert site.identified == ["10.0.0.1"]
    rig.version = "2.0"
    rig.booted = site.clock.monotonic()
    await site.clock.advance(90)

    assert "firmware_changed" in site.kinds()
    assert site.identified == ["10.0.0.1", "10.0.0.1"]


async def test_a_pool_switch_and_faults_are_told(site):
    rig = site.rig(more={"pools": (PoolSlot(index=0, url="a", active=True),), "faults": ()})
    site.start()
    await site.clock.advance(61)
    from stratoscope.reading import Fault

    rig.more = {"pools": (PoolSlot(index=1, url="b", active=True),), "faults": (Fault(code=110),)}
    await site.clock.advance(30)
    rig.more = {**rig.more, "faults": ()}
    await site.clock.advance(30)

    assert [k for k in site.kinds() if k != "rig_state"] == ["pool_switched", "fault_raised", "fault_cleared"]


async def test_a_bug_costs_one_poll_is_counted_and_the_loop_goes_on(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(31)
    rig.failure = ZeroDivisionError("ours")
    await site.clock.advance(30)
    rig.failure = None
    await site.clock.advance(60)

    snapshot = site.fleet.snapshots["AA:BB:CC:DD:EE:01"]
    assert site.bugs == ["10.0.0.1"]
    assert snapshot.polling.polls["bug"] == 1
    assert snapshot.up


async def test_an_answer_with_nothing_readable_is_not_up(site):
    rig = site.rig()
    rig.answer = lambda keys: Answers(replies=Replies())  # type: ignore[method-assign]
    site.start()
    await site.clock.advance(31)

    snapshot = site.fleet.snapshots["10.0.0.1"]
    assert not snapshot.up
    assert snapshot.polling.last_reason == "decode"


async def test_a_member_of_a_range_is_no_rig_until_something_answers(site):
    rig = site.rig(failure=TimedOut("connect_timeout"))
    site.start(expected=False)
    await site.clock.advance(600)
    assert site.fleet.snapshots == {}
    assert site.searched == len(rig.times) == 2

    rig.failure = None
    await site.clock.advance(600)
    assert list(site.fleet.snapshots) == ["AA:BB:CC:DD:EE:01"]


async def test_f24_first_polls_are_spread_over_the_interval():
    ticks = [Grid(0.0, 30.0, phase(f"10.1.{n // 250}.{n % 250}", 30.0)).moment for n in range(3000)]

    bins = [0] * 30
    for tick in ticks:
        assert 0.0 <= tick <= 30.0
        bins[min(29, int(tick))] += 1
    assert max(bins) <= 1.5 * 3000 / 30


async def test_f49_reload_touches_only_what_changed():
    site = Site()
    for n in range(1, 5):
        site.rig(f"10.0.0.{n}", mac=f"AA:BB:CC:DD:EE:0{n}")
    async with asyncio.TaskGroup() as group:
        fleet = PollFleet(site.rooms, group)
        plans = [site.plan(f"10.0.0.{n}") for n in (1, 2, 3)]
        assert fleet.follow(plans) == (3, 0, 0)
        await site.clock.advance(61)
        assert fleet.all_tried
        kept = fleet.loops["10.0.0.1"][0]

        changed = replace(plans[1], power=3000.0)
        assert fleet.follow([plans[0], changed, site.plan("10.0.0.4")]) == (1, 1, 1)

        assert fleet.loops["10.0.0.1"][0] is kept
        await settle()
        assert "AA:BB:CC:DD:EE:03" not in site.fleet.snapshots
        assert site.fleet.snapshots["AA:BB:CC:DD:EE:02"].reading is not None
        await site.clock.advance(61)
        assert site.fleet.snapshots["AA:BB:CC:DD:EE:04"].up
        fleet.stop()


async def test_dark_rigs_do_not_keep_live_ones_waiting():
    site = Site(healthy=2, suspect=1)
    live = [site.rig(f"10.0.0.{n}", mac=f"AA:BB:CC:DD:EE:{n:02X}") for n in range(1, 11)]
    hung = asyncio.Event()
    for n in range(11, 41):
        site.rig(f"10.0.0.{n}", mac=None, failure=TimedOut("timeout"))
    ask, identify = site.ask, site.identify

    async def slow_when_dark(target: Target, *args: Any, **kwargs: Any) -> Any:
        if site.rigs[target.host].failure:
            await site.clock.sleep(5)
        return await (identify if not kwargs and len(args) == 1 else ask)(target, *args, **kwargs)

    site.ask = slow_when_dark
    object.__setattr__(site.rooms, "identify", slow_when_dark)
    async with asyncio.TaskGroup() as group:
        fleet = PollFleet(site.rooms, group)
        fleet.follow([site.plan(address) for address in site.rigs])
        await site.clock.advance(300)
        before = [len(rig.times) for rig in live]
        await site.clock.advance(300)
        assert [len(rig.times) - count for rig, count in zip(live, before, strict=True)] == [10] * 10
        fleet.stop()
    hung.set()


def test_a_substitute_is_asked_only_while_what_it_stands_in_for_is_refused():
    from stratoscope.poll.exchange import due_commands

    driver = replace(FAKE, commands=(*FAKE.commands, Command("web", "/api/v1/summary", instead_of="summary")))

    assert [c.key for c in due_commands(driver, 1, 0)] == ["summary"]
    assert [c.key for c in due_commands(driver, 1, 0, {"summary": 99.0})] == ["summary", "web"]
