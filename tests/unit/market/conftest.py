"""A market on loopback: a mempool server and Coinbase, one minute after a block."""

import pytest

from fakes.clock import StillClock
from fakes.market_site import EPOCH_START, mempool_site

HEIGHT = 901000
START = EPOCH_START + 1864 * 590 + 60


@pytest.fixture
def clock():
    return StillClock(epoch=START)


@pytest.fixture
def market_site(web):
    """Add the answers of a mempool server and of Coinbase to the web service."""
    web.answers |= mempool_site(HEIGHT)
    web.answers["/v2/prices/BTC-USD/spot"] = {"data": {"amount": "91000", "base": "BTC", "currency": "USD"}}
    return web
