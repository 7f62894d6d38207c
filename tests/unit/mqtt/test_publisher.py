"""The exporter against a real mosquitto that is restarted, killed, frozen, strict or small."""

import asyncio
import contextlib
import json
from dataclasses import replace

import pytest

from stratoscope.fleet import Judged
from stratoscope.ledger import Ledger, Outbox
from stratoscope.outside.backoff import MAX_BROKER_WAIT_S, PERSISTENT_BROKER_REASONS, ReconnectBackoff
from stratoscope_exporters.mqtt.metrics import KINDS
from unit.mqtt.conftest import account
from unit.mqtt.stage import Stage

pytestmark = pytest.mark.needs("mosquitto")
ROOT = "stratoscope/v1/farm1"
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


@both
async def test_sends_status_then_availability_then_events_then_rigs(mosquitto, listen, protocol) -> None:
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


async def test_retains_only_status_and_availability_and_ends_with_offline(mosquitto, listen) -> None:
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


async def test_publishes_availability_only_when_it_changes(mosquitto, listen) -> None:
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


async def test_clears_retained_messages_of_a_removed_rig_unless_the_machine_is_renamed(mosquitto, listen) -> None:
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


async def test_does_not_reconnect_while_the_agent_stops(mosquitto) -> None:
    broker = mosquitto()
    async with on_stage(account(broker)) as stage:
        await stage.start()
        stage.poll(0)
        await stage.until(lambda: stage.idle)
        stage.publisher._context.health.stopping = True
        broker.kill()
        async with asyncio.timeout(60):
            await stage.task
        stage.balanced()


@pytest.mark.parametrize("failures", [1, 5, 400])
def test_reconnects_with_full_jitter_within_half_a_minute_and_later_for_persistent_reasons(failures) -> None:
    def delay(reason: str, random01: float) -> float:
        backoff = ReconnectBackoff()
        return [backoff.next_delay(0.0, reason, random01) for _ in range(failures)][-1]

    assert delay("lost", 0.0) == 0.1
    assert delay("unreachable", 1.0) == min(MAX_BROKER_WAIT_S, 2.0**failures)
    for reason in PERSISTENT_BROKER_REASONS:
        assert MAX_BROKER_WAIT_S <= delay(reason, 0.0) <= delay(reason, 1.0) == 2 * MAX_BROKER_WAIT_S


async def test_events_of_an_earlier_run_are_sent_by_the_next_with_the_same_id(mosquitto, listen, tmp_path) -> None:
    ledger = Ledger(tmp_path / "state")
    stage = Stage(account(mosquitto()), outbox=Outbox(ledger))  # never started: no broker in this life
    stage.events.listeners.append(stage.publisher._queue_event)
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


async def test_batches_contain_a_hundred_rigs_each(mosquitto, listen) -> None:
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


async def test_error_in_one_rig_document_affects_only_that_rig(mosquitto, listen) -> None:
    broker = mosquitto()
    ear = await listen(account(broker), f"{ROOT}/rig/#")
    async with on_stage(account(broker)) as stage:
        await stage.start()
        good = stage.poll(1)
        stage.fleet.publish(replace(good, rig="bad", identity="mac:02:00:00:00:00:99", polling=None))
        await stage.until(lambda: stage.counts.dropped.get(("state", "bug")) == 1)
        await ear.until(lambda heard: "rig/020000000001/state" in topics(heard))


async def test_metrics_equal_the_counts(mosquitto) -> None:
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
