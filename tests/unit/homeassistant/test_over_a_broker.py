"""The exporter, a real mosquitto, and a consumer that takes discovery and states as Home Assistant does."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.mosquitto import passwords
from unit.mqtt.conftest import account

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.usefixtures("impatient")]
ROOT = Path(__file__).resolve().parents[3]
SITE = "stratoscope_farm1_site"
both = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


def device(number: int) -> str:
    return f"stratoscope_farm1_0200000000{number:02x}"


@both
async def test_rigs_and_site_appear_with_their_values(mosquitto, home, stage, protocol):
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


async def test_home_assistant_restart_gets_announcements_and_states(mosquitto, home, stage):
    broker = mosquitto()
    agent = stage(account(broker))
    agent.poll(1)
    await agent.start()
    await agent.until(lambda: agent.idle and agent.counts.confirmed["retained"] >= 4)
    there = await home(account(broker))
    await there.until(lambda: device(1) in there.devices)
    before = there.discovered
    assert there.state(device(1), "power_watts") == "unavailable"  # not heard yet
    await there.publish_birth()
    await there.until(lambda: there.discovered >= before + 2)
    await there.until(lambda: there.state(device(1), "power_watts") == 3250.0)


async def test_broker_without_retained_messages_gets_everything_again(mosquitto, home, stage):
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


async def test_removed_rig_leaves_no_retained_messages(mosquitto, home, listen, stage):
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


async def test_rigs_removed_while_the_agent_was_down_disappear_and_others_stay(mosquitto, home, stage):
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


async def test_announces_devices_without_read_permission(mosquitto, tmp_path, home, stage):
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


async def test_shipped_broker_rules_allow_agent_and_home_assistant(mosquitto, tmp_path, home, stage):
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
    await there.publish_birth()
    await there.until(lambda: there.discovered >= before + 3)
    await first.stop()
    second = stage(account(broker, user="publisher", password="one"))
    second.poll(1)
    await second.start()
    await there.until(lambda: device(2) not in there.devices)
    await second.until(lambda: second.idle)


async def test_rigs_above_the_limit_are_counted_and_in_the_totals(mosquitto, home, stage):
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


async def test_a_renamed_rig_is_the_same_device(mosquitto, home, stage):
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
