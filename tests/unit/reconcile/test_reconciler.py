"""Reconciles simulated rigs with a simulated pool over days: comparisons, alarms, and what must not raise one."""

import asyncio
import math
from dataclasses import replace

import pytest

from stratoscope.pools.report import Earning
from stratoscope.reconcile.comparison import BAND_STANDARD_ERRORS
from stratoscope.reconcile.evidence import shares_to_detect
from stratoscope.reconcile.reconciler import Reconciler
from stratoscope.units import DAY, HOUR, TH
from unit.reconcile.farm import HASH_VALUE, START, Farm, Rig


@pytest.mark.parametrize("sums", [True, False], ids=["sums of difficulty", "mean hashrates"])
def test_an_honest_pool_gets_the_verdict_in_full(sums):
    farm = Farm("honest", count=20, sums=sums)
    farm.run(30)
    day = farm.now.windows["24h"]
    assert farm.events == []
    assert farm.now.verdict == "in full"
    assert abs(day.ratio - 1) < 4 * day.noise
    assert day.noise == pytest.approx(1 / math.sqrt(day.shares), rel=0.15), "1/sqrt(n), or slightly more"
    assert day.shares == pytest.approx(20 * day.seconds / 20 / 7.5, rel=0.02)
    assert day.reported == pytest.approx(100 * TH, rel=0.01)
    assert farm.now.rigs == {"matched": 20, "unmatched": 0}
    assert farm.now.coverage == 1.0
    assert day.band(0.01) == pytest.approx(BAND_STANDARD_ERRORS * day.noise + 0.01)


@pytest.mark.parametrize("sums", [True, False], ids=["sums of difficulty", "mean hashrates"])
def test_detects_a_3_percent_skim_within_twice_the_predicted_time(sums):
    farm = Farm("skim", count=60, sums=sums)
    rate = 60 / 7.5
    predicted_shares = shares_to_detect(0.03, 0.01, lag_shares=60 * rate)
    assert predicted_shares is not None
    farm.credits = 0.97
    farm.run(2 * predicted_shares / rate / HOUR)
    assert farm.kinds == ["pool_shortfall_raised"]
    (event,) = farm.events
    assert event.at - START < 2 * predicted_shares / rate
    assert event.details["shortfall"] == pytest.approx(0.03, abs=0.008)
    assert "credited 3" in event.text or "credited 2.9" in event.text or "credited 2.8" in event.text
    assert farm.now.verdict == "short"
    assert farm.now.detection == pytest.approx(predicted_shares / rate, rel=0.3)


def test_the_alarm_ends_when_the_pool_credits_in_full_again():
    farm = Farm("turn", count=50)
    farm.credits = 0.93
    farm.run(6)
    farm.credits = 1.0
    farm.run(9)
    assert farm.kinds == ["pool_shortfall_raised", "pool_shortfall_cleared"]
    assert farm.now.shortfall is None
    assert "in full again" in farm.events[1].text


@pytest.mark.parametrize("seed", range(4))
def test_quirks_of_an_honest_fleet_raise_no_alarm(seed):
    """Figures that lag up to a minute, refused shares, a configured firmware fee, rigs that come and go or stop."""
    rigs = [Rig(f"rig{at:02d}", refused=0.02, overstates=1 / 0.98) for at in range(20)]
    farm = Farm(f"quirks/{seed}", rigs, lag=60.0, firmware_fee=0.02)
    farm.run(5)
    for rig in rigs[:5]:
        rig.reachable = False
    farm.run(2)
    for rig in rigs[:5]:
        rig.reachable = True
    rigs[6].hashing = False
    farm.run(3)
    rigs[6].hashing = True
    rigs[7].account = "elsewhere"
    farm.run(5)
    assert farm.events == []
    assert farm.now.windows["24h"].ratio == pytest.approx(1.0, abs=0.01)
    assert farm.now.rigs["matched"] == 19


def test_rigs_that_overstate_beyond_the_tolerance_look_like_a_skim():
    """A rig that reports 4 % too much looks like a pool that credits 4 % too little: raise the tolerance."""

    def farm(tolerance: float) -> Farm:
        made = Farm("claims", [Rig(f"r{at}", overstates=1.04) for at in range(40)], tolerance=tolerance)
        made.run(10)
        return made

    assert farm(0.01).kinds == ["pool_shortfall_raised"]
    assert farm(0.05).kinds == []


def test_refused_shares_do_not_count_as_a_skim():
    farm = Farm("refused", [Rig(f"r{at}", refused=0.05) for at in range(30)])
    farm.run(8)
    assert farm.events == []
    assert farm.now.windows["24h"].ratio == pytest.approx(1.0, abs=0.01)
    assert farm.now.windows["24h"].credited == pytest.approx(95 * TH, rel=0.01)


def test_a_shortfall_of_one_worker_is_not_a_shortfall_of_the_pool():
    rigs = [Rig(f"r{at:02d}") for at in range(20)]
    rigs[3].overstates = 1.3
    farm = Farm("one", rigs, tolerance=0.03)
    farm.run(16)
    short = [worker.rigs for worker in farm.now.workers if worker.short]
    assert short == [("r03",)]
    assert farm.now.workers[0].rigs == ("r03",), "the worst worker is first"
    assert farm.now.workers[0].comparison.ratio == pytest.approx(1 / 1.3, rel=0.03)
    assert farm.now.shortfall is None


def test_frozen_rigs_without_shares_raise_no_pool_alarm():
    """Five of thirty rigs freeze; their own share counts show it."""
    rigs = [Rig(f"r{at:02d}") for at in range(30)]
    farm = Farm("frozen", rigs)
    farm.run(1)
    for rig in rigs[:5]:
        rig.frozen = True
    farm.run(4)
    assert farm.events == []
    assert farm.now.windows["24h"].ratio == pytest.approx(1.0, abs=0.02)
    day = farm.reconciler.trackers["p"].days.rows["2026-01-12"]
    assert day.credited_hashes / day.compared_hashes < 0.9, "the day still shows the lost hashes"
    assert {worker.rigs[0] for worker in farm.now.workers if worker.short} == {f"r{at:02d}" for at in range(5)}


def test_rigs_that_share_a_worker_name_are_compared_together():
    farm = Farm("shared", [Rig(f"r{at}", user="acct.farm") for at in range(10)])
    farm.run(10)
    (worker,) = farm.now.workers
    assert len(worker.rigs) == 10
    assert worker.comparison.ratio == pytest.approx(1.0, abs=0.02)


def test_a_pool_without_a_worker_list_is_compared_by_its_account_total():
    farm = Farm("whole", count=10, listed=False)
    farm.run(10)
    assert farm.now.windows["24h"].ratio == pytest.approx(1.0, abs=0.02)
    assert farm.now.worker_matches == {}
    assert farm.now.rigs["matched"] == 10


def test_workers_without_a_rig_lower_only_the_coverage():
    rigs = [Rig(f"r{at}") for at in range(8)] + [Rig(f"strange{at}", reachable=False) for at in range(2)]
    farm = Farm("strangers", rigs)
    farm.run(10)
    assert farm.now.coverage == pytest.approx(0.8, abs=0.03)
    assert farm.now.worker_matches == {"matched": 8, "unmatched": 2, "ambiguous": 0}
    assert farm.now.windows["24h"].ratio == pytest.approx(1.0, abs=0.03)


def test_rigs_of_another_algorithm_are_not_compared():
    farm = Farm("scrypt", [Rig("a"), Rig("b", algorithm="scrypt")])
    farm.run(4)
    assert {worker.rigs for worker in farm.now.workers} == {("a",)}


def test_comparison_continues_after_the_pool_resets_its_counters():
    farm = Farm("reset", count=10)
    farm.run(5)
    for rig in farm.rigs:
        rig.credited = 0.0
    farm.run(5)
    assert farm.events == []
    assert farm.now.windows["6h"].ratio == pytest.approx(1.0, abs=0.02)


def test_evidence_and_days_survive_a_restart():
    predicted_shares = shares_to_detect(0.03, 0.01, lag_shares=60 * 8)
    assert predicted_shares is not None
    farm = Farm("restart", count=60)
    farm.credits = 0.97
    farm.run(0.6 * predicted_shares / 8 / HOUR)
    half = farm.now.evidence
    days, states = farm.reconciler.drain()
    farm.reconciler = Reconciler("site", farm.events.append, rows=days, states=dict(states))
    again = Farm("restart/2", farm.rigs, reconciler=farm.reconciler)
    assert again.reconciler.trackers["p"].detector.evidence == pytest.approx(half)
    assert again.reconciler.trackers["p"].days.rows == {day.day: day for day in days}


def test_a_day_is_settled_once_the_pool_has_credited_it():
    farm = Farm("days", count=20, fee=0.02)
    farm.run(17.5)  # until shortly after midnight
    day = "2026-01-12"
    row = replace(farm.reconciler.trackers["p"].days.rows[day])
    assert row.watched_seconds == pytest.approx(DAY - 6 * HOUR - 40 * 60, abs=120)
    assert row.reported_hashes == pytest.approx(20 * 100 * TH * row.watched_seconds, rel=0.01)
    assert row.reported_sat == pytest.approx(row.valued_hashes * HASH_VALUE.gross)
    start = 1_768_176_000.0
    value = 20 * 100 * TH * DAY * HASH_VALUE.gross
    earned = Earning(start=start, end=start + DAY, sat=round(value * 0.98))
    days = farm.reconciler.trackers["p"].days
    days.set_earnings([earned], start + DAY + HOUR)
    assert days.rows[day].earned_sat is None, "an hour after midnight the pool may not have credited the whole day"
    days.set_earnings([earned], start + DAY + 3 * HOUR)
    assert days.rows[day].earned_sat == earned.sat
    assert days.newest_settled() is None, "only 72 % of it is known"
    days.rows[day].watched_seconds = row.watched_seconds
    farm.run(26)
    days.set_earnings([earned, replace(earned, start=start + DAY, end=start + 2 * DAY)], farm.at)
    farm.reconciler.update(farm.at, {}, None)
    fall = farm.now.waterfall
    assert fall is not None
    assert fall.day == "2026-01-13"
    assert fall.factors["residual"] == pytest.approx(1.0, abs=0.02)
    assert fall.factors["pool_fee"] == pytest.approx(0.98)
    assert fall.ratio == pytest.approx(0.98, abs=0.01)
    assert fall.realised_hashprice == pytest.approx((fall.hashprice or 0) * 0.98, rel=0.02)


def test_an_unreachable_rig_is_downtime_without_shares_and_unknown_with_shares():
    farm = Farm("dark", [Rig(f"r{at}") for at in range(4)])
    farm.run(3)
    farm.rigs[0].reachable = farm.rigs[0].hashing = False
    farm.rigs[1].reachable = False
    farm.run(12)
    row = farm.reconciler.trackers["p"].days.rows["2026-01-12"]
    assert row.rig_seconds == pytest.approx(4 * row.watched_seconds, rel=0.02)
    assert row.heard_seconds == pytest.approx(4 * row.watched_seconds - 12 * HOUR, rel=0.03)
    assert row.hashing_seconds == pytest.approx(4 * row.watched_seconds - 24 * HOUR, rel=0.03)


def test_solo_mining_reports_block_odds_and_raises_no_alarm():
    farm = Farm("alone", count=5, scheme="solo")
    farm.run(3)
    assert farm.now.odds is not None
    assert farm.now.odds.seconds == pytest.approx(145.5e12 * 2**32 / (5 * 100 * TH), rel=0.1)
    assert farm.events == []


@pytest.mark.parametrize("credited", [math.inf, math.nan, -1e30, 1e300, 1e30])
def test_impossible_pool_figures_are_not_compared(credited):
    farm = Farm("nonsense", count=3)
    farm.run(1)
    before = farm.now.windows["24h"].shares
    true, farm.rigs[0].credited = farm.rigs[0].credited, credited
    farm.run(1 / 12)
    farm.rigs[0].credited = true
    farm.run(1)
    assert farm.events == []
    assert farm.now.windows["24h"].ratio == pytest.approx(1.0, abs=0.2)
    assert farm.now.windows["24h"].shares > before


def test_a_pool_that_is_removed_between_two_slices_is_forgotten():
    farm = Farm("between", count=600)
    farm.run(0.1)
    asyncio.run(remove_pool_between_slices(farm))
    assert farm.reconciler.now == ()


async def remove_pool_between_slices(farm: Farm) -> None:
    reconciler, report, at = farm.reconciler, farm.report(), farm.at + 60
    snapshots = [rig.snapshot(at, START) for rig in farm.rigs]
    adding_snapshots = asyncio.create_task(reconciler.add_snapshots(snapshots, at, HASH_VALUE, {}))
    adding_workers = asyncio.create_task(reconciler.add_workers("p", report, at))
    await asyncio.sleep(0)
    assert not adding_snapshots.done()
    assert not adding_workers.done()
    reconciler.follow([], 0.0)
    await adding_snapshots
    await adding_workers
    await reconciler.add_workers("p", report, at + 60)
    reconciler.add_earnings("p", [], farm.at)
    reconciler.update(farm.at, {}, None)


def test_a_pool_removed_from_the_config_is_forgotten():
    farm = Farm("gone", count=3)
    farm.run(2)
    farm.reconciler.follow([], 0.0)
    assert farm.reconciler.now == ()
