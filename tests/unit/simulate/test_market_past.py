"""History of the simulated chain, difficulty adjustments, and the simulated market as the agent reads it."""

import itertools

import pytest

from stratoscope.market.chain import difficulty_of_nbits
from stratoscope.market.service import MarketService
from stratoscope.market.settings import MarketSettings, MarketSourceSettings
from stratoscope.simulate.chain import BLOCK_INTERVAL, EPOCH, Chain, adjusted
from stratoscope.simulate.http import HttpService
from stratoscope.simulate.market import Market
from stratoscope.units import DAY


@pytest.mark.parametrize("factor", [0.25, 0.98, 1.0, 1.02, 4.0])
@pytest.mark.parametrize("bits", [0x1701E2A0, 0x17008000, 0x177FFFFF, 0x1D00FFFF])
def test_adjusted_target_has_the_adjusted_difficulty(bits, factor):
    assert difficulty_of_nbits(adjusted(bits, factor)) == pytest.approx(difficulty_of_nbits(bits) * factor, rel=1e-3)


async def test_difficulty_changes_only_at_the_end_of_an_epoch(clock):
    chain = Chain(seed=3, clock=clock)
    before = (chain.tip().height, chain.bits)
    changes = 0
    for _ in range(40):
        await clock.pass_(DAY)
        height, bits = chain.tip().height, chain.bits
        crossed = height // EPOCH - before[0] // EPOCH
        assert (bits != before[1]) == bool(crossed)
        changes += crossed
        before = (height, bits)
    assert changes >= 2
    assert abs(chain.last_change) < 0.2


async def test_block_times_increase_with_height(clock):
    chain = Chain(seed=3, clock=clock)
    await clock.pass_(3 * DAY)
    tip = chain.tip().height
    times = [chain.time_of(height) for height in range(tip - 1200, tip + 1)]
    assert all(earlier < later for earlier, later in itertools.pairwise(times))
    assert (times[-1] - times[0]) / 1200 == pytest.approx(BLOCK_INTERVAL, rel=0.15)
    assert chain.epoch_start == chain.time_of(tip - tip % EPOCH)


async def test_agent_reads_the_whole_market_without_doubtful_values(clock):
    chain = Chain(seed=5, clock=clock)
    service = HttpService(Market(chain, clock=clock, seed=5).answer)
    url = f"http://127.0.0.1:{await service.start('127.0.0.1', 0)}"
    source, spot = (MarketSourceSettings(kind=kind, url=url) for kind in ("mempool", "coinbase"))
    market = MarketService(MarketSettings(network=(source,), prices=(source, spot)), clock, random01=lambda: 0.5)
    try:
        hashprices = set()
        for _ in range(16 * 8):  # sixteen days, with at least one adjustment
            now = await market.once()
            assert dict(now.stale) == {}
            assert sorted(now.network_hashrate) == [144, 432, 1008]
            hashprices.add(now.hashprice.fiat_per_ph_day)
            await clock.pass_(3 * 3600)
        assert len(hashprices) == 16 * 8
        await market.once()
        await market.store_point()
        assert sorted(market.now.changes) == [1, 7, 30, 365]
        assert set(market.tally.outcomes) == {("mempool", "ok"), ("coinbase", "ok")}
    finally:
        await market.close()
        await service.stop()
