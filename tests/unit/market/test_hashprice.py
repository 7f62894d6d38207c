"""Hashprice is linear in reward and price, inverse in difficulty, and its definitions are never mixed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.market import chain
from stratoscope.market.hashprice import (
    gross_profit_per_eh_day,
    hashprice,
    observed_hashprice,
    template_hashprice,
)
from stratoscope.market.published import check_published, implied_reward
from stratoscope.market.revenue import price_per_ph_day, revenue_per_day
from stratoscope.units import DAY, EH, GH, PH, TH
from unit.market.oracles import fpps_rate, satoshis_earned

difficulties = st.floats(min_value=1e9, max_value=1e17)
rewards = st.floats(min_value=1e5, max_value=5e9)
prices = st.floats(min_value=1.0, max_value=1e7)
factors = st.floats(min_value=0.01, max_value=100.0)


def test_matches_the_pps_base_of_2021() -> None:
    found = hashprice(21_448_277_761_059, chain.subsidy(675_000))
    assert found is not None
    assert found.btc_per_ph_day == pytest.approx(0.0058619, rel=2e-5)
    assert found.fiat_per_ph_day is None


def test_all_units_agree() -> None:
    found = hashprice(146_480_880_000_000, 314_186_507.94, 91_132)
    assert found is not None
    assert found.fiat_per_ph_day is not None
    assert found.sats_per_th_day == pytest.approx(43.148, abs=1e-3)
    assert found.fiat_per_ph_day == pytest.approx(found.sats_per_th_day * 1000 / 1e8 * 91_132)


@given(difficulties, rewards, prices, factors)
def test_hashprice_is_linear_in_reward_and_price_and_inverse_in_difficulty(
    difficulty: float, reward: float, price: float, factor: float
) -> None:
    one = hashprice(difficulty, reward, price)
    harder, richer, dearer = (
        hashprice(difficulty * factor, reward, price),
        hashprice(difficulty, reward * factor, price),
        hashprice(difficulty, reward, price * factor),
    )
    assert one is not None and harder is not None and richer is not None and dearer is not None  # noqa: PT018 — for mypy
    assert one.fiat_per_ph_day is not None
    assert harder.fiat_per_ph_day == pytest.approx(one.fiat_per_ph_day / factor, rel=1e-12)
    assert richer.btc_per_ph_day == pytest.approx(one.btc_per_ph_day * factor, rel=1e-12)
    assert dearer.fiat_per_ph_day == pytest.approx(one.fiat_per_ph_day * factor, rel=1e-12)
    assert dearer.btc_per_ph_day == one.btc_per_ph_day


@given(difficulties, rewards, st.floats(min_value=1e12, max_value=1e18), factors)
def test_revenue_is_linear_in_hashrate(difficulty: float, reward: float, rate: float, factor: float) -> None:
    found = hashprice(difficulty, reward)
    assert found is not None
    one, more = (revenue_per_day(r, found.btc_per_ph_day) for r in (rate, rate * factor))
    assert one is not None
    assert more == pytest.approx(one * factor, rel=1e-12)


@given(difficulties, rewards)
def test_a_day_of_one_petahash_earns_exactly_the_hashprice(difficulty: float, reward: float) -> None:
    found = hashprice(difficulty, reward)
    assert found is not None
    assert satoshis_earned(PH * DAY, difficulty, reward) == pytest.approx(found.btc_per_ph_day * 1e8, rel=1e-12)


@given(difficulties, rewards)
def test_both_definitions_agree_when_blocks_come_every_ten_minutes(difficulty: float, reward: float) -> None:
    one, other = hashprice(difficulty, reward), observed_hashprice(chain.implied_hashrate(difficulty), reward)
    assert one is not None
    assert other is not None
    assert other.observed_btc_per_ph_day == pytest.approx(one.btc_per_ph_day, rel=1e-12)


def test_the_two_definitions_differ_by_the_luck_of_the_network() -> None:
    of_page = observed_hashprice(904.29 * EH, 312_500_000, 83_625)
    credited = hashprice(141.67e12, 312_500_000, 83_625)
    assert of_page is not None and credited is not None  # noqa: PT018 — for mypy
    ratio = credited.btc_per_ph_day / of_page.observed_btc_per_ph_day
    assert ratio == pytest.approx(904.29 * EH / chain.implied_hashrate(141.67e12), rel=1e-12)
    assert ratio == pytest.approx(0.892, abs=1e-3)
    assert not set(dir(of_page)) & {"btc_per_ph_day", "sats_per_th_day", "fiat_per_ph_day"}


def test_the_template_hashprice_uses_the_coinbase_value() -> None:
    found, plain = template_hashprice(1e14, 320_000_000, 90_000), hashprice(1e14, 320_000_000, 90_000)
    assert found is not None and plain is not None  # noqa: PT018 — for mypy
    assert found.template_fiat_per_ph_day == plain.fiat_per_ph_day
    assert template_hashprice(0, 320_000_000) is None


@pytest.mark.parametrize("difficulty", [0.0, -1.0, math.nan])
def test_without_a_difficulty_there_is_no_hashprice(difficulty: float) -> None:
    assert hashprice(difficulty, 312_500_000) is None
    assert observed_hashprice(difficulty, 312_500_000) is None
    assert satoshis_earned(1e18, difficulty, 312_500_000) is None
    assert check_published(0.0004, difficulty, 312_500_000) is None


def test_gross_profit_per_exahash_uses_one_megawatt_per_joule() -> None:
    # $38,700 less 20 J/TH at $45/MWh: 24 h × 20 MW × $45 = $21,600
    assert gross_profit_per_eh_day(38_700, 20, 0.045) == pytest.approx(17_100)
    assert gross_profit_per_eh_day(38_700, None, 0.045) is None


@given(difficulties, rewards)
def test_a_hashprice_implies_its_own_reward(difficulty: float, reward: float) -> None:
    found = hashprice(difficulty, reward)
    assert found is not None
    assert implied_reward(found.btc_per_ph_day, difficulty) == pytest.approx(reward, rel=1e-12)


def test_a_hashprice_below_the_subsidy_is_implausible() -> None:
    found = check_published(0.00042676, 140e12, 312_500_000, 1_700_000)
    assert found is not None
    assert not found.plausible


def test_accepts_the_rounding_of_a_published_hashprice() -> None:
    exact = hashprice(146.48088e12, 312_500_000)
    assert exact is not None
    found = check_published(math.floor(exact.btc_per_ph_day * 1e8) / 1e8, 146.48088e12, 312_500_000, 0)
    assert found is not None
    assert found.implied_reward < 312_500_000
    assert (found.plausible, found.agrees) == (True, True)


def test_the_fee_check_needs_our_own_fees() -> None:
    found = check_published(0.00043143, 146.48088e12, 312_500_000)
    assert found is not None
    assert found.agrees is None


def test_other_algorithms_earn_only_with_a_configured_price() -> None:
    assert revenue_per_day(9.5 * GH, price_per_ph_day(0.85, GH), 0.01) == pytest.approx(9.5 * 0.85 * 0.99)
    assert revenue_per_day(9.5 * GH, None) is None
    assert revenue_per_day(None, price_per_ph_day(0.85, GH)) is None
    assert revenue_per_day(None, 0.0004) is None
    assert revenue_per_day(100 * TH, None) is None
    assert revenue_per_day(0.0, 0.0004) == 0


def test_a_trimmed_fpps_rate_drops_the_highest_and_lowest_fees() -> None:
    subsidies = [312_500_000] * 144
    fees = [1_000_000] * 138 + [400_000_000] * 3 + [0] * 3
    plain, trimmed = fpps_rate(subsidies, fees), fpps_rate(subsidies, fees, trim=3)
    assert plain == pytest.approx(1 + (138 + 1200) / 144 / 312.5)
    assert trimmed == pytest.approx(1 + 1 / 312.5)
    assert fpps_rate([], []) is None
    assert fpps_rate([312_500_000] * 6, [1] * 6, trim=3) is None
    with pytest.raises(ValueError, match="fee per subsidy"):
        fpps_rate([312_500_000], [])
