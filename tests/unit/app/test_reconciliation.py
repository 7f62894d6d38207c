"""The demo's agent on its simulated pools: workers match, the shortfall is found, the waterfall is on the page."""

import asyncio
import contextlib

import pytest

from stratoscope.app import reconcile_service
from stratoscope.app.agent import Agent
from stratoscope.app.demo_pools import pool_entries, reconciler_with_history
from stratoscope.clock import SystemClock
from stratoscope.config import Config
from stratoscope.metrics import RECONCILED, Section
from stratoscope.pools import poller
from stratoscope.simulate.fleet import targets
from stratoscope.simulate.serve import site
from stratoscope_exporters.exposition.page import SectionBlocks
from stratoscope_exporters.exposition.text import Form

pytestmark = pytest.mark.timeout(300)  # a request to a pool that fails on a busy machine is retried after a minute


async def become(condition, seconds=200.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.1)


@pytest.fixture
async def agent(monkeypatch, free_base):
    monkeypatch.setattr(reconcile_service, "TICK_S", 0.5)
    monkeypatch.setattr(poller, "SPREAD", 0.1)
    clock = SystemClock()
    async with site(rigs=40, bind=free_base, seed=3, clock=clock, troubles=False, shared=True) as (fleet, urls):
        mempool = {"kind": "mempool", "url": urls["market"]}
        config = Config.model_validate(
            {
                "site": "demo",
                "polling": {"interval": 5},
                "rigs": targets(fleet),
                "exporters": {},
                "pools": pool_entries(urls),
                "market": {"interval": 10, "network": [mempool], "prices": [mempool]},
            }
        )
        made = Agent(config, clock, remember=False, past=reconciler_with_history(fleet.past, config))
        running = asyncio.ensure_future(made.run())
        yield made
        made.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.fixture
def free_base() -> str:
    return "127.98.7.1"


async def test_the_pools_of_the_demo_are_reconciled_with_its_rigs(agent):
    def whole() -> bool:
        pools = {one.pool: one for one in agent.services.reconcile.now or ()}
        return (
            len(pools) == 3
            and all(
                one.rigs["matched"] and one.worker_matches.get("unmatched") == 0 and not one.rigs["unmatched"]
                for one in pools.values()
            )
            and pools["north"].waterfall is not None
        )

    await become(whole)
    pools = {one.pool: one for one in agent.services.reconcile.now}
    assert pools["south"].verdict == "short"
    assert 1 - pools["south"].finding.rate == pytest.approx(0.03, abs=0.01)
    assert pools["north"].verdict == "in full"
    assert pools["solo"].odds is not None
    fall = pools["north"].waterfall
    assert fall.factors["residual"] == pytest.approx(1.0, abs=0.01)
    assert fall.factors["pool_fee"] == pytest.approx(0.98, abs=0.001)
    assert fall.factors["rate_method"] == pytest.approx(1.0, abs=0.01)
    page = b"".join(SectionBlocks(Section(RECONCILED, lambda: agent.services.reconcile.now)).blocks(Form.TEXT)).decode()
    assert 'mining_pool_shortfall{pool="south"} 1' in page
    assert 'mining_pool_shortfall{pool="north"} 0' in page
    assert 'mining_pool_waterfall_ratio{pool="north",factor="residual"} ' in page
    assert 'mining_worker_credited_ratio{pool="south",rig="rig-000' in page
    assert 'mining_pool_block_probability_ratio{pool="solo",within="365d"} ' in page
    rows = {row.rig for one in agent.services.pools.now for row in one.workers}
    assert "rig-00000" in rows, "workers have their rig"
