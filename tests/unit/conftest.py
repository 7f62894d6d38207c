"""Offers a clock that is moved by hand, a loopback service and connections to it."""

import pytest

from fakes.clock import StillClock
from fakes.web import Web
from stratoscope.outside.fetch import Fetcher
from stratoscope.outside.source_metrics import SourceMetrics


@pytest.fixture
def clock():
    return StillClock()


@pytest.fixture
async def fetcher(clock):
    made = Fetcher(clock, lambda: 0.0, SourceMetrics())
    yield made
    await made.close()


@pytest.fixture
async def web():
    async with Web() as service:
        yield service
