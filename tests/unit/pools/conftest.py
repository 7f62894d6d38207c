"""Fixtures: a configured pool that polls a loopback site of its kind, on a clock that skips waiting."""

import contextlib

import pytest

from fakes.clock import HastyClock
from fakes.pool_answers import NOW
from fakes.pool_site import PoolSite, account_of
from stratoscope.pools.service import PoolService
from stratoscope.pools.settings import PoolSettings


@pytest.fixture
def hasty() -> HastyClock:
    return HastyClock(epoch=float(NOW))


@pytest.fixture
def pool_of(hasty):
    """Return a context manager: a PoolService with one pool `here` of a kind, and its site."""

    @contextlib.asynccontextmanager
    async def make(kind: str, **changed):
        async with PoolSite(kind) as site:
            settings = PoolSettings(
                **{"name": "here", "kind": kind, "url": site.url, "account": account_of(kind), **changed}
            )
            warnings: list[str] = []
            recoveries: list[str] = []
            live = PoolService([settings], hasty, random01=lambda: 0.0, warn=warnings.append, inform=recoveries.append)
            live.warnings, live.recoveries = warnings, recoveries
            try:
                yield live, site
            finally:
                await live.close()

    return make
