import itertools
import statistics

import aiohttp
import pytest

from stratoscope.market.published import check_published
from stratoscope.simulate.chain import BLOCK_INTERVAL, Chain, difficulty
from stratoscope.simulate.http import HttpService
from stratoscope.simulate.market import Market
from stratoscope.units import DAY, HASHES_PER_DIFFICULTY_1


@pytest.fixture
async def ask(clock):
    chain = Chain(seed=3, clock=clock)
    service = HttpService(Market(chain, clock=clock, seed=3).answer)
    port = await service.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:

        async def ask(path: str, status: int = 200):
            async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                assert response.status == status
                return await (response.json() if response.content_type == "application/json" else response.text())

        ask.chain, ask.service, ask.port, ask.session = chain, service, port, session
        yield ask
    await service.stop()


async def test_prices_cover_all_currencies_and_match_the_spot_price(ask, clock):
    prices = await ask("/api/v1/prices")
    assert set(prices) == {"time", "USD", "EUR", "GBP", "CAD", "CHF", "AUD", "JPY"}
    assert prices["time"] == int(clock.time())
    assert 60_000 < prices["USD"] < 140_000
    spot = (await ask("/v2/prices/BTC-EUR/spot"))["data"]
    assert (spot["base"], spot["currency"]) == ("BTC", "EUR")
    assert float(spot["amount"]) == pytest.approx(prices["EUR"], abs=1)
    await ask("/v2/prices/ETH-USD/spot", 404)
    await ask("/v2/prices/BTC-XXX/spot", 404)


async def test_index_publishes_the_hashprice_and_is_wrong_for_part_of_each_hour(ask, clock):
    stats = await ask("/api/v1/mining/reward-stats/144")
    reward = int(stats["totalReward"]) / 144
    verdicts = {}
    for _ in range(60):
        said = float((await ask("/index/hashprice"))["data"]["btc_per_ph_day"])
        found = check_published(said, difficulty(ask.chain.bits), 312_500_000, reward - 312_500_000)
        verdicts[clock.time() % 3600 // 60] = found.verdict
        await clock.pass_(60)
    assert {minute for minute, verdict in verdicts.items() if verdict == "fees_differ"} == set(range(10))
    assert {verdict for minute, verdict in verdicts.items() if minute >= 10} == {"fits"}


async def test_grid_requests_load_reduction_for_five_minutes_of_each_hour(ask, clock):
    minutes = set()
    for _ in range(60):
        if (await ask("/grid"))["demand_response"]["active"]:
            minutes.add(clock.time() % 3600 // 60)
        await clock.pass_(60)
    assert minutes == {20, 21, 22, 23, 24}


async def test_price_changes_slowly(clock):
    market = Market(Chain(seed=3, clock=clock), clock=clock, seed=3)
    prices = []
    for _ in range(500):
        await clock.pass_(60)
        prices.append(market.price())
    moves = [abs(b / a - 1) for a, b in itertools.pairwise(prices)]
    assert max(moves) < 0.01
    assert len(set(prices)) == 500
    assert 0.0003 < statistics.mean(moves) < 0.001


async def test_price_does_not_depend_on_how_often_it_is_read(clock):
    often = Market(Chain(seed=3, clock=clock), clock=clock, seed=3)
    seldom = Market(Chain(seed=3, clock=clock), clock=clock, seed=3)
    for _ in range(50):
        await clock.pass_(45)
        often.price()
    assert often.price() == seldom.price()


async def test_tip_follows_the_chain(ask):
    before = int(await ask("/api/blocks/tip/height"))
    ask.chain.mine()
    assert int(await ask("/api/blocks/tip/height")) == before + 1
    assert (await ask("/api/blocks/tip/hash")).startswith("0000000000000000")


async def test_mean_block_interval_is_ten_minutes(clock):
    chain = Chain(seed=8, clock=clock)
    start = chain.tip().height
    await clock.pass_(40 * DAY)
    found = chain.tip().height - start
    expected = 40 * DAY / BLOCK_INTERVAL
    assert abs(found - expected) < 5 * expected**0.5


async def test_next_difficulty_adjustment_is_at_a_multiple_of_2016(ask):
    adjustment = await ask("/api/v1/difficulty-adjustment")
    height = int(await ask("/api/blocks/tip/height"))
    assert adjustment["nextRetargetHeight"] % 2016 == 0
    assert adjustment["nextRetargetHeight"] - height == adjustment["remainingBlocks"]
    assert 0 <= adjustment["progressPercent"] < 100
    assert 500_000 < adjustment["timeAvg"] < 700_000


async def test_network_hashrate_matches_the_difficulty(ask):
    answer = await ask("/api/v1/mining/hashrate/3d")
    assert answer["currentDifficulty"] == difficulty(ask.chain.bits)
    assert answer["currentHashrate"] == pytest.approx(answer["currentDifficulty"] * HASHES_PER_DIFFICULTY_1 / 600)
    assert len(answer["hashrates"]) == 3


async def test_rewards_are_subsidy_and_fees_of_144_blocks_as_strings(ask):
    answer = await ask("/api/v1/mining/reward-stats/144")
    assert int(answer["totalReward"]) - int(answer["totalFee"]) == 144 * 312_500_000
    assert answer["endBlock"] - answer["startBlock"] == 143


async def test_requests_are_counted_and_writes_are_rejected(ask):
    await ask("/nothing", 404)
    async with ask.session.post(f"http://127.0.0.1:{ask.port}/api/v1/prices") as response:
        assert response.status == 405
    assert ask.service.requests == {"/nothing": 1, "/api/v1/prices": 1}
