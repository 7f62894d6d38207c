"""Hashrate estimates from shares and the coverage of their intervals."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratoscope.reconcile.waterfall import block_odds
from stratoscope.stratum.jobs.shares import (
    HashrateEstimate,
    MismatchStreak,
    ShareWork,
    estimate_hashrate,
    gamma_cdf,
    gamma_quantile,
    poisson_interval,
)
from stratoscope.units import DAY

from .share_oracle import (
    chance_of_best,
    chance_of_block,
    luck,
    luck_interval,
    seconds_to_block,
    work_counted,
    work_of,
)

DIFFICULTY_1 = 2**48 / 65535


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [  # Garwood's table; scipy's chi2.ppf agrees
        (0, 0.0, 3.688879),
        (1, 0.025318, 5.571643),
        (2, 0.242209, 7.224688),
        (5, 1.623486, 11.668332),
        (10, 4.795389, 18.390356),
        (30, 20.240874, 42.826865),
        (100, 81.363991, 121.626794),
    ],
)
def test_interval_matches_garwoods_table(count, low, high):
    assert poisson_interval(count) == pytest.approx((low, high), abs=2e-6)


@pytest.mark.parametrize(
    ("count", "below", "above"),
    [
        (11, 0.50, 0.79),
        (30, 0.33, 0.43),
        (100, 0.19, 0.22),
        (400, 0.10, 0.10),
        (1537, 0.05, 0.05),
        (10_000, 0.02, 0.02),
    ],
)
def test_interval_narrows_with_more_shares(count, below, above):
    low, high = poisson_interval(count)
    assert 1 - low / count == pytest.approx(below, abs=0.006)
    assert high / count - 1 == pytest.approx(above, abs=0.006)


def coverage(mean: float) -> float:
    """Return the exact probability that the interval of a count contains `mean`."""
    covered, reach = 0.0, 12 * math.sqrt(mean)
    for count in range(max(0, int(mean - reach)), int(mean + reach) + 2):
        low, high = poisson_interval(count)
        if low <= mean <= high:
            covered += math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
    return covered


@settings(max_examples=30)
@given(st.floats(30, 600))
def test_interval_covers_the_mean_in_93_to_97_percent_of_windows(mean):
    assert 0.93 <= coverage(mean) <= 0.97


@given(st.floats(0.05, 30))
def test_interval_covers_at_least_95_percent_with_few_shares(mean):
    assert coverage(mean) >= 0.95 - 1e-9


@settings(max_examples=8)
@given(st.integers(0, 2**32), st.floats(40, 120), st.sampled_from(((1.0,), (1.0, 2.0), (512.0, 1024.0, 2048.0))))
def test_random_shares_give_intervals_that_cover_the_hashrate(seed, mean, difficulties):
    """Of 400 windows with shares of several difficulties, about 380 contain the true hashrate."""
    rng, truth = Random(seed), 1e14
    weights = [1 / difficulty for difficulty in difficulties]  # the same time at each
    each = DIFFICULTY_1 * len(weights) / sum(weights)
    seconds, covered = mean * each / truth, 0
    for _ in range(400):
        work, at = ShareWork(), rng.expovariate(truth / each)
        while at < seconds:
            work = work.plus(rng.choices(difficulties, weights)[0])
            at += rng.expovariate(truth / each)
        found = estimate_hashrate(work, seconds)
        covered += found is not None and found.low <= truth <= found.high
    assert 0.91 <= covered / 400 <= 0.99  # 0.95 ± four standard errors


@given(st.floats(0.1, 2000), st.floats(0.001, 0.999))
def test_gamma_quantile_is_the_inverse_of_the_cdf(shape, probability):
    x = gamma_quantile(shape, probability)
    assert gamma_cdf(shape, x) == pytest.approx(probability, abs=1e-9)


@pytest.mark.parametrize("shape", [50_000.0, 1e6, 1e9])
def test_approximation_of_large_counts_is_accurate(shape):
    low, high = poisson_interval(shape)
    assert low / shape == pytest.approx(1 - 1.959964 / math.sqrt(shape), abs=2e-5)
    assert high / shape == pytest.approx(1 + 1.959964 / math.sqrt(shape), abs=5e-5)


def test_quantile_is_continuous_where_the_approximation_begins():
    below, above = gamma_quantile(49_999.9, 0.975), gamma_quantile(50_000.0, 0.975)
    assert above / below == pytest.approx(1, abs=3e-6)


def test_eleven_small_shares_in_five_minutes_give_310_kilohashes_and_a_wide_interval():
    found = estimate_hashrate(work_of([0.002] * 11), 305)
    assert found.value == pytest.approx(309.8e3, rel=1e-3)
    assert (found.low, found.high) == (pytest.approx(154e3, rel=0.01), pytest.approx(554e3, rel=0.01))
    assert found.compare(189e3) == 0


def test_without_shares_only_the_upper_bound_is_known():
    found = estimate_hashrate(ShareWork(), 60, difficulty=1000.0)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(3.688879 * 1000 * DIFFICULTY_1 / 60)
    assert estimate_hashrate(ShareWork(), 60) is None
    assert estimate_hashrate(work_of([1.0]), 0) is None


def test_shares_of_different_difficulties_have_less_statistical_weight():
    assert work_of([8.0] * 5).effective_count == pytest.approx(5)
    assert work_of([1.0] * 5 + [1000.0]).effective_count == pytest.approx(1.01, abs=0.01)
    assert ShareWork().plus(8.0, 5) == work_of([8.0] * 5)


@pytest.mark.parametrize(
    ("difficulty", "count"), [(-1.0, 2), (5.0, 0), (0.0, 3), (1.0, -1), (math.inf, 2), (math.nan, 2)]
)
def test_contradictory_counters_prove_no_work(difficulty, count):
    assert work_counted(difficulty, count) is None


def test_counters_prove_the_work_of_equal_shares():
    assert work_counted(640.0, 10) == ShareWork(10, 640.0, 40_960.0)
    assert work_counted(0.0, 0) == ShareWork()


def test_alarm_requires_two_windows_on_the_same_side():
    shares, streak = HashrateEstimate(100.0, 80.0, 120.0), MismatchStreak()
    assert streak.after(shares, 150.0).alarm is None
    assert streak.after(shares, 150.0).after(shares, 150.0).alarm == "missing"
    assert streak.after(shares, 150.0).after(shares, 100.0).after(shares, 150.0).alarm is None
    assert streak.after(shares, 150.0).after(shares, 50.0).alarm is None
    assert streak.after(shares, 50.0).after(shares, 50.0).alarm == "excess"
    assert streak.after(shares, 150.0).after(None, None).after(shares, 130.0).alarm == "missing"


def test_mean_time_to_a_block():
    mean = seconds_to_block(1e15, 1.3e14)
    assert mean == pytest.approx(1.3e14 * DIFFICULTY_1 / 1e15)
    assert seconds_to_block(0.0, 1.3e14) is None
    assert chance_of_block(1e15, 1.3e14, mean) == pytest.approx(1 - math.exp(-1))
    assert chance_of_block(0.0, 1.3e14, 1e9) == 0.0


def test_block_odds_of_the_reconciliation_match_the_oracle():
    odds = block_odds(1e15, 1.3e14)
    assert odds.seconds == pytest.approx(seconds_to_block(1e15, 1.3e14), rel=1e-4)
    for days, probability in odds.chances.items():
        assert probability == pytest.approx(chance_of_block(1e15, 1.3e14, days * DAY), rel=1e-4)


def test_luck_is_blocks_found_over_blocks_expected():
    assert luck(3, 2e14, 1e14) == 1.5
    assert luck_interval(0, 2e14, 1e14) == (0.0, pytest.approx(3.688879 / 2))
    assert luck(3, 0.0, 1e14) is luck_interval(3, 0.0, 1e14) is None


def test_probability_of_the_best_share():
    assert chance_of_best(1e9, 1e6) == pytest.approx(1e-3, rel=1e-3)
    assert chance_of_best(1.0, 1e6) == 1.0


@given(st.lists(st.floats(1e-6, 1e12), max_size=30), st.floats(1e-3, 1e7))
def test_interval_contains_its_own_estimate(difficulties, seconds):
    found = estimate_hashrate(work_of(difficulties), seconds, difficulty=1.0)
    assert found.low <= found.value <= found.high
