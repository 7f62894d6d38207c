"""Rigs and a pool over days of drawn shares: what is compared, when an alarm comes, and what raises none."""

import math
from dataclasses import replace

import pytest

from stratoscope.pools.report import Earning
from stratoscope.reconcile.comparison import DEVIATIONS
from stratoscope.reconcile.evidence import shares_to_detect
from stratoscope.reconcile.reconciler import Reckoner
from stratoscope.units import DAY, HOUR, TH
from unit.reconcile.farm import START, WORTH, Farm, Rig, done


@pytest.mark.parametrize("sums", [True, False], ids=["sums of difficulty", "mean hashrates"])
def test_an_honest_pool_is_found_to_credit_what_the_rigs_did(sums):
    farm = Farm("honest", count=20, sums=sums)
    farm.run(30)
    day = farm.now.windows["24h"]
    assert farm.events == []
    assert farm.now.verdict == "in full"
    assert abs(day.ratio - 1) < 4 * day.noise
    assert day.noise == pytest.approx(1 / math.sqrt(day.shares), rel=0.15), "1/sqrt(n), a little wider at most"
    assert day.shares == pytest.approx(20 * day.seconds / 20 / 7.5, rel=0.02)
    assert day.reported == pytest.approx(100 * TH, rel=0.01)
    assert farm.now.rigs == {"matched": 20, "unmatched": 0}
    assert farm.now.coverage == 1.0
    assert day.band(0.01) == pytest.approx(DEVIATIONS * day.noise + 0.01)


@pytest.mark.parametrize("sums", [True, False], ids=["sums of difficulty", "mean hashrates"])
def test_a_skim_of_3_percent_is_found_within_the_time_its_statistics_allow(sums):
    farm = Farm("skim", count=60, sums=sums)
    rate = 60 / 7.5
    wanted = shares_to_detect(0.03, 0.01, unsure=60 * rate)
    assert wanted is not None
    farm.credits = 0.97
    farm.run(2 * wanted / rate / HOUR)
    assert farm.kinds == ["pool_shortfall_raised"]
    (event,) = farm.events
    assert event.at - START < 2 * wanted / rate
    assert event.details["shortfall"] == pytest.approx(0.03, abs=0.008)
    assert "credits 3" in event.text or "credits 2.9" in event.text or "credits 2.8" in event.text
    assert farm.now.verdict == "short"
    assert farm.now.detection == pytest.approx(wanted / rate, rel=0.3)


def test_an_alarm_ends_when_the_pool_is_honest_again():
    farm = Farm("turn", count=50)
    farm.credits = 0.93
    farm.run(6)
    farm.credits = 1.0
    farm.run(9)
    assert farm.kinds == ["pool_shortfall_raised", "pool_shortfall_cleared"]
    assert farm.now.finding is None
    assert "in full again" in farm.events[1].text


@pytest.mark.parametrize("seed", range(4))
def test_quirks_of_honest_fleets_raise_no_alarm(seed):
    """Books up to a minute late, refused shares, a dev fee that is configured, rigs that come and go or restart."""
    rigs = [Rig(f"rig{at:02d}", refused=0.02, overstates=1 / 0.98) for at in range(20)]
    farm = Farm(f"quirks/{seed}", rigs, late=60.0, firmware_fee=0.02)
    farm.run(5)
    for rig in rigs[:5]:
        rig.heard = False
    farm.run(2)
    for rig in rigs[:5]:
        rig.heard = True
    rigs[6].hashing = False
    farm.run(3)
    rigs[6].hashing = True
    rigs[7].account = "elsewhere"
    farm.run(5)
    assert farm.events == []
    assert farm.now.windows["24h"].ratio == pytest.approx(1.0, abs=0.01)
    assert farm.now.rigs["matched"] == 19


def test_rigs_that_overstate_beyond_the_tolerance_look_like_a_skim_until_it_is_raised():
    """Nothing tells a rig that claims 4 % too much from a pool that credits 4 % too little; hence the tolerance."""

    def farm(tolerance: float) -> Farm:
        made = Farm("claims", [Rig(f"r{at}", overstates=1.04) for at in range(40)], tolerance=tolerance)
        made.run(10)
        return made

    assert farm(0.01).kinds == ["pool_shortfall_raised"]
    assert farm(0.05).kinds == []


def test_shares_that_the_pool_openly_refused_are_no_skim():
    farm = Farm("refused", [Rig(f"r{at}", refused=0.05) for at in range(30)])
    farm.run(8)
    assert farm.events == []
    assert farm.now.windows["24h"].ratio == pytest.approx(1.0, abs=0.01)
    assert farm.now.windows["24h"].credited == pytest.approx(95 * TH, rel=0.01)


def test_one_rigs_worker_that_is_short_is_told_apart_from_the_pool():
    rigs = [Rig(f"r{at:02d}") for at in range(20)]
    rigs[3].overstates = 1.3
    farm = Farm("one", rigs, tolerance=0.03)
    farm.run(16)
    short = [worker.rigs for worker in farm.now.workers if worker.short]
    assert short == [("r03",)]
    assert farm.now.workers[0].rigs == ("r03",), "the worst comes first"
    assert farm.now.workers[0].compared.ratio == pytest.approx(1 / 1.3, rel=0.03)
    assert farm.now.finding is None


def test_rigs_that_show_hashrate_and_find_no_shares_do_not_accuse_the_pool():
    """Five of thirty freeze: their own counts say that it is them."""
    rigs = [Rig(f"r{at:02d}") for at in range(30)]
    farm = Farm("frozen", rigs)
    farm.run(1)
    for rig in rigs[:5]:
        rig.frozen = True
    farm.run(4)
    assert farm.events == []
    assert farm.now.windows["24h"].ratio == pytest.approx(1.0, abs=0.02)
    day = farm.reckoner.books["p"].days.rows["2026-01-12"]
    assert day.credited_hashes / day.compared_hashes < 0.9, "the day tells that hashes were lost all the same"
    assert {worker.rigs[0] for worker in farm.now.workers if worker.short} == {f"r{at:02d}" for at in range(5)}


def test_rigs_under_one_name_are_compared_together():
    farm = Farm("shared", [Rig(f"r{at}", user="acct.farm") for at in range(10)])
    farm.run(10)
    (worker,) = farm.now.workers
    assert len(worker.rigs) == 10
    assert worker.compared.ratio == pytest.approx(1.0, abs=0.02)


def test_a_pool_that_lists_no_workers_is_compared_as_a_whole():
    farm = Farm("whole", count=10, listed=False)
    farm.run(10)
    assert farm.now.windows["24h"].ratio == pytest.approx(1.0, abs=0.02)
    assert farm.now.worker_matches == {}
    assert farm.now.rigs["matched"] == 10


def test_workers_that_are_no_rigs_of_ours_lower_the_coverage_only():
    rigs = [Rig(f"r{at}") for at in range(8)] + [Rig(f"strange{at}", heard=False) for at in range(2)]
    farm = Farm("strangers", rigs)
    farm.run(10)
    assert farm.now.coverage == pytest.approx(0.8, abs=0.03)
    assert farm.now.worker_matches == {"matched": 8, "unmatched": 2, "ambiguous": 0}
    assert farm.now.windows["24h"].ratio == pytest.approx(1.0, abs=0.03)


def test_rigs_of_another_algorithm_are_not_compared():
    farm = Farm("scrypt", [Rig("a"), Rig("b", algorithm="scrypt")])
    farm.run(4)
    assert {worker.rigs for worker in farm.now.workers} == {("a",)}


def test_a_pool_that_counts_anew_is_compared_from_there():
    farm = Farm("reset", count=10)
    farm.run(5)
    for rig in farm.rigs:
        rig.credited = 0.0
    farm.run(5)
    assert farm.events == []
    assert farm.now.windows["6h"].ratio == pytest.approx(1.0, abs=0.02)


def test_an_agent_that_restarts_goes_on_with_its_evidence():
    wanted = shares_to_detect(0.03, 0.01, unsure=60 * 8)
    assert wanted is not None
    farm = Farm("restart", count=60)
    farm.credits = 0.97
    farm.run(0.6 * wanted / 8 / HOUR)
    half = farm.now.evidence
    days, tests = farm.reckoner.drain()
    farm.reckoner = Reckoner("site", farm.events.append, rows=days, states=dict(tests))
    again = Farm("restart/2", farm.rigs, reckoner=farm.reckoner)
    assert again.reckoner.books["p"].detector.evidence == pytest.approx(half)
    assert again.reckoner.books["p"].days.rows == {day.day: day for day in days}


def test_a_day_is_taken_apart_once_the_pool_has_credited_it():
    farm = Farm("days", count=20, fee=0.02)
    farm.run(17.5)  # to midnight and a little
    day = "2026-01-12"
    row = replace(farm.reckoner.books["p"].days.rows[day])
    assert row.watched_seconds == pytest.approx(DAY - 6 * HOUR - 40 * 60, abs=120)
    assert row.reported_hashes == pytest.approx(20 * 100 * TH * row.watched_seconds, rel=0.01)
    assert row.reported_sat == pytest.approx(row.valued_hashes * WORTH.gross)
    start = 1_768_176_000.0
    worth = 20 * 100 * TH * DAY * WORTH.gross
    earned = Earning(start=start, end=start + DAY, sat=round(worth * 0.98))
    days = farm.reckoner.books["p"].days
    days.credited([earned], start + DAY + HOUR)
    assert days.rows[day].earned_sat is None, "an hour after midnight the day may not be in the books"
    days.credited([earned], start + DAY + 3 * HOUR)
    assert days.rows[day].earned_sat == earned.sat
    assert days.settled() is None, "only 72 % of it was seen"
    days.rows[day].watched_seconds = row.watched_seconds
    farm.run(26)
    days.credited([earned, replace(earned, start=start + DAY, end=start + 2 * DAY)], farm.at)
    farm.reckoner.reckon(farm.at, {}, None)
    fall = farm.now.waterfall
    assert fall is not None
    assert fall.day == "2026-01-13"
    assert fall.factors["residual"] == pytest.approx(1.0, abs=0.02)
    assert fall.factors["pool_fee"] == pytest.approx(0.98)
    assert fall.ratio == pytest.approx(0.98, abs=0.01)
    assert fall.realised_hashprice == pytest.approx((fall.hashprice or 0) * 0.98, rel=0.02)


def test_a_rig_that_is_dark_and_without_shares_is_downtime_and_one_with_shares_is_a_gap():
    farm = Farm("dark", [Rig(f"r{at}") for at in range(4)])
    farm.run(3)
    farm.rigs[0].heard = farm.rigs[0].hashing = False
    farm.rigs[1].heard = False
    farm.run(12)
    row = farm.reckoner.books["p"].days.rows["2026-01-12"]
    assert row.rig_seconds == pytest.approx(4 * row.watched_seconds, rel=0.02)
    assert row.heard_seconds == pytest.approx(4 * row.watched_seconds - 12 * HOUR, rel=0.03)
    assert row.hashing_seconds == pytest.approx(4 * row.watched_seconds - 24 * HOUR, rel=0.03)


def test_alone_the_odds_of_a_block_are_told_and_nothing_is_an_alarm_on_money():
    farm = Farm("alone", count=5, scheme="solo")
    farm.run(3)
    assert farm.now.odds is not None
    assert farm.now.odds.seconds == pytest.approx(145.5e12 * 2**32 / (5 * 100 * TH), rel=0.1)
    assert farm.events == []


@pytest.mark.parametrize("credited", [math.inf, math.nan, -1e30, 1e300, 1e30])
def test_figures_that_are_no_work_of_the_rigs_are_not_compared(credited):
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


def test_a_pool_that_goes_between_two_slices_is_let_go():
    farm = Farm("between", count=600)
    farm.run(0.1)
    report = farm.report()
    snapshots = [rig.snapshot(farm.at + 60, START) for rig in farm.rigs]
    looking, taking = (
        farm.reckoner.look(snapshots, farm.at + 60, WORTH, {}),
        farm.reckoner.take("p", report, farm.at + 60),
    )
    next(looking)
    next(taking)
    farm.reckoner.follow([], 0.0)
    done(looking)
    done(taking)
    done(farm.reckoner.take("p", report, farm.at + 120))
    farm.reckoner.credited("p", [], farm.at)
    farm.reckoner.reckon(farm.at, {}, None)
    assert farm.reckoner.now == ()


def test_a_pool_that_leaves_the_config_is_forgotten():
    farm = Farm("gone", count=3)
    farm.run(2)
    farm.reckoner.follow([], 0.0)
    assert farm.reckoner.now == ()
