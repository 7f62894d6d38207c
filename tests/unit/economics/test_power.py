"""The cost of one watt, summed over every price interval, independent of the times of the updates."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.economics.power import TariffGroup
from stratoscope.economics.terms import PowerContract
from stratoscope.market.tariff import Adders, ExternalPrice, PowerBlock, PowerQuote
from stratoscope.market.tariff_zones import Zone, parse_hours
from unit.economics.money_bench import AT, tariff
from unit.market.oracles import charges_between

ZONES = ("America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Tokyo")
CHANGES = [
    datetime(2026, month, day, 0, tzinfo=UTC).timestamp()
    for month, day in ((3, 7), (3, 28), (4, 4), (10, 3), (10, 24), (10, 31))
]


def fiat(group: TariffGroup) -> float:
    """Return fiat per W so far: costs minus credits."""
    return (group.cost.total - group.credit.total) * 1e-6


@given(
    zone=st.sampled_from(ZONES),
    start=st.sampled_from(CHANGES),
    looks=st.lists(st.floats(0.5, 590), min_size=30, max_size=300),
    prices=st.lists(st.decimals(-1, 1, places=4), min_size=3, max_size=3),
)
def test_the_cost_of_a_watt_equals_the_bill_across_zones_and_clock_changes(zone, start, looks, prices):
    contract = tariff(
        timezone=ZoneInfo(zone),
        price=prices[0],
        adders=Adders(per_kwh=Decimal("0.01"), loss_ratio=Decimal("0.02")),
        zones=(
            Zone(price=prices[1], hours=parse_hours("1-3, 15:30-19")),
            Zone(price=prices[2], hours=parse_hours("22-2")),
        ),
        overhead_ratio=Decimal("1.04"),
    )
    group = TariffGroup("default", PowerContract(tariff=contract), 0.0)
    group.update(0.0, start)
    now = 0.0
    for seconds in looks:
        now += seconds
        group.update(now, start + now)
    bill = charges_between(contract, start, start + now).cost(contract.metered(1000.0))
    assert bill is not None
    assert fiat(group) * 1000 == pytest.approx(float(bill), rel=1e-6, abs=1e-9)
    assert group.cost.seconds == pytest.approx(now)
    assert min(group.cost.total, group.credit.total) >= 0


def test_a_negative_price_is_a_credit_and_no_sum_decreases():
    group = TariffGroup("default", PowerContract(tariff=tariff(price=Decimal("-0.02"))), 0.0)
    group.update(0.0, AT)
    group.update(600.0, AT + 600)
    assert (group.cost.total, group.credit.total) == (0.0, pytest.approx(0.02 / 6 / 1000 * 1e6))


def spot(fallback: str, **more) -> TariffGroup:
    contract = tariff(external=ExternalPrice(max_age=300.0, fallback=fallback), **more)
    return TariffGroup("default", PowerContract(tariff=contract), 0.0)


def advance(group: TariffGroup, start: float, end: float) -> None:
    for now in range(int(start), int(end) + 1, 7):
        group.update(float(now), AT + now)
    group.update(end, AT + end)


def test_an_expired_price_adds_nothing_from_that_second():
    group = spot("none", price=None)
    advance(group, 0, 100)
    assert (fiat(group), group.cost.seconds, group.average) == (0.0, 0.0, None)
    group.add_quote(PowerQuote(Decimal("0.36"), AT + 100), 100.0, AT + 100)
    advance(group, 100, 1000)
    assert group.cost.seconds == pytest.approx(300.0)
    assert fiat(group) == pytest.approx(0.36 * 300 / 3.6e6)
    assert (group.price.stale, group.average, group.age(AT + 1000)) == (True, None, 900.0)


def test_a_fallback_price_is_billed_and_marked_as_stale():
    group = spot("default")
    advance(group, 0, 100)
    assert (group.price.source, group.price.stale) == ("default", True)
    assert fiat(group) == pytest.approx(0.05 * 100 / 3.6e6)
    group.add_quote(PowerQuote(Decimal("0.2"), AT + 40), 100.0, AT + 100)
    assert (group.age(AT + 100), group.price.stale) == (60.0, True)
    advance(group, 100, 200)
    assert (group.price.source, group.price.stale, group.average) == ("external", False, 0.2)


def test_a_repeated_price_is_fresh_again_and_needs_no_memory():
    group = spot("none", price=None)
    for at in range(0, 6000, 60):
        group.add_quote(PowerQuote(Decimal("0.1"), AT + at), float(at), AT + at)
    group.update(6000.0, AT + 6000)
    assert len(group.quotes) == 1
    assert group.cost.seconds == pytest.approx(6000.0)
    assert group.age(AT + 6000) == 60.0


def test_future_prices_apply_when_their_time_comes():
    group = spot("last", price=None)
    for hour, price in enumerate(("0.1", "0.2", "0.3")):
        group.add_quote(PowerQuote(Decimal(price), AT + 240 * hour), 0.0, AT)
    advance(group, 0, 480 + 240)
    assert fiat(group) == pytest.approx((0.1 + 0.2 + 0.3) * 240 / 3.6e6)


def test_fixed_costs_are_spread_over_the_load():
    block = PowerBlock(Decimal(1_000_000), Decimal("0.03"))
    group = TariffGroup("default", PowerContract(tariff=tariff(block=block)), 0.0)
    group.update(0.0, AT)
    assert group.average is None
    group.set_load(500_000.0)
    group.update(10.0, AT + 10)
    assert group.average == pytest.approx(0.05 + (0.03 - 0.05) * 2)
    assert group.marginal == 0.05


def test_a_long_gap_is_not_billed():
    group = TariffGroup("default", PowerContract(tariff=tariff()), 0.0)
    group.update(0.0, AT)
    group.update(3600.0, AT + 3600)
    group.update(3660.0, AT + 3660)
    assert group.cost.seconds == 60.0


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_f40_a_clock_change_does_not_bill_an_hour_twice(step):
    group = TariffGroup(
        "default", PowerContract(tariff=tariff(zones=(Zone(price=Decimal(1), hours=parse_hours("1-2")),))), 0.0
    )
    group.update(0.0, AT)
    for now in range(10, 100, 10):
        group.update(float(now), AT + now + (step if now > 50 else 0))
    assert group.cost.seconds == 90.0
    assert math.isfinite(group.cost.total)
