"""Simulated rigs in a thread, for tests of commands that run their own event loop."""

import asyncio
import os
import threading
from collections.abc import Iterator

import pytest

from stratoscope.clock import SystemClock
from stratoscope.simulate.fleet import SimulatedFleet


def block() -> int:
    """Return a number for this test process, so that parallel processes use different addresses."""
    return 1 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])


@pytest.fixture(scope="package")
def fleet() -> Iterator[SimulatedFleet]:
    """Twelve rigs of all families without faults, on separate loopback addresses."""
    simulated = SimulatedFleet(
        rigs=12,
        seed=7,
        clock=SystemClock(),
        troubles=False,
        base=f"127.73.{block()}.1",
        pool_url="stratum+tcp://stratum.bigpool.net:3333",
    )
    loop, started = asyncio.new_event_loop(), threading.Event()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(simulated.start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(simulated.stop())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert started.wait(20)
    yield simulated
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
