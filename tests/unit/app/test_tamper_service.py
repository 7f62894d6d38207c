"""Tamper detection over a fleet and its endpoints: what is checked when, and what the metrics page shows."""

import asyncio
import contextlib

import pytest

from fakes.clock import StillClock
from stratoscope.app.tamper_service import TamperService, payees
from stratoscope.fleet import Fleet, PollStatus, RigSnapshot
from stratoscope.metrics import GUARD
from stratoscope.reading import PoolSlot, Reading
from stratoscope.stratum.jobs.template import Output
from stratoscope.stratum.watch.records import Alarm, EndpointNow, StratumNow
from stratoscope.tamper.detector import Pin, Rules

OWN, THIEF = "stratum+tcp://pool.example:3333", "stratum+tcp://thief.example:3333"


def rig(name: str, url: str) -> RigSnapshot:
    slot = PoolSlot(index=0, url=url, user="acct.w", active=True)
    reading = Reading(driver="x", pools=(slot,))
    return RigSnapshot(rig=name, state="hashing", polling=PollStatus(address="10.0.0.1", interval=5.0), reading=reading)


class Endpoints:
    now = StratumNow(at=100.0)


class Bench:
    def __init__(self, rules: Rules, stratum=None) -> None:
        self.fleet, self.clock, self.events, self.learned = Fleet(), StillClock(), [], []
        self.tamper = TamperService(
            rules, self.fleet, self.clock, self.events.append, learned=self.learned.extend, stratum=stratum
        )

    def check(self) -> None:
        for name in list(self.fleet.snapshots):
            self.tamper.check_rig(name)
        self.tamper.check_endpoints()

    def page(self) -> dict[tuple[str, ...], float]:
        now = self.tamper.now
        return {
            (metric.series, *labels): metric.value(row)
            for family in GUARD
            for labels, row in family.rows(now)
            for metric in family.metrics
        }


async def test_a_pool_slot_is_checked_as_soon_as_the_rig_is_published():
    bench = Bench(Rules(endpoints=("pool.example",), accounts=("acct",)))
    task = asyncio.create_task(bench.tamper.run())
    bench.fleet.publish(rig("a", THIEF))
    async with asyncio.timeout(5):
        while not bench.events:
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert [(event.kind, event.rig) for event in bench.events] == [("tamper", "a")]


def test_alarms_are_on_the_page_with_their_counts_and_without_accounts():
    bench = Bench(Rules(endpoints=("pool.example",)))
    bench.fleet.publish(rig("a", THIEF))
    bench.fleet.publish(rig("b", OWN))
    bench.check()
    page = bench.page()
    assert page["mining_tamper_rig_alarm", "a", "0", "endpoint"] == 1
    assert page["mining_tamper_alarms", "endpoint"] == 1
    assert page["mining_tamper_alarms", "account"] == 0
    assert page["mining_tamper_learning", "account"] == 1
    assert ("mining_tamper_learning", "endpoint") not in page
    assert not any("acct" in part for key in page for part in key)


def test_learned_pins_are_passed_on_once():
    bench = Bench(Rules())
    bench.fleet.publish(rig("a", OWN))
    bench.fleet.publish(rig("b", OWN))
    bench.check()
    bench.check()
    at = bench.clock.time()
    assert bench.learned == [Pin("endpoint", "pool.example:3333", at), Pin("account", "acct", at)]


def test_changed_rules_apply_to_known_rigs_at_once():
    bench = Bench(Rules())
    bench.fleet.publish(rig("a", THIEF))
    bench.check()
    assert bench.events == []
    bench.tamper.follow(Rules(endpoints=("pool.example",)))
    assert [event.kind for event in bench.events] == ["tamper"]
    bench.tamper.follow(Rules(endpoints=("pool.example", "thief.example")))
    assert [event.kind for event in bench.events] == ["tamper", "tamper_cleared"]


async def test_learning_again_forgets_earlier_pins():
    bench = Bench(Rules(learn=1.0))
    bench.fleet.publish(rig("a", OWN))
    bench.check()
    await bench.clock.advance(1000)
    bench.tamper.follow(Rules(learn=3600.0, since=bench.clock.time() - 10))
    bench.fleet.publish(rig("a", THIEF))
    bench.check()
    assert bench.events == []
    assert bench.tamper.now.pins["endpoint"] == 2  # the rule change checked OWN again, then the new pool


def test_the_alarm_of_a_removed_rig_is_cleared():
    bench = Bench(Rules(endpoints=("pool.example",)))
    bench.fleet.publish(rig("a", THIEF))
    bench.check()
    bench.fleet.remove("a")
    bench.tamper.check_rig("a")
    assert bench.tamper.now.alarms == ()


@pytest.mark.parametrize(
    ("endpoint", "alarms", "kinds"),
    [
        (EndpointNow(url=OWN, state="working", chain_match=False), (), ["chain"]),
        (
            EndpointNow(url=OWN, state="working"),
            (Alarm(kind="redirect", endpoint=OWN, since=0.0, text=""),),
            ["redirect"],
        ),
        (EndpointNow(url=OWN, state="working", chain_match=True), (), []),
    ],
)
def test_endpoints_are_checked_for_their_chain_and_redirects(endpoint, alarms, kinds):
    stratum = Endpoints()
    stratum.now = StratumNow(at=100.0, endpoints={OWN: endpoint}, alarms=alarms)
    bench = Bench(Rules(), stratum)
    bench.check()
    assert [event.details["what"] for event in bench.events] == kinds
    stratum.now = StratumNow(at=200.0)
    bench.check()
    assert bench.tamper.now.alarms == ()


def test_a_job_pays_to_its_outputs_with_value():
    class Job:
        outputs = (Output(0, "6a", None), Output(5, "0014aa", "bc1qx"), Output(7, "51", None))

    assert payees(EndpointNow(url=OWN, state="working", template=Job())) == ["bc1qx", "51"]
    assert payees(EndpointNow(url=OWN, state="waiting", template=Job())) == []
