"""Runs a whole simulated site until cancelled: rigs, two pools on one chain, pool accounts and statistics, market."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from stratoscope.clock import Clock
from stratoscope.errors import UsageError
from stratoscope.simulate.accounts import NORTH, NORTH_KEY, SKIMMED, SOUTH, account_of
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.fleet import SimulatedFleet
from stratoscope.simulate.http import HttpService
from stratoscope.simulate.market import Market
from stratoscope.simulate.miners import Miners
from stratoscope.simulate.pool import PoolBehaviour, StratumPool
from stratoscope.simulate.pool_foundry import FoundryPool
from stratoscope.simulate.pool_past import PoolPast, past_of
from stratoscope.simulate.pool_statistics import PoolStatistics
from stratoscope.stratum.protocol.endpoint import Endpoint

STRATUM_PORT, BACKUP_PORT, POOL_PORT, MARKET_PORT = 13333, 13334, 13380, 13381
NORTH_PORT, SOUTH_PORT = 13382, 13383
"""Preferred ports of a site; if one is in use, any free port is used instead."""
PRIMARY_BEHAVIOUR: Final = PoolBehaviour(empty=0.4, open=True, vardiff=10.0)
BACKUP_BEHAVIOUR: Final = PoolBehaviour(delay=0.35, empty=2.0, open=True, vardiff=10.0, tag="/backup pool/")


@contextlib.asynccontextmanager
async def site(
    *,
    rigs: int,
    bind: str,
    seed: int,
    clock: Clock,
    mix: Mapping[str, float] | None = None,
    troubles: bool = True,
    first_blocks_s: tuple[float, ...] = (),
    shared: bool = False,
) -> AsyncIterator[tuple[SimulatedFleet, dict[str, str]]]:
    """Run a site inside a `with` block; yield the fleet and the URLs `stratum`, `backup`, `pool` and `market`.

    The backup pool learns of each block 350 ms after the other one. `first_blocks_s` are the times of the first blocks,
    in seconds after the start. With `shared` the rigs mine for several accounts: hobby rigs mine solo at `pool`, others
    at `north`, which pays daily, and at `south`, which skims.

    `bind` is the address of the first rig. Pools and market listen on 127.0.0.1, or on `bind` if it is not a loopback
    address (0.0.0.0 in a container).
    """
    try:
        host = "127.0.0.1" if ipaddress.ip_address(bind).is_loopback else bind
    except ValueError:
        raise UsageError(f"{bind!r} is not an IP address; use one such as 127.64.0.1 or 127.0.0.1") from None
    shown = "127.0.0.1" if ipaddress.ip_address(host).is_unspecified else host
    chain = Chain(seed=seed, clock=clock, first_blocks_s=first_blocks_s)
    pool = StratumPool(chain, clock=clock, seed=seed, behaviour=PRIMARY_BEHAVIOUR)
    backup = StratumPool(chain, clock=clock, seed=seed + 1, behaviour=BACKUP_BEHAVIOUR)
    market = HttpService(Market(chain, clock=clock, seed=seed).answer)
    async with contextlib.AsyncExitStack() as stack:
        urls = {"stratum": f"stratum+tcp://{shown}:{await _start(pool.start, host, STRATUM_PORT)}"}
        stack.push_async_callback(pool.stop)
        urls["backup"] = f"stratum+tcp://{shown}:{await _start(backup.start, host, BACKUP_PORT)}"
        stack.push_async_callback(backup.stop)
        fleet = SimulatedFleet(
            rigs=rigs,
            seed=seed,
            clock=clock,
            mix=mix,
            troubles=troubles,
            base=bind,
            pool_url=urls["stratum"],
            backup_url=urls["backup"],
            account_of=account_of if shared else None,
            chain=chain,
        )
        await fleet.start()
        stack.push_async_callback(fleet.stop)
        statistics = HttpService(PoolStatistics(fleet, clock=clock).answer)
        urls["pool"] = f"http://{shown}:{await _start(statistics.start, host, POOL_PORT)}"
        stack.push_async_callback(statistics.stop)
        if shared:
            fleet.past = past_of((rig.state for rig in fleet.rigs), chain, clock.time(), seed)
            await _open_accounts(stack, urls, fleet, chain, clock, fleet.past, host, shown)
        urls["market"] = f"http://{shown}:{await _start(market.start, host, MARKET_PORT)}"
        stack.push_async_callback(market.stop)
        yield fleet, urls


async def _open_accounts(
    stack: contextlib.AsyncExitStack,
    urls: dict[str, str],
    fleet: SimulatedFleet,
    chain: Chain,
    clock: Clock,
    past: PoolPast,
    host: str,
    shown: str,
) -> None:
    """Start the north and south pools."""
    north = FoundryPool(fleet, chain, past, clock=clock, account=NORTH, key=NORTH_KEY)
    south = PoolStatistics(fleet, clock=clock, account=SOUTH, credited=SKIMMED)
    for name, answer, port in (("north", north.answer, NORTH_PORT), ("south", south.answer, SOUTH_PORT)):
        service = HttpService(answer)
        urls[name] = f"http://{shown}:{await _start(service.start, host, port)}"
        stack.push_async_callback(service.stop)


async def serve(
    rigs: int,
    bind: str,
    seed: int,
    clock: Clock,
    ready: Callable[[SimulatedFleet, Mapping[str, str]], None],
    mine: Endpoint | None = None,
) -> None:
    """Run a site until cancelled; call `ready` once everything listens. If `mine` is given, the rigs mine there."""
    async with site(rigs=rigs, bind=bind, seed=seed, clock=clock, shared=True) as (fleet, urls):
        ready(fleet, urls)
        if mine is not None:
            await Miners(fleet.rigs, mine, seed=seed, clock=clock).run()
        await asyncio.get_running_loop().create_future()


async def _start(start: Callable[[str, int], Awaitable[int]], host: str, port: int) -> int:
    try:
        return await start(host, port)
    except OSError:
        return await start(host, 0)
