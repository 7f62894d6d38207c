"""Makes a configured pool that asks a loopback site of its kind, on a clock that runs by itself."""

import contextlib

import pytest

from fakes.clock import HastyClock
from fakes.pool_answers import NOW
from fakes.pool_site import PoolSite, account_of
from stratoscope.pools.service import LivePools
from stratoscope.pools.settings import PoolSettings


@pytest.fixture
def hasty() -> HastyClock:
    return HastyClock(epoch=float(NOW))


@pytest.fixture
def pool_of(hasty):
    """Return a context: LivePools with one pool `here` of a kind, and its site."""

    @contextlib.asynccontextmanager
    async def make(kind: str, **changed):
        async with PoolSite(kind) as site:
            settings = PoolSettings(
                **{"name": "here", "kind": kind, "url": site.url, "account": account_of(kind), **changed}
            )
            heard: list[str] = []
            live = LivePools([settings], hasty, chance=lambda: 0.0, warn=heard.append)
            live.heard = heard
            try:
                yield live, site
            finally:
                await live.close()

    return make
