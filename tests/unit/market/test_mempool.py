"""A mempool server reports the network of one tip with few requests, and what it does not have."""

import pytest

from fakes.market_site import DIFFICULTY, EPOCH_START, mempool_site
from fakes.web import Says
from stratoscope.errors import SourceError
from stratoscope.market.sources.mempool import MempoolSource
from stratoscope.market.sources.source import PastPrice, PriceReport
from stratoscope.outside.fetch import RemoteService


async def test_reports_the_complete_network_of_one_tip(web, fetcher, clock):
    web.answers |= mempool_site()
    source = MempoolSource(RemoteService("mempool", web.url, fetcher), clock)
    found = await source.network()
    assert (found.height, found.difficulty, found.fees) == (901000, DIFFICULTY, 2_000_000.0)
    assert (found.tip_time, found.epoch_start) == (EPOCH_START + 1864 * 590, EPOCH_START)
    assert found.previous_change == pytest.approx(0.02)
    assert found.window_start is None  # the epoch is old
    assert dict(found.wrong) == {}
    assert sorted(found.hashrate) == [144, 432, 1008]
    assert found.hashrate[144] == pytest.approx(DIFFICULTY * 2**32 / 590)
    assert await source.price("USD") == PriceReport(91000.0, 1_699_999_990.0)


async def test_a_window_across_the_adjustment_uses_the_difficulty_of_each_block(web, fetcher, clock):
    web.answers |= mempool_site(899136 + 99)  # a hundred blocks into the epoch
    found = await MempoolSource(RemoteService("mempool", web.url, fetcher), clock).network()
    hashes = (100 * DIFFICULTY + 44 * DIFFICULTY / 1.02) * 2**32
    assert found.hashrate[144] == pytest.approx(hashes / (144 * 590))
    assert found.hashrate[432] == pytest.approx((100 + 332 / 1.02) * DIFFICULTY * 2**32 / (432 * 590))


async def test_a_young_epoch_uses_the_previous_one(web, fetcher, clock):
    web.answers |= mempool_site(901152 + 10)
    found = await MempoolSource(RemoteService("mempool", web.url, fetcher), clock).network()
    assert found.window_start == EPOCH_START - 504 * 590


async def test_requests_only_the_tip_until_there_is_a_new_block(web, fetcher, clock):
    web.answers |= mempool_site()
    source = MempoolSource(RemoteService("mempool", web.url, fetcher), clock)
    first = await source.network()
    web.asked.clear()
    await clock.advance(60)
    assert await source.network() == first
    assert web.paths() == ["/api/blocks/tip/hash"]
    web.asked.clear()
    web.answers |= mempool_site(901001)
    await clock.advance(60)
    assert (await source.network()).height == 901001
    assert len(web.asked) == 9
    assert len(set(web.paths())) == 9


async def test_the_cache_of_blocks_is_bounded(web, fetcher, clock):
    source = MempoolSource(RemoteService("mempool", web.url, fetcher), clock)
    for height in range(900700, 900760):
        web.answers = mempool_site(height)
        await source.network()
    assert len(source._pages) < 20
    assert len(source._blocks) <= 32


async def test_a_server_without_mining_pages_reports_what_is_missing(web, fetcher, clock):
    web.answers |= {path: answer for path, answer in mempool_site().items() if "/mining/" not in path}
    found = await MempoolSource(RemoteService("mempool", web.url, fetcher), clock).network()
    assert (found.height, found.difficulty, found.fees) == (901000, DIFFICULTY, None)
    assert dict(found.wrong) == {"fees": "http: HTTP 404", "network_hashrate": "http: HTTP 404"}
    assert sorted(found.hashrate) == [144, 432]


async def test_a_server_without_block_pages_still_reports_height_and_difficulty(web, fetcher, clock):
    site = mempool_site()
    web.answers |= {
        path: site[path] for path in site if "/mining/" in path or "/v1/" in path or path.endswith("height")
    }
    found = await MempoolSource(RemoteService("mempool", web.url, fetcher), clock).network()
    assert (found.height, found.difficulty, found.fees, found.tip_time) == (901000, DIFFICULTY, 2_000_000.0, None)
    assert found.hashrate == {1008: 9.1e20}


async def test_uses_the_last_fees_for_an_hour_when_their_page_fails(web, fetcher, clock):
    web.answers |= mempool_site()
    source = MempoolSource(RemoteService("mempool", web.url, fetcher), clock)
    await source.network()
    web.answers["/api/v1/mining/reward-stats/144"] = Says(b"<html>", 200)
    await clock.advance(3500)
    assert (await source.network()).fees == 2_000_000.0
    await clock.advance(200)
    found = await source.network()
    assert found.fees is None
    assert found.wrong["fees"] == "not_json: the response is HTML, not JSON"


async def test_rejects_the_fees_of_older_blocks(web, fetcher, clock):
    web.answers |= mempool_site()
    web.answers["/api/v1/mining/reward-stats/144"] = {
        "startBlock": 736556,
        "endBlock": 736655,
        "totalReward": "63811748254",
        "totalFee": "1311748254",
    }
    found = await MempoolSource(RemoteService("mempool", web.url, fetcher), clock).network()
    assert found.fees is None
    assert "older blocks" in found.wrong["fees"]


async def test_rejects_the_adjustment_of_another_epoch(web, fetcher, clock):
    web.answers |= mempool_site()
    web.answers["/api/v1/difficulty-adjustment"] |= {"remainingBlocks": 2016, "nextRetargetHeight": 903168}
    found = await MempoolSource(RemoteService("mempool", web.url, fetcher), clock).network()
    assert (found.epoch_start, found.previous_change) == (None, None)
    assert "epoch" in found.wrong


async def test_f33_rejects_two_difficulties_of_one_server(web, fetcher, clock):
    web.answers |= mempool_site()
    web.answers["/api/v1/mining/hashrate/3d"] |= {"currentDifficulty": DIFFICULTY * 1.01}
    with pytest.raises(SourceError, match="inconsistent"):
        await MempoolSource(RemoteService("mempool", web.url, fetcher), clock).network()


async def test_reads_past_price_and_difficulty(web, fetcher, clock):
    web.answers |= {
        "/api/v1/historical-price?currency=EUR&timestamp=1700000000": {
            "prices": [{"time": 1700000100, "EUR": 34000}],
            "exchangeRates": {"USDEUR": 0.9},
        },
        "/api/v1/mining/difficulty-adjustments/2y": [
            [1703311464, 822528, 72006146478567.1, 1.06983],
            [1699180644, 820512, 67305906902031.39, 0.990408],
        ],
        "/api/v1/mining/blocks/rewards/2y": [{"avgHeight": 1, "timestamp": 1699990000, "avgRewards": 640_000_000.4}],
    }
    source = MempoolSource(RemoteService("mempool", web.url, fetcher), clock)
    assert await source.past_price("EUR", 1_700_000_000.0) == PastPrice(34000.0, 1_700_000_100.0)
    past = await source.past(1_700_000_100.0)
    assert (past.difficulty, past.reward) == (67305906902031.39, 640_000_000)
    with pytest.raises(SourceError):
        await source.past(1_698_000_000.0)  # before the first adjustment in the list
