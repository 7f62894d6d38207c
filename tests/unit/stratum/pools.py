"""Helpers of the watcher tests: simulated pools on one chain."""

from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool import PoolBehaviour, StratumPool

OPEN = PoolBehaviour(open=True)


def pools_on(chain: Chain, clock, *behaviour: PoolBehaviour) -> list[StratumPool]:
    return [StratumPool(chain, clock=clock, seed=index, behaviour=one) for index, one in enumerate(behaviour)]


async def started(*pools: StratumPool) -> None:
    for pool in pools:
        await pool.start()


async def stopped(*pools: StratumPool) -> None:
    for pool in pools:
        await pool.stop()


def url(host: str) -> str:
    return f"stratum+tcp://{host}:3333"


def kinds(watcher) -> list[str]:
    return [event.kind for event in watcher.events]
