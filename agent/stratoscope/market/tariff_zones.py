"""Defines the time-of-use zones of a tariff, and which one applies at a time.

Zones follow the wall clock of one IANA time zone: on the day the clock goes back, a zone applies as long as the wall
clock shows its hours. Times are whole microseconds since 1970 UTC, so that durations add up exactly.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MICROSECONDS: Final = 1_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MINUTES_PER_DAY: Final = 24 * 60
MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MIN_NAME_CHARS: Final = 3  # letters of a month or weekday
TIME: Final = re.compile(r"([01]?\d|2[0-4])(?::([0-5]\d))?")

Minutes = tuple[int, int]
"""Start (included) and end (excluded), in minutes of the local day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A price for some hours of some days in some months; an empty field means all of them.

    Hours across midnight ("22-6") are two spans, each on its own calendar day.
    """

    price: Decimal  # fiat per kWh
    months: frozenset[int] = frozenset()  # 1 to 12
    days: frozenset[int] = frozenset()  # 0 (Monday) to 6
    hours: tuple[Minutes, ...] = ()

    def covers(self, local: datetime) -> bool:
        """Return whether the zone applies at a local time."""
        minute = local.hour * 60 + local.minute
        return (
            (not self.months or local.month in self.months)
            and (not self.days or local.weekday() in self.days)
            and (not self.hours or any(start <= minute < end for start, end in self.hours))
        )


def parse_time_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name; raise ValueError with the remedy if it does not exist."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not an IANA time zone: write one such as America/Chicago or UTC") from None


def parse_months(text: str) -> frozenset[int]:
    """Return the months of "Jun-Sep" or "Jan, Nov-Feb" (1 to 12); raise ValueError with the remedy."""
    return frozenset(index + 1 for index in _indexes(text, MONTHS, "a month such as Jun-Sep"))


def parse_days(text: str) -> frozenset[int]:
    """Return the weekdays of "Mon-Fri" or "Sat, Sun" (Monday is 0); raise ValueError with the remedy."""
    return frozenset(_indexes(text, DAYS, "a weekday such as Mon-Fri"))


def parse_hours(text: str) -> tuple[Minutes, ...]:
    """Return the spans of "15-19", "6:30-9, 17-20" or "22-6", ends excluded; raise ValueError with the remedy."""
    spans: list[Minutes] = []
    for part in text.split(","):
        start, dash, end = part.partition("-")
        first, last = _parse_minute(start), _parse_minute(end) if dash else None
        if first is None or last is None or first in (last, MINUTES_PER_DAY):
            raise ValueError(f"{part.strip()!r} is not a span of hours: write one such as 15-19, 6:30-9 or 22-6")
        if first < last:
            spans.append((first, last))
        else:
            spans += [(first, MINUTES_PER_DAY), *([(0, last)] if last else [])]
    return tuple(spans)


def zone_price(zones: Sequence[Zone], local: datetime) -> Decimal | None:
    """Return the price of the last zone that applies at a local time; None if none does."""
    for zone in reversed(zones):
        if zone.covers(local):
            return zone.price
    return None


def microseconds(moment: float) -> int:
    """Return UTC seconds as whole microseconds."""
    return round(moment * MICROSECONDS)


def local_time(moment: int, zone: ZoneInfo) -> datetime:
    """Return a time in microseconds as wall-clock time."""
    return (EPOCH + timedelta(microseconds=moment)).astimezone(zone)


def month_microseconds(local: datetime, zone: ZoneInfo) -> int:
    """Return the length of the calendar month of a local time; clock changes make it an hour longer or shorter."""
    first = date(local.year, local.month, 1)
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return microseconds_at(after, 0, zone, 0) - microseconds_at(first, 0, zone, 0)


def microseconds_at(day: date, minute: int, zone: ZoneInfo, fold: int) -> int:
    """Return the time of a minute of a local day; `fold` 1 is the second one of a repeated hour."""
    wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60, fold=fold, tzinfo=zone)
    return (wall - EPOCH) // timedelta(microseconds=1)


def _parse_minute(text: str) -> int | None:
    match = TIME.fullmatch(text.strip())
    if match is None:
        return None
    minute = int(match[1]) * 60 + int(match[2] or 0)
    return minute if minute <= MINUTES_PER_DAY else None


def _indexes(text: str, names: Sequence[str], wanted: str) -> Iterable[int]:
    def index(name: str) -> int:
        short = name.strip().lower()
        for number, full in enumerate(names):
            if len(short) >= MIN_NAME_CHARS and full.startswith(short):
                return number
        raise ValueError(f"{name.strip()!r} is not {wanted}")

    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        start = index(first)
        end = index(last) if dash else start
        found.update((start + step) % len(names) for step in range((end - start) % len(names) + 1))
    return found
