"""Simulated rigs in a thread, for tests of commands that run their own event loop."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from fakes.addresses import free_base
from stratoscope.clock import SystemClock
from stratoscope.simulate.fleet import SimulatedFleet


@pytest.fixture(scope="package")
def fleet() -> Iterator[SimulatedFleet]:
    """Twelve rigs of all families without faults, on separate loopback addresses."""
    simulated = SimulatedFleet(
        rigs=12,
        seed=7,
        clock=SystemClock(),
        troubles=False,
        base=free_base(),
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
    assert started.wait(60)
    yield simulated
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
