"""Zones follow the wall clock of their time zone, also on the days of a clock change."""

from bisect import bisect_right
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.clock_changes import CLOCKS, changes
from stratoscope.market.tariff_zones import (
    Zone,
    local_time,
    microseconds,
    month_microseconds,
    parse_days,
    parse_hours,
    parse_months,
    parse_time_zone,
    zone_price,
)
from unit.market.oracles import iter_zone_changes

PEAK = Zone(
    price=Decimal("0.11"), months=parse_months("Jun-Sep"), days=parse_days("Mon-Fri"), hours=parse_hours("15-19")
)


def at(text: str, clock: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(clock))


@pytest.mark.parametrize(
    ("text", "months"),
    [("Jun-Sep", {6, 7, 8, 9}), ("nov-feb", {11, 12, 1, 2}), ("January, Mar", {1, 3}), ("Jan-Dec", set(range(1, 13)))],
)
def test_parses_months(text: str, months: set[int]) -> None:
    assert parse_months(text) == months


@pytest.mark.parametrize(
    ("text", "days"), [("Mon-Fri", {0, 1, 2, 3, 4}), ("Sat,Sun", {5, 6}), ("Fri-Mon", {4, 5, 6, 0}), ("Wednesday", {2})]
)
def test_parses_weekdays(text: str, days: set[int]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("15-19", ((900, 1140),)),
        ("6:30-9, 17-20:15", ((390, 540), (1020, 1215))),
        ("22-6", ((1320, 1440), (0, 360))),
        ("22-0", ((1320, 1440),)),
        ("0-24", ((0, 1440),)),
    ],
)
def test_parses_hours(text: str, spans: tuple[tuple[int, int], ...]) -> None:
    assert parse_hours(text) == spans


@pytest.mark.parametrize("text", ["", "15", "15-15", "24-3", "25-26", "3pm-7pm", "15-24:30", "15-19,", "6:60-9", "-"])
def test_rejects_a_wrong_span_of_hours_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write one such as 15-19"):
        parse_hours(text)


@pytest.mark.parametrize("text", ["", "Ju", "Juns", "Foo-Sep", "Jun-", "6-9", "jun sep"])
def test_rejects_a_wrong_month_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="such as Jun-Sep"):
        parse_months(text)


def test_rejects_a_wrong_weekday_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="such as Mon-Fri"):
        parse_days("Mon-Xyz")


@pytest.mark.parametrize("name", ["Mars/Base", "../etc/passwd", "", "/etc/localtime"])
def test_rejects_a_wrong_time_zone_with_the_remedy(name: str) -> None:
    with pytest.raises(ValueError, match="America/Chicago"):
        parse_time_zone(name)
    assert parse_time_zone("Europe/Oslo").key == "Europe/Oslo"


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        ("2026-07-01T15:00", True),  # a Wednesday
        ("2026-07-01T18:59:59.999999", True),
        ("2026-07-01T19:00", False),
        ("2026-07-01T14:59:59", False),
        ("2026-07-04T16:00", False),  # a Saturday
        ("2026-05-29T16:00", False),
    ],
)
def test_a_zone_applies_from_its_first_minute_until_its_end(moment: str, holds: bool) -> None:
    assert PEAK.covers(at(moment)) is holds


def test_the_last_matching_zone_wins() -> None:
    always, peak = Zone(price=Decimal("0.05")), PEAK
    assert zone_price((always, peak), at("2026-07-01T16:00")) == Decimal("0.11")
    assert zone_price((peak, always), at("2026-07-01T16:00")) == Decimal("0.05")
    assert zone_price((always, peak), at("2026-07-01T20:00")) == Decimal("0.05")
    assert zone_price((peak,), at("2026-07-01T20:00")) is None


def test_the_length_of_a_month_includes_clock_changes() -> None:
    day = 24 * 3600 * 1_000_000
    hour = day // 24
    oslo = ZoneInfo("Europe/Oslo")
    assert month_microseconds(at("2026-03-10T00:00", "Europe/Oslo"), oslo) == 31 * day - hour
    assert month_microseconds(at("2026-10-31T23:00", "Europe/Oslo"), oslo) == 31 * day + hour
    assert month_microseconds(at("2026-12-31T23:00", "Europe/Oslo"), oslo) == 31 * day
    assert month_microseconds(at("2028-02-01T00:00", "Europe/Oslo"), oslo) == 29 * day


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_clocks_of_the_five_zones_change_twice_a_year(clock: str) -> None:
    assert len(changes(clock, 2026)) == 2


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("which", [0, 1])
@settings(max_examples=12, deadline=None)
@given(
    hours=st.sampled_from(["0-1", "1:30-2:30", "2-3", "0:15-3:45", "22-6", "23:45-0:15", "2-2:30", "1-24"]),
    days=st.sampled_from(["Sun", "Sat", "Mon-Fri", "Mon-Sun"]),
)
def test_the_price_is_constant_between_zone_changes(clock: str, which: int, hours: str, days: str) -> None:
    zone = ZoneInfo(clock)
    zones = (Zone(price=Decimal(1), hours=parse_hours(hours), days=parse_days(days)),)
    change = changes(clock, 2026)[which]
    start, end = microseconds(change - 40 * 3600), microseconds(change + 40 * 3600)
    known = sorted({start, *iter_zone_changes(zones, zone, start, end)})
    held = [zone_price(zones, local_time(edge, zone)) for edge in known]
    for moment in range(start, end, 15 * 60_000_000):
        price = zone_price(zones, local_time(moment, zone))
        assert price == held[bisect_right(known, moment) - 1], local_time(moment, zone)
