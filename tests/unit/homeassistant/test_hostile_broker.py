"""Foreign and oversized messages on the discovery topics do not disturb the agent."""

import asyncio

import pytest

from stratoscope.outside import backoff
from stratoscope.outside.broker import BrokerConnection, Outgoing
from unit.mqtt.conftest import account

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.usefixtures("impatient")]


def device(number: int) -> str:
    return f"stratoscope_farm1_0200000000{number:02x}"


async def test_flood_of_foreign_devices_does_not_reach_the_agent(mosquitto, home, stage):
    broker = mosquitto()
    other = BrokerConnection(account(broker))
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


async def test_oversized_message_on_own_topics_does_not_block_the_agent(mosquitto, home, stage, monkeypatch):
    fast = backoff.Backoff(first_s=0.05, max_s=0.05)
    monkeypatch.setattr(backoff, "BROKER", fast)
    monkeypatch.setattr(backoff, "BROKER_PERSISTENT", fast)
    broker = mosquitto()
    other = BrokerConnection(account(broker))
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
