"""Costs, breakevens and margins agree with each other; undefined results are None, never 0."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.market import costs, hosting
from stratoscope.market.aggregate import RigMoney, sum_fleet
from stratoscope.units import PH, TH
from unit.market.oracles import mining_net_per_mwh, per_kw_month

hashprices = st.floats(min_value=1.0, max_value=1000.0)
efficiencies = st.floats(min_value=5.0, max_value=200.0)
power_prices = st.floats(min_value=0.001, max_value=1.0)
fees = st.floats(min_value=0.0, max_value=0.2)


@pytest.mark.parametrize(("efficiency", "per_mwh"), [(13.5, 122), (17.5, 94), (21.5, 77), (29.5, 56)])
def test_matches_the_published_breakevens_of_january_2026(efficiency: float, per_mwh: int) -> None:
    found = costs.revenue_per_mwh(39.53, efficiency)
    assert found is not None
    assert round(found) == per_mwh


@given(hashprices, efficiencies, power_prices, fees)
def test_every_breakeven_makes_a_margin_of_zero(hashprice: float, efficiency: float, power: float, fee: float) -> None:
    def margin(hp: float | None, joules: float | None, price: float | None) -> float | None:
        return costs.gross_margin_ratio(costs.net_hashprice(hp, fee), costs.hashcost(joules, price))

    assert margin(costs.breakeven_hashprice(efficiency, power, fee), efficiency, power) == pytest.approx(0, abs=1e-12)
    assert margin(hashprice, costs.breakeven_efficiency(hashprice, power, fee), power) == pytest.approx(0, abs=1e-12)
    breakeven = costs.breakeven_power_price(hashprice, efficiency, fee)
    assert margin(hashprice, efficiency, breakeven) == pytest.approx(0, abs=1e-12)


@given(efficiencies, power_prices)
def test_hashcost_is_the_power_cost_of_one_petahash(efficiency: float, power: float) -> None:
    watts = efficiency * PH / TH
    assert costs.hashcost(efficiency, power) == pytest.approx(costs.power_cost_per_day(watts, power), rel=1e-12)


def test_hashcost_of_a_20_joule_rig_at_45_per_mwh() -> None:
    assert costs.hashcost(20, 0.045) == pytest.approx(21.6)


def test_one_bitcoin_costs_the_hashcost_over_the_hashprice_in_bitcoin() -> None:
    assert costs.cost_per_bitcoin(0.000432, 20, 0.045, 0.02) == pytest.approx(21.6 / (0.000432 * 0.98))
    assert costs.cost_per_bitcoin(0.0, 20, 0.045) is None
    assert costs.cost_per_bitcoin(None, 20, 0.045) is None


def test_a_negative_power_price_has_a_negative_hashcost_and_no_breakeven_efficiency() -> None:
    assert costs.hashcost(20, -0.01) == pytest.approx(-4.8)
    assert costs.gross_margin_ratio(40.0, costs.hashcost(20, -0.01)) == pytest.approx(1.12)
    assert costs.breakeven_efficiency(40.0, -0.01) is None
    assert costs.breakeven_efficiency(40.0, 0.0) is None


def test_no_margin_without_revenue() -> None:
    assert costs.gross_margin_ratio(0.0, 5.0) is None
    assert costs.gross_margin_ratio(None, 5.0) is None
    assert costs.gross_margin_ratio(5.0, None) is None
    assert costs.gross_margin_ratio(5.0, 0.0) == 1


@pytest.mark.parametrize("efficiency", [None, 0.0, -1.0])
def test_no_breakeven_without_an_efficiency(efficiency: float | None) -> None:
    assert costs.breakeven_power_price(40.0, efficiency) is None
    assert costs.revenue_per_mwh(40.0, efficiency) is None


def test_unknown_inputs_give_unknown_results() -> None:
    assert costs.hashcost(None, 0.05) is None
    assert costs.hashcost(20, None) is None
    assert costs.power_cost_per_day(None, 0.05) is None
    assert costs.net_hashprice(None) is None
    assert costs.breakeven_hashprice(None, 0.05) is None
    assert costs.breakeven_hashprice(20, 0.05, 1.0) is None
    assert costs.breakeven_efficiency(None, 0.05) is None
    assert costs.payback_days(None, 5.0) is None
    assert costs.payback_days(2000.0, None) is None


def test_payback_is_infinite_without_a_net_income() -> None:
    assert costs.payback_days(2000, 5) == 400
    assert costs.payback_days(2000, 0) == math.inf
    assert costs.payback_days(2000, -1) == math.inf
    assert costs.payback_days(0, 5) == 0


def test_payback_with_decay_is_when_the_decreasing_net_has_paid() -> None:
    days = costs.payback_days(2000, 5, 0.001)
    assert days is not None
    # the integral of 5·exp(-0.001 t) from 0 to `days`
    assert 5 / 0.001 * (1 - math.exp(-0.001 * days)) == pytest.approx(2000)
    assert costs.payback_days(2000, 5, 0.0025) == math.inf  # all that ever comes is 5 / 0.0025 = 2000
    assert costs.payback_days(2000, 5, 1e-9) == pytest.approx(400, rel=1e-5)


def test_fleet_ratios_are_sums_over_sums_not_means_of_ratios() -> None:
    small = RigMoney(hashrate=100 * TH, power=2000, revenue=4.0, cost=2.0, hashing_seconds=50, scheduled_seconds=100)
    large = RigMoney(hashrate=300 * TH, power=9000, revenue=12.0, cost=9.0, hashing_seconds=900, scheduled_seconds=900)
    fleet = sum_fleet([small, large])
    assert fleet.efficiency.value == pytest.approx(11_000 / 400)
    assert fleet.gross_margin.value == pytest.approx(1 - 11 / 16)
    assert fleet.uptime.value == pytest.approx(0.95)
    assert fleet.revenue.value == 16
    assert fleet.efficiency.coverage == 1


def test_a_gap_lowers_the_coverage() -> None:
    known = RigMoney(hashrate=100 * TH, power=2000, revenue=4.0, cost=2.0)
    fleet = sum_fleet([known, RigMoney(hashrate=100 * TH, revenue=4.0), RigMoney(), known])
    assert fleet.hashrate.value == pytest.approx(300 * TH)
    assert fleet.hashrate.coverage == 0.75
    assert fleet.efficiency.value == pytest.approx(20)
    assert fleet.efficiency.coverage == 0.5
    assert fleet.gross_margin.value == 0.5
    assert (fleet.uptime.value, fleet.uptime.coverage) == (None, 0.0)


def test_an_empty_fleet_has_no_values() -> None:
    fleet = sum_fleet([])
    assert (fleet.rigs, fleet.hashrate.value, fleet.efficiency.value, fleet.gross_margin.value) == (0, None, None, None)


def test_converts_the_published_hosting_contracts() -> None:
    assert hosting.per_mw_year(211) == pytest.approx(1.85e6, rel=0.01)
    assert per_kw_month(211) == pytest.approx(154, rel=0.01)
    assert hosting.per_mw_year(166) == pytest.approx(1.45e6, rel=0.01)
    assert per_kw_month(97) == pytest.approx(71, rel=0.01)


@given(st.floats(min_value=1, max_value=500), efficiencies, power_prices, fees, st.floats(min_value=0.3, max_value=1))
def test_hosting_earns_nothing_more_at_its_breakeven_hashprice(
    price: float, efficiency: float, power: float, fee: float, uptime: float
) -> None:
    hashprice = hosting.breakeven_hashprice(price, efficiency, power, fee, uptime)
    net = mining_net_per_mwh(hashprice, efficiency, power, fee)
    left = hosting.opportunity_per_mw_year(price, net, uptime)
    assert left == pytest.approx(0, abs=1e-6 * price * 12_000)


def test_no_comparison_with_hosting_without_a_price() -> None:
    assert hosting.opportunity_per_mw_year(None, 50.0) is None
    assert hosting.opportunity_per_mw_year(120.0, None) is None
    assert hosting.breakeven_hashprice(None, 20, 0.05) is None
    assert hosting.breakeven_hashprice(120, 20, 0.05, uptime=0) is None
    assert mining_net_per_mwh(40.0, 20, None) is None
