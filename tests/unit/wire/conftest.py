"""Fixtures of the wire tests: a wire, and a clock that moves only on demand."""

import asyncio

import pytest
import uvloop

from stratoscope.wire.client import Wire
from stratoscope.wire.target import Limits


class HandClock:
    """A clock that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + 1.8e9

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def wire(clock):
    wire = Wire(clock=clock, limits=Limits(connect=5.0, exchange=10.0))
    yield wire
    await wire.close()


def pytest_asyncio_loop_factories(config, item):
    """Run the transports on uvloop, which the agent uses, and on asyncio, its fallback on other platforms."""
    both = item.path.name in ("test_cgminer.py", "test_whatsminer3.py")
    return {"uvloop": uvloop.new_event_loop} | ({"asyncio": asyncio.new_event_loop} if both else {})
