"""One rig's money at one moment, and the advice for its model."""

import dataclasses
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.economics.economist import Economist
from stratoscope.economics.terms import Capex, Contract, Rate, Terms
from stratoscope.fleet import RigEconomics, RigSnapshot
from stratoscope.judgement.judge import Nameplate
from stratoscope.market.curtailment import Policy
from stratoscope.market.tariff import External, Quote
from stratoscope.units import DAY, GH, TH
from unit.economics.stand import AT, Bench, ToldMarket, reading, snapshot, tariff, terms

UNKNOWN = Nameplate()


def money(economist: Economist, rig: RigSnapshot, group: str | None = None, sheet: Nameplate = UNKNOWN) -> RigEconomics:
    assert rig.reading is not None
    now = rig.at - AT
    economist.accrued(rig.reading.algorithm, group, now, rig.at, earns=True)
    return economist.assess(rig, rig.reading, group, sheet, now)


def test_a_rig_is_reckoned_by_the_formulas_of_the_trade():
    own = money(Bench(ToldMarket(), pool_fee=0.02, capex=(Capex(900.0, model="s21"),)).economist, snapshot())
    hashprice = 43.148 / 1e8 * 1000 * 91_132  # as docs/economics.md works it out
    assert own.revenue_per_day == pytest.approx(0.2 * hashprice * 0.98, rel=1e-4)
    assert own.revenue_sat_per_day == pytest.approx(8457.0, rel=1e-4)
    assert own.power_cost_per_day == pytest.approx(3.5 * 24 * 0.05)
    assert own.margin_per_day == pytest.approx(0.2 * hashprice * 0.98 - 4.2, rel=1e-3)
    assert own.gross_margin_ratio == pytest.approx(1 - 4.2 / (0.2 * hashprice * 0.98), rel=1e-4)
    assert own.hashcost == pytest.approx(24 * 17.5 * 0.05)
    assert own.breakeven_power_price == pytest.approx(hashprice * 0.98 / (24 * 17.5), rel=1e-4)
    assert own.revenue_per_mwh == pytest.approx(hashprice * 980 / (24 * 17.5), rel=1e-4)
    assert own.breakeven_hashprice == pytest.approx(24 * 17.5 * 0.05 / 0.98)
    assert own.breakeven_efficiency == pytest.approx(hashprice * 0.98 / (24 * 0.05), rel=1e-4)
    assert own.cost_per_btc == pytest.approx(24 * 17.5 * 0.05 / (0.00043148 * 0.98), rel=1e-4)
    assert own.payback == pytest.approx(900 / own.margin_per_day * DAY)


@given(st.floats(1e12, 1e15), st.floats(1.5, 10))
def test_revenue_is_linear_in_hashrate_and_margin_of_like_rigs_equal(hashrate, factor):
    economist = Bench(ToldMarket()).economist
    power = hashrate / TH * 20
    one = money(economist, snapshot("a", hashrate=hashrate, power=power))
    many = money(economist, snapshot("b", hashrate=hashrate * factor, power=power * factor))
    assert many.revenue_per_day == pytest.approx(one.revenue_per_day * factor)
    assert many.gross_margin_ratio == pytest.approx(one.gross_margin_ratio)
    assert many.breakeven_power_price == pytest.approx(one.breakeven_power_price)


def test_unknown_power_price_or_market_leaves_absent_what_needs_it():
    known = {field.name for field in dataclasses.fields(RigEconomics)} - {"currency", "algorithm", "tariff"}

    def missing(own: RigEconomics) -> set[str]:
        return {name for name in known if getattr(own, name) is None}

    of_power = {
        "metered_power",
        "power_cost_per_day",
        "margin_per_day",
        "gross_margin_ratio",
        "breakeven_power_price",
        "breakeven_hashprice",
        "hashcost",
        "revenue_per_mwh",
        "cost_per_btc",
        "payback",
        "strike",
    }
    economist = Bench(ToldMarket(), capex=(Capex(900.0),)).economist
    economist.tick({"a": snapshot()}, 0.0, AT)
    assert missing(money(economist, snapshot(power=None))) == of_power
    without_market = Bench(None, capex=(Capex(900.0),)).economist
    assert missing(money(without_market, snapshot())) == known - {
        "metered_power",
        "power_cost_per_day",
        "power_price",
        "hashcost",
        "breakeven_hashprice",
        "advice",
        "capex",
    }
    without_tariff = Bench(ToldMarket(), tariffs={}).economist
    assert missing(money(without_tariff, snapshot())) >= {"power_cost_per_day", "margin_per_day", "advice", "strike"}
    without_price = ToldMarket(price=None)
    own = money(Bench(without_price).economist, snapshot())
    assert own.revenue_per_day is None
    assert own.revenue_sat_per_day == pytest.approx(8629.6, rel=1e-4)


def test_a_flatlining_rig_costs_but_earns_nothing_that_could_be_told():
    own = money(Bench(ToldMarket()).economist, snapshot(flatline=True))
    assert (own.revenue_per_day, own.revenue_sat_per_day, own.gross_margin_ratio) == (None, None, None)
    assert own.power_cost_per_day == pytest.approx(4.2)


def test_a_rig_that_stands_still_earns_zero_and_has_no_ratio():
    still = snapshot(hashrate=0.0, power=60.0, reading=reading(hashing=False))
    own = money(Bench(ToldMarket(), capex=(Capex(900.0),)).economist, still)
    assert (own.revenue_per_day, own.gross_margin_ratio) == (0.0, None)
    assert own.margin_per_day == pytest.approx(-60 * 24 / 1000 * 0.05)
    assert own.payback == math.inf


def test_another_algorithm_has_margin_and_breakeven_power_price_but_nothing_of_bitcoin():
    economist = Bench(ToldMarket(), algorithms={"scrypt": Rate(0.9, GH)}).economist
    own = money(economist, snapshot(hashrate=9.5 * GH, power=3425.0, reading=reading(model="L7", algorithm="scrypt")))
    assert own.revenue_per_day == pytest.approx(9.5 * 0.9)
    assert own.breakeven_power_price == pytest.approx(9.5 * 0.9 / (3.425 * 24))
    assert own.margin_per_day == pytest.approx(9.5 * 0.9 - 3.425 * 24 * 0.05)
    assert (
        own.revenue_sat_per_day,
        own.hashcost,
        own.breakeven_hashprice,
        own.breakeven_efficiency,
        own.cost_per_btc,
    ) == (None,) * 5


def test_capex_is_that_of_the_first_entry_that_holds():
    capex = (Capex(1.0, model="S21", group="hall-1"), Capex(2.0, group="hall-1"), Capex(3.0, model="s21"))
    own = terms(capex=capex)
    assert own.capex_of("S21", "hall-1") == 1.0
    assert own.capex_of("S19", "hall-1") == 2.0
    assert own.capex_of("S21", None) == 3.0
    assert own.capex_of(None, None) is None


def test_overhead_is_in_cost_breakeven_and_strike():
    contract = Contract(tariff=tariff(overhead_ratio=Decimal("1.25")))
    bench = Bench(ToldMarket(), tariffs={"default": contract})
    plain = Bench(ToldMarket())
    for one in (bench, plain):
        money(one.economist, snapshot())
        one.economist.tick({"a": snapshot()}, 0.0, AT)
    heavy, light = money(bench.economist, snapshot()), money(plain.economist, snapshot())
    assert heavy.power_cost_per_day == pytest.approx(light.power_cost_per_day * 1.25)
    assert heavy.breakeven_power_price == pytest.approx(light.breakeven_power_price / 1.25)
    assert heavy.strike == pytest.approx(light.strike / 1.25)


def test_each_group_pays_its_own_tariff_and_an_unknown_one_none():
    tariffs = {"default": Contract(tariff=tariff()), "night": Contract(tariff=tariff(price=Decimal("0.02")))}
    economist = Bench(ToldMarket(), tariffs=tariffs).economist
    assert money(economist, snapshot()).power_price == 0.05
    assert money(economist, snapshot(), "night").power_price == 0.02
    assert money(economist, snapshot(), "nobody").power_cost_per_day is None


# -- advice ------------------------------------------------------------------


def spot(price: float | None = None, **policy) -> tuple[Bench, ToldMarket]:
    contract = Contract(tariff=tariff(price=None, external=External(max_age=1200.0, fallback="none")))
    market = ToldMarket()
    return Bench(market, tariffs={"default": contract}, policy=Policy(**policy), pool_fee=0.02), market


def live(bench: Bench, start: float, end: float, price: float | None, *, hashing: bool = True) -> RigEconomics:
    """Poll and look every 30 s from `start` to `end` at an external price."""
    own = None
    for now in range(int(start), int(end), 30):
        at = AT + now
        bench.market.tell(at)
        if price is not None:
            bench.economist.quote("default", Quote(Decimal(str(price)), at), float(now), at)
        rig = snapshot(at=at) if hashing else snapshot(at=at, hashrate=0.0, power=60.0, reading=reading(hashing=False))
        own = money(bench.economist, rig)
        bench.economist.tick({"a": rig}, float(now), at)
    assert own is not None
    return own


def test_the_advice_follows_the_price_with_hysteresis_and_each_change_is_an_event():
    bench, _ = spot()
    assert live(bench, 0, 900, 0.03).advice == "run"
    assert live(bench, 900, 1500, 0.2).advice == "run"  # one whole window above the strike is no reason yet
    assert live(bench, 1500, 2400, 0.2, hashing=False).advice == "curtail"
    assert live(bench, 2400, 3300, 0.03, hashing=False).advice == "curtail"
    own = live(bench, 3300, 4500, 0.03, hashing=False)
    assert own.advice == "run"
    assert own.strike == pytest.approx(39.32 * 0.98 / (24 * 17.5), rel=1e-3)
    kinds = [(event.kind, event.details["before"], event.details["now"]) for event in bench.events]
    assert kinds == [
        ("curtail_advice", "unknown", "run"),
        ("curtail_advice", "run", "curtail"),
        ("curtail_advice", "curtail", "run"),
    ]
    event = bench.events[1]
    assert event.text == (
        "Antminer S21 on tariff default: advice is curtail, before run; price 0.2000 USD/kWh, strike 0.0918 USD/kWh"
    )
    assert event.details["model"] == "S21"


def test_a_stale_price_is_unknown_and_never_run():
    bench, _ = spot()
    assert live(bench, 0, 900, 0.03).advice == "run"
    own = live(bench, 900, 3000, None)
    assert (own.advice, own.power_price) == ("unknown", None)
    assert bench.events[-1].details["now"] == "unknown"


def test_an_expired_market_is_unknown_too():
    bench, market = spot()
    live(bench, 0, 900, 0.03)
    told = market.now
    live(bench, 900, 930, 0.03)
    market.now = told
    at = AT + 3000
    bench.economist.quote("default", Quote(Decimal("0.03"), at), 3000.0, at)
    bench.economist.tick({"a": snapshot()}, 3000.0, at)
    assert bench.events[-1].details["now"] == "unknown"
    assert money(bench.economist, snapshot(at=at)).strike is None


def test_a_fixed_strike_and_a_high_strike_decide_by_themselves():
    bench, _ = spot(high_strike=0.5)
    bench.economist.follow(dataclasses.replace(bench.economist.terms, strike=0.04), 0.0, AT)
    assert live(bench, 0, 900, 0.03).advice == "run"
    assert live(bench, 900, 960, 0.5).advice == "curtail"
    assert bench.events[-1].details["strike"] == 0.04


def test_the_strike_is_the_models_watts_over_its_terahashes():
    bench = Bench(ToldMarket())
    good, bad = snapshot("good", hashrate=300 * TH, power=3000.0), snapshot("bad", hashrate=100 * TH, power=3000.0)
    other = snapshot("other", hashrate=100 * TH, power=3000.0, reading=reading(model="S19"))
    rigs = {rig.rig: rig for rig in (good, bad, other)}
    for rig in rigs.values():
        money(bench.economist, rig)
    bench.economist.tick(rigs, 0.0, AT)
    strikes = {rig.rig: money(bench.economist, rig).strike for rig in rigs.values()}
    assert strikes["good"] == strikes["bad"] == pytest.approx(39.32 / (24 * 15), rel=1e-3)
    assert strikes["other"] == pytest.approx(39.32 / (24 * 30), rel=1e-3)


def test_the_data_sheet_stands_in_until_a_rig_of_the_model_hashed():
    bench = Bench(ToldMarket())
    still = snapshot(hashrate=0.0, power=60.0, reading=reading(hashing=False))
    money(bench.economist, still, sheet=Nameplate(hashrate=200 * TH, power=3500.0))
    bench.economist.tick({"a": still}, 0.0, AT)
    assert money(bench.economist, still).strike == pytest.approx(39.32 / (24 * 17.5), rel=1e-3)


def test_kinds_go_with_their_last_rig():
    bench = Bench(ToldMarket())
    for number in range(300):
        money(bench.economist, snapshot(f"rig-{number}", reading=reading(model=f"S{number % 100}")))
    assert len(bench.economist.advisor.kinds) == 100
    bench.economist.tick({"rig-7": snapshot("rig-7")}, 0.0, AT)
    assert [kind.model for kind in bench.economist.advisor.kinds] == ["S7"]
    money(bench.economist, snapshot("rig-7", reading=reading(model="S21")))
    assert [kind.model for kind in bench.economist.advisor.kinds] == ["S21"]


def test_terms_that_change_are_followed_without_losing_what_was_counted():
    bench = Bench(ToldMarket())
    first = bench.economist.accrued("sha256", None, 0.0, AT, earns=True)
    half = bench.economist.accrued("sha256", None, 300.0, AT + 300, earns=True)
    cheap = Terms(currency="USD", tariffs={"default": Contract(tariff=tariff(price=Decimal("0.01")))}, pool_fee=0.5)
    bench.economist.follow(cheap, 300.0, AT + 300)
    end = bench.economist.accrued("sha256", None, 600.0, AT + 600, earns=True)
    assert end.cost - half.cost == pytest.approx((half.cost - first.cost) / 5)
    assert end.sat - half.sat == pytest.approx((half.sat - first.sat) / 2)
    assert money(bench.economist, snapshot(at=AT + 600)).power_price == 0.01
