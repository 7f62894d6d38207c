"""The MQTT exporter through broker outages, rejections and internal errors: nothing is lost unnoticed."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

from fakes.mosquitto import passwords
from stratoscope.outside.broker import BrokerAccount, BrokerConnection
from stratoscope_exporters.mqtt import sender
from unit.mqtt.conftest import account
from unit.mqtt.stage import Stage
from unit.mqtt.test_publisher import on_stage

ROOT = "stratoscope/v1/farm1"


REPOSITORY = Path(__file__).resolve().parents[3]


def topics(heard) -> list[str]:
    return [m.topic.removeprefix(f"{ROOT}/") for m in heard]


def events(heard) -> list[str]:
    return [json.loads(m.payload)["event_id"] for m in heard if "/event/" in m.topic]


class Gated(BrokerConnection):
    """A connection that is not tried before its gate opens."""

    def __init__(self, who: BrokerAccount, gate: asyncio.Event) -> None:
        super().__init__(who)
        self._gate = gate

    async def connect(self, will=None) -> None:
        await self._gate.wait()
        await super().connect(will)


async def test_reconnects_after_broker_restart_with_newest_states_and_every_event_once(mosquitto, listen) -> None:
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


async def test_frozen_broker_blocks_nothing_and_loses_nothing(mosquitto, listen) -> None:
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


async def test_wrong_password_is_counted_and_retried_rarely(mosquitto, tmp_path) -> None:
    broker = mosquitto(passwords(tmp_path, miner="right"), anonymous=False)
    async with on_stage(account(broker, user="miner", password="wrong")) as stage:
        await stage.start()
        await stage.until(lambda: stage.counts.failures)
        stage.poll(0)
        await asyncio.sleep(1.0)
        assert sum(stage.counts.failures.values()) == 1
        assert set(stage.counts.failures) <= {"auth", "denied"}
        assert stage.counts.waiting("state") == 1


async def test_denied_events_are_kept_until_the_broker_allows_them(mosquitto, listen, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sender, "EVENT_HOLD_S", 0.5)
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


async def test_denied_availability_is_dropped_and_counted(mosquitto, tmp_path) -> None:
    (tmp_path / "acl").write_text("topic write stratoscope/v1/farm1/agent/#\n")
    async with on_stage(account(mosquitto("acl_file acl"))) as stage:
        stage.poll(0)
        await stage.start()
        await stage.until(lambda: stage.counts.dropped["retained", "denied"] == 1)
        assert stage.counts.connected


async def test_oversized_messages_are_dropped_and_others_continue(mosquitto, listen) -> None:
    broker = mosquitto("max_packet_size 1600")
    ear = await listen(account(broker), f"{ROOT}/#")
    async with on_stage(account(broker)) as stage:
        await stage.start()
        stage.poll(0)
        event = stage.happen("x")
        await stage.until(lambda: stage.counts.dropped["state", "oversize"] == 1)
        await ear.until(lambda heard: events(heard) == [event])
        assert stage.counts.failures == {}


async def test_shutdown_is_fast_with_a_frozen_broker_and_the_last_will_says_offline(mosquitto, listen) -> None:
    broker = mosquitto()
    stage = await Stage(account(broker)).start()
    await stage.until(lambda: stage.idle)
    broker.freeze()
    async with asyncio.timeout(10):
        await stage.stop()
    broker.thaw()
    late = await listen(account(broker), f"{ROOT}/agent/status")
    await late.until(lambda heard: heard and heard[-1].payload == b"offline")


def test_every_message_of_a_large_fleet_is_accounted_for_through_an_outage() -> None:
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


async def test_internal_error_ends_the_connection_and_not_the_agent(mosquitto, monkeypatch) -> None:
    async with on_stage(account(mosquitto())) as stage:
        monkeypatch.setattr(stage.publisher, "_publish_site", None)
        await stage.start()
        await stage.until(lambda: stage.counts.failures == {"bug": 1})
        assert not stage.counts.connected
