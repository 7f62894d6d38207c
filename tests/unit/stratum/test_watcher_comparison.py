"""Comparison of watched endpoints: races, chains, lag and losses."""

from statistics import median

import pytest

from fakes.stratum import FastClock
from stratoscope.clock import SystemClock
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool import PoolBehaviour, StratumPool
from stratoscope.stratum.sessions.dial import SessionEnded
from stratoscope.stratum.watch.watched_endpoint import EndpointLoad
from stratoscope.stratum.watch.watcher import EndpointClaims
from stratoscope.units import DAY, HASHES_PER_DIFFICULTY_1, TH

from .conftest import eventually
from .pools import OPEN, kinds, pools_on, started, stopped, url

CASH_BITS = 0x18018D09


async def test_measured_delays_of_three_pools_are_within_2_ms(watch_endpoints):
    clock = SystemClock()
    chain = Chain(seed=2, clock=clock, first_blocks_s=tuple(0.8 + 0.12 * n for n in range(8)))
    pools = pools_on(chain, clock, *(PoolBehaviour(open=True, delay=delay) for delay in (0.0, 0.03, 0.07)))
    ports = [await pool.start() for pool in pools]
    names = [f"stratum+tcp://127.0.0.1:{port}" for port in ports]
    watcher = await watch_endpoints(*names)
    try:
        await eventually(
            lambda: len(watcher.now.races) >= 8 and all(len(race.delays) == 3 for race in watcher.now.races)
        )
        off = []
        for race in watcher.now.races:
            truth = [pool.announced[race.prev_hash] for pool in pools]
            off += [race.delays[name] - (at - min(truth)) for name, at in zip(names, truth, strict=True)][1:]
        assert median(map(abs, off)) < 0.002
        watcher.comparison.update()
        counts = [watcher.comparison.snapshot({}).endpoints[name].counts for name in names]
        assert [count.blocks for count in counts] == [8, 8, 8]
        assert [count.raced for count in counts] == [8, 8, 8]
        assert sum(count.first for count in counts) == 8
    finally:
        await stopped(*pools)


async def test_delays_are_exact_with_a_simulated_clock(watch_simulated):
    clock = FastClock()
    chain = Chain(seed=3, clock=clock, first_blocks_s=(100.0, 400.0))
    pools = pools_on(chain, clock, *(PoolBehaviour(open=True, delay=delay) for delay in (0.5, 0.0, 2.0)))
    await started(*pools)
    watcher, _ = await watch_simulated(dict(zip("abc", pools, strict=True)), clock)
    await clock.advance(600)
    try:
        assert [{u[14]: round(d, 6) for u, d in race.delays.items()} for race in watcher.now.races] == [
            {"b": 0.0, "a": 0.5, "c": 2.0}
        ] * 2
        counts = {u[14]: one.counts for u, one in watcher.now.endpoints.items()}
        assert {u: (c.first, c.raced, round(c.delays.total, 6)) for u, c in counts.items()} == {
            "a": (0, 2, 1.0),
            "b": (2, 2, 0.0),
            "c": (0, 2, 4.0),
        }
        assert watcher.now.height == chain.tip().height
        assert watcher.now.tip == chain.tip().hash[::-1].hex()
    finally:
        await stopped(*pools)


async def test_bitcoin_cash_raises_an_alarm_and_never_reaches_the_market(watch_simulated):
    clock = FastClock()
    chain, other = Chain(seed=4, clock=clock), Chain(seed=5, clock=clock, bits=CASH_BITS)
    good, also = pools_on(chain, clock, OPEN, OPEN)
    cash = StratumPool(other, clock=clock, behaviour=PoolBehaviour(open=True, witness=False))
    await started(good, also, cash)
    watcher, _ = await watch_simulated({"good": good, "also": also, "cash": cash}, clock)
    await clock.advance(60)
    try:
        found = {u: (one.chain, one.chain_match) for u, one in watcher.now.endpoints.items()}
        assert found == {
            url("also"): ("bitcoin", True),
            url("good"): ("bitcoin", True),
            url("cash"): ("bitcoin_cash", False),
        }
        assert [(alarm.kind, alarm.endpoint) for alarm in watcher.now.alarms] == [("chain", url("cash"))]
        assert kinds(watcher) == ["stratum_alarm"]
        assert watcher.newest().endpoint != url("cash")
        assert watcher.now.endpoints[url("cash")].lag is None, "heights of different chains are not comparable"
    finally:
        await stopped(good, also, cash)


async def test_endpoint_on_an_old_block_is_behind_until_it_catches_up(watch_simulated):
    clock = FastClock()
    chain = Chain(seed=6, clock=clock, first_blocks_s=(100.0, DAY))
    quick_pool, slow = pools_on(chain, clock, OPEN, PoolBehaviour(open=True, delay=300.0))
    await started(quick_pool, slow)
    watcher, _ = await watch_simulated({"fast": quick_pool, "slow": slow}, clock)
    try:
        await clock.advance(150)
        assert watcher.now.endpoints[url("slow")].lag == 1
        assert watcher.now.alarms == ()
        await clock.advance(30)
        assert [(alarm.kind, alarm.endpoint) for alarm in watcher.now.alarms] == [("behind", url("slow"))]
        await clock.advance(250)
        assert watcher.now.alarms == ()
        assert kinds(watcher) == ["stratum_alarm", "stratum_clear"]
        one = watcher.now.endpoints[url("slow")]
        assert (one.lag, one.counts.raced) == (0, 1)
        assert one.counts.losses["late"].seconds == pytest.approx(300.0, abs=0.01)
    finally:
        await stopped(quick_pool, slow)


async def test_endpoint_that_never_catches_up_loses_all_the_time_and_raises_one_alarm(watch_simulated):
    clock = FastClock()
    chain = Chain(seed=6, clock=clock, first_blocks_s=(100.0, 500.0, 900.0, DAY))
    alive, stuck = pools_on(chain, clock, OPEN, PoolBehaviour(open=True, delay=DAY))
    await started(alive, stuck)
    watcher, _ = await watch_simulated({"alive": alive, "stuck": stuck}, clock)
    try:
        await clock.advance(1105)
        one = watcher.now.endpoints[url("stuck")]
        assert (one.lag, one.counts.blocks) == (3, 0)
        assert one.counts.losses["late"].seconds == pytest.approx(1000.0, abs=11.0), "since the first block it missed"
        assert kinds(watcher) == ["stratum_alarm"], "new blocks do not raise it again"
        assert "3 behind" not in watcher.now.alarms[0].text, "the text is from the time when it was raised"
    finally:
        await stopped(alive, stuck)


async def test_wall_clock_step_raises_no_alarm(watch_simulated):
    clock = FastClock()
    pool = StratumPool(Chain(seed=6, clock=clock, first_blocks_s=(1e9,)), clock=clock, behaviour=OPEN)
    await pool.start()
    watcher, _ = await watch_simulated({"a": pool, "dead": SessionEnded("refused", "nobody")}, clock)
    try:
        await clock.advance(60)
        for step in (3600.0, -7200.0, 3600.0):
            clock._offset += step
            await clock.advance(6)
            assert watcher.now.alarms == ()
            now = watcher.comparison.snapshot({})
            assert 0 <= now.at - now.endpoints[url("a")].job_at <= 30
    finally:
        await pool.stop()


async def test_empty_templates_are_counted_with_their_loss(watch_simulated):
    clock = FastClock()
    chain = Chain(seed=7, clock=clock, first_blocks_s=(100.0, DAY))
    pool = StratumPool(chain, clock=clock, behaviour=PoolBehaviour(open=True, empty=33.0))
    await pool.start()
    watcher, _ = await watch_simulated({"a": pool}, clock, hosts=())
    watcher.update_claims({url("a"): EndpointClaims({"private"}, "acct.x", EndpointLoad(10, 1000 * TH))})
    try:
        await clock.advance(99)
        before = watcher.now.median_fees
        await clock.advance(41)
        one = watcher.now.endpoints[url("a")]
        loss = one.counts.losses["empty"]
        assert loss.seconds == pytest.approx(33.0, abs=0.01)
        worth = 1000 * TH * 33.0 / (one.template.network_difficulty * HASHES_PER_DIFFICULTY_1)
        assert watcher.now.median_fees * worth <= loss.satoshis <= before * worth, (
            "the median fell with the new template"
        )
        assert one.counts.empty_jobs >= 1
        assert (one.rigs, one.hashrate) == (10, 1000 * TH)
    finally:
        await pool.stop()
