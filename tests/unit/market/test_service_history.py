"""The market service compares with stored days, and fills missing ones from a source."""

import pytest

from fakes.market_site import DIFFICULTY
from stratoscope.market.history import MarketDay, day_of
from stratoscope.units import DAY
from unit.market.conftest import START, Days, site


async def test_compares_the_first_price_with_the_last_stored_day(web, make, clock):
    site(web, price=910000)
    store = Days(MarketDay(day_of(START - DAY), START - DAY, 91000.0, 314_500_000, DIFFICULTY, "USD"))
    market = make(store=store)
    assert (await market.once()).price is None
    assert "jump" in market.now.stale["price"]


async def test_compares_with_the_stored_days(web, make, clock):
    site(web)
    then = [
        MarketDay(day_of(START - n * DAY), START - n * DAY, 91000.0 * 0.9, 314_500_000, DIFFICULTY / 1.1, "USD")
        for n in (7, 30)
    ]
    foreign = MarketDay(day_of(START - DAY), START - DAY, 80000.0, 314_500_000, DIFFICULTY, "EUR")
    now = await make(store=Days(foreign, *then)).once()
    assert sorted(now.changes) == [7, 30]
    change = now.changes[7]
    assert change.change == pytest.approx(1 / 0.9 / 1.1 - 1)
    assert change.price + change.reward + change.difficulty == pytest.approx(change.total)


async def test_fills_missing_days_once_from_a_history_source(web, make, clock):
    site(web)
    for days in (1, 7, 30, 365):
        at = f"{START - days * DAY:.0f}"
        web.answers[f"/api/v1/historical-price?currency=USD&timestamp={at}"] = {
            "prices": [{"time": int(at), "USD": 80000}]
        }
    web.answers["/api/v1/mining/difficulty-adjustments/2y"] = [
        [int(START - days * DAY), 800000, DIFFICULTY / 1.25, 1.0] for days in (5, 100, 500)
    ]
    web.answers["/api/v1/mining/blocks/rewards/2y"] = [
        {"timestamp": int(START - days * DAY), "avgRewards": 320_000_000} for days in range(400)
    ]
    store = Days()
    market = make(store=store)
    await market.once()
    assert await market.store_point()
    assert sorted(market.now.changes) == [1, 7, 30, 365]
    assert market.now.changes[365].price == pytest.approx(0.12883, abs=1e-4)  # ln(91000 / 80000)
    assert len(store.points) == 5
    assert store.points[0] == MarketDay(day_of(START), START, 91000.0, 314_500_000, DIFFICULTY, "USD")
    web.asked.clear()
    assert await market.store_point()
    assert web.asked == []


async def test_no_change_without_a_history(web, make):
    site(web)
    market = make(store=Days())
    assert not await market.store_point()  # nothing is known yet
    await market.once()
    assert await market.store_point()
    assert market.now.changes == {}
