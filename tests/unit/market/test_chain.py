"""Difficulty and subsidy follow consensus, and network hashrate follows from the blocks."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.compact_target import nbits_of, target_of_difficulty
from stratoscope.errors import SourceError
from stratoscope.market import chain
from stratoscope.market.sources.mempool_answers import parse_rewards

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
def test_decodes_difficulty_from_the_header(nbits: int, difficulty: float) -> None:
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
    assert chain.target_of_nbits(nbits) == target


@pytest.mark.parametrize(
    "nbits",
    [0, 0x01003456, 0x00123456, 0x04923456, 0x1D80FFFF, 0xFF123456, 0x23000100, 0x2200FFFF + 0x1000000, -1, 1 << 32],
)
def test_an_invalid_compact_target_has_no_difficulty(nbits: int) -> None:
    assert chain.target_of_nbits(nbits) is None
    assert chain.difficulty_of_nbits(nbits) is None


@given(st.integers(min_value=1, max_value=(1 << 256) - 1))
def test_a_target_is_the_same_after_encoding_except_for_truncated_digits(target: int) -> None:
    again = chain.target_of_nbits(nbits_of(target))
    assert again is not None
    assert again <= target
    assert target - again < max(1, target >> 15)
    assert nbits_of(again) == nbits_of(target)


@given(difficulties)
def test_difficulty_to_target_and_back_is_the_same_difficulty(difficulty: float) -> None:
    target = target_of_difficulty(difficulty)
    assert chain.difficulty_of(target) == pytest.approx(difficulty, rel=1e-9)
    assert target == 0 or chain.difficulty_of(target) >= difficulty * (1 - 1e-15)


def test_rejects_an_invalid_target_or_difficulty() -> None:
    for target in (0, -1, 1 << 256):
        with pytest.raises(ValueError, match="target"):
            nbits_of(target)
    for difficulty in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="difficulty"):
            target_of_difficulty(difficulty)


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


def test_rejects_a_negative_height() -> None:
    with pytest.raises(ValueError, match="height"):
        chain.subsidy(-1)


def test_finds_the_next_halving_after_the_tip() -> None:
    assert chain.next_halving(932_000) == chain.Halving(1_050_000, 118_000, 156_250_000)
    assert chain.next_halving(1_050_000) == chain.Halving(1_260_000, 210_000, 78_125_000)
    assert chain.next_halving(33 * 210_000) is None


def test_fees_across_a_halving_use_the_subsidy_of_each_block() -> None:
    window = {"startBlock": 839_928, "endBlock": 840_071, "totalFee": "144000000"}
    subsidies = 72 * 625_000_000 + 72 * 312_500_000
    found = parse_rewards(json.dumps({**window, "totalReward": str(subsidies + 144_000_000)}).encode())
    assert (found.end, found.fees) == (840_071, 1_000_000)
    with pytest.raises(SourceError, match="inconsistent"):
        parse_rewards(json.dumps({**window, "totalReward": str(144 * 312_500_000 + 144_000_000)}).encode())


def test_observed_hashrate_is_work_over_time_with_its_standard_error() -> None:
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


def test_no_observed_hashrate_without_blocks_or_time() -> None:
    assert chain.observed_hashrate([], 0.0, 600.0) is None
    assert chain.observed_hashrate([1.0], 600.0, 600.0) is None
    assert chain.observed_hashrate([1.0], 600.0, 0.0) is None


def test_the_share_of_the_network_is_unknown_if_either_hashrate_is() -> None:
    assert chain.network_share(2e15, 1e21) == 2e-6
    assert chain.network_share(None, 1e21) is None
    assert chain.network_share(2e15, None) is None
    assert chain.network_share(2e15, 0.0) is None
