"""The days add up to the rigs' own sums, over midnights, restarts and gaps; what is missing lowers the coverage."""

import asyncio
import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import StillClock
from stratoscope.app.money_service import MoneyService
from stratoscope.economics.days import SITE, Added, Basis, Day, DayBook, added
from stratoscope.economics.demand import Demand, Peak
from stratoscope.economics.terms import Contract
from stratoscope.fleet import Counters
from stratoscope.ledger.money import day_of, row_of
from stratoscope.outside.fetch import Fetcher
from stratoscope.outside.source_metrics import SourceTally
from stratoscope.units import DAY, HOUR
from unit.economics.stand import snapshot, tariff, terms

MIDNIGHT = 1_768_176_000.0  # 2026-01-12 00:00 UTC
NAMES = ("sat", "revenue", "cost", "energy", "hashes", "revenue_seconds", "cost_seconds")

amount = st.one_of(st.none(), st.floats(0, 1e6))
polls = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]), amount, amount, st.floats(-1e6, 1e6), st.floats(1, 2.5 * DAY), st.booleans()
    ),
    min_size=1,
    max_size=40,
)


def more(sat: float | None, revenue: float | None, cost: float | None, seconds: float) -> Added:
    return Added(sat, revenue, cost, 3000.0 * seconds, 1e14 * seconds, 0.0 if revenue is None else seconds, seconds)


def sums(rows: list[Day], name: str) -> float:
    return sum(getattr(row, name) or 0.0 for row in rows)


@given(polls)
def test_days_conserve_every_sum_over_midnights_and_restarts_of_the_agent(steps):
    book, at = DayBook("north", "USD", rig_days=True), MIDNIGHT
    kept: dict[tuple[str, str], Day] = {}
    given_: list[Added] = []
    for rig, sat, revenue, cost, seconds, restart in steps:
        one = more(sat, revenue, cost, seconds)
        book.add(rig, one, at, at + seconds)
        given_.append(one)
        at += seconds
        if restart:  # through the ledger's own rows, as whole satoshis with their carry
            rows = [day_of(row_of(row)) for row in book.drain()]
            kept |= {(row.day, row.rig): row for row in rows}
            newest = sorted({day for day, _ in kept})[-2:]
            book = DayBook("north", "USD", rig_days=True, rows=[r for r in kept.values() if r.day in newest])
    kept |= {(row.day, row.rig): row for row in book.drain()}
    site = [row for (_, rig), row in kept.items() if rig == SITE]
    rigs = [row for (_, rig), row in kept.items() if rig != SITE]
    for index, name in enumerate(NAMES):
        wanted = sum(one[index] or 0.0 for one in given_)
        assert sums(site, name) == pytest.approx(wanted, rel=1e-9, abs=1e-3)
        assert sums(rigs, name) == pytest.approx(wanted, rel=1e-9, abs=1e-3)


def test_an_interval_over_midnight_is_split_by_time():
    book = DayBook("north", "USD")
    book.add("a", more(30.0, 300.0, 60.0, 30.0), MIDNIGHT + DAY - 10, MIDNIGHT + DAY + 20)
    rows = {row.day: row for row in book.drain()}
    assert set(rows) == {"2026-01-12", "2026-01-13"}
    assert (rows["2026-01-12"].sat, rows["2026-01-12"].cost) == (pytest.approx(10), pytest.approx(20))
    assert (rows["2026-01-13"].sat, rows["2026-01-13"].revenue_seconds) == (pytest.approx(20), pytest.approx(20))


def test_what_is_not_known_stays_unknown_and_is_no_zero():
    book = DayBook("north", "USD")
    book.add("a", Added(None, None, 5.0, None, None, 0.0, 30.0), MIDNIGHT, MIDNIGHT + 30)
    (row,) = book.drain()
    assert (row.sat, row.revenue, row.energy, row.cost) == (None, None, None, 5.0)
    assert row_of(row)[4:7] == (None, None, 5)


def test_coverage_counts_every_rig_second_that_passed_also_while_the_agent_was_away():
    book = DayBook("north", "USD")
    book.tick(MIDNIGHT + HOUR, {"a": 1, "b": 2}, None)
    book.tick(MIDNIGHT + 2 * HOUR, {"a": 1, "b": 2}, None)
    book.add("a", more(1.0, 1.0, 1.0, HOUR), MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR)
    (row,) = book.drain()
    assert row.scheduled_seconds == 2 * HOUR
    assert row.revenue_seconds / row.scheduled_seconds == 0.5

    again = DayBook("north", "USD", rows=[row])
    again.tick(MIDNIGHT + DAY + HOUR, {"a": 1, "b": 2}, None)
    rows = {row.day: row.scheduled_seconds for row in again.drain()}
    assert rows == {"2026-01-12": 2 * HOUR + 2 * 22 * HOUR, "2026-01-13": 2 * HOUR}


def test_days_on_which_nobody_watched_have_no_row():
    book = DayBook("north", "USD")
    book.tick(MIDNIGHT, {"a": 1}, None)
    book.tick(MIDNIGHT + HOUR, {"a": 1}, None)
    book.tick(MIDNIGHT + 5 * DAY + HOUR, {"a": 1}, None)
    assert {row.day for row in book.drain()} == {"2026-01-12", "2026-01-17"}


def test_f40_a_clock_that_is_set_back_counts_no_second_twice():
    book = DayBook("north", "USD")
    for at in (0, 600, 100, 700):
        book.tick(MIDNIGHT + at, {"a": 1}, None)
    (row,) = book.drain()
    assert row.scheduled_seconds == 1200


def test_the_basis_is_the_mean_over_the_time_it_was_known():
    book = DayBook("north", "USD")
    book.tick(MIDNIGHT, {"a": 1}, None)
    book.tick(MIDNIGHT + 100, {"a": 1}, Basis(90_000.0, 1e14, 2e6, 0.02))
    book.tick(MIDNIGHT + 200, {"a": 1}, None)
    book.tick(MIDNIGHT + 500, {"a": 1}, Basis(94_000.0, 1e14, 4e6, 0.02))
    (row,) = book.drain()
    assert (row.price, row.difficulty, row.fees, row.fee) == (
        pytest.approx(93_000),
        pytest.approx(1e14),
        pytest.approx(3.5e6),
        pytest.approx(0.02),
    )
    assert row.basis_seconds == 400


def test_rows_of_another_site_or_currency_are_left_alone():
    old = Day(day="2026-01-12", site="north", rig=SITE, currency="EUR", sat=5.0, until=MIDNIGHT + 50)
    book = DayBook("north", "USD", rows=[old])
    book.add("a", more(1.0, 1.0, 1.0, 30.0), MIDNIGHT, MIDNIGHT + 30)
    (row,) = book.drain()
    assert (row.sat, row.currency) == (1.0, "USD")


def test_days_that_are_over_do_not_stay_in_memory():
    book = DayBook("north", "USD", rig_days=True)
    for at in range(0, int(30 * DAY), 6 * 3600):
        book.tick(MIDNIGHT + at, {"a": 1, "b": 2}, None)
        book.drain()
    assert len(book._days) <= 3 * 3


def test_costs_less_credits_are_the_cost_of_a_day():
    before = Counters(cost_micro=100.0, credit_micro=10.0, cost_seconds=50.0)
    after = Counters(cost_micro=130.0, credit_micro=90.0, cost_seconds=80.0)
    one = added(before, after)
    assert (one.cost, one.cost_seconds, one.sat, one.revenue) == (-50.0, 30.0, None, None)


# -- demand ------------------------------------------------------------------

CONTRACT = Contract(tariff=tariff(), demand_per_kw_month=Decimal("6.5"))


def run(demand: Demand, start: float, loads: list[tuple[float, float | None]], step: float = 15.0) -> float:
    at = start
    for seconds, load in loads:
        end = at + seconds
        while at < end:
            at += step
            demand.saw("default", CONTRACT, load, at)
    return at


def test_the_peak_is_the_highest_mean_of_a_quarter_of_an_hour():
    demand = Demand("north")
    at = run(demand, MIDNIGHT, [(900, 1e6), (300, 3e6), (600, 1.5e6), (900, 1e6), (900, 1e6)])
    peak = demand.peak("default", CONTRACT, at)
    assert peak is not None
    assert peak.watts == pytest.approx((300 * 3e6 + 600 * 1.5e6) / 900, rel=0.02)
    assert peak.at == MIDNIGHT + 900
    assert demand.charge("default", CONTRACT, at) == pytest.approx(Decimal(peak.watts) / 1000 * Decimal("6.5"))
    assert demand.drain()[-1] == peak
    assert demand.drain() == []


def test_a_quarter_that_was_not_watched_has_no_mean():
    demand = Demand("north")
    at = run(demand, MIDNIGHT, [(400, 5e6), (500, None), (900, 1e6), (900, None)])
    peak = demand.peak("default", CONTRACT, at)
    assert peak is not None
    assert peak.watts == pytest.approx(1e6)


def test_each_month_of_the_tariffs_own_time_zone_has_its_own_peak():
    demand = Demand("north")
    start = 1_769_925_600.0 - 1800  # half an hour before February begins in Chicago
    at = run(demand, start, [(1800, 3e6), (1815, 1e6)])
    before, after = demand.peak("default", CONTRACT, start), demand.peak("default", CONTRACT, at)
    assert (before.month, after.month) == ("2026-01", "2026-02")
    assert (before.watts, after.watts) == (pytest.approx(3e6), pytest.approx(1e6))


def test_a_peak_is_kept_over_a_restart_and_beaten_only_by_a_higher_one():
    demand = Demand(
        "north", [Peak("2026-01", "north", "default", 2e6, MIDNIGHT), Peak("2026-01", "south", "default", 9e6, 0.0)]
    )
    at = run(demand, MIDNIGHT, [(1000, 1e6)])
    assert demand.peak("default", CONTRACT, at).watts == 2e6
    assert demand.drain() == []


def test_without_a_rate_there_is_no_charge():
    free = Contract(tariff=tariff())
    demand = Demand("north", [Peak("2026-01", "north", "default", 2e6, MIDNIGHT)])
    assert demand.charge("default", free, MIDNIGHT) is None


def test_rows_survive_the_ledgers_form():
    row = Day(
        day="2026-01-12",
        site="north",
        rig="a",
        currency="USD",
        sat=8457.25,
        revenue=7.7e6 + 0.5,
        cost=-3.25,
        energy=3e8,
        hashes=1e19,
        revenue_seconds=86000.0,
        cost_seconds=85000.0,
        scheduled_seconds=86400.0,
        price=9e4,
        difficulty=1.4e14,
        fees=1.7e6,
        fee=0.02,
        basis_seconds=86000.0,
        until=MIDNIGHT + DAY,
    )
    assert day_of(row_of(row)) == row
    assert row_of(row)[4:10] == (8457, 7_700_000, -4, 0.25, 0.5, 0.75)
    assert all(isinstance(value, int) for value in itertools.islice(row_of(row), 4, 7))


async def test_the_time_of_the_first_readings_is_scheduled_so_that_coverage_is_no_more_than_all():
    clock = StillClock(epoch=MIDNIGHT + 3600)
    money = MoneyService(terms(), "north", None, Fetcher(clock, lambda: 0.0, SourceTally()), clock, lambda _: None)
    fleet = {}
    running = asyncio.create_task(money.run(fleet))
    await clock.advance(0)
    fleet["a"] = snapshot("a")
    await clock.advance(14.9)
    money.economist.days.add("a", Added(1.0, 1.0, 1.0, 1.0, 1.0, 14.9, 14.9), clock.time() - 14.9, clock.time())
    await clock.advance(0.2)
    row = money.economist.days.today()
    assert row.revenue_seconds <= row.scheduled_seconds == 15.0
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
