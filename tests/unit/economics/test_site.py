"""A site's money is a sum over a sum, with the part of the rigs it stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.economics.site import Network, site_money
from stratoscope.economics.sums import RigPart
from stratoscope.fleet import RigEconomics
from stratoscope.market.aggregate import RigMoney
from stratoscope.units import PH, TH
from unit.economics.stand import AT, Bench, ToldMarket, snapshot, terms

value = st.one_of(st.none(), st.floats(0.01, 1e4))
parts = st.lists(
    st.builds(
        RigPart,
        st.builds(
            RigMoney,
            hashrate=value.map(lambda v: None if v is None else v * TH),
            power=value,
            revenue=value,
            cost=value,
        ),
        value,
        st.booleans(),
    ),
    max_size=30,
)


@given(parts)
def test_sums_and_ratios_take_the_rigs_that_know_every_side(rows):
    money = site_money(rows, terms())
    both = [row.money for row in rows if None not in (row.money.revenue, row.money.cost)]
    known = [row.money for row in rows if None not in (row.money.revenue, row.money.cost, row.money.power)]
    coins = [row.money for row in rows if row.is_bitcoin and None not in (row.money.power, row.money.hashrate)]
    if both:
        wanted = 1 - sum(m.cost for m in both) / sum(m.revenue for m in both)
        assert money.sums.gross_margin.value == pytest.approx(wanted)
        assert money.sums.gross_margin.coverage == pytest.approx(len(both) / len(rows))
    if known:
        assert money.margin_per_day == pytest.approx(sum(m.revenue - m.cost for m in known))
        assert money.net_per_mwh == pytest.approx(money.margin_per_day / (sum(m.power for m in known) * 24 / 1e6))
    else:
        assert (money.margin_per_day, money.net_per_mwh, money.hosting_opportunity) == (None, None, None)
    if coins:
        assert money.efficiency == pytest.approx(sum(m.power for m in coins) / sum(m.hashrate for m in coins) * TH)
    else:
        assert (money.efficiency, money.hosting_breakeven) == (None, None)


@given(parts)
def test_the_sites_own_figures_are_sums_over_sums_of_bitcoins_rigs(rows):
    money = site_money(rows, terms(pool_fee=0.02), network=Network(observed=1e21, implied=8e20))
    coins = [row for row in rows if row.is_bitcoin and row.money.hashrate is not None]
    paying = [row.money for row in coins if row.money.cost is not None]
    if paying:
        wanted = sum(m.cost for m in paying) / (sum(m.hashrate for m in paying) / PH)
        assert money.hashcost == pytest.approx(wanted)
        assert money.breakeven_hashprice == pytest.approx(wanted / 0.98)
    else:
        assert (money.hashcost, money.breakeven_hashprice) == (None, None)
    earning = [row.money for row in rows if None not in (row.money.revenue, row.money.power)]
    if earning:
        wanted = sum(m.revenue for m in earning) / (sum(m.power for m in earning) * 24 / 1000)
        assert money.breakeven_power_price == pytest.approx(wanted)
    minting = [row for row in rows if None not in (row.sat, row.money.cost)]
    if minting:
        wanted = sum(row.money.cost for row in minting) / sum(row.sat for row in minting) * 1e8
        assert money.cost_per_btc == pytest.approx(wanted)
    hashing = sum(row.money.hashrate for row in coins)
    assert money.network_share == (
        pytest.approx({"observed": hashing / 1e21, "implied": hashing / 8e20}) if coins else {}
    )


def test_the_sites_payback_takes_the_rigs_that_have_a_price_and_a_margin():
    priced = RigPart(RigMoney(power=1000.0, revenue=5.0, cost=2.0), capex=900.0)
    losing = RigPart(RigMoney(power=1000.0, revenue=1.0, cost=3.0), capex=600.0)
    gap = RigPart(RigMoney(power=1000.0, cost=3.0), capex=5000.0)
    free = RigPart(RigMoney(power=1000.0, revenue=9.0, cost=1.0))
    assert site_money([priced, losing, gap, free], terms()).payback == pytest.approx(1500 / (3 - 2) * 86400)
    assert site_money([losing, free], terms()).payback == float("inf")
    assert site_money([gap, free], terms()).payback is None


def test_the_networks_gross_profit_is_told_at_the_sites_efficiency_and_power_price():
    row = RigPart(RigMoney(hashrate=PH, power=20_000.0, revenue=39.0, cost=21.6), 40_000.0, is_bitcoin=True)
    money = site_money([row], terms(), network=Network(revenue_per_eh_day=38_700.0))
    assert (money.efficiency, money.power_price) == (pytest.approx(20), pytest.approx(0.045))
    assert money.network_gross_profit_per_eh_day == pytest.approx(17_100)  # JPMorgan's December 2025
    assert site_money([row], terms()).network_gross_profit_per_eh_day is None


def test_fiat_of_the_network_is_not_told_in_another_currency_than_the_sites():
    bench = Bench(ToldMarket(currency="EUR"))
    assert bench.economist.books(AT)([]).network_gross_profit_per_eh_day is None


def test_hosting_stands_against_mining_net_of_power():
    row = RigPart(RigMoney(hashrate=PH, power=20_000.0, revenue=39.0, cost=24.0), 40_000.0, is_bitcoin=True)
    money = site_money([row], terms(hosting_per_kw_month=121.0, pool_fee=0.02))
    assert money.power_price == pytest.approx(0.05)
    assert money.net_per_mwh == pytest.approx(15 / 0.48)
    assert money.hosting_opportunity == pytest.approx(121 * 12_000 - 8760 * 15 / 0.48)
    assert money.hosting_breakeven == pytest.approx(24 * 20 * (121 / 730 + 0.05) / 0.98)
    assert money.revenue_per_eh_day == pytest.approx(39_000)
    assert money.gross_profit_per_eh_day == pytest.approx(15_000)
    assert site_money([row], terms()).hosting_opportunity is None


def test_a_rig_without_economics_or_a_fresh_reading_is_a_gap_and_no_zero():
    own = RigEconomics(currency="USD", revenue_per_day=5.0)
    gaps = [RigPart.of(snapshot()), RigPart.of(snapshot(reading=None, economics=own))]
    money = site_money(gaps, terms())
    assert (money.sums.revenue.value, money.sums.revenue.coverage, money.sat_per_day) == (None, 0.0, None)
    known = RigPart.of(snapshot(economics=own))
    assert site_money([*gaps, known], terms()).sums.revenue.coverage == pytest.approx(1 / 3)


def test_the_tariffs_are_told_with_their_load_and_demand():
    contract = terms().tariffs["default"]
    bench = Bench(ToldMarket(), tariffs={"default": contract})
    bench.economist.tick({}, 0.0, AT)
    told = bench.economist.tariffs(AT)["default"]
    assert (told.average, told.marginal, told.source, told.stale, told.age) == (0.05, 0.05, "fixed", None, None)
    assert (told.load, told.peak, told.demand_charge) == (None, None, None)
