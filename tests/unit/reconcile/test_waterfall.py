"""Splits a pool's day into factors whose product is exact; unknown factors are None and count in the residual."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.market.chain import hashes_per_block
from stratoscope.pools.report import Scheme
from stratoscope.reconcile.waterfall import BLOCK_SCHEMES, FACTORS, PoolDay, block_odds, split_day
from stratoscope.units import DAY, PH, SATOSHIS, TH
from unit.market.oracles import fpps_rate

SUBSIDY = 312_500_000
HASHES = 10 * PH * DAY
GROSS = 430_000.0


def day(**more) -> PoolDay:
    """Return a completely known day of a hundred rigs with 10 PH/s."""
    given = {
        "day": "2026-01-12",
        "site": "s",
        "pool": "p",
        "scheme": "fpps",
        "fee": 0.02,
        "reported_hashes": HASHES,
        "valued_hashes": HASHES,
        "reported_sat": GROSS,
        "subsidy_sat": GROSS / 1.012,
        "watched_seconds": DAY,
        "rig_seconds": 100 * DAY,
        "heard_seconds": 100 * DAY,
        "hashing_seconds": 100 * DAY,
        "compared_hashes": HASHES,
        "credited_hashes": HASHES,
        "compared_shares": 1e6,
        "earned_sat": round(GROSS * 0.98),
    }
    return PoolDay(**{**given, **more})


def test_a_pool_that_pays_in_full_has_residual_1():
    found = split_day(day(rate_ratio=1.012))
    assert found is not None
    assert found.factors["residual"] == pytest.approx(1.0, abs=1e-5)
    assert found.factors["rate_method"] == pytest.approx(1.0)
    assert found.factors["luck"] is None
    assert found.ratio == pytest.approx(0.98, abs=1e-5)


def test_each_loss_has_its_own_factor_and_cost():
    found = split_day(
        day(
            hashing_seconds=95 * DAY,
            firmware_fee=0.02,
            accepted=990_000,
            rejected=6_000,
            stale=4_000,
            credited_hashes=HASHES * 0.98 * 0.99 * 0.97,
            rate_ratio=1.006,
            earned_sat=round(GROSS * 0.98 * 0.99 * 0.97 * 1.006 / 1.012 * 0.98),
        )
    )
    assert found is not None
    assert found.theoretical == pytest.approx(GROSS / 0.95)
    assert found.factors["uptime"] == pytest.approx(0.95)
    assert found.factors["acceptance"] == pytest.approx(0.98 * 0.99 * 0.97)
    assert found.factors["rate_method"] == pytest.approx(1.006 / 1.012)
    assert found.factors["pool_fee"] == pytest.approx(0.98)
    assert found.factors["residual"] == pytest.approx(1.0, abs=1e-5)
    assert found.parts == pytest.approx({"firmware_fee": 0.98, "refused": 0.99, "credit": 0.97})
    assert found.costs["downtime"] == pytest.approx(GROSS / 0.95 * 0.05)
    assert found.costs["firmware_fee"] == pytest.approx(GROSS * 0.02)
    assert found.costs["rejected"] == pytest.approx(GROSS * 0.98 * 0.006)
    assert found.costs["stale"] == pytest.approx(GROSS * 0.98 * 0.004)
    assert found.costs["uncredited"] == pytest.approx(GROSS * 0.98 * 0.99 * 0.03)
    losses = sum(cost for cost in found.costs.values() if cost is not None)
    method = GROSS * 0.98 * 0.99 * 0.97 * (1 - 1.006 / 1.012)
    assert found.realised == pytest.approx(found.theoretical - losses - method, rel=1e-5)


def test_curtailed_time_is_not_downtime():
    found = split_day(day(hashing_seconds=80 * DAY, curtailed_seconds=20 * DAY))
    assert found is not None
    assert found.factors["uptime"] == 1.0


def test_unknown_time_is_assumed_to_be_like_the_rest():
    """Half of the day and its hashes are known: `theoretical` is for the whole day."""
    half = day(
        watched_seconds=DAY / 2,
        reported_hashes=HASHES / 2,
        valued_hashes=HASHES / 2,
        reported_sat=GROSS / 2,
        rig_seconds=50 * DAY,
        heard_seconds=50 * DAY,
        hashing_seconds=50 * DAY,
        compared_hashes=HASHES / 2,
        credited_hashes=HASHES / 2,
    )
    found = split_day(half)
    assert found is not None
    assert found.coverage == 0.5
    assert found.theoretical == pytest.approx(GROSS)
    assert found.factors["residual"] == pytest.approx(1.0, abs=1e-5)


def test_pps_pays_only_the_subsidy():
    found = split_day(day(scheme="pps", earned_sat=round(GROSS / 1.012 * 0.98)))
    assert found is not None
    assert found.factors["rate_method"] == pytest.approx(1 / 1.012)
    assert found.factors["residual"] == pytest.approx(1.0, abs=1e-5)


def test_foundrys_rate_leaves_out_the_highest_and_lowest_fees():
    fees = [2_000_000] * 140 + [0, 0, 0, 900_000_000]
    plain, trimmed = (fpps_rate([SUBSIDY] * 144, fees, trim) for trim in (0, 3))
    assert trimmed == pytest.approx(1 + 2_000_000 / SUBSIDY)
    assert plain is not None
    assert trimmed is not None
    found = split_day(
        day(rate_ratio=trimmed, subsidy_sat=GROSS / plain, earned_sat=round(GROSS / plain * trimmed * 0.98))
    )
    assert found is not None
    assert found.factors["rate_method"] == pytest.approx(trimmed / plain)
    assert found.factors["residual"] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("scheme", sorted(BLOCK_SCHEMES))
def test_schemes_that_pay_for_blocks_have_luck_instead_of_a_residual(scheme):
    found = split_day(day(scheme=scheme, earned_sat=round(GROSS * 0.98 * 0.4)))
    assert found is not None
    assert found.pays_for_blocks
    assert found.factors["luck"] == pytest.approx(0.4, abs=1e-5)
    assert found.factors["residual"] is None
    assert found.expected == pytest.approx(GROSS * 0.98)
    assert found.realised == pytest.approx(GROSS * 0.98 * 0.4, rel=1e-5)


def test_the_charged_fee_overrides_the_agreed_one():
    found = split_day(day(earned_sat=96_000, pool_fee_sat=4_000))
    assert found is not None
    assert found.factors["pool_fee"] == pytest.approx(0.96)


def test_unknown_factors_count_in_the_residual():
    found = split_day(day(fee=None, compared_hashes=0.0, credited_hashes=0.0, earned_sat=round(GROSS * 0.9)))
    assert found is not None
    assert found.factors["pool_fee"] is None
    assert found.factors["acceptance"] is None
    assert found.factors["residual"] == pytest.approx(0.9, abs=1e-5)
    assert found.costs["pool_fee"] is None
    assert found.costs["uncredited"] is None


def test_a_day_without_earnings_has_no_realised_figures_and_one_without_value_no_waterfall():
    unpaid = split_day(day(earned_sat=None))
    assert unpaid is not None
    assert unpaid.realised is None
    assert unpaid.ratio is None
    assert unpaid.realised_hashprice is None
    assert unpaid.factors["residual"] is None
    assert split_day(day(reported_sat=None)) is None
    assert split_day(PoolDay(day="2026-01-12", site="s", pool="p")) is None


def test_earnings_of_unmatched_workers_are_not_attributed_to_the_rigs():
    found = split_day(day(matched=80.0, listed=100.0, earned_sat=round(GROSS * 0.98 / 0.8)))
    assert found is not None
    assert found.realised == pytest.approx(GROSS * 0.98, rel=1e-5)
    assert found.factors["residual"] == pytest.approx(1.0, abs=1e-5)


def test_the_effective_hashprice_is_earnings_per_credited_hash():
    stated = split_day(day(stated_hashes=9.5 * PH * DAY, earned_sat=400_000))
    computed = split_day(day(credited_hashes=0.95 * HASHES, earned_sat=400_000))
    assert stated is not None
    assert computed is not None
    assert stated.realised_hashprice == pytest.approx(400_000 / SATOSHIS / 9.5)
    assert computed.realised_hashprice == pytest.approx(400_000 / SATOSHIS / 9.5)
    assert stated.hashprice == pytest.approx(GROSS / SATOSHIS / 10)


amounts = st.floats(0.0, 1e24)
maybe = st.none() | st.floats(0.0, 1e12)


@given(
    scheme=st.none() | st.sampled_from(sorted((*BLOCK_SCHEMES, "pps", "fpps", "pps+"))),
    fee=st.none() | st.floats(0.0, 0.5),
    sat=st.tuples(maybe, maybe),
    hashes=st.lists(amounts, min_size=4, max_size=4),
    seconds=st.lists(st.floats(0.0, 1e9), min_size=5, max_size=5),
    shares=st.lists(st.floats(0.0, 1e9), min_size=3, max_size=3),
    earned=st.none() | st.integers(0, 10**12),
    rate=st.none() | st.floats(1.0, 3.0),
)
def test_the_product_of_the_known_factors_is_realised_over_theoretical(
    scheme: Scheme | None, fee, sat, hashes, seconds, shares, earned, rate
):
    found = split_day(
        PoolDay(
            day="2026-01-12",
            site="s",
            pool="p",
            scheme=scheme,
            fee=fee,
            reported_sat=sat[0],
            subsidy_sat=sat[1],
            reported_hashes=hashes[0],
            valued_hashes=hashes[1],
            compared_hashes=hashes[2],
            credited_hashes=hashes[3],
            watched_seconds=min(seconds[0], DAY),
            rig_seconds=seconds[1],
            heard_seconds=seconds[2],
            hashing_seconds=seconds[3],
            curtailed_seconds=seconds[4],
            accepted=shares[0],
            rejected=shares[1],
            stale=shares[2],
            earned_sat=earned,
            rate_ratio=rate,
        )
    )
    if found is None:
        return
    assert tuple(found.factors) == FACTORS
    product = math.prod(1.0 if factor is None else factor for factor in found.factors.values())
    rest = found.factors["luck"] if found.factors["luck"] is not None else found.factors["residual"]
    if found.ratio is not None and rest is not None and math.isfinite(product) and product > 1e-250:
        assert product == pytest.approx(found.ratio, rel=1e-6)


def test_block_odds_match_the_reference():
    """200 TH/s at a difficulty of 146.5 T: 36,400 days to a block, 1 % in a year."""
    odds = block_odds(200 * TH, 146.5e12)
    assert odds is not None
    assert odds.seconds / DAY == pytest.approx(36_400, rel=0.001)
    assert odds.chances[365] == pytest.approx(0.00997, rel=0.01)
    assert block_odds(None, 1e14) is None
    assert block_odds(0.0, 1e14) is None
    assert block_odds(1e14, None) is None


def test_luck_scatters_by_one_over_the_root_of_the_expected_blocks():
    odds = block_odds(hashes_per_block(1e14) / DAY * 9, 1e14)  # nine blocks a day
    assert odds is not None
    assert math.sqrt(odds.seconds / DAY) == pytest.approx(1 / 3)


def test_split_day_does_not_change_the_day():
    row = day()
    before = replace(row)
    split_day(row)
    assert row == before
