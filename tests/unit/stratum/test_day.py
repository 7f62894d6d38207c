"""Simulates a day of fifty endpoints: no block is missed and the memory does not grow."""

import gc
import sys
from itertools import pairwise

from fakes.stratum import FastClock
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool import PoolBehaviour, StratumPool
from stratoscope.stratum.watch.race import MAX_RACES
from stratoscope.units import DAY, HOUR

DELAYS = (0.0, 0.2, 0.45, 1.5, 6.0)


def blocks_in_use() -> int:
    """Return the number of allocated memory blocks; tracing them individually would take minutes."""
    gc.collect()
    return sys.getallocatedblocks()


async def test_fifty_endpoints_for_a_day_miss_no_block_and_use_constant_memory(watch_simulated):
    clock = FastClock()
    chain = Chain(seed=21, clock=clock)
    behaviour = [PoolBehaviour(open=True, delay=delay, job_interval=200.0, empty=1.0) for delay in DELAYS]
    pools = [StratumPool(chain, clock=clock, seed=n, behaviour=one) for n, one in enumerate(behaviour)]
    for pool in pools:
        await pool.start()
    watcher, dial = await watch_simulated(
        {f"p{n:02}.com": pools[n % 5] for n in range(50)}, clock, probe_interval_s=600.0, max_endpoints=50
    )
    first = chain.tip().height
    await clock.advance(HOUR)
    early = blocks_in_use()
    await clock.advance(DAY - HOUR + 120)
    late = blocks_in_use()
    watcher.comparison.update()
    found = chain.tip().height - first
    now = watcher.comparison.snapshot({})
    try:
        assert found > 100
        assert len(dial.dialed) == 50, "every first session is still open"
        close = sum(later - earlier <= 6.5 for earlier, later in pairwise(sorted(chain._times.values())))
        for url, one in now.endpoints.items():
            delay = DELAYS[int(url[15:17]) % 5]
            assert one.counts.blocks + one.counts.missed == found, url
            assert one.counts.missed <= close, "only blocks that the next block overtook"
            assert one.counts.raced == one.counts.blocks
            assert one.counts.first == (found if delay == 0 else 0)
            assert one.lag == 0
            assert abs(one.counts.delays.total - delay * one.counts.blocks) < 0.01 * found
        assert late - early < 2 * MAX_RACES * 50, "no more than the times of the remembered blocks"
        assert len(now.races) == 12
    finally:
        for pool in pools:
            await pool.stop()
