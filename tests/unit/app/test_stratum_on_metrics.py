"""An agent on simulated rigs and two pools: the rigs' pools are watched and shown on page, market and status page."""

import asyncio
import socket
from dataclasses import replace

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from stratoscope.app.agent import Agent
from stratoscope.app.stratum_service import add_endpoints, iter_slices, place_of_rig
from stratoscope.clock import SystemClock
from stratoscope.config import Config
from stratoscope.fleet import Judged, PollStatus, RigSnapshot
from stratoscope.reading import PoolSlot, Reading
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.fleet import SimulatedFleet, targets
from stratoscope.simulate.pool import Habits, StratumPool


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def site(tmp_path):
    """A running agent on three rigs whose pools are two simulated ones; yields (agent, pools, urls, chain, get)."""
    clock = SystemClock()
    chain = Chain(seed=1, clock=clock)
    pools = [StratumPool(chain, clock=clock, seed=n, habits=Habits(open=True)) for n in range(2)]
    urls = [f"stratum+tcp://127.0.0.1:{await pool.start()}" for pool in pools]
    fleet = SimulatedFleet(
        rigs=3,
        seed=3,
        clock=clock,
        mix={"antminer": 1},
        troubles=False,
        base="127.96.0.1",
        pool_url=urls[0],
        backup_url=urls[1],
    )
    await fleet.start()
    port = free_port()
    agent = Agent(
        Config.model_validate(
            {
                "polling": {"interval": 5},
                "rigs": targets(fleet),
                "state_dir": str(tmp_path),
                "stratum": {},
                "market": {
                    "network": [{"kind": "fixed", "height": 900_000, "difficulty": 149301205959699.9, "fees": 0.01}],
                    "prices": [{"kind": "fixed", "price": 91_132}],
                },
                "exporters": {"prometheus": {"listen": f"127.0.0.1:{port}"}},
            }
        ),
        clock,
    )
    running = asyncio.create_task(agent.run())

    async def get(path: str) -> str:
        async with ClientSession(f"http://127.0.0.1:{port}") as session, session.get(path) as answer:
            assert answer.status == 200
            return await answer.text()

    yield agent, pools, urls, chain, get
    agent.stop()
    await asyncio.wait_for(running, 30)
    await fleet.stop()
    for pool in pools:
        await pool.stop()


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (s.name, frozenset(s.labels.items())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


async def test_the_pools_of_the_rigs_are_watched_and_shown(site):
    agent, pools, urls, chain, get = site
    watch = agent.services.stratum
    for _ in range(600):  # the rigs are polled within five seconds
        seen = list(watch.now.endpoints.values())
        if len(seen) == 2 and all(one.template for one in seen) and any(one.rigs == 3 for one in seen):
            break
        await asyncio.sleep(0.05)
    chain.mine()
    for pool in pools:
        pool.announce()
    await asyncio.sleep(0.1)
    watch.standing.tick()
    agent.services.market._now = None
    watch._now = None
    page = samples(await get("/metrics"))

    def of(name: str, **labels: str) -> float:
        return page[f"mining_stratum_{name}", frozenset(labels.items())]

    for url in urls:
        assert of("up", endpoint=url) == 1
        assert of("blocks_total", endpoint=url) == 1
        assert of("block_delay_seconds_count", endpoint=url) == 1
        assert of("block_delay_seconds_bucket", endpoint=url, le="+Inf") == 1
        assert of("job_height", endpoint=url) == chain.tip().height + 1
        assert of("chain_match", endpoint=url, chain="bitcoin") == 1
    assert of("rigs", endpoint=urls[0]) == 3
    assert of("rigs_hashrate_hashes_per_second", endpoint=urls[0]) > 1e14
    assert of("tip_height") == chain.tip().height
    assert page["mining_template_height", frozenset()] == chain.tip().height + 1
    assert page["mining_template_disagrees", frozenset({("of", "height")})] == 1, "the fixed market does not move"
    assert page["mining_hashprice_template_btc_per_ph_day", frozenset()] > 0
    assert not [key for key in page if "account." in str(key)], "user names must not be on the page"
    shown = await get("/")
    assert "Stratum endpoints" in shown
    assert all(url in shown for url in urls)
    assert f"{chain.tip().height}" in shown


def snapshot(*slots: PoolSlot, address: str = "10.0.0.7", algorithm: str | None = "sha256") -> RigSnapshot:
    reading = Reading(driver="x", algorithm=algorithm, pools=slots)  # type: ignore[arg-type]
    return RigSnapshot(
        rig=address,
        state="hashing",
        polling=PollStatus(address=address, interval=30.0),
        reading=reading,
        judged=Judged(hashrate=1e14),
    )


def test_rigs_are_counted_at_their_active_slot_only():
    one = snapshot(
        PoolSlot(index=0, url="a:1", user="acct.x", active=True), PoolSlot(index=1, url="b:1", user="acct.x")
    )
    other = snapshot(
        PoolSlot(index=0, url="a:1", active=False),
        PoolSlot(index=1, url="b:1", active=True, user="w.y"),
        PoolSlot(index=2),
        address="203.0.113.5:4029",
    )
    found = add_endpoints([one, other, replace(one, reading=None)], {})
    assert set(found) == {"a:1", "b:1"}
    assert (found["a:1"].share.rigs, found["a:1"].share.hashrate, found["a:1"].user) == (1, 1e14, "acct.x")
    assert (found["b:1"].share.rigs, found["b:1"].user) == (1, "w.y")
    assert "private" in found["a:1"].places
    assert len(found["a:1"].places) in (1, 2)


def test_every_rig_of_a_large_fleet_is_counted_over_all_slices():
    rigs = [
        snapshot(PoolSlot(index=0, url="a:1", active=True), address=f"10.0.{n // 250}.{n % 250}") for n in range(1234)
    ]
    found = {}
    for some in iter_slices(rigs):
        add_endpoints(some, found)
    assert (found["a:1"].share.rigs, found["a:1"].share.hashrate) == (1234, pytest.approx(1234e14))


def test_the_pools_of_another_algorithm_are_not_watched():
    litecoin = snapshot(PoolSlot(index=0, url="ltc.example:3333", active=True), algorithm="scrypt")
    assert add_endpoints([litecoin], {}) == {}


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("10.0.0.7", "private"),
        ("10.0.0.7:4029", "private"),
        ("127.64.0.1", "loopback"),
        ("[fd00::7]:4028", "private"),
        ("[::1]", "loopback"),
        ("rig-7.lan", "private"),
        ("8.8.8.8:80", "public"),
    ],
)
def test_the_network_of_a_rig_follows_from_its_address(address, place):
    assert place_of_rig(address) == place
