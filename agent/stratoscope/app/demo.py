"""Runs the agent on a simulated fleet, pools and market, all on loopback, so that anyone can watch it work."""

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

INTERVAL_S: Final = 10
FIRST_RIG_ADDRESSES: Final = ("127.64.0.1", "127.65.0.1", "127.66.0.1", "127.67.0.1")
"""Candidates for the address of the first simulated rig: where another simulation already runs, the next is used."""
FIRST_BLOCKS_S: Final = (40.0, 75.0, 130.0)
"""Seconds after the start at which the first blocks are found, so that even a short demo shows a block race."""
TARIFF: Final = {
    "timezone": "America/Chicago",
    "energy": {"type": "zones", "price": 0.038, "zones": [{"hours": "15-19", "price": 0.085}]},
    "adders": {"per_kwh": 0.006, "loss_ratio": 0.02},
    "fixed": {"demand_per_kw_month": 6.5},
}
"""A typical power contract of a mine: cheap, except in the late afternoon."""
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
    """Run for `duration` seconds (None: until a signal) and return the exit code; `out` prints the addresses to open.

    With a `broker`, everything is also published over MQTT.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        fleet, urls = await start_site(stack, rigs, seed, clock)
        config = Config.model_validate(demo_config(targets(fleet), urls, listen, broker))
        agent = Agent(
            config, clock, remember=False, past=reconciler_with_history(fleet.past, config) if fleet.past else None
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, agent.stop)
        if duration is not None:
            loop.call_later(duration, agent.stop)
        for line in welcome_lines(listen, len(fleet.rigs), fleet.rigs[0].address, urls, broker):
            out(line)
        await agent.run()
    return 0


def demo_config(
    rigs: list[dict[str, Any]], urls: Mapping[str, str], listen: str, broker: Account | None = None
) -> dict[str, Any]:
    """Return the config of the demo for rigs and services at these addresses."""
    market = urls["market"]
    return {
        "site": "demo",
        "polling": {"interval": INTERVAL_S, "freshness": 30},
        "rigs": rigs,
        "pools": pool_entries(urls),
        "market": {
            "interval": INTERVAL_S,
            "network": [{"kind": "mempool", "url": market}],
            "prices": [{"kind": kind, "url": market} for kind in ("mempool", "coinbase")],
            "references": [hashprice_index(market)],
        },
        "stratum": {},
        "tariffs": {"default": tariff(market)},
        "economics": ECONOMICS,
        "exporters": {"prometheus": {"listen": listen}} | ({} if broker is None else {"mqtt": {}}),
        "mqtt": None if broker is None else mqtt_section(broker),
    }


def tariff(market: str) -> dict[str, Any]:
    """Return the power contract, with the simulated grid that sometimes calls to curtail."""
    grid = {"kind": "http", "url": f"{market}/grid", "path": "demand_response.active", "interval": INTERVAL_S}
    return {**TARIFF, "curtailment": {"event_source": {**grid, "max_age": 60}}}


def hashprice_index(market: str) -> dict[str, Any]:
    """Return the hashprice index that the simulated market publishes, sometimes a wrong one."""
    source = {
        "kind": "http",
        "url": f"{market}/index/hashprice",
        "path": "data.btc_per_ph_day",
        "time_path": "data.time",
    }
    return {"name": "index", "unit": "btc_per_ph_day", "source": {**source, "interval": INTERVAL_S, "max_age": 60}}


async def start_site(
    stack: AsyncExitStack, rigs: int, seed: int, clock: Clock
) -> tuple[SimulatedFleet, dict[str, str]]:
    """Start and return a simulated site at the first free addresses; raises UsageError when none is free."""
    demo_site = partial(site, rigs=rigs, seed=seed, clock=clock, early=FIRST_BLOCKS_S, shared=True)
    for first in FIRST_RIG_ADDRESSES[:-1]:
        with suppress(UsageError):
            return await stack.enter_async_context(demo_site(bind=first))
    return await stack.enter_async_context(demo_site(bind=FIRST_RIG_ADDRESSES[-1]))


def mqtt_section(broker: Account) -> dict[str, Any]:
    """Return the config section `mqtt`."""
    password = None if broker.password is None else SecretStr(broker.password)
    return {"host": broker.host, "port": broker.port, "tls": broker.tls, "user": broker.user, "password": password}


def welcome_lines(
    listen: str, rigs: int, first: str, urls: Mapping[str, str], broker: Account | None = None
) -> list[str]:
    """Return the lines that the demo prints at the start."""
    return [
        f"Stratoscope polls {rigs} simulated rigs every {INTERVAL_S} s, each for the first time within {INTERVAL_S} s.",
        "",
        f"  status page   http://{listen}/",
        f"  metrics       http://{listen}/metrics",
        f"  discovery     http://{listen}/sd   (for http_sd_configs of Prometheus)",
        f"  one rig       stratoscope read {first}",
        f"  one pool      stratoscope stratum {urls['backup']}",
        f"  pool          {urls['pool']}",
        "  pools         solo, north (pays daily) and south (silently credits 3 % less): see the status page",
        f"  market        {urls['market']}",
        *([] if broker is None else [f"  MQTT          stratoscope mqtt tail {broker_url(broker)}"]),
        "",
        "Stop with Ctrl-C.",
    ]
