"""Measures the cost of watching stratum endpoints: one job, one comparison of all endpoints, one metrics page."""

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes.stratum import FastClock, InMemoryDialer
from stratoscope.metrics import STRATUM, Section
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool import PoolBehaviour, StratumPool, notify
from stratoscope.stratum.protocol.endpoint import parse_endpoint
from stratoscope.stratum.sessions.v1_session import StratumV1Session
from stratoscope.stratum.settings import ConfiguredEndpoint, StratumSettings
from stratoscope.stratum.watch.watcher import EndpointWatcher
from stratoscope_exporters.exposition.page import SectionBlocks
from stratoscope_exporters.exposition.text import PageFormat

ENDPOINTS = 50


def best(work, times: int) -> float:
    """Return the CPU seconds per call of `work` in the best of five rounds of `times` calls."""
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - began) / times)
    return min(rounds)


async def main() -> None:
    clock = FastClock()
    pool = StratumPool(Chain(seed=1, clock=clock), clock=clock, behaviour=PoolBehaviour(open=True))
    await pool.start()
    urls = [f"pool-{n}.example:3333" for n in range(ENDPOINTS)]
    chosen = tuple(ConfiguredEndpoint(endpoint=parse_endpoint(url)) for url in urls)
    dial = InMemoryDialer({f"pool-{n}.example": pool for n in range(ENDPOINTS)})
    watch = EndpointWatcher(StratumSettings(endpoints=chosen), clock, random01=lambda: 0.0, dial=dial)
    running = asyncio.create_task(watch.run())
    await clock.advance(60)
    line, session = notify(pool.job), dial.pipes[0].protocol
    assert isinstance(session, StratumV1Session)
    blocks = SectionBlocks(Section(STRATUM, lambda: watch.comparison.snapshot({})))

    def job() -> None:
        session._window_messages = 0  # disable the flood limit
        session._window_bytes = 0
        session.data_received(line)

    def compare() -> None:
        watch.comparison._last_inputs = [], None  # as after a new job
        watch.comparison.update()

    print(f"a job of {len(line)} bytes: {best(job, 2000) * 1e6:.0f} µs")
    print(f"a comparison of {ENDPOINTS} endpoints: {best(compare, 200) * 1e3:.2f} ms")
    print(f"their metrics: {best(lambda: b''.join(blocks.blocks(PageFormat.TEXT)), 50) * 1e3:.1f} ms")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await pool.stop()


if __name__ == "__main__":
    asyncio.run(main())
