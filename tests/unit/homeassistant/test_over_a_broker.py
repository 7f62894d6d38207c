"""The exporter, a real mosquitto, and a consumer that takes discovery and states as Home Assistant does."""

import asyncio
import contextlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.homeassistant import HomeAssistant
from fakes.mosquitto import passwords
from stratoscope.outside import backoff
from stratoscope.outside.broker import Account, Connection, Outgoing
from stratoscope_exporters.homeassistant import announcer, discovery
from stratoscope_exporters.mqtt.settings import Settings
from unit.mqtt.conftest import account, listen, mosquitto  # noqa: F401 — fixtures
from unit.mqtt.stage import Stage

pytestmark = pytest.mark.needs("mosquitto")
ROOT = Path(__file__).resolve().parents[3]
SITE = "stratoscope_farm1_site"
both = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


def device(number: int) -> str:
    return f"stratoscope_farm1_0200000000{number:02x}"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(discovery, "QUIET", 0.2)
    monkeypatch.setattr(discovery, "SUBSCRIBED", 0.3)
    monkeypatch.setattr(announcer, "LINGER", 0.3)


class Home(HomeAssistant):
    """A Home Assistant on a broker. It hears a device's topics only once it knows the device, and then what they
    retain: where agent and rigs stand, but no states.
    """

    def __init__(self, who: Account) -> None:
        super().__init__()
        self.connection = Connection(who)
        self.retained: dict[str, bytes] = {}
        self.discovered = 0
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> "Home":
        await self.connection.connect()
        await self.connection.subscribe(("#",))
        self.task = asyncio.create_task(self._live())
        return self

    async def _live(self) -> None:
        while True:
            message = await self.connection.receive()
            if message.topic.endswith(("/status", "/availability")):
                self.retained[message.topic] = message.payload
            self.receive(message.topic, message.payload)
            if message.topic.endswith("/config"):
                self.discovered += 1
                for topic, payload in self.retained.items():
                    self.receive(topic, payload)

    async def born(self) -> None:
        await self.connection.publish(Outgoing("homeassistant/status", b"online", 1))

    async def until(self, condition, seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.connection.close(clean=True)


@pytest.fixture
async def home():
    """Return a function that starts a Home Assistant on a broker."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(who: Account) -> Home:
            made = await Home(who).start()
            stack.push_async_callback(made.stop)
            return made

        yield start


@pytest.fixture
async def stage():
    """Return a function that makes a publisher with Home Assistant switched on."""
    async with contextlib.AsyncExitStack() as stack:

        def make(who: Account, **settings) -> Stage:
            made = Stage(who, **{"homeassistant": True, **settings})
            stack.push_async_callback(made.stop)
            return made

        yield make


@both
async def test_rigs_and_site_appear_with_their_values(mosquitto, home, stage, protocol):  # noqa: F811 — fixture
    broker = mosquitto()
    there = await home(account(broker))
    agent = stage(account(broker, protocol=protocol))
    for number in range(3):
        agent.poll(number)
    await agent.start()
    await there.until(lambda: there.devices.keys() >= {SITE, *map(device, range(3))})
    await there.until(lambda: there.state(device(2), "power_watts") == 3250.0)
    await there.until(lambda: there.state(SITE, "power_watts") == 3 * 3250.0)
    assert there.state(device(0), "online") is True
    assert there.state(device(0), "state") == "degraded"
    agent.poll(0, state="offline", reading=None)
    await there.until(lambda: there.state(device(0), "online") is False)
    assert there.state(device(0), "power_watts") == "unavailable"
    await there.until(lambda: there.state(device(0), "state") == "offline")
    await agent.until(lambda: agent.idle)
    await agent.stop()
    await there.until(lambda: there.state(device(1), "power_watts") == "unavailable")
    assert there.state(SITE, "agent") is False


async def test_home_assistant_that_starts_is_told_and_then_hears_the_states(mosquitto, home, stage):  # noqa: F811 — fixture
    broker = mosquitto()
    agent = stage(account(broker))
    agent.poll(1)
    await agent.start()
    await agent.until(lambda: agent.idle and agent.counts.confirmed["retained"] >= 4)
    there = await home(account(broker))
    await there.until(lambda: device(1) in there.devices)
    before = there.discovered
    assert there.state(device(1), "power_watts") == "unavailable"  # not heard yet
    await there.born()
    await there.until(lambda: there.discovered >= before + 2)
    await there.until(lambda: there.state(device(1), "power_watts") == 3250.0)


async def test_a_broker_that_forgot_everything_is_told_everything(mosquitto, home, stage):  # noqa: F811 — fixture
    broker = mosquitto()
    agent = stage(account(broker))
    agent.poll(1)
    await agent.start()
    await agent.until(lambda: agent.idle and agent.publisher._discovery.announcer.announced == 1)
    broker.kill()
    await agent.until(lambda: not agent.counts.connected)
    again = broker.again()
    try:
        there = await home(account(again))
        await there.until(lambda: there.devices.keys() >= {SITE, device(1)})
    finally:
        await agent.stop()
        again.stop()


async def test_a_rig_that_left_is_taken_away_and_leaves_nothing_behind(mosquitto, home, listen, stage):  # noqa: F811 — fixture
    broker = mosquitto()
    there = await home(account(broker))
    agent = stage(account(broker))
    agent.poll(1)
    agent.poll(2)
    await agent.start()
    await there.until(lambda: there.devices.keys() >= {device(1), device(2)})
    agent.fleet.remove("r1")
    await there.until(lambda: device(1) not in there.devices)
    await agent.until(lambda: agent.idle)
    ear = await listen(account(broker))
    await ear.until(lambda heard: len(heard) >= 4)
    await asyncio.sleep(0.3)
    assert {message.topic for message in ear.heard if message.retained} == {
        "stratoscope/v1/farm1/agent/status",
        "stratoscope/v1/farm1/rig/020000000002/availability",
        "homeassistant/device/stratoscope_farm1/020000000002/config",
        "homeassistant/device/stratoscope_farm1/site/config",
    }


async def test_what_left_while_the_agent_was_down_is_taken_away_and_the_rest_stays(mosquitto, home, stage):  # noqa: F811 — fixture
    broker = mosquitto()
    there = await home(account(broker))
    first = stage(account(broker))
    for number in (1, 2, 3):
        first.poll(number)
    await first.start()
    await there.until(lambda: there.devices.keys() >= set(map(device, (1, 2, 3))))
    entities = set(there.of(device(2)))
    await first.stop()
    second = stage(account(broker))
    second.poll(1)
    second.poll(2, state="offline", reading=None)
    await second.start()
    await there.until(lambda: device(3) not in there.devices)
    await second.until(lambda: second.idle)
    assert there.devices.keys() == {SITE, device(1), device(2)}
    assert set(there.of(device(2))) == entities
    assert there.removed
    assert all(unique.startswith(device(3)) for unique in there.removed)


async def test_without_the_right_to_read_devices_are_announced_all_the_same(mosquitto, tmp_path, home, stage):  # noqa: F811 — fixture
    (tmp_path / "acl").write_text("user agent\ntopic write #\nuser home\ntopic readwrite #\n")
    logins = passwords(tmp_path, agent="one", home="two")
    broker = mosquitto(logins, "acl_file acl", anonymous=False)
    there = await home(account(broker, user="home", password="two"))
    agent = stage(account(broker, user="agent", password="one"))
    agent.poll(1)
    await agent.start()
    await there.until(lambda: device(1) in there.devices)
    await there.until(lambda: there.state(device(1), "power_watts") == 3250.0)
    await agent.until(lambda: agent.idle)
    assert agent.counts.connects == 1


async def test_the_shipped_rules_let_agent_and_home_assistant_do_all_this(mosquitto, tmp_path, home, stage):  # noqa: F811 — fixture
    shutil.copy(ROOT / "deploy/mosquitto/acl", tmp_path / "acl")
    logins = passwords(tmp_path, publisher="one", reader="two")
    broker = mosquitto(logins, "acl_file acl", anonymous=False)
    there = await home(account(broker, user="reader", password="two"))
    first = stage(account(broker, user="publisher", password="one"))
    first.poll(1)
    first.poll(2)
    await first.start()
    await there.until(lambda: there.devices.keys() >= {device(1), device(2)})
    before = there.discovered
    await there.born()
    await there.until(lambda: there.discovered >= before + 3)
    await first.stop()
    second = stage(account(broker, user="publisher", password="one"))
    second.poll(1)
    await second.start()
    await there.until(lambda: device(2) not in there.devices)
    await second.until(lambda: second.idle)


async def test_a_flood_of_foreign_devices_does_not_reach_the_agent(mosquitto, home, stage):  # noqa: F811 — fixture
    broker = mosquitto()
    other = Connection(account(broker))
    await other.connect()
    await other.publish(Outgoing("homeassistant/device/x/config", b"{" * 200_000, 1, retain=True))
    await other.publish(Outgoing("homeassistant/device/stratoscope_farm1/site/config", b"\xff{", 1, retain=True))
    agent = stage(account(broker, protocol="3.1.1"))
    agent.poll(1)
    await agent.start()
    await agent.until(lambda: agent.idle and agent.publisher._discovery.announcer.announced == 1)
    await asyncio.sleep(0.5)
    assert agent.counts.connects == 1
    await other.close(clean=True)


async def test_a_huge_message_in_our_own_place_does_not_keep_the_agent_away(mosquitto, home, stage, monkeypatch):  # noqa: F811 — fixture
    monkeypatch.setattr(backoff, "LONGEST", 0.05)
    broker = mosquitto()
    other = Connection(account(broker))
    await other.connect()
    await other.publish(Outgoing("homeassistant/device/stratoscope_farm1/x/config", b"{" * 200_000, 1, retain=True))
    agent = stage(account(broker, protocol="3.1.1"))
    agent.poll(1)
    await agent.start()
    await agent.until(lambda: agent.counts.connects == 4 and agent.idle)
    await asyncio.sleep(0.5)
    assert agent.counts.connects == 4
    there = await home(account(broker))
    await there.until(lambda: device(1) in there.devices)
    await other.close(clean=True)


async def test_every_rig_beyond_the_cap_is_counted_and_is_in_the_sums(mosquitto, home, stage):  # noqa: F811 — fixture
    broker = mosquitto()
    there = await home(account(broker))
    agent = stage(account(broker), homeassistant={"max_rigs": 2})
    for number in range(5):
        agent.poll(number)
    await agent.start()
    await there.until(lambda: there.devices.keys() >= {SITE, device(0), device(1)})
    await there.until(lambda: there.state(SITE, "power_watts") == 5 * 3250.0)
    await agent.until(lambda: agent.idle)
    assert len(there.devices) == 3
    shown = {"announced": 2.0, "withheld": 3.0}
    for outcome, count in shown.items():
        assert agent.registry.get_sample_value("stratoscope_homeassistant_rigs", {"outcome": outcome}) == count


async def test_a_renamed_rig_is_the_same_device(mosquitto, home, stage):  # noqa: F811 — fixture
    broker = mosquitto()
    there = await home(account(broker))
    agent = stage(account(broker))
    snapshot = agent.poll(1)
    await agent.start()
    await there.until(lambda: device(1) in there.devices)
    agent.fleet.remove("r1")
    agent.fleet.publish(replace(snapshot, rig="attic"))
    await there.until(lambda: there.devices[device(1)]["name"] == "attic")
    await agent.until(lambda: agent.idle)
    assert there.removed == []


@pytest.mark.parametrize(("written", "on"), [(True, True), ({}, True), (False, False), (None, False)])
def test_home_assistant_is_switched_on_by_its_section(written, on):
    assert (Settings(homeassistant=written).homeassistant is not None) == on


def test_batches_and_home_assistant_exclude_each_other():
    with pytest.raises(ValueError, match="batch"):
        Settings(batch=True, homeassistant=True)
