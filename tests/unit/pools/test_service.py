"""How pools are asked over time: cadence, pauses, back-off, what vanishes when, and what others may see of workers."""

import asyncio
import contextlib
import dataclasses
import random

import pytest

from fakes.clock import StillClock
from fakes.pool_answers import ADDRESS, NOW
from fakes.pool_site import PoolSite, account_of
from fakes.web import Says
from stratoscope.pools.rate_limit import Bucket
from stratoscope.pools.service import LivePools
from stratoscope.pools.settings import PoolSettings


@pytest.fixture
def clock():
    return StillClock(epoch=float(NOW))


@contextlib.asynccontextmanager
async def running(clock, kind="viabtc", chance=lambda: 0.0, **changed):
    """Run one pool against its site; gives LivePools, the site and a way to let time pass."""
    async with PoolSite(kind) as site:
        one = PoolSettings(**{"name": "here", "kind": kind, "url": site.url, "account": account_of(kind), **changed})
        heard: list[str] = []
        live = LivePools([one], clock, chance=chance, warn=heard.append)
        live.heard = heard
        task = asyncio.create_task(live.run())

        async def pass_by(seconds: float) -> None:
            end = clock.monotonic() + seconds
            while clock.monotonic() < end:
                due = clock.pending()
                await clock.advance(max(0.0, min(end, due if due is not None else end) - clock.monotonic()))
                await quiet(clock, live)

        await pass_by(20.0)
        try:
            yield live, site, pass_by
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def quiet(clock: StillClock, live: LivePools) -> None:
    """Wait in real time until every pool's task waits for the clock, and none for an answer."""
    async with asyncio.timeout(20):
        while clock.sleepers < len(live.asked):
            await asyncio.sleep(0.001)


def count(site: PoolSite, path: str) -> int:
    return sum(asked.path.partition("?")[0] == path for asked in site.asked)


HASHRATE, WORKERS, PROFIT = (f"/res/openapi/v1/{page}" for page in ("hashrate", "hashrate/worker", "profit/history"))


async def test_each_call_comes_at_its_own_pace(clock):
    async with running(clock) as (_, site, pass_by):
        await pass_by(3600.0)
        assert count(site, HASHRATE) == pytest.approx(60, abs=2)
        assert count(site, WORKERS) / 2 == pytest.approx(12, abs=1)  # two pages each time
        assert count(site, PROFIT) == pytest.approx(4, abs=1)


async def test_f26_nothing_is_asked_within_the_pause_that_a_pool_wants(clock):
    async with running(clock) as (live, site, pass_by):
        site.instead = lambda _: Says(b"", 429, {"Retry-After": "1800"})
        await pass_by(60.0)
        asked = len(site.asked)
        await pass_by(1690.0)
        assert len(site.asked) == asked
        assert live.now[0].outcomes["rate_limited"] == 1
        site.instead = None
        await pass_by(1200.0)
        assert len(site.asked) > asked
        assert live.now[0].up is True


async def test_a_rate_limit_in_a_good_answer_is_heeded_too(clock):
    async with running(clock) as (live, site, pass_by):
        site.instead = lambda _: Says({"code": 9, "message": "Too many requests"})
        await pass_by(60.0)
        asked = len(site.asked)
        await pass_by(230.0)
        assert (len(site.asked), live.now[0].outcomes["rate_limited"]) == (asked, 1)


async def test_what_a_silent_pool_said_is_kept_with_its_age_and_then_vanishes(clock):
    async with running(clock) as (live, site, pass_by):
        report = live.reports["here"]
        assert (len(report.workers), len(report.earnings)) == (2, 1)
        site.instead = lambda _: Says(b"", 500)
        await pass_by(500.0)
        assert live.reports["here"].hashrate == report.hashrate
        assert 480.0 < live.now[0].ages["account"] <= 530.0
        assert live.now[0].up is False
        await pass_by(200.0)
        assert live.reports["here"].hashrate == {}
        assert len(live.reports["here"].workers) == 2
        await pass_by(400.0)
        assert (live.reports["here"].workers, live.reports["here"].workers_by_state) == (None, {})
        assert len(live.reports["here"].earnings) == 1
        await pass_by(2400.0)
        assert live.reports == {}
        assert live.now[0].ages == {}


async def test_a_pool_that_stands_still_is_not_believed_for_long(clock):
    async with running(clock, "ocean") as (live, _, pass_by):
        assert live.reports["here"].hashrate
        await pass_by(3700.0)  # the site's snap_ts never moves
        assert live.reports["here"].hashrate == {}
        assert live.now[0].up is True
        assert live.now[0].wrong == "what the pool tells of account is 1 h old"


@pytest.mark.parametrize("seed", range(8))
async def test_all_that_a_pool_tells_is_back_a_quarter_of_an_hour_after_a_long_outage(clock, seed):
    dice = random.Random(seed)
    async with running(clock, "ckpool", dice.random) as (live, site, pass_by):
        site.instead = lambda _: Says(b"", 500)
        await pass_by(dice.uniform(1.0, 3.0) * 3600.0)
        assert live.now[0].up is False
        site.instead, before = None, len(site.asked)
        await pass_by(18 * 60.0)
        assert live.now[0].up is True
        assert {asked.path for asked in site.asked[before:]} == {f"/users/{ADDRESS}", "/pool/pool.status"}


async def test_a_wrong_key_is_tried_rarely(clock):
    account = dataclasses.replace(account_of("viabtc"), key="wrong")
    async with running(clock, account=account) as (live, site, pass_by):
        await pass_by(6 * 3600.0)
        assert len(site.asked) < 90  # three calls, each at most every 15 minutes after the first tries
        assert live.now[0].outcomes["auth"] == len(site.asked)
        assert sum("is not told" in line for line in live.heard) == 3


async def test_a_pool_that_is_added_removed_or_changed_while_running(clock):
    async with running(clock) as (live, site, pass_by):
        old = live.asked["here"]
        live.follow([old.settings])
        assert live.asked["here"] is old
        async with PoolSite("ocean") as other:
            more = PoolSettings(name="there", kind="ocean", url=other.url, account=account_of("ocean"), fee=0.01)
            live.follow([old.settings, more])
            await pass_by(30.0)
            assert other.asked
            assert live.reports["there"].fee_ratio == 0.01
            live.follow([dataclasses.replace(more, fee=0.02)])
            await pass_by(30.0)
            asked = len(site.asked)
            await pass_by(300.0)
            assert live.reports.keys() == {"there"}
            assert live.reports["there"].fee_ratio == 0.02
            assert len(site.asked) == asked


async def test_entries_that_share_a_key_share_its_limit(clock):
    async with PoolSite("f2pool") as site:
        both = [PoolSettings(name=name, kind="f2pool", url=site.url, account=account_of("f2pool")) for name in "ab"]
        live = LivePools(both, clock, chance=lambda: 0.0)
        task = asyncio.create_task(live.once())
        times = []
        while not task.done():
            await asyncio.sleep(0.003)
            times += [clock.monotonic()] * (len(site.asked) - len(times))
            await clock.advance(1.0)
        times += [clock.monotonic()] * (len(site.asked) - len(times))
        await live.close()
        assert len(times) == 8
        assert times[-1] - times[0] >= 5 * 5.0 - 1  # three at once, then one each five seconds


async def test_the_bucket_lets_a_burst_through_and_then_one_at_a_time(clock):
    bucket, passed = Bucket(5.0, 3, clock), []

    async def take() -> None:
        await bucket.take()
        passed.append(clock.monotonic() - 1000.0)

    tasks = [asyncio.create_task(take()) for _ in range(6)]
    await clock.advance(60.0)
    assert all(task.done() for task in tasks)
    assert passed == [0.0, 0.0, 0.0, 5.0, 10.0, 15.0]


@pytest.mark.parametrize(
    ("changed", "rows"),
    [
        ({}, []),
        ({"workers": {f"{ADDRESS}.rig01": "rack1-top"}}, [("rack1-top", "")]),
        ({"worker_names": True}, [("", f"{ADDRESS}.rig01"), ("", f"{ADDRESS}.rig02")]),
        ({"worker_names": True, "max_workers": 1}, [("", f"{ADDRESS}.rig01")]),
        ({"workers": {f"{ADDRESS}.rig01": "both", f"{ADDRESS}.rig02": "both"}}, [("both", "")]),
    ],
)
async def test_s16_a_workers_name_is_no_label_unless_the_config_says_so(pool_of, changed, rows):
    async with pool_of("ckpool", **changed) as (live, _):
        await live.once()
        (now,) = live.now
    assert [(row.rig, row.worker) for row in now.workers] == rows
    assert now.left_out == (1 if "max_workers" in changed else 0)
    if rows == [("both", "")]:
        assert now.workers[0].report.hashrate[3600.0] == 300e12


async def test_the_operators_word_on_fee_and_scheme_goes_before_the_pools(pool_of):
    async with pool_of("f2pool") as (live, _):
        await live.once()
        assert (live.reports["here"].fee_ratio, live.reports["here"].scheme) == (0.025, "fpps")
    async with pool_of("f2pool", fee=0.02, scheme="pps") as (live, _):
        await live.once()
        assert (live.reports["here"].fee_ratio, live.reports["here"].scheme) == (0.02, "pps")


async def test_hydra_pools_counters_become_hashrates_after_ten_minutes(clock):
    async with running(clock, "hydrapool") as (live, site, pass_by):
        await pass_by(500.0)
        assert live.reports["here"].hashrate == {}
        begin = clock.monotonic()

        def page(_) -> Says:
            done = 100e12 * (clock.monotonic() - begin)
            return Says(
                "".join(
                    f'worker_shares_valid_total{{btcaddress="{ADDRESS}",workername="rig0{n}"}} '
                    f"{n * (4.2e18 + done):.0f}\n"
                    for n in (1, 2)
                ).encode()
            )

        site.instead = page
        await pass_by(1300.0)
        report = live.reports["here"]
        assert report.hashrate[600.0] == pytest.approx(300e12, rel=1e-3)
        assert {one.name: one.hashrate[600.0] for one in report.workers} == {
            "rig01": pytest.approx(100e12, rel=1e-3),
            "rig02": pytest.approx(200e12, rel=1e-3),
        }
        site.instead = lambda _: Says(
            f'worker_shares_valid_total{{btcaddress="{ADDRESS}",workername="rig01"}} 5\n'.encode()
        )
        await pass_by(60.0)
        assert live.reports["here"].hashrate == {}  # the pool began anew
