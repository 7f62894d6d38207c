"""The exporter against a real mosquitto that is restarted, killed, frozen, strict or small."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.mosquitto import passwords
from stratoscope.fleet import Judged
from stratoscope.ledger import Ledger, Outbox
from stratoscope.outside.backoff import MAX_BROKER_WAIT_S, PERSISTENT_BROKER_REASONS, ReconnectBackoff
from stratoscope.outside.broker import Account, Connection
from stratoscope_exporters.mqtt import sender
from stratoscope_exporters.mqtt.counts import KINDS
from unit.mqtt.conftest import account
from unit.mqtt.stage import Stage

pytestmark = pytest.mark.needs("mosquitto")
ROOT = "stratoscope/v1/farm1"
REPOSITORY = Path(__file__).resolve().parents[3]
both = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


@contextlib.asynccontextmanager
async def on_stage(*words, **settings):
    stage = Stage(*words, **settings)
    try:
        yield stage
    finally:
        await stage.stop()


def topics(heard) -> list[str]:
    return [m.topic.removeprefix(f"{ROOT}/") for m in heard]


def events(heard) -> list[str]:
    return [json.loads(m.payload)["event_id"] for m in heard if "/event/" in m.topic]


class Gated(Connection):
    """A connection that is not tried before its gate opens."""

    def __init__(self, who: Account, gate: asyncio.Event) -> None:
        super().__init__(who)
        self._gate = gate

    async def connect(self, will=None) -> None:
        await self._gate.wait()
        await super().connect(will)


@both
async def test_status_comes_first_then_availability_then_events_then_rigs(mosquitto, listen, protocol) -> None:
    broker = mosquitto()
    ear = await listen(account(broker))
    async with on_stage(account(broker, protocol=protocol)) as stage:
        await stage.start()
        for number in range(3):
            stage.poll(number)
        stage.happen("x")
        own = {"site/state", "agent/health"}
        await ear.until(
            lambda heard: (
                len([t for t in topics(heard) if t.startswith("rig/")]) == 6
                and events(heard)
                and own <= set(topics(heard))
            )
        )
        told = topics(ear.heard)
        assert told[0] == "agent/status"
        assert told[1:4] == [f"rig/0200000000{n:02x}/availability" for n in range(3)]
        assert told.index("event/rig_down") < told.index("rig/020000000000/state")


async def test_only_status_and_availability_are_retained_and_the_end_says_offline(mosquitto, listen) -> None:
    broker = mosquitto()
    async with on_stage(account(broker), known=("mac:02:00:00:00:99:99",)) as stage:
        stage.poll(0)
        stage.poll(1, state="suspect")
        stage.poll(2, state="offline", reading=None, judged=Judged())
        stage.happen("x")
        await stage.start()
        await stage.until(lambda: stage.idle)
    late = await listen(account(broker))
    await late.until(lambda heard: len(heard) >= 5)
    await asyncio.sleep(0.3)
    assert {t: m.payload for t, m in zip(topics(late.heard), late.heard, strict=True)} == {
        "agent/status": b"offline",
        "rig/020000000000/availability": b"online",
        "rig/020000000001/availability": b"suspect",
        "rig/020000000002/availability": b"offline",
        "rig/020000009999/availability": b"offline",
    }


async def test_availability_is_said_again_only_when_it_changes(mosquitto, listen) -> None:
    broker = mosquitto()
    ear = await listen(account(broker), f"{ROOT}/rig/#")
    async with on_stage(account(broker)) as stage:
        await stage.start()
        for over in ({}, {}, {"reading": None, "state": "offline"}, {"reading": None, "state": "offline"}, {}):
            stage.poll(0, **over)
            await stage.until(lambda: stage.idle)
        await ear.until(lambda heard: topics(heard).count("rig/020000000000/state") == 5)
        said = [m.payload for m in ear.heard if m.topic.endswith("availability")]
        assert said == [b"online", b"offline", b"online"]
        assert [json.loads(m.payload)["seq"] for m in ear.heard if m.topic.endswith("state")] == [1, 2, 3, 4, 5]


async def test_what_is_retained_of_a_rig_goes_with_it_unless_the_machine_goes_on_elsewhere(mosquitto, listen) -> None:
    broker = mosquitto()
    async with on_stage(account(broker), retain_state=True) as stage:
        await stage.start()
        stage.poll(0)
        stage.poll(1)
        stage.poll(2)
        await stage.until(lambda: stage.idle)
        stage.fleet.remove("r0")  # gone
        stage.fleet.remove("r1")
        stage.poll(1, rig="renamed")
        stage.poll(2, identity="mac:02:00:00:00:77:77")  # another machine of the same name
        await stage.until(lambda: stage.idle)
    late = await listen(account(broker), f"{ROOT}/rig/#")
    await late.until(lambda heard: len(heard) >= 4)
    await asyncio.sleep(0.2)
    assert {m.topic.split("/")[4] for m in late.heard} == {"020000000001", "020000007777"}
    assert len(late.heard) == 4  # availability and state of each


async def test_a_connection_that_is_lost_while_the_agent_ends_is_not_had_again(mosquitto) -> None:
    broker = mosquitto()
    async with on_stage(account(broker)) as stage:
        await stage.start()
        stage.poll(0)
        await stage.until(lambda: stage.idle)
        stage.publisher._context.health.stopping = True
        broker.kill()
        async with asyncio.timeout(10):
            await stage.task
        stage.balanced()


async def test_a_broker_that_is_killed_and_comes_back_gets_the_newest_of_all_and_every_event_once(
    mosquitto, listen
) -> None:
    broker, gate = mosquitto(), asyncio.Event()
    gate.set()
    async with on_stage(lambda: Gated(account(broker), gate)) as stage:
        await stage.start()
        stage.poll(0)
        await stage.until(lambda: stage.idle)
        gate.clear()
        broker.kill()
        await stage.until(lambda: not stage.counts.connected)
        made = [stage.happen(str(number)) for number in range(300)]
        for number in range(50):
            for _ in range(20):
                stage.poll(number)
            stage.balanced()
        assert stage.counts.waiting("state") <= 51
        again = mosquitto(port=broker.port)
        ear = await listen(account(again), f"{ROOT}/#")
        gate.set()
        await stage.until(lambda: stage.idle)
        await ear.until(lambda heard: len(set(events(heard))) == 300)
        assert events(ear.heard) == made
        await ear.until(lambda heard: len({t for t in topics(heard) if t.startswith("rig/") and "state" in t}) == 50)
        assert stage.counts.conflated["state"] >= 50 * 19
        assert stage.counts.dropped["event", "full"] == 0


async def test_a_frozen_broker_holds_nothing_up_and_loses_nothing(mosquitto, listen) -> None:
    broker = mosquitto()
    ear = await listen(account(broker), f"{ROOT}/#")
    async with on_stage(account(broker)) as stage:
        await stage.start()
        stage.poll(0)
        await stage.until(lambda: stage.idle)
        broker.freeze()
        made = []
        for number in range(120):
            stage.poll(number % 40)  # returns at once, as a poll must
            made.append(stage.happen(str(number)))
            stage.balanced()
            await asyncio.sleep(0.05)
        assert not stage.counts.connected  # found out by the message that was not acknowledged
        assert stage.counts.failures.get("timeout", 0) >= 1
        assert stage.counts.waiting("state") <= 41
        broker.thaw()
        await stage.until(lambda: stage.idle, 45)
        await ear.until(lambda heard: set(made) <= set(events(heard)))


async def test_a_wrong_password_is_counted_as_such_and_not_tried_over_and_over(mosquitto, tmp_path) -> None:
    broker = mosquitto(passwords(tmp_path, miner="right"), anonymous=False)
    async with on_stage(account(broker, user="miner", password="wrong")) as stage:
        await stage.start()
        await stage.until(lambda: stage.counts.failures)
        stage.poll(0)
        await asyncio.sleep(1.0)
        assert sum(stage.counts.failures.values()) == 1
        assert set(stage.counts.failures) <= {"auth", "denied"}
        assert stage.counts.waiting("state") == 1


@pytest.mark.parametrize("failures", [1, 5, 400])
def test_reconnects_with_full_jitter_within_half_a_minute_and_later_for_persistent_reasons(failures) -> None:
    def delay(reason: str, random01: float) -> float:
        backoff = ReconnectBackoff()
        return [backoff.next_delay(0.0, reason, random01) for _ in range(failures)][-1]

    assert delay("lost", 0.0) == 0.1
    assert delay("unreachable", 1.0) == min(MAX_BROKER_WAIT_S, 2.0**failures)
    for reason in PERSISTENT_BROKER_REASONS:
        assert MAX_BROKER_WAIT_S <= delay(reason, 0.0) <= delay(reason, 1.0) == 2 * MAX_BROKER_WAIT_S


async def test_denied_events_are_kept_and_told_once_the_rules_allow_them(
    mosquitto, listen, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(sender, "HELD", 0.5)
    acl = tmp_path / "acl"
    allowed = "topic read #\ntopic write stratoscope/v1/farm1/{}/#\n"
    acl.write_text(allowed.format("agent") + allowed.format("site") + allowed.format("rig"))
    broker = mosquitto("acl_file acl")
    ear = await listen(account(broker), f"{ROOT}/#")
    async with on_stage(account(broker)) as stage:
        await stage.start()
        made = [stage.happen(str(number)) for number in range(3)]
        stage.poll(0)
        await ear.until(lambda heard: "rig/020000000000/state" in topics(heard))  # the rest goes on
        await stage.until(lambda: not stage.counts.waiting("state"))
        assert stage.counts.waiting("event") == 3
        assert stage.counts.connected
        acl.write_text(acl.read_text() + allowed.format("event"))
        broker.process.send_signal(signal.SIGHUP)
        await ear.until(lambda heard: set(events(heard)) == set(made))
        await stage.until(lambda: stage.idle)


async def test_denied_availability_is_given_up_and_counted(mosquitto, tmp_path) -> None:
    (tmp_path / "acl").write_text("topic write stratoscope/v1/farm1/agent/#\n")
    async with on_stage(account(mosquitto("acl_file acl"))) as stage:
        stage.poll(0)
        await stage.start()
        await stage.until(lambda: stage.counts.dropped["retained", "denied"] == 1)
        assert stage.counts.connected


async def test_what_the_broker_has_no_room_for_is_left_out_and_the_rest_goes_on(mosquitto, listen) -> None:
    broker = mosquitto("max_packet_size 1600")
    ear = await listen(account(broker), f"{ROOT}/#")
    async with on_stage(account(broker)) as stage:
        await stage.start()
        stage.poll(0)
        event = stage.happen("x")
        await stage.until(lambda: stage.counts.dropped["state", "oversize"] == 1)
        await ear.until(lambda heard: events(heard) == [event])
        assert stage.counts.failures == {}


async def test_events_of_an_earlier_run_are_told_by_the_next_with_the_same_id(mosquitto, listen, tmp_path) -> None:
    ledger = Ledger(tmp_path / "state")
    stage = Stage(account(mosquitto()), outbox=Outbox(ledger))  # never started: no broker in this life
    stage.events.listeners.append(stage.publisher._heard)
    made = [stage.happen(str(number)) for number in range(20)]
    ledger.close()
    broker, ledger = mosquitto(), Ledger(tmp_path / "state")
    ear = await listen(account(broker), f"{ROOT}/event/#")
    async with on_stage(account(broker), outbox=Outbox(ledger)) as stage:
        assert stage.counts.produced["event"] == 20
        await stage.start()
        await ear.until(lambda heard: len(heard) == 20)
        await stage.until(lambda: stage.idle)
        assert events(ear.heard) == made
    ledger.close()
    ledger = Ledger(tmp_path / "state")
    assert len(Outbox(ledger)) == 0  # acknowledged: gone from the disk too
    ledger.close()


async def test_the_end_is_quick_with_a_frozen_broker_whose_will_says_offline(mosquitto, listen) -> None:
    broker = mosquitto()
    stage = await Stage(account(broker)).start()
    await stage.until(lambda: stage.idle)
    broker.freeze()
    async with asyncio.timeout(10):
        await stage.stop()
    broker.thaw()
    late = await listen(account(broker), f"{ROOT}/agent/status")
    await late.until(lambda heard: heard and heard[-1].payload == b"offline")


async def test_batches_hold_a_hundred_rigs_each(mosquitto, listen) -> None:
    broker = mosquitto()
    ear = await listen(account(broker), f"{ROOT}/#")
    async with on_stage(account(broker), batch=True, batch_interval=5) as stage:
        for number in range(250):
            stage.poll(number)
        await stage.start()
        await ear.until(lambda heard: "batch/2" in topics(heard))
        await stage.until(lambda: not stage.counts.waiting("state"))
        found = [json.loads(m.payload)["rigs"] for m in ear.heard if "/batch/" in m.topic]
        assert sum(map(len, found)) == 250
        assert all(len(rigs) <= 100 for rigs in found)
        assert {one["id"] for rigs in found for one in rigs} == {f"02000000{n:04x}" for n in range(250)}
        assert not any(t.endswith("/state") and t.startswith("rig/") for t in topics(ear.heard))
        assert stage.counts.sent["state"] == 250


async def test_a_bug_in_one_rigs_document_costs_that_rig_only(mosquitto, listen) -> None:
    broker = mosquitto()
    ear = await listen(account(broker), f"{ROOT}/rig/#")
    async with on_stage(account(broker)) as stage:
        await stage.start()
        good = stage.poll(1)
        stage.fleet.publish(replace(good, rig="bad", identity="mac:02:00:00:00:00:99", polling=None))
        await stage.until(lambda: stage.counts.dropped.get(("state", "bug")) == 1)
        await ear.until(lambda heard: "rig/020000000001/state" in topics(heard))


async def test_the_metrics_tell_the_same_as_the_counts(mosquitto) -> None:
    async with on_stage(account(mosquitto())) as stage:
        stage.poll(0)
        await stage.start()
        await stage.until(lambda: stage.idle)
        value = stage.registry.get_sample_value
        assert value("stratoscope_mqtt_connected") == 1
        for kind in KINDS:
            ends = sum(
                value(f"stratoscope_mqtt_messages_{end}", {"kind": kind})
                for end in ("confirmed_total", "sent_unconfirmed_total", "conflated_total", "queued")
            )
            assert value("stratoscope_mqtt_messages_produced_total", {"kind": kind}) == ends


def test_a_large_fleet_through_an_outage_leaves_no_message_unaccounted() -> None:
    """The bench of docs/performance.md, small: 300 rigs, 24 seconds of life in 6, the broker away for a quarter."""
    command = [
        sys.executable,
        "-m",
        "tests.bench.mqtt",
        "--rigs",
        "300",
        "--interval",
        "6",
        "--minutes",
        "0.4",
        "--speed",
        "4",
        "--outage",
        "6",
        "--json",
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["messages_unaccounted"] == 0
    assert figures["documents_sent"] + figures["documents_conflated"] >= 1200
    assert figures["documents_conflated"] >= 1  # while the broker was away
    assert figures["memory_after_mb"] - figures["memory_before_mb"] < 30


async def test_a_bug_of_ours_costs_a_connection_and_not_the_agent(mosquitto, monkeypatch) -> None:
    async with on_stage(account(mosquitto())) as stage:
        monkeypatch.setattr(stage.publisher, "_tell_site", None)
        await stage.start()
        await stage.until(lambda: stage.counts.failures == {"bug": 1})
        assert not stage.counts.connected
