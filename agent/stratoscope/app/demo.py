"""Runs the agent on a simulated fleet, pool and market, all on loopback, so that anyone can watch it work."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final

from pydantic import SecretStr

from stratoscope.app.agent import Agent
from stratoscope.app.demo_pools import pool_entries, reconciler_with_history
from stratoscope.clock import Clock, SystemClock
from stratoscope.config import Config
from stratoscope.errors import UsageError
from stratoscope.outside.broker import Account
from stratoscope.outside.broker_url import broker_url
from stratoscope.simulate.fleet import SimulatedFleet, targets
from stratoscope.simulate.serve import site

INTERVAL = 10
FIRST_RIGS = ("127.64.0.1", "127.65.0.1", "127.66.0.1", "127.67.0.1")
"""Where the simulated rigs begin; the next one is taken where another simulation already runs."""
BLOCKS: Final = (40.0, 75.0, 130.0)
"""Seconds after the start at which the first blocks come, so that even a short look sees the pools race."""
TARIFF: Final = {
    "timezone": "America/Chicago",
    "energy": {"type": "zones", "price": 0.038, "zones": [{"hours": "15-19", "price": 0.085}]},
    "adders": {"per_kwh": 0.006, "loss_ratio": 0.02},
    "fixed": {"demand_per_kw_month": 6.5},
}
"""A contract as mines have it: cheap but for the late afternoon."""
ECONOMICS: Final = {
    "pool_fee": 0.02,
    "overhead_ratio": 1.04,
    "capex": [{"price": 2400}],
    "hosting_per_kw_month": 121,
    "algorithms": {"scrypt": {"price": 0.6, "per": "GH"}},
}


async def demo(
    *,
    rigs: int,
    duration: float | None,
    listen: str,
    seed: int,
    out: Callable[[str], None],
    broker: Account | None = None,
) -> int:
    """Run for `duration` seconds (None: until a signal) and return the exit code; `out` tells where to look.

    With a `broker`, everything is published there too.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        fleet, urls = await free_site(stack, rigs, seed, clock)
        config = Config.model_validate(demo_config(targets(fleet), urls, listen, broker))
        agent = Agent(
            config, clock, remember=False, past=reconciler_with_history(fleet.past, config) if fleet.past else None
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, agent.stop)
        if duration is not None:
            loop.call_later(duration, agent.stop)
        for line in where_to_look(listen, len(fleet.rigs), fleet.rigs[0].address, urls, broker):
            out(line)
        await agent.run()
    return 0


def demo_config(
    rigs: list[dict[str, Any]], urls: Mapping[str, str], listen: str, broker: Account | None = None
) -> dict[str, Any]:
    """Return the config of the demo, for rigs and services that stand at these addresses."""
    market = urls["market"]
    return {
        "site": "demo",
        "polling": {"interval": INTERVAL, "freshness": 30},
        "rigs": rigs,
        "pools": pool_entries(urls),
        "market": {
            "interval": INTERVAL,
            "network": [{"kind": "mempool", "url": market}],
            "prices": [{"kind": kind, "url": market} for kind in ("mempool", "coinbase")],
            "references": [index(market)],
        },
        "stratum": {},
        "tariffs": {"default": tariff(market)},
        "economics": ECONOMICS,
        "exporters": {"prometheus": {"listen": listen}} | ({} if broker is None else {"mqtt": {}}),
        "mqtt": None if broker is None else section_of(broker),
    }


def tariff(market: str) -> dict[str, Any]:
    """Return the contract, with the grid of the simulated market that calls at times."""
    grid = {"kind": "http", "url": f"{market}/grid", "path": "demand_response.active", "interval": INTERVAL}
    return {**TARIFF, "curtailment": {"event_source": {**grid, "max_age": 60}}}


def index(market: str) -> dict[str, Any]:
    """Return the published hashprice of the simulated market, which at times is wrong."""
    source = {
        "kind": "http",
        "url": f"{market}/index/hashprice",
        "path": "data.btc_per_ph_day",
        "time_path": "data.time",
    }
    return {"name": "index", "unit": "btc_per_ph_day", "source": {**source, "interval": INTERVAL, "max_age": 60}}


async def free_site(stack: AsyncExitStack, rigs: int, seed: int, clock: Clock) -> tuple[SimulatedFleet, dict[str, str]]:
    """Return a simulated site at the first free addresses; raises UsageError when none of them is."""
    demo_site = partial(site, rigs=rigs, seed=seed, clock=clock, early=BLOCKS, shared=True)
    for first in FIRST_RIGS[:-1]:
        with suppress(UsageError):
            return await stack.enter_async_context(demo_site(bind=first))
    return await stack.enter_async_context(demo_site(bind=FIRST_RIGS[-1]))


def section_of(broker: Account) -> dict[str, Any]:
    """Return the section `mqtt` of the config."""
    password = None if broker.password is None else SecretStr(broker.password)
    return {"host": broker.host, "port": broker.port, "tls": broker.tls, "user": broker.user, "password": password}


def where_to_look(
    listen: str, rigs: int, first: str, urls: Mapping[str, str], broker: Account | None = None
) -> list[str]:
    """Return the lines that greet a newcomer."""
    return [
        f"Stratoscope reads {rigs} simulated rigs every {INTERVAL} s; each is asked within the first {INTERVAL} s.",
        "",
        f"  status page   http://{listen}/",
        f"  metrics       http://{listen}/metrics",
        f"  discovery     http://{listen}/sd   (for Prometheus' http_sd_configs)",
        f"  one rig       stratoscope read {first}",
        f"  one pool      stratoscope stratum {urls['backup']}",
        f"  pool          {urls['pool']}",
        "  pools         solo, north (pays by the day) and south (silently credits 3 % less): see the status page",
        f"  market        {urls['market']}",
        *([] if broker is None else [f"  MQTT          stratoscope mqtt tail {broker_url(broker)}"]),
        "",
        "Ctrl-C ends it.",
    ]
