"""The agent as a process with a real broker: messages, polling during a broker outage, and clean stop."""

import asyncio
import json
from pathlib import Path

import pytest

from fakes.addresses import free_base
from fakes.mosquitto import Mosquitto
from fakes.programs import Agent, eventually, get
from stratoscope.clock import SystemClock
from stratoscope.outside.broker import BrokerAccount, BrokerConnection, Incoming, Outgoing
from stratoscope.simulate.fleet import SimulatedFleet, targets

pytestmark = [pytest.mark.timeout(240), pytest.mark.needs("mosquitto")]
ROOT = "stratoscope/v1/north"


@pytest.fixture
async def fleet():
    made = SimulatedFleet(rigs=12, seed=5, clock=SystemClock(), troubles=False, base=free_base())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def broker(tmp_path: Path):
    folder = tmp_path / "broker"
    folder.mkdir()
    started = Mosquitto(folder)
    yield started
    started.stop()


def metric(agent: Agent, name: str, **labels: str) -> float:
    wanted = name + ("{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else "")
    for line in get(f"{agent.url}/metrics")[1].decode().splitlines():
        if line.rpartition(" ")[0] == wanted:
            return float(line.rpartition(" ")[2])
    raise KeyError(wanted)


def polls(agent: Agent) -> float:
    lines = get(f"{agent.url}/metrics")[1].decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("mining_rig_polls_total"))


async def off_loop(work, *args):
    return await asyncio.to_thread(work, *args)


async def receive_until(port: int, enough, *filters: str, subscribed: asyncio.Event | None = None) -> list[Incoming]:
    """Return the messages that a subscriber receives until `enough` is true for them."""
    subscriber, found = BrokerConnection(BrokerAccount(host="127.0.0.1", port=port, keepalive=600), 1 << 20), []
    await subscriber.connect()
    await subscriber.subscribe(filters or ("#",))
    if subscribed is not None:
        subscribed.set()
    async with asyncio.timeout(240):
        while not enough(found):
            found.append(await subscriber.receive())
    await subscriber.close(clean=True)
    return found


async def started(fleet: SimulatedFleet, broker: Mosquitto, folder: Path) -> Agent:
    config = {
        "site": "north",
        "rigs": targets(fleet),
        "polling": {"interval": 5, "freshness": 10},
        "mqtt": {"host": "127.0.0.1", "port": broker.port, "keepalive": 5},
        "exporters": {"mqtt": {"site_interval": 1}},
    }
    agent = await off_loop(Agent, folder, config)
    await off_loop(eventually, lambda: metric(agent, "stratoscope_mqtt_connected") == 1, 120, "the connection")
    return agent


@pytest.mark.waits(50)
async def test_f36_polling_continues_while_the_broker_is_frozen_and_events_arrive_afterwards(
    fleet, broker, tmp_path: Path
) -> None:
    agent = await started(fleet, broker, tmp_path)
    try:
        found = await receive_until(
            broker.port, lambda f: len({m.topic for m in f if m.topic.endswith("/state")}) == 13
        )
        ids = {m.topic.split("/")[4] for m in found if "/rig/" in m.topic}
        assert len(ids) == 12
        rig = next(json.loads(m.payload) for m in found if "/rig/" in m.topic and m.topic.endswith("/state"))
        assert rig["state"] == "hashing"
        subscribed = asyncio.Event()  # before the freeze, because events may arrive as soon as the broker thaws
        listening = asyncio.create_task(
            receive_until(
                broker.port,
                lambda f: sum("/event/rig_down" in m.topic for m in f) >= 12,
                f"{ROOT}/event/#",
                subscribed=subscribed,
            )
        )
        await subscribed.wait()
        broker.freeze()
        before = await off_loop(polls, agent)
        await off_loop(eventually, lambda: metric(agent, "stratoscope_mqtt_connected") == 0, 120, "the connection loss")
        await fleet.stop()  # every rig goes offline, which causes events
        await off_loop(eventually, lambda: polls(agent) >= before + 24, 120, "polling to continue")
        await off_loop(
            eventually,
            lambda: metric(agent, "stratoscope_mqtt_messages_queued", kind="event") >= 12,
            120,
            "queued events",
        )
        broker.thaw()
        events = [json.loads(m.payload) for m in await listening if "/event/rig_down" in m.topic]
        assert {event["id"] for event in events} == ids
        assert all(event["details"]["now"] == "offline" for event in events)
        await receive_until(
            broker.port,
            lambda f: list({m.topic: m.payload for m in f}.values()) == [b"offline"] * 12,
            f"{ROOT}/rig/+/availability",
        )
    finally:
        await off_loop(agent.stop)


@pytest.mark.parametrize("state", ["up", "frozen", "down"])
async def test_f47_agent_stops_cleanly_in_every_broker_state(fleet, broker, tmp_path: Path, state: str) -> None:
    agent = await started(fleet, broker, tmp_path)
    if state == "frozen":
        broker.freeze()
    elif state == "down":
        broker.kill()
    assert await off_loop(agent.stop) == 0, agent.log()
    if state == "frozen":
        broker.thaw()
    if state != "down":
        late = await receive_until(broker.port, lambda f: f and f[-1].payload == b"offline", f"{ROOT}/agent/status")
        assert late[-1].payload == b"offline"


@pytest.mark.waits(11)
async def test_f37_rejected_broker_login_does_not_affect_metrics(fleet, tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Mosquitto(folder, anonymous=False)
    config = {
        "rigs": targets(fleet)[:3],
        "polling": {"interval": 5},
        "exporters": {"mqtt": {}},
        "mqtt": {"host": "127.0.0.1", "port": broker.port, "user": "nobody", "password": "hunter2"},
    }
    agent = await off_loop(Agent, tmp_path, config)
    try:
        await off_loop(eventually, lambda: polls(agent) >= 6, 120, "polls")
        page = get(f"{agent.url}/metrics")[1].decode()
        failed = [line for line in page.splitlines() if line.startswith("stratoscope_mqtt_failures_total")]
        assert len(failed) == 1
        assert failed[0].split()[0] in (
            'stratoscope_mqtt_failures_total{reason="denied"}',
            'stratoscope_mqtt_failures_total{reason="auth"}',
        )
        assert float(failed[0].split()[1]) <= 2
        assert "hunter2" not in page + agent.log().replace("password: hunter2", "")
    finally:
        await off_loop(agent.stop)
        broker.stop()


@pytest.mark.waits(18)
async def test_power_price_and_grid_call_from_mqtt_take_effect(fleet, broker, tmp_path: Path) -> None:
    source = {"kind": "mqtt", "interval": 5, "max_age": 60}
    config = {
        "rigs": targets(fleet)[:2],
        "polling": {"interval": 5},
        "mqtt": {"host": "127.0.0.1", "port": broker.port},
        "tariffs": {
            "default": {
                "energy": {
                    "type": "external",
                    "source": {**source, "topic": "grid/lmp", "path": "price", "unit": "MWh", "fallback": "none"},
                },
                "curtailment": {"event_source": {**source, "topic": "grid/call"}},
            }
        },
    }
    agent = await off_loop(Agent, tmp_path, config)
    client = BrokerConnection(BrokerAccount(host="127.0.0.1", port=broker.port))
    try:
        await client.connect()
        await off_loop(eventually, lambda: metric(agent, "stratoscope_mqtt_inbox_connected") == 1, 120, "the inbox")
        await asyncio.sleep(0.5)
        await client.publish(Outgoing("grid/lmp", b'{"price": 42.5}', 1))
        await client.publish(Outgoing("grid/call", b"true", 1))
        price = {"tariff": "default", "kind": "marginal", "currency": "USD"}
        await off_loop(
            eventually, lambda: metric(agent, "mining_tariff_price_fiat_per_kwh", **price) == 0.0425, 120, "the price"
        )
        await off_loop(eventually, lambda: "the grid calls for less load" in agent.log(), 120, "the call")
    finally:
        await client.close(clean=True)
        await off_loop(agent.stop)
