"""Tests polling over time: intervals, pauses, backoff, expiry of figures, and the visibility of worker names."""

import asyncio
import contextlib
import dataclasses
import random

import pytest

from fakes.clock import StillClock
from fakes.pool_answers import ADDRESS, NOW
from fakes.pool_site import PoolSite, account_of
from fakes.web import Says
from stratoscope.pools.rate_limit import RateLimiter
from stratoscope.pools.service import PoolService
from stratoscope.pools.settings import PoolSettings


@pytest.fixture
def clock():
    return StillClock(epoch=float(NOW))


@contextlib.asynccontextmanager
async def running(clock, kind="viabtc", random01=lambda: 0.0, **changed):
    """Run one pool against its site; yield the PoolService, the site, and a function that lets time pass."""
    async with PoolSite(kind) as site:
        one = PoolSettings(**{"name": "here", "kind": kind, "url": site.url, "account": account_of(kind), **changed})
        warnings: list[str] = []
        recoveries: list[str] = []
        live = PoolService([one], clock, random01=random01, warn=warnings.append, inform=recoveries.append)
        live.warnings, live.recoveries = warnings, recoveries
        task = asyncio.create_task(live.run())

        async def pass_by(seconds: float) -> None:
            end = clock.monotonic() + seconds
            while clock.monotonic() < end:
                due = clock.pending()
                await clock.advance(max(0.0, min(end, due if due is not None else end) - clock.monotonic()))
                await wait_until_idle(clock, live)

        await pass_by(20.0)
        try:
            yield live, site, pass_by
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def wait_until_idle(clock: StillClock, live: PoolService) -> None:
    """Wait in real time until every pool's task is waiting for the clock, none for a response."""
    async with asyncio.timeout(20):
        while clock.sleepers < len(live.pollers):
            await asyncio.sleep(0.001)


def count(site: PoolSite, path: str) -> int:
    return sum(asked.path.partition("?")[0] == path for asked in site.asked)


HASHRATE, WORKERS, PROFIT = (f"/res/openapi/v1/{page}" for page in ("hashrate", "hashrate/worker", "profit/history"))


async def test_each_call_has_its_own_interval(clock):
    async with running(clock) as (_, site, pass_by):
        await pass_by(3600.0)
        assert count(site, HASHRATE) == pytest.approx(60, abs=2)
        assert count(site, WORKERS) / 2 == pytest.approx(12, abs=1)  # two pages each time
        assert count(site, PROFIT) == pytest.approx(4, abs=1)


async def test_f26_no_request_during_a_pause_requested_by_the_pool(clock):
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
        assert live.recoveries == ["pool here: call 'account' recovered"]


async def test_a_rate_limit_in_an_http_200_response_is_respected(clock):
    async with running(clock) as (live, site, pass_by):
        site.instead = lambda _: Says({"code": 9, "message": "Too many requests"})
        await pass_by(60.0)
        asked = len(site.asked)
        await pass_by(230.0)
        assert (len(site.asked), live.now[0].outcomes["rate_limited"]) == (asked, 1)


async def test_figures_of_a_failing_pool_are_kept_with_their_age_and_then_expire(clock):
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


async def test_figures_that_the_pool_stops_updating_expire(clock):
    async with running(clock, "ocean") as (live, _, pass_by):
        assert live.reports["here"].hashrate
        await pass_by(3700.0)  # the site's snap_ts never changes
        assert live.reports["here"].hashrate == {}
        assert live.now[0].up is True
        assert live.now[0].error == "the figures of call 'account' are 1 h old"


@pytest.mark.parametrize("seed", range(8))
async def test_all_calls_recover_within_18_minutes_after_a_long_outage(clock, seed):
    rng = random.Random(seed)
    async with running(clock, "ckpool", rng.random) as (live, site, pass_by):
        site.instead = lambda _: Says(b"", 500)
        await pass_by(rng.uniform(1.0, 3.0) * 3600.0)
        assert live.now[0].up is False
        site.instead, before = None, len(site.asked)
        await pass_by(18 * 60.0)
        assert live.now[0].up is True
        assert {asked.path for asked in site.asked[before:]} == {f"/users/{ADDRESS}", "/pool/pool.status"}


async def test_a_wrong_key_is_retried_rarely_and_logged_once_per_call(clock):
    account = dataclasses.replace(account_of("viabtc"), key="wrong")
    async with running(clock, account=account) as (live, site, pass_by):
        await pass_by(6 * 3600.0)
        assert len(site.asked) < 90  # three calls, each at most every 15 minutes after the first tries
        assert live.now[0].outcomes["auth"] == len(site.asked)
        assert sum("failed: auth" in line for line in live.warnings) == 3


async def test_pools_can_be_added_changed_and_removed_while_running(clock):
    async with running(clock) as (live, site, pass_by):
        old = live.pollers["here"]
        live.follow([old.settings])
        assert live.pollers["here"] is old
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


async def test_entries_with_the_same_key_share_its_rate_limit(clock):
    async with PoolSite("f2pool") as site:
        both = [PoolSettings(name=name, kind="f2pool", url=site.url, account=account_of("f2pool")) for name in "ab"]
        live = PoolService(both, clock, random01=lambda: 0.0)
        task = asyncio.create_task(live.poll_once())
        times = []
        while not task.done():
            await asyncio.sleep(0.003)
            times += [clock.monotonic()] * (len(site.asked) - len(times))
            await clock.advance(1.0)
        times += [clock.monotonic()] * (len(site.asked) - len(times))
        await live.close()
        assert len(times) == 8
        assert times[-1] - times[0] >= 5 * 5.0 - 1  # three at once, then one each five seconds


async def test_the_rate_limiter_allows_a_burst_and_then_one_request_at_a_time(clock):
    limiter, passed = RateLimiter(5.0, 3, clock), []

    async def take() -> None:
        await limiter.acquire()
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
async def test_s16_a_worker_name_is_a_label_only_if_configured(pool_of, changed, rows):
    async with pool_of("ckpool", **changed) as (live, _):
        await live.poll_once()
        (now,) = live.now
    assert [(row.rig, row.worker) for row in now.workers] == rows
    assert now.left_out == (1 if "max_workers" in changed else 0)
    if rows == [("both", "")]:
        assert now.workers[0].report.hashrate[3600.0] == 300e12


async def test_configured_fee_and_scheme_override_the_pools(pool_of):
    async with pool_of("f2pool") as (live, _):
        await live.poll_once()
        assert (live.reports["here"].fee_ratio, live.reports["here"].scheme) == (0.025, "fpps")
    async with pool_of("f2pool", fee=0.02, scheme="pps") as (live, _):
        await live.poll_once()
        assert (live.reports["here"].fee_ratio, live.reports["here"].scheme) == (0.02, "pps")


async def test_hydra_pool_counters_become_hashrates_after_ten_minutes(clock):
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
        assert live.reports["here"].hashrate == {}  # the pool restarted
