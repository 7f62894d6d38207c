"""The market service reports current values of real services on loopback, and never stale or doubtful ones."""

import dataclasses

import pytest

from fakes.market_site import DIFFICULTY, Node, mempool_site
from fakes.web import Says, Web
from stratoscope.market.chain import subsidy
from stratoscope.market.hashprice import hashprice
from stratoscope.market.settings import MarketSourceSettings
from stratoscope.metrics.network import NETWORK
from unit.market.conftest import HEIGHT, START, site, spot


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
