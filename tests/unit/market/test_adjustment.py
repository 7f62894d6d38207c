"""The next adjustment follows the rule of mempool, and a change of hashprice splits exactly into its causes."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratoscope.market.adjustment import (
    Adjustment,
    HashpriceFactors,
    change_ratio,
    estimate_adjustment,
    explain_change,
    forward_error,
    forward_hashprice,
    hashprice_after,
)

START = 1_700_000_000.0
EPOCH = 415 * 2016  # a height at which an epoch begins
positive = st.floats(min_value=1e-3, max_value=1e18)


def adjustment(blocks: int, seconds: float, **known: float) -> Adjustment:
    found = estimate_adjustment(EPOCH + blocks, START, START + seconds, **known)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("height", "start", "now", "previous", "window", "change"),
    [
        (830_027, 1_706_888_526, 1_707_691_381, 7.333505241141637, 1_707_403_385, 8.512745140778843),
        (750_134, 1_660_820_820, 1_660_917_833, 0.6280047707459726, 1_660_619_814, 1.0420538959004633),
    ],
)
def test_matches_the_test_vectors_of_mempool(
    height: int, start: float, now: float, previous: float, window: float, change: float
) -> None:
    found = estimate_adjustment(height, start, now, previous_change=previous / 100, window_start=window)
    assert found is not None
    assert found.change * 100 == pytest.approx(change, rel=1e-12)


def test_an_epoch_of_ten_minute_blocks_has_no_change() -> None:
    found = adjustment(1000, 1001 * 600)
    assert found.change == pytest.approx(0, abs=1e-12)
    assert (found.blocks_into_epoch, found.remaining_blocks, found.retarget_height) == (1000, 1016, EPOCH + 2016)
    assert found.retarget_time == pytest.approx(START + 1001 * 600 * 2016 / 1000)


def test_limits_a_change_as_consensus_does() -> None:
    assert adjustment(1000, 60.0).change == 3
    assert adjustment(1000, 1001 * 600 * 10).change == -0.75


def test_a_full_epoch_ends_at_its_last_block_not_now() -> None:
    late = 2016 * 600.0
    found = adjustment(2015, late + 5000, latest_block=START + late)
    assert found.change == pytest.approx(0, abs=1e-12)
    assert adjustment(2015, late + 5000).change < -0.003
    assert adjustment(2014, 2015 * 600, latest_block=START + 1).change == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("blocks", "method"), [(0, "window"), (502, "window"), (503, "epoch")])
def test_a_young_epoch_uses_the_last_504_blocks(blocks: int, method: str) -> None:
    found = adjustment(blocks, (blocks + 1) * 600, previous_change=0.0, window_start=START - (504 - blocks) * 600)
    assert found.method == method


def test_the_window_needs_the_last_change() -> None:
    assert adjustment(100, 60_600, window_start=START - 404 * 600).method == "epoch"
    assert adjustment(100, 60_600, previous_change=0.01).method == "epoch"


def test_no_estimate_without_elapsed_time() -> None:
    assert estimate_adjustment(EPOCH + 10, START, START) is None
    assert estimate_adjustment(EPOCH + 10, START, START - 60) is None


def test_the_error_is_ten_percent_at_100_blocks_and_zero_at_the_end_of_the_epoch() -> None:
    assert adjustment(100, 60_000).standard_error == pytest.approx(0.1)
    assert adjustment(100, 60_000).forecast_error == pytest.approx(0.0975, abs=1e-3)
    assert adjustment(2015, 2015 * 600).standard_error == pytest.approx(0.0223, abs=1e-4)
    assert adjustment(2015, 2015 * 600).forecast_error == 0
    errors = [adjustment(blocks, 600.0 * blocks).forecast_error for blocks in range(1, 2016, 50)]
    assert errors == sorted(errors, reverse=True)


def test_forward_hashprice_is_the_mean_before_and_after_the_adjustment() -> None:
    assert forward_hashprice(40, 0.25, 1000, 1000) == 40
    assert forward_hashprice(40, 0.25, 1000, 2000) == pytest.approx((40 + 32) / 2)
    assert forward_hashprice(40, 0.25, 2016, 4032) == pytest.approx(36)
    assert forward_hashprice(40, 0.25, 1000, 3016 + 1) is None
    assert forward_hashprice(40, 0.25, 1000, 0) is None
    assert hashprice_after(40, 0.25) == 32


@settings(max_examples=40)
@given(st.floats(-0.75, 3), st.integers(1, 2016), st.integers(1, 4032), st.integers(0, 4032), st.floats(0.5, 1))
def test_forward_hashprice_is_the_sum_over_single_blocks(
    change: float, remaining: int, blocks: int, halving: int, reward: float
) -> None:
    found = forward_hashprice(40, change, remaining, blocks, halving_in=halving, reward_ratio=reward)
    if blocks > remaining + 2016:
        assert found is None
        return
    one_by_one = math.fsum(
        (40 if block < remaining else 40 / (1 + change)) * (reward if block >= halving else 1)
        for block in range(blocks)
    )
    assert found == pytest.approx(one_by_one / blocks, rel=1e-9)


def test_the_forward_error_covers_only_the_blocks_after_the_adjustment() -> None:
    found = adjustment(1000, 1001 * 600)
    assert forward_error(found, 1016) == 0
    assert forward_error(found, 2032) == pytest.approx(found.forecast_error / 2, rel=1e-6)
    assert forward_error(found, 10_000) is None


@given(positive, positive, positive, positive, positive, positive)
def test_the_causes_add_up_to_the_change(p: float, r: float, d: float, p0: float, r0: float, d0: float) -> None:
    found = explain_change(HashpriceFactors(p, r, d), HashpriceFactors(p0, r0, d0))
    assert found is not None
    assert found.price + found.reward + found.difficulty == found.total
    logs = math.log(p * r / d) - math.log(p0 * r0 / d0)
    assert found.total == pytest.approx(logs, abs=1e-9)
    assert found.change == pytest.approx(p / p0 * (r / r0) * (d0 / d) - 1, rel=1e-9, abs=1e-9)


def test_explains_the_year_to_december_2025_by_the_growth_of_the_network() -> None:
    found = explain_change(HashpriceFactors(88_923, 1, 1045), HashpriceFactors(98_240, 1, 779))
    assert found is not None
    assert found.change == pytest.approx(-0.325, abs=1e-3)
    assert math.expm1(found.price) == pytest.approx(-0.095, abs=1e-3)
    assert math.expm1(-found.difficulty) == pytest.approx(0.341, abs=1e-3)
    assert found.reward == 0


def test_a_change_without_past_values_is_unknown() -> None:
    assert change_ratio(40, None) is None
    assert change_ratio(None, 40) is None
    assert change_ratio(40, 0) is None
    assert change_ratio(38_700, 57_100) == pytest.approx(-0.322, abs=1e-3)
    assert explain_change(HashpriceFactors(0, 1, 1), HashpriceFactors(1, 1, 1)) is None
    assert explain_change(HashpriceFactors(math.nan, 1, 1), HashpriceFactors(1, 1, 1)) is None
