"""The market lives: fed by real services on loopback, it says what is known and never what is too old or in doubt."""

import asyncio
import dataclasses

import pytest

from fakes.clock import StillClock, settle
from fakes.market_site import DIFFICULTY, EPOCH_START, Node, mempool_site
from fakes.web import Says, Web
from stratoscope.market.chain import subsidy
from stratoscope.market.hashprice import hashprice
from stratoscope.market.history import MarketDay, day_of
from stratoscope.market.service import MarketService
from stratoscope.market.settings import MarketSettings, MarketSourceSettings
from stratoscope.metrics.network import NETWORK
from stratoscope.units import DAY

HEIGHT = 901000
START = EPOCH_START + 1864 * 590 + 60  # a minute after the tip


@pytest.fixture
def clock():
    return StillClock(epoch=START)


class Days:
    """A ledger's memory of days."""

    def __init__(self, *points: MarketDay) -> None:
        self.points = list(points)

    def market_days(self):
        return self.points

    def keep_market_days(self, points):
        self.points += points


@pytest.fixture
async def make(clock, web):
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


def spot(amount) -> dict:
    return {"data": {"amount": f"{amount}", "base": "BTC", "currency": "USD"}}


def site(web, price=91000) -> None:
    web.answers |= mempool_site(HEIGHT) | {"/v2/prices/BTC-USD/spot": spot(price)}


async def test_derives_every_figure_from_one_record(web, make, clock):
    site(web)
    now = await make().once()
    assert (now.height.value, now.difficulty.value, now.fees.value, now.price.value) == (HEIGHT, DIFFICULTY, 2e6, 91000)
    assert now.subsidy == 312_500_000
    assert now.hashprice == hashprice(DIFFICULTY, subsidy(HEIGHT) + 2e6, 91000)
    assert now.hashprice.btc_per_ph_day == pytest.approx(86400e15 * 3.145 / (DIFFICULTY * 2**32))
    assert now.observed.observed_btc_per_ph_day == pytest.approx(144 * 3.145 / 9.1e5)
    assert now.adjustment.remaining_blocks == 2016 - HEIGHT % 2016
    assert now.adjustment.change == pytest.approx(600 / 590 - 1, abs=0.001)
    assert now.halving.blocks == 1_050_000 - HEIGHT
    (due,) = [m for m in NETWORK.metrics if m.series == "mining_halving_due_timestamp_seconds"]
    assert due.value(now) == START - 60 + (1_050_000 - HEIGHT) * 600
    assert sorted(now.forward) == [144, 1008, 2016]
    assert now.forward[144].btc_per_ph_day == pytest.approx(now.hashprice.btc_per_ph_day)
    assert now.forward[2016].btc_per_ph_day < now.hashprice.btc_per_ph_day
    assert (now.ages["tip", "mempool"], now.ages["price", "median"]) == (60, 0)
    assert dict(now.stale) == {}
    assert now.height.at == START - 60
    with pytest.raises(dataclasses.FrozenInstanceError):
        now.price = None


async def test_nothing_is_known_before_the_first_round(make):
    now = make().now
    assert (now.hashprice, now.price, now.difficulty, now.subsidy) == (None,) * 4
    assert set(now.stale) == {"tip", "difficulty", "fees", "network_hashrate", "epoch", "price"}


async def test_f31_keeps_a_price_with_its_age_for_15_minutes(web, make, clock):
    site(web)
    market = make()
    await market.once()
    web.answers["/v2/prices/BTC-USD/spot"] = Says(b"", 500)
    for minute in range(1, 16):
        await clock.advance(60)
        now = await market.once()
        assert (now.price.value, now.ages["price", "median"]) == (91000, minute * 60)
        assert now.hashprice.fiat_per_ph_day is not None
    await clock.advance(1)
    now = market.now
    assert (now.price, now.hashprice.fiat_per_ph_day, now.observed.observed_fiat_per_ph_day) == (None, None, None)
    assert now.hashprice.btc_per_ph_day > 0  # what needs no price stays
    assert "901 s old" in now.stale["price"]
    assert "coinbase: waiting" in now.stale["price"]
    assert all(mean.fiat_per_ph_day is None for mean in now.forward.values())


async def test_f31_uses_the_time_of_the_price_for_its_age(web, make, clock):
    site(web)
    web.answers["/api/v1/prices"] = {"time": int(START) - 590, "USD": 91000}
    market = make(prices=[MarketSourceSettings(kind="mempool", url=web.url)])
    now = await market.once()
    assert now.ages["price", "median"] == pytest.approx(590, abs=1)
    await clock.advance(60)  # the feed is stuck: its answer comes, its time stands
    now = await market.once()
    assert now.price.value == 91000
    await clock.advance(300)
    assert (await market.once()).price is None


async def test_adds_the_age_in_an_http_cache(web, make, clock):
    site(web)
    web.answers["/v2/prices/BTC-USD/spot"] = Says(spot(91000), headers={"Age": "120"})
    assert (await make().once()).ages["price", "median"] == 120


@pytest.mark.parametrize("wrong", [910000, 9100, 0, -91000, "NaN", "1e999", "91000 USD", None, True])
async def test_f32_never_publishes_a_wrong_price_and_the_last_good_one_expires(web, make, clock, wrong):
    site(web)
    market = make()
    await market.once()
    published = []
    for turn in range(1, 24):
        web.answers["/v2/prices/BTC-USD/spot"] = spot(wrong if turn % 3 else 91000)  # never three wrong ones in a row
        await clock.advance(60)
        now = await market.once()
        published.append(now.price.value if now.price else None)
    assert set(published) <= {91000, None}
    web.answers["/v2/prices/BTC-USD/spot"] = spot(wrong)
    await clock.advance(901)
    assert market.now.price is None
    assert market.now.hashprice.fiat_per_ph_day is None


async def test_f32_accepts_a_real_jump_after_two_confirmations(web, make, clock):
    site(web)
    market = make()
    await market.once()
    found = []
    for amount in (60000, 60100, 60200, 60300):
        web.answers["/v2/prices/BTC-USD/spot"] = spot(amount)
        await clock.advance(60)
        found.append((await market.once()).price.value)
    assert found == [91000, 91000, 60200, 60300]


async def test_compares_the_first_price_with_the_last_stored_day(web, make, clock):
    site(web, price=910000)
    store = Days(MarketDay(day_of(START - DAY), START - DAY, 91000.0, 314_500_000, DIFFICULTY, "USD"))
    market = make(store=store)
    assert (await market.once()).price is None
    assert "jump" in market.now.stale["price"]


async def test_queries_all_price_sources_and_drops_an_outlier(web, make):
    site(web, price=91000)
    web.answers["/0/public/Ticker?pair=XBTUSD"] = {"error": [], "result": {"XXBTZUSD": {"c": ["91050", "1"]}}}
    web.answers["/api/v2/ticker/btcusd/"] = {"last": "910000", "timestamp": f"{START:.0f}"}
    kinds = ("coinbase", "kraken", "bitstamp", "mempool")
    now = await make(prices=[MarketSourceSettings(kind=kind, url=web.url) for kind in kinds]).once()
    assert now.price.value == 91025  # of mempool's price the time is too old here
    assert now.price.source == "coinbase+kraken"


async def test_one_price_of_two_sources_is_not_enough(web, make):
    site(web)
    kinds = ("coinbase", "kraken")
    now = await make(prices=[MarketSourceSettings(kind=kind, url=web.url) for kind in kinds]).once()
    assert now.price is None
    assert "1 of 2 required prices" in now.stale["price"]
    assert "kraken: http: HTTP 404" in now.stale["price"]


async def test_a_tip_that_is_too_old_makes_the_network_unknown(web, make, clock):
    site(web)
    market = make()
    await market.once()
    await clock.advance(5 * 3600)
    await market.once()
    assert market.now.hashprice is not None
    await clock.advance(3600)
    now = await market.once()
    assert (now.hashprice, now.difficulty, now.fees, now.adjustment, now.observed) == (None,) * 5
    assert now.price is not None
    assert "no new block" in now.stale["difficulty"]
    assert now.ages["tip", "mempool"] == pytest.approx(6 * 3600 + 60)


async def test_a_clock_change_does_not_change_ages(web, make, clock):
    site(web)
    market = make()
    await market.once()
    clock.step(7 * 3600)
    await clock.advance(5)
    now = market.now
    assert now.ages["tip", "mempool"] == 65
    assert now.price is not None
    assert now.hashprice is not None


async def test_queries_the_next_network_source_only_when_the_first_fails(web, make, clock):
    site(web)
    node = Node(HEIGHT)
    async with Web({"/": node}) as own:
        login = {"user": "me", "password": "geheim"}
        network = [
            MarketSourceSettings(kind="bitcoind", url=own.url, **login),
            MarketSourceSettings(kind="mempool", url=web.url),
        ]
        market = make(network=network)
        now = await market.once()
        assert now.difficulty.source == "bitcoind"
        assert not [path for path in web.paths() if path.startswith("/api")]
        own.answers.clear()
        await clock.advance(60)
        now = await market.once()
        assert (now.difficulty.source, now.difficulty.value) == ("mempool", DIFFICULTY)
        assert all("Authorization" not in asked.headers for asked in web.asked)


async def test_prefers_a_network_source_that_reports_fees(web, make):
    site(web)
    async with Web({path: it for path, it in mempool_site(HEIGHT).items() if "/mining/" not in path}) as poor:
        network = [
            MarketSourceSettings(kind="mempool", url=poor.url),
            MarketSourceSettings(kind="mempool", url=web.url),
        ]
        now = await make(network=network).once()
        assert now.fees.source == "mempool-2"
        alone = await make(network=network[:1]).once()
        assert alone.difficulty is not None
        assert (alone.fees, alone.hashprice) == (None, None)
        assert alone.stale["fees"] == "http: HTTP 404"


async def test_f33_no_hashprice_while_the_difficulty_is_doubtful(web, make, clock):
    site(web)
    market = make()
    await market.once()
    off = mempool_site(HEIGHT + 1)
    name = off["/api/blocks/tip/hash"].body.decode()
    off[f"/api/block/{name}"] |= {"bits": 0x1701E2A0, "difficulty": 149301205959699.9}
    off["/api/v1/mining/hashrate/3d"] |= {"currentDifficulty": 149301205959699.9, "currentHashrate": 1.06e21}
    web.answers |= off
    await clock.advance(60)
    now = await market.once()
    assert (now.hashprice, now.difficulty) == (None, None)
    assert "inside an epoch" in now.stale["difficulty"]
    web.answers |= mempool_site(HEIGHT + 2)
    await clock.advance(60)
    assert (await market.once()).hashprice is not None


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


async def test_keeps_querying_until_cancelled_and_survives_an_internal_error(web, make, clock, monkeypatch):
    site(web)
    errors: list[str] = []
    market = make(error=errors.append)
    running = asyncio.create_task(market.run())
    for _ in range(12_000):
        await asyncio.sleep(0.005)
        if market.now.hashprice is not None and market.now.price is not None:
            break
    assert market.now.price.value == 91000

    def bug(*_: object):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("stratoscope.market.service.choose_price", bug)
    await clock.advance(61)
    for _ in range(12_000):
        await asyncio.sleep(0.005)
        if market.tally.outcomes.get(("market", "bug")):
            break
    assert market.tally.outcomes["market", "bug"] == 1
    assert any("ZeroDivisionError" in line for line in errors)
    monkeypatch.undo()
    web.answers["/v2/prices/BTC-USD/spot"] = spot(91100)
    await clock.advance(61)
    for _ in range(12_000):
        await asyncio.sleep(0.005)
        if market.now.price.value == 91100:
            break
    assert market.now.price.value == 91100
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await settle()


async def test_logs_an_unusable_input_and_its_recovery_once(web, make, clock):
    warnings: list[str] = []
    notices: list[str] = []
    site(web)
    market = make(warn=warnings.append, inform=notices.append)
    await market.once()
    assert warnings == []
    web.answers["/v2/prices/BTC-USD/spot"] = Says(b"<html>captcha</html>")
    for _ in range(30):
        await clock.advance(60)
        await market.once()
    assert len(warnings) == 1
    assert warnings[0].startswith("market: price unusable: ")
    assert notices == []
    site(web, price=91500)
    await clock.advance(16 * 60)  # past the pause of a service that kept failing
    await market.once()
    assert (len(warnings), notices) == (1, ["market: price usable again"])


async def test_s15_no_login_appears_in_logs_or_state(web, make, clock):
    said: list[str] = []
    settings = MarketSourceSettings(kind="bitcoind", url=web.url, user="me", password="geheim-7")
    market = make(network=[settings], warn=said.append)
    for _ in range(3):
        await market.once()
    assert said
    assert "geheim-7" not in f"{said} {market.now} {settings} {market.settings}"
