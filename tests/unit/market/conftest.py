"""A market on loopback: a mempool server and Coinbase, one minute after a block."""

import pytest

from fakes.clock import StillClock
from fakes.market_site import EPOCH_START, mempool_site
from stratoscope.market.history import MarketDay
from stratoscope.market.service import MarketService
from stratoscope.market.settings import MarketSettings, MarketSourceSettings

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


@pytest.fixture
async def make(clock, web):
    """Return a function that creates a market service with the web service as its sources."""
    made = []

    def market(network=None, prices=None, **more) -> MarketService:
        given = {key: more.pop(key) for key in ("store", "warn", "inform", "error") if key in more}
        settings = MarketSettings(
            network=tuple(network or (MarketSourceSettings(kind="mempool", url=web.url),)),
            prices=tuple(prices or (MarketSourceSettings(kind="coinbase", url=web.url),)),
            **more,
        )
        made.append(MarketService(settings, clock, random01=lambda: 0.0, **given))
        return made[-1]

    yield market
    for one in made:
        await one.close()


class Days:
    """A store of market days in memory."""

    def __init__(self, *points: MarketDay) -> None:
        self.points = list(points)

    def market_days(self):
        return self.points

    def keep_market_days(self, points):
        self.points += points


def spot(amount) -> dict:
    return {"data": {"amount": f"{amount}", "base": "BTC", "currency": "USD"}}


def site(web, price=91000) -> None:
    web.answers |= mempool_site(HEIGHT) | {"/v2/prices/BTC-USD/spot": spot(price)}
