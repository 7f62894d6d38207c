"""Difficulty, subsidy and network hashrate are what consensus and counting say."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.market import chain

difficulties = st.floats(min_value=1e-6, max_value=1e30)


@pytest.mark.parametrize(
    ("nbits", "difficulty"),
    [
        (0x1D00FFFF, 1.0),
        (0x1B0404CB, 16307.420938523983),
        (0x1816418E, 49402014931.22746),
        (0x170A40C0, 27452707696466.39),
        (0x1709D897, 28587155782195.14),
    ],
)
def test_difficulty_comes_from_the_header(nbits: int, difficulty: float) -> None:
    assert chain.difficulty_of_nbits(nbits) == pytest.approx(difficulty, rel=1e-15)


@pytest.mark.parametrize(
    ("nbits", "target"),
    [
        (0x01123456, 0x12),
        (0x02123456, 0x1234),
        (0x03123456, 0x123456),
        (0x04123456, 0x12345600),
        (0x20123456, 0x123456 << 232),
    ],
)
def test_small_exponents_shift_right_as_in_core(nbits: int, target: int) -> None:
    assert chain.target_of(nbits) == target


@pytest.mark.parametrize(
    "nbits",
    [0, 0x01003456, 0x00123456, 0x04923456, 0x1D80FFFF, 0xFF123456, 0x23000100, 0x2200FFFF + 0x1000000, -1, 1 << 32],
)
def test_an_invalid_compact_target_has_no_difficulty(nbits: int) -> None:
    assert chain.target_of(nbits) is None
    assert chain.difficulty_of_nbits(nbits) is None


@given(st.integers(min_value=1, max_value=(1 << 256) - 1))
def test_a_target_survives_its_compact_form_but_for_the_digits_cut_off(target: int) -> None:
    again = chain.target_of(chain.nbits_of(target))
    assert again is not None
    assert again <= target
    assert target - again < max(1, target >> 15)
    assert chain.nbits_of(again) == chain.nbits_of(target)


@given(difficulties)
def test_difficulty_to_target_and_back_is_the_same_difficulty(difficulty: float) -> None:
    target = chain.target_of_difficulty(difficulty)
    assert chain.difficulty_of(target) == pytest.approx(difficulty, rel=1e-9)
    assert target == 0 or chain.difficulty_of(target) >= difficulty * (1 - 1e-15)


def test_what_is_no_target_or_difficulty_is_refused() -> None:
    for target in (0, -1, 1 << 256):
        with pytest.raises(ValueError, match="target"):
            chain.nbits_of(target)
    for difficulty in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="difficulty"):
            chain.target_of_difficulty(difficulty)


@pytest.mark.parametrize(
    ("height", "sats"),
    [
        (0, 5_000_000_000),
        (209_999, 5_000_000_000),
        (210_000, 2_500_000_000),
        (630_000, 625_000_000),
        (840_000, 312_500_000),
        (1_049_999, 312_500_000),
        (1_050_000, 156_250_000),
        (32 * 210_000, 1),
        (33 * 210_000, 0),
        (64 * 210_000, 0),
        (10**9, 0),
    ],
)
def test_the_subsidy_halves_every_210000_blocks(height: int, sats: int) -> None:
    assert chain.subsidy(height) == sats


def test_all_subsidies_add_up_to_the_known_supply() -> None:
    assert sum(chain.subsidy(era * 210_000) * 210_000 for era in range(70)) == 2_099_999_997_690_000


def test_a_negative_height_is_refused() -> None:
    with pytest.raises(ValueError, match="height"):
        chain.subsidy(-1)


def test_the_next_halving_is_seen_from_the_tip() -> None:
    assert chain.next_halving(932_000) == chain.Halving(1_050_000, 118_000, 156_250_000)
    assert chain.next_halving(1_050_000) == chain.Halving(1_260_000, 210_000, 78_125_000)
    assert chain.next_halving(33 * 210_000) is None


def test_a_window_across_a_halving_counts_each_block_its_own_subsidy() -> None:
    assert chain.mean_reward(839_928, [0] * 144) == (625_000_000 + 312_500_000) / 2
    assert chain.mean_reward(730_000, [16_321_983]) == 641_321_983
    assert chain.mean_reward(730_000, []) is None


def test_observed_hashrate_is_work_over_time_with_the_error_of_counting() -> None:
    at_pace = chain.observed_hashrate([5e13] * 144, 1_000_000.0, 1_000_000.0 + 144 * 600)
    assert at_pace is not None
    assert at_pace.value == pytest.approx(chain.implied_hashrate(5e13))
    assert at_pace.relative_error == pytest.approx(1 / 12)
    lucky = chain.observed_hashrate([5e13] * 144, 1_000_000.0, 1_000_000.0 + 144 * 500)
    assert lucky is not None
    assert lucky.value == pytest.approx(1.2 * at_pace.value)
    for blocks, error in ((432, 0.048), (1008, 0.0315)):
        found = chain.observed_hashrate([1.0] * blocks, 0.0, 600.0)
        assert found is not None
        assert found.relative_error == pytest.approx(error, abs=2e-4)


def test_without_blocks_or_time_no_hashrate_is_observed() -> None:
    assert chain.observed_hashrate([], 0.0, 600.0) is None
    assert chain.observed_hashrate([1.0], 600.0, 600.0) is None
    assert chain.observed_hashrate([1.0], 600.0, 0.0) is None


def test_the_share_of_the_network_is_unknown_where_either_is() -> None:
    assert chain.network_share(2e15, 1e21) == 2e-6
    assert chain.network_share(None, 1e21) is None
    assert chain.network_share(2e15, None) is None
    assert chain.network_share(2e15, 0.0) is None
