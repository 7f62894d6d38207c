"""The agent as a process beside a real broker: what it publishes, polls while the broker is away, and its end."""

import asyncio
import json
from pathlib import Path

import pytest

from fakes.mosquitto import Mosquitto
from fakes.programs import Agent, eventually, get
from fakes.shelf import worker_block
from stratoscope.clock import SystemClock
from stratoscope.outside.broker import Account, Connection, Incoming, Outgoing
from stratoscope.simulate.fleet import SimulatedFleet, targets

pytestmark = [pytest.mark.timeout(240), pytest.mark.needs("mosquitto")]
ROOT = "stratoscope/v1/north"


@pytest.fixture
async def fleet():
    made = SimulatedFleet(rigs=12, seed=5, clock=SystemClock(), troubles=False, base=f"127.97.{worker_block()}.1")
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


async def subscribed(port: int, *filters: str, keepalive: int = 15) -> Connection:
    """Return a listener that has subscribed; it keeps what arrives until `received` takes it."""
    ear = Connection(Account(host="127.0.0.1", port=port, keepalive=keepalive), 1 << 20)
    await ear.connect()
    await ear.subscribe(filters or ("#",))
    return ear


async def received(ear: Connection, enough) -> list[Incoming]:
    """Return the listener's messages as soon as they are enough, and close it."""
    found = []
    async with asyncio.timeout(60):
        while not enough(found):
            found.append(await ear.receive())
    await ear.close(clean=True)
    return found


async def heard(port: int, enough, *filters: str) -> list[Incoming]:
    """Return the messages of a new listener as soon as they are enough."""
    return await received(await subscribed(port, *filters), enough)


async def started(fleet: SimulatedFleet, broker: Mosquitto, folder: Path) -> Agent:
    config = {
        "site": "north", "rigs": targets(fleet), "polling": {"interval": 5, "freshness": 10},
        "mqtt": {"host": "127.0.0.1", "port": broker.port, "keepalive": 5}, "exporters": {"mqtt": {"site_interval": 1}},
    }  # fmt: skip
    agent = await off_loop(Agent, folder, config)
    await off_loop(eventually, lambda: metric(agent, "stratoscope_mqtt_connected") == 1, 60, "the connection")
    return agent


async def test_f36_rigs_are_polled_as_ever_while_the_broker_is_frozen_and_events_come_after(
    fleet, broker, tmp_path: Path
) -> None:
    agent = await started(fleet, broker, tmp_path)
    try:
        found = await heard(broker.port, lambda f: len({m.topic for m in f if m.topic.endswith("/state")}) == 13)
        ids = {m.topic.split("/")[4] for m in found if "/rig/" in m.topic}
        assert len(ids) == 12
        rig = next(json.loads(m.payload) for m in found if "/rig/" in m.topic and m.topic.endswith("/state"))
        assert rig["state"] == "hashing"
        # Subscribed before the freeze, since events may arrive right after it; its keepalive outlasts the freeze.
        ear = await subscribed(broker.port, f"{ROOT}/event/#", keepalive=600)
        broker.freeze()
        before = await off_loop(polls, agent)
        await off_loop(eventually, lambda: metric(agent, "stratoscope_mqtt_connected") == 0, 60, "the loss is seen")
        await fleet.stop()  # every rig goes dark: events
        await off_loop(eventually, lambda: polls(agent) >= before + 24, 60, "polls go on")
        await off_loop(
            eventually, lambda: metric(agent, "stratoscope_mqtt_messages_queued", kind="event") >= 12, 60, "events wait"
        )
        broker.thaw()
        events = await received(ear, lambda f: sum("/event/rig_down" in m.topic for m in f) >= 12)
        told = [json.loads(m.payload) for m in events if "/event/rig_down" in m.topic]
        assert {event["id"] for event in told} == ids
        assert all(event["details"]["now"] == "offline" for event in told)
        await heard(
            broker.port, lambda f: list({m.topic: m.payload for m in f}.values()) == [b"offline"] * 12,
            f"{ROOT}/rig/+/availability",
        )  # fmt: skip
    finally:
        await off_loop(agent.stop)


@pytest.mark.parametrize("state", ["up", "frozen", "down"])
async def test_f47_the_agent_ends_in_order_whatever_the_broker_does(fleet, broker, tmp_path: Path, state: str) -> None:
    agent = await started(fleet, broker, tmp_path)
    if state == "frozen":
        broker.freeze()
    elif state == "down":
        broker.kill()
    assert await off_loop(agent.stop) == 0, agent.log()
    if state == "frozen":
        broker.thaw()
    if state != "down":
        late = await heard(broker.port, lambda f: f and f[-1].payload == b"offline", f"{ROOT}/agent/status")
        assert late[-1].payload == b"offline"


async def test_f37_a_broker_that_refuses_us_costs_the_pages_nothing(fleet, tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Mosquitto(folder, anonymous=False)
    config = {"rigs": targets(fleet)[:3], "polling": {"interval": 5}, "exporters": {"mqtt": {}},
              "mqtt": {"host": "127.0.0.1", "port": broker.port, "user": "nobody", "password": "hunter2"}}  # fmt: skip
    agent = await off_loop(Agent, tmp_path, config)
    try:
        await off_loop(eventually, lambda: polls(agent) >= 6, 60, "polls")
        page = get(f"{agent.url}/metrics")[1].decode()
        failed = [line for line in page.splitlines() if line.startswith("stratoscope_mqtt_failures_total")]
        assert len(failed) == 1
        assert failed[0].split()[0] in ('stratoscope_mqtt_failures_total{reason="denied"}',
                                        'stratoscope_mqtt_failures_total{reason="auth"}')  # fmt: skip
        assert float(failed[0].split()[1]) <= 2
        assert "hunter2" not in page + agent.log().replace("password: hunter2", "")
    finally:
        await off_loop(agent.stop)
        broker.stop()


async def test_a_power_price_and_a_call_of_the_grid_reach_the_metrics(fleet, broker, tmp_path: Path) -> None:
    source = {"kind": "mqtt", "interval": 5, "max_age": 60}
    config = {
        "rigs": targets(fleet)[:2], "polling": {"interval": 5}, "mqtt": {"host": "127.0.0.1", "port": broker.port},
        "tariffs": {"default": {
            "energy": {"type": "external",
                       "source": {**source, "topic": "grid/lmp", "path": "price", "unit": "MWh", "fallback": "none"}},
            "curtailment": {"event_source": {**source, "topic": "grid/call"}},
        }},
    }  # fmt: skip
    agent = await off_loop(Agent, tmp_path, config)
    hand = Connection(Account(host="127.0.0.1", port=broker.port))
    try:
        await hand.connect()
        await off_loop(eventually, lambda: metric(agent, "stratoscope_mqtt_inbox_connected") == 1, 60, "the inbox")
        await asyncio.sleep(0.5)
        await hand.publish(Outgoing("grid/lmp", b'{"price": 42.5}', 1))
        await hand.publish(Outgoing("grid/call", b"true", 1))
        price = {"tariff": "default", "kind": "marginal", "currency": "USD"}
        await off_loop(
            eventually, lambda: metric(agent, "mining_tariff_price_fiat_per_kwh", **price) == 0.0425, 60, "the price"
        )
        await off_loop(eventually, lambda: "the grid calls for less load" in agent.log(), 60, "the call")
    finally:
        await hand.close(clean=True)
        await off_loop(agent.stop)
