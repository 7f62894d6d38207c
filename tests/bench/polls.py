"""Measures the CPU of 1,000 polls, whole path, against pyasic-rs and pyasic on the same simulated rigs in one run.

    python -m tests.bench.polls [--rigs 300] [--rounds 6] [--family antminer ...] [--json]

Whole path here: connect, ask, parse, decode, judge, publish, render the exposition lines. pyasic-rs is asked without
the fields that cost it a web page, as it is used where speed matters; what it returns is a decoded record, not a
rendered one. CPU is the client process's own (user and system); the fleet is another process. Rounds alternate, the
median is given. Ratios hold on any machine, times do not.
"""

import argparse
import asyncio
import importlib
import json
import resource
import statistics
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry
from tests.bench.fleet import FleetProcess

from stratoscope import logs
from stratoscope.app.agent import Agent, plan_for
from stratoscope.clock import SystemClock
from stratoscope.config import Config, expand
from stratoscope.poll.loop import RigLoop
from stratoscope_exporters.exposition.meters import Meters
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.exposition.settings import Settings

FAMILIES = ("mixed", "antminer", "whatsminer", "luxos", "vnish")
MIXED = {"antminer": 28, "whatsminer": 12, "vnish": 10, "luxos": 9}
"""The four families that all three libraries read, in the proportions of the simulator's usual fleet."""

WEB = (
    "Chips",
    "Mac",
    "Hostname",
    "SerialNumber",
    "FirmwareVersion",
    "LightFlashing",
    "TuningTarget",
    "TuningPercent",
    "TuningCapabilities",
    "ControlBoardVersion",
    "DevFeeConnected",
    "BestShare",
    "SessionBestShare",
    "ApiVersion",
    "Messages",
    "PsuFans",
)
AT_ONCE = 64


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def all_of(jobs: list[Callable[[], Awaitable[Any]]], at_once: int = AT_ONCE) -> tuple[float, int]:
    """Run `jobs`; returns the CPU seconds they took and how many brought something."""
    gate, good = asyncio.Semaphore(at_once), 0

    async def one(job: Callable[[], Awaitable[Any]]) -> None:
        nonlocal good
        async with gate:
            brought = await job()
            good += bool(brought)

    started = cpu()
    await asyncio.gather(*(one(job) for job in jobs))
    return cpu() - started, good


class Ours:
    """The agent's own loops, ticked by hand, and the exporter's renderer."""

    name = "stratoscope"

    def __init__(self, rigs: list[dict[str, Any]]) -> None:
        self.agent = Agent(Config.model_validate({"rigs": rigs}), SystemClock(), remember=False)
        self.agent.events.listeners.clear()
        self.agent.collector.start()
        meters = Meters()
        meters.register(CollectorRegistry())
        self.renderer = Renderer(self.agent.fleet, SystemClock(), meters, Settings())
        deps = self.agent._poll_deps()
        self.loops = [RigLoop(plan_for(entry), deps) for entry in expand(self.agent.config)]
        self.tick = 0

    async def round(self) -> tuple[float, int]:
        async def poll(loop: RigLoop) -> bool:
            await loop.poll(self.tick)
            return loop.polling.last_reason == "ok"

        self.tick += 1
        started = cpu()
        _, good = await all_of([lambda loop=loop: poll(loop) for loop in self.loops])
        await self.renderer.catch_up()
        self.agent.collector.look()  # twice a second in life; a round takes about as long
        return cpu() - started, good

    async def close(self) -> None:
        await self.agent.wire.close()


class PyasicRs:
    """pyasic-rs 0.8 with the web fields excluded."""

    name = "pyasic_rs, web fields excluded"

    def __init__(self, rigs: list[dict[str, Any]]) -> None:
        self.addresses = [rig["address"] for rig in rigs]
        self.miners: list[Any] = []
        self.excluded: list[Any] = []

    async def prepare(self) -> None:
        library = importlib.import_module("pyasic_rs")
        fields = importlib.import_module("pyasic_rs.data").DataField
        self.excluded = [getattr(fields, name) for name in WEB if hasattr(fields, name)]

        async def find(address: str) -> None:
            miner = await library.MinerFactory().get_miner(address)
            if miner is not None:
                self.miners.append(miner)

        await all_of([lambda a=a: find(a) for a in self.addresses], 16)

    async def round(self) -> tuple[float, int]:
        async def poll(miner: Any) -> bool:
            return (await miner.get_data(exclude=self.excluded)).hashrate is not None

        return await all_of([lambda m=m: poll(m) for m in self.miners])

    async def close(self) -> None:
        self.miners.clear()


class Pyasic:
    """pyasic 0.79, everything it reads by default."""

    name = "pyasic"

    def __init__(self, rigs: list[dict[str, Any]]) -> None:
        self.addresses = [rig["address"] for rig in rigs]
        self.miners: list[Any] = []

    async def prepare(self) -> None:
        library = importlib.import_module("pyasic")

        async def find(address: str) -> None:
            miner = await library.get_miner(address)
            if miner is not None:
                self.miners.append(miner)

        await all_of([lambda a=a: find(a) for a in self.addresses], 8)

    async def round(self) -> tuple[float, int]:
        async def poll(miner: Any) -> bool:
            try:
                return (await miner.get_data()).hashrate is not None
            except Exception:  # noqa: BLE001 — one field it cannot read costs it the whole rig: not counted as a poll
                return False

        return await all_of([lambda m=m: poll(m) for m in self.miners], 16)

    async def close(self) -> None:
        self.miners.clear()


async def measure(family: str, rigs: int, rounds: int, slow: int) -> dict[str, dict[str, float]]:
    """Return CPU seconds per 1,000 polls (median, least) of each library on `rigs` rigs of one family."""
    fleet = FleetProcess(rigs, MIXED if family == "mixed" else {family: 1})
    samples: dict[str, list[float]] = {}
    try:
        ours, rust = Ours(fleet.targets), PyasicRs(fleet.targets)
        await rust.prepare()
        for _ in range(2):  # identification and the first full reading are not what runs all day
            await ours.round()
            await rust.round()
        for _ in range(rounds):
            for contender in (ours, rust):
                seconds, good = await contender.round()
                if good:
                    samples.setdefault(contender.name, []).append(1000 * seconds / good)
        if slow:
            python = Pyasic(fleet.targets[:slow])
            await python.prepare()
            for at in range(2):
                seconds, good = await python.round()
                if good and at:
                    samples.setdefault(python.name, []).append(1000 * seconds / good)
            await python.close()
        await ours.close()
        await rust.close()
    finally:
        fleet.stop()
    return {name: {"median": statistics.median(s), "least": min(s)} for name, s in samples.items()}


def main() -> int:
    logs.setup("error")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rigs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--slow", type=int, default=20, help="rigs that pyasic is given; 0 leaves it out")
    parser.add_argument("--family", action="append", help=f"default: {', '.join(FAMILIES)}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    table = {}
    for family in options.family or FAMILIES:
        table[family] = uvloop.run(measure(family, options.rigs, options.rounds, options.slow))
        if not options.json:
            show(family, table[family])
    if options.json:
        print(json.dumps(table))
    return 0


def show(family: str, rows: dict[str, dict[str, float]]) -> None:
    own = rows[Ours.name]["median"]
    for name, figures in rows.items():
        print(
            f"{family:12} {name:32} {figures['median']:7.3f} CPU-s per 1,000 polls (least {figures['least']:.3f})"
            f"   ours / this = {own / figures['median']:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
