"""Power has the price of its time, the parts of a bill add up exactly, and a fallback price is marked."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.clock_changes import CLOCKS, changes
from stratoscope.market.tariff import (
    Adders,
    ExternalPrice,
    Fallback,
    PowerBlock,
    PowerQuote,
    Tariff,
    price_at,
)
from stratoscope.market.tariff_charges import (
    coincident_peak_charge,
    demand_charge,
)
from stratoscope.market.tariff_zones import Zone, parse_days, parse_hours, parse_months
from unit.market.oracles import Charges, charges_between

UTC = ZoneInfo("UTC")
CHICAGO = ZoneInfo("America/Chicago")
HOUR = 3600.0
MEGAWATT = 1e6
SUMMER_PEAK = Zone(
    price=Decimal("0.11"), months=parse_months("Jun-Sep"), days=parse_days("Mon-Fri"), hours=parse_hours("15-19")
)


def at(text: str, zone: ZoneInfo = UTC) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def fixed(price: str = "0.045") -> Tariff:
    return Tariff(currency="USD", timezone=UTC, price=Decimal(price))


def external(fallback: Fallback = "default", price: str | None = "0.045") -> Tariff:
    default = None if price is None else Decimal(price)
    return Tariff(currency="USD", timezone=UTC, price=default, external=ExternalPrice(max_age=1200, fallback=fallback))


def test_a_fixed_tariff_costs_the_same_at_any_time() -> None:
    price = price_at(fixed(), 0.0)
    assert (price.energy, price.marginal, price.average, price.source) == (*[Decimal("0.045")] * 3, "fixed")
    assert not price.stale
    assert charges_between(fixed(), 0.0, HOUR).cost(MEGAWATT) == 45


def test_summer_afternoons_cost_more_in_local_time() -> None:
    tariff = Tariff(currency="USD", timezone=CHICAGO, price=Decimal("0.045"), zones=(SUMMER_PEAK,))
    for moment, price, source in (
        ("2026-07-01T14:59:59", "0.045", "fixed"),
        ("2026-07-01T15:00:00", "0.11", "zone"),
        ("2026-07-01T18:59:59", "0.11", "zone"),
        ("2026-07-01T19:00:00", "0.045", "fixed"),
    ):
        found = price_at(tariff, at(moment, CHICAGO))
        assert (found.energy, found.source) == (Decimal(price), source)
    day = charges_between(tariff, at("2026-07-01T00:00", CHICAGO), at("2026-07-02T00:00", CHICAGO))
    assert day.cost(MEGAWATT) == 20 * 45 + 4 * 110
    assert day.covered == 24 * 3600


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 2), ("2026-11-01", 4)])
def test_bills_the_night_of_a_clock_change_by_the_wall_clock(day: str, hours: int) -> None:
    night = Zone(price=Decimal(1), hours=parse_hours("0-3"))
    tariff = Tariff(currency="USD", timezone=CHICAGO, price=Decimal(0), zones=(night,))
    start = at(f"{day}T00:00", CHICAGO)
    assert charges_between(tariff, start, start + 12 * HOUR).cost(1000.0) == hours


def test_adds_losses_delivery_and_tax_in_order_and_the_credit_to_the_marginal_price_only() -> None:
    adders = Adders(per_kwh=Decimal("0.012"), markup_ratio=Decimal("0.1"), loss_ratio=Decimal("0.02"))
    tariff = Tariff(currency="USD", timezone=UTC, price=Decimal("0.05"), adders=adders, credit_per_kwh=Decimal("0.03"))
    price = price_at(tariff, 0.0)
    assert price.average == Decimal("0.0693")  # (0.05 × 1.02 + 0.012) × 1.1
    assert price.marginal == Decimal("0.0993")
    assert charges_between(tariff, 0.0, HOUR).cost(MEGAWATT) == Decimal("69.3")


def test_a_block_lowers_the_bill_but_not_the_marginal_price() -> None:
    tariff = Tariff(
        currency="USD", timezone=UTC, price=Decimal("0.100"), block=PowerBlock(Decimal(10_000_000), Decimal("0.038"))
    )
    # 15 MW: 10 MW at 38, 5 MW at 100
    assert charges_between(tariff, 0.0, HOUR).cost(15 * MEGAWATT) == 10 * 38 + 5 * 100
    # 4 MW: 6 MW of the block are sold back at the market
    assert charges_between(tariff, 0.0, HOUR).cost(4 * MEGAWATT) == 10 * 38 - 6 * 100
    for power in (4 * MEGAWATT, 15 * MEGAWATT):
        assert price_at(tariff, 0.0, power=power).marginal == Decimal("0.1")
    assert price_at(tariff, 0.0, power=10 * MEGAWATT).average == Decimal("0.038")
    assert price_at(tariff, 0.0).average is None
    assert price_at(tariff, 0.0, power=0.0).average is None


def test_the_block_is_taxed_too() -> None:
    tariff = Tariff(
        currency="USD",
        timezone=UTC,
        price=Decimal("0.1"),
        block=PowerBlock(Decimal(10_000_000), Decimal("0.038")),
        adders=Adders(markup_ratio=Decimal("0.1")),
    )
    assert charges_between(tariff, 0.0, HOUR).cost(15 * MEGAWATT) == Decimal("1.1") * (10 * 38 + 5 * 100)


def test_a_monthly_charge_is_part_of_the_average_price_only() -> None:
    tariff = Tariff(currency="USD", timezone=CHICAGO, price=Decimal("0.04"), per_month=Decimal(7200))
    start, end = at("2026-11-01T00:00", CHICAGO), at("2026-12-01T00:00", CHICAGO)  # 721 h: the clock goes back
    assert charges_between(tariff, start, end).fixed == 7200
    assert charges_between(tariff, start, end).cost(MEGAWATT) == 7200 + 721 * 40
    price = price_at(tariff, at("2026-04-10T00:00", CHICAGO), power=MEGAWATT)  # 720 h
    assert (price.marginal, price.average) == (Decimal("0.04"), Decimal("0.05"))


def test_accepts_negative_prices() -> None:
    quotes = [PowerQuote(Decimal("-0.020"), 1000.0)]
    assert price_at(external(), 1000.0, quotes).marginal == Decimal("-0.020")
    assert charges_between(external(), 1000.0, 1360.0, quotes).cost(MEGAWATT) == -2


def test_rejects_a_price_that_is_not_finite() -> None:
    for text in ("NaN", "Infinity", "sNaN"):
        with pytest.raises(ValueError, match="finite"):
            PowerQuote(Decimal(text), 0.0)


def test_an_external_price_is_valid_until_the_next_one_or_its_maximum_age() -> None:
    quotes = [PowerQuote(Decimal("0.03"), 1000.0), PowerQuote(Decimal("0.09"), 1600.0)]
    for moment, price, source, age in (
        (1000.0, "0.03", "external", 0.0),
        (1599.0, "0.03", "external", 599.0),
        (1600.0, "0.09", "external", 0.0),
        (2799.0, "0.09", "external", 1199.0),
        (2800.0, "0.045", "default", 1200.0),
    ):
        found = price_at(external(), moment, quotes)
        assert (found.energy, found.source, found.age) == (Decimal(price), source, age)
        assert found.stale is (source == "default")


def test_a_future_price_is_not_used_yet() -> None:
    found = price_at(external(), 1000.0, [PowerQuote(Decimal("0.01"), 1001.0)])
    assert (found.source, found.age, found.stale) == ("default", None, True)


@pytest.mark.parametrize(
    ("fallback", "price", "wanted", "source"),
    [
        ("default", "0.045", Decimal("0.045"), "default"),
        ("default", None, None, None),
        ("last", "0.045", Decimal("0.03"), "last"),
        ("none", "0.045", None, None),
    ],
)
def test_a_stale_price_uses_the_fallback_and_is_marked(
    fallback: Fallback, price: str | None, wanted: Decimal | None, source: str | None
) -> None:
    found = price_at(external(fallback, price), 10_000.0, [PowerQuote(Decimal("0.03"), 1000.0)])
    assert (found.energy, found.source, found.age, found.stale) == (wanted, source, 9000.0, True)
    assert (found.marginal is None) is (wanted is None)


def test_time_without_a_price_is_a_gap_and_not_free_power() -> None:
    quotes = [PowerQuote(Decimal("0.03"), 1000.0)]
    charges = charges_between(external("none"), 400.0, 4000.0, quotes)
    assert charges.covered == 1200
    assert charges.cost(3 * MEGAWATT) == 30
    assert charges_between(external("none"), 4000.0, 5000.0, quotes).cost(MEGAWATT) is None
    assert charges_between(fixed(), 500.0, 500.0).cost(MEGAWATT) is None
    assert charges_between(fixed(), 500.0, 400.0) == Charges()


def everything(clock: str) -> Tariff:
    """Return a tariff with every feature, so that a bill has every kind of price change."""
    return Tariff(
        currency="EUR",
        timezone=ZoneInfo(clock),
        price=Decimal("0.0417"),
        zones=(
            Zone(price=Decimal("0.031"), hours=parse_hours("22-6")),
            Zone(price=Decimal("-0.005"), days=parse_days("Sun"), hours=parse_hours("1:30-2:45")),
            SUMMER_PEAK,
        ),
        external=ExternalPrice(max_age=5400.0),
        adders=Adders(per_kwh=Decimal("0.012"), markup_ratio=Decimal("0.19"), loss_ratio=Decimal("0.023")),
        block=PowerBlock(Decimal(3_000_000), Decimal("0.0377")),
        per_month=Decimal("1234.56"),
    )


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("which", [0, 1])
@settings(max_examples=6, deadline=None)
@given(
    cuts=st.lists(st.floats(min_value=-50 * HOUR, max_value=50 * HOUR), min_size=1, max_size=12),
    quotes=st.lists(
        st.tuples(st.floats(min_value=-50 * HOUR, max_value=50 * HOUR), st.decimals(-1, 1, places=4)), max_size=5
    ),
)
def test_the_parts_of_a_bill_add_up_across_a_clock_change(
    clock: str, which: int, cuts: list[float], quotes: list[tuple[float, Decimal]]
) -> None:
    tariff, change = everything(clock), changes(clock, 2026)[which]
    known = [PowerQuote(price, change + offset) for offset, price in sorted(quotes)]
    moments = [change + offset for offset in sorted({-51 * HOUR, *cuts, 51 * HOUR})]
    whole = charges_between(tariff, moments[0], moments[-1], known)
    parts = sum((charges_between(tariff, a, b, known) for a, b in pairwise(moments)), Charges())
    assert parts == whole
    assert whole.covered == 102 * 3600


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("which", [0, 1])
def test_the_bill_is_the_sum_of_its_quarter_hours(clock: str, which: int) -> None:
    tariff, change = everything(clock), changes(clock, 2026)[which]
    quotes = [PowerQuote(Decimal("0.07"), change - 4 * HOUR), PowerQuote(Decimal("-0.01"), change + 3 * HOUR)]
    start, power = change - 30 * HOUR, 5 * MEGAWATT
    quarters = Fraction(0)
    for quarter in range(60 * 4):
        average = price_at(tariff, start + 900 * quarter, quotes, power).average
        assert average is not None
        quarters += Fraction(average) * 5000 / 4
    whole = charges_between(tariff, start, start + 60 * HOUR, quotes).cost(power)
    assert whole is not None
    assert float(whole) == pytest.approx(float(quarters), rel=1e-12)


@given(st.floats(min_value=0, max_value=1e9), st.floats(min_value=0, max_value=1e9))
def test_a_bill_is_linear_in_the_load(one: float, other: float) -> None:
    charges = charges_between(fixed(), 0.0, 900.0)
    both, first, second = charges.cost(one + other), charges.cost(one), charges.cost(other)
    assert both is not None and first is not None and second is not None  # noqa: PT018 — for mypy
    assert float(both) == pytest.approx(float(first + second), rel=1e-12, abs=1e-12)


def test_metered_power_includes_the_overhead() -> None:
    tariff = Tariff(currency="USD", timezone=UTC, price=Decimal("0.05"), overhead_ratio=Decimal("1.04"))
    assert tariff.metered(1e6) == pytest.approx(1.04e6)


def test_the_demand_charge_is_for_the_peak() -> None:
    assert demand_charge(12 * MEGAWATT, Decimal("6.5")) == 78_000
    assert demand_charge(None, Decimal("6.5")) is None


def test_coincident_peak_charges_exceed_any_strike() -> None:
    # one kWh in each of four quarter-hours: 67 per kWh, 67,000 per MWh
    assert coincident_peak_charge([4000.0] * 4, Decimal(67)) == 4 * 67
    assert coincident_peak_charge([10e6, 0.0, 0.0, 2e6], Decimal(67)) == 3000 * 67
    assert coincident_peak_charge([10e6, None, 0.0, 0.0], Decimal(67)) is None
    assert coincident_peak_charge([], Decimal(67)) is None
