"""Reads one simulated rig of every family with a whole agent, once, with a market and tariffs."""

import asyncio
import os
from dataclasses import dataclass

import pytest

from stratoscope.app.agent import Agent
from stratoscope.app.demo import ECONOMICS, TARIFF
from stratoscope.clock import SystemClock
from stratoscope.config import Config
from stratoscope.fleet import RigSnapshot
from stratoscope.metrics import MARKET, Section, Tally, totals
from stratoscope.simulate.families import FAMILIES
from stratoscope.simulate.fleet import targets
from stratoscope.simulate.serve import site
from stratoscope_exporters.homeassistant.documents import Devices
from stratoscope_exporters.mqtt.documents import RigDocuments, SiteDocuments
from stratoscope_exporters.mqtt.topics import Topics
from stratoscope_exporters.mqtt.tree import Object

TOPICS = Topics("stratoscope", "north")


def topic_of(object_id: str) -> str:
    """Return the discovery topic of a device."""
    return f"homeassistant/device/stratoscope_north/{object_id.removeprefix('stratoscope_north_')}/config"


@dataclass
class Farm:
    """What the agent knew once everything was read."""

    rigs: dict[str, RigSnapshot]  # family → snapshot
    documents: dict[str, Object]  # family → its document
    site: Object


async def read_all() -> Farm:
    pid, clock = os.getpid(), SystemClock()
    base = f"127.{100 + pid % 100}.{pid // 100 % 250}.1"
    mix = dict.fromkeys(FAMILIES, 1.0)
    async with site(rigs=len(mix), bind=base, seed=7, clock=clock, mix=mix, troubles=False) as (fleet, urls):
        config = Config.model_validate(
            {
                "site": "north",
                "polling": {"interval": 5, "freshness": 60},
                "rigs": targets(fleet),
                "market": {
                    "interval": 10,
                    "network": [{"kind": "mempool", "url": urls["market"]}],
                    "prices": [{"kind": kind, "url": urls["market"]} for kind in ("mempool", "coinbase")],
                },
                "tariffs": {"default": TARIFF, "night shift": {"energy": {"type": "fixed", "price": 0.03}}},
                "economics": ECONOMICS,
                "exporters": {},
            }
        )
        agent = Agent(config, clock, remember=False)
        run = asyncio.create_task(agent.run())
        try:
            async with asyncio.timeout(60):
                while sum(map(known, agent.fleet.snapshots.values())) < len(fleet.rigs):
                    await asyncio.sleep(0.2)
            return taken(agent, {rig.name: rig.family for rig in fleet.rigs}, clock.time())
        finally:
            agent.stop()
            await run


def known(snapshot: RigSnapshot) -> bool:
    """Tell whether the rig was read after the market was."""
    own = snapshot.economics
    return (
        snapshot.reading is not None
        and own is not None
        and (
            snapshot.judged.hashrate is None
            or own.revenue_per_day is not None
            or own.algorithm not in ("sha256", "scrypt")
        )
        and snapshot.polling.polls.get("ok", 0) > 1
    )


def taken(agent: Agent, families: dict[str, str], now: float) -> Farm:
    make = RigDocuments()
    rigs = {families[rig]: snapshot for rig, snapshot in agent.fleet.snapshots.items()}
    documents = {family: make.document(snapshot, 1, now) for family, snapshot in rigs.items()}
    market = agent.services.market
    books = agent.services.money.economist.books(now)
    sections = (Section(MARKET, lambda: market.now),)
    money = books(Tally.of(snapshot).money for snapshot in rigs.values())
    sums = totals([Tally.of(snapshot) for snapshot in rigs.values()], energy=3.6e9)
    return Farm(rigs, documents, SiteDocuments("north", sections).document(sums, money, now))


@pytest.fixture(scope="session")
def farm() -> Farm:
    return asyncio.run(read_all())


@pytest.fixture
def devices() -> Devices:
    return Devices(TOPICS, "0.1.0")
