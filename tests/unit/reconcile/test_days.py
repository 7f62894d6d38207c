"""Assigns earnings to UTC days: whole days, shorter periods added up, and no days of other time zones."""

import pytest

from stratoscope.pools.report import Earning
from stratoscope.reconcile.days import SETTLE_S, PoolDays, day_name, day_start
from stratoscope.reconcile.waterfall import PoolDay
from stratoscope.units import DAY, HOUR

MIDNIGHT = day_start("2026-01-12")
AFTER = MIDNIGHT + DAY + SETTLE_S


def day_with(*earnings: Earning, at: float = AFTER) -> PoolDay:
    days = PoolDays("s", "p", [PoolDay(day="2026-01-12", site="s", pool="p")])
    days.set_earnings(earnings, at)
    return days.rows["2026-01-12"]


def whole(start: float = MIDNIGHT, **more) -> Earning:
    return Earning(start=start, end=start + DAY, **{"sat": 1000, **more})


def block(at: float, sat: int = 10) -> Earning:
    return Earning(start=at, end=at, sat=sat)


def test_a_whole_utc_day_is_used_with_fee_rate_and_hashes():
    row = day_with(whole(-DAY + MIDNIGHT, sat=1), whole(sat=980, pool_fee_sat=20, rate_ratio=1.01, hashrate=1e15))
    assert (row.earned_sat, row.pool_fee_sat, row.rate_ratio, row.stated_hashes) == (980, 20, 1.01, 1e15 * DAY)


@pytest.mark.parametrize("offset", [-8 * HOUR, 16 * HOUR, HOUR, 2.0])
def test_a_day_of_another_time_zone_is_not_used(offset):
    assert day_with(whole(MIDNIGHT + offset), whole(MIDNIGHT + offset - DAY)).earned_sat is None


def test_a_day_is_not_used_before_it_has_settled():
    assert day_with(whole(), at=MIDNIGHT + DAY + SETTLE_S - 1).earned_sat is None


def test_blocks_are_added_up_if_the_list_covers_the_whole_day():
    blocks = [block(MIDNIGHT - HOUR, 99), block(MIDNIGHT + HOUR), block(MIDNIGHT + 5 * HOUR), block(MIDNIGHT + DAY, 77)]
    assert day_with(*blocks).earned_sat == 20
    assert day_with(*blocks[1:]).earned_sat is None, "the list may start after the day's first block"


def test_a_day_without_a_block_earned_0_if_the_list_covers_it():
    assert day_with(block(MIDNIGHT - HOUR), block(MIDNIGHT + DAY + HOUR)).earned_sat == 0
    assert day_with(block(MIDNIGHT - HOUR)).earned_sat is None


def test_hours_are_added_up_and_an_hour_over_midnight_is_split_by_time():
    hours = [
        Earning(start=MIDNIGHT - 1800 + h * HOUR, end=MIDNIGHT + 1800 + h * HOUR, sat=100, pool_fee_sat=2)
        for h in range(25)
    ]
    row = day_with(*hours)
    assert row.earned_sat == 2400
    assert row.pool_fee_sat == 48


def test_an_empty_list_of_earnings_is_unknown_not_0():
    assert day_with().earned_sat is None


def test_rows_of_other_pools_and_sites_are_ignored():
    rows = [PoolDay(day="2026-01-12", site="s", pool="q"), PoolDay(day="2026-01-12", site="t", pool="p")]
    assert PoolDays("s", "p", rows).rows == {}


def test_drain_returns_only_changed_days_and_old_days_are_forgotten():
    days = PoolDays("s", "p")
    for day in range(12):
        days.begin(MIDNIGHT + day * DAY, "fpps", 0.02, 0.0)
    assert len(days.rows) == 8
    assert {row.day for row in days.drain()} == {day_name(MIDNIGHT + day * DAY) for day in range(4, 12)}
    assert days.drain() == []


def test_a_clock_set_back_by_years_keeps_its_current_day():
    days = PoolDays("s", "p")
    for day in range(12):
        days.begin(MIDNIGHT + day * DAY, None, None, 0.0)
    days.begin(3600.0, None, None, 0.0)
    assert "1970-01-01" in days.rows
    assert len(days.rows) == 8


def test_time_in_which_the_machine_slept_is_not_counted():
    days = PoolDays("s", "p")
    assert days.begin(MIDNIGHT, None, None, 0.0) == 0.0
    assert days.begin(MIDNIGHT + 15, None, None, 0.0) == 15.0
    assert days.begin(MIDNIGHT + 4 * HOUR, None, None, 0.0) == 0.0
    assert days.begin(MIDNIGHT + 3 * HOUR, None, None, 0.0) == 0.0, "the clock was set back"
    assert days.rows["2026-01-12"].watched_seconds == 15.0
