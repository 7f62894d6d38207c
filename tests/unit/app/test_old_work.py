"""A rig that works on an old block, end to end: a real agent, simulated rigs and the pool they mine at."""

import asyncio
import contextlib
import socket

from aiohttp import ClientError, ClientSession
from prometheus_client.parser import text_string_to_metric_families

from stratoscope.app.agent import Agent
from stratoscope.clock import SystemClock
from stratoscope.config import Config
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.fleet import SimulatedFleet, targets
from stratoscope.simulate.pool import Habits, StratumPool


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_rig_on_an_old_block_is_behind_until_it_moves_on():
    clock = SystemClock()
    chain = Chain(seed=2, clock=clock, early=(1e6,))  # no blocks except those that the test mines
    pool = StratumPool(chain, clock=clock, seed=1, habits=Habits(open=True))
    url = f"stratum+tcp://127.0.0.1:{await pool.start()}"
    fleet = SimulatedFleet(
        rigs=3,
        seed=4,
        clock=clock,
        troubles=False,
        base="127.97.4.1",
        pool_url=url,
        chain=chain,
        mix={"sealminer": 1, "cgminer": 1, "antminer": 1},
    )
    await fleet.start()
    port = free_port()
    agent = Agent(
        Config.model_validate(
            {
                "polling": {"interval": 5},
                "rigs": targets(fleet),
                "stratum": {},
                "exporters": {"prometheus": {"listen": f"127.0.0.1:{port}"}},
            }
        ),
        clock,
        remember=False,
    )
    running = asyncio.create_task(agent.run())
    reporting = {rig.family: rig for rig in fleet.rigs if rig.family != "antminer"}

    async def become(wanted: dict[str, float]) -> None:
        """Wait until the page shows `wanted`, by family, and nothing for a rig that does not report its block."""
        shown: dict[str, float] = {}
        for _ in range(300):
            page = ""
            with contextlib.suppress(ClientError):  # the agent does not listen yet
                async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                    page = await answer.text()
            rows = {
                s.labels["rig"]: s.value
                for family in text_string_to_metric_families(page)
                for s in family.samples
                if s.name == "mining_rig_behind_tip_blocks"
            }
            shown = {rig.family: rows[rig.name] for rig in fleet.rigs if rig.name in rows}
            if shown == wanted:
                return
            await asyncio.sleep(0.1)
        assert shown == wanted

    try:
        await become(dict.fromkeys(reporting, 0.0))
        reporting["cgminer"].force("old_work", duration=600)
        for _ in range(3):
            chain.mine()
            pool.announce()
            await asyncio.sleep(0.2)
        await become({"sealminer": 0.0, "cgminer": 3.0})
        reporting["sealminer"].force("old_work", duration=600)
        reporting["cgminer"].recover()
        chain.mine()
        chain.mine()
        pool.announce()
        await become({"sealminer": 2.0, "cgminer": 0.0})
        for rig in fleet.rigs:
            rig.recover()
        await become(dict.fromkeys(reporting, 0.0))
    finally:
        agent.stop()
        await asyncio.wait_for(running, 30)
        await fleet.stop()
        await pool.stop()
