"""Decides which time-of-use zone holds at a moment, and at which moments that may change.

Zones are told by the wall clock of one IANA time zone: "16-20" on the day the clock goes back lasts as long as the wall
clock says so. Moments are whole microseconds since 1970 UTC, so that time adds up exactly.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
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
SHORTEST: Final = 3  # letters of a month or weekday
TIME: Final = re.compile(r"([01]?\d|2[0-4])(?::([0-5]\d))?")

Minutes = tuple[int, int]
"""From (included) to (excluded), in minutes of the local day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A price for some hours of some days in some months; an empty part means all of them.

    Hours that run over midnight ("22-6") are two spans, each on its own calendar day.
    """

    price: Decimal  # fiat per kWh
    months: frozenset[int] = frozenset()  # 1 to 12
    days: frozenset[int] = frozenset()  # 0 (Monday) to 6
    hours: tuple[Minutes, ...] = ()

    def holds(self, local: datetime) -> bool:
        """Tell whether the zone holds at a local time."""
        minute = local.hour * 60 + local.minute
        return (
            (not self.months or local.month in self.months)
            and (not self.days or local.weekday() in self.days)
            and (not self.hours or any(start <= minute < end for start, end in self.hours))
        )


def time_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name; raise ValueError with the remedy when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone: write one such as America/Chicago or UTC") from None


def months_of(text: str) -> frozenset[int]:
    """Return the months of "Jun-Sep" or "Jan, Nov-Feb" (1 to 12); raise ValueError with the remedy."""
    return frozenset(index + 1 for index in _cycle(text, MONTHS, "a month such as Jun-Sep"))


def days_of(text: str) -> frozenset[int]:
    """Return the weekdays of "Mon-Fri" or "Sat, Sun" (Monday is 0); raise ValueError with the remedy."""
    return frozenset(_cycle(text, DAYS, "a weekday such as Mon-Fri"))


def hours_of(text: str) -> tuple[Minutes, ...]:
    """Return the spans of "15-19", "6:30-9, 17-20" or "22-6"; the end is not included. ValueError has the remedy."""
    spans: list[Minutes] = []
    for part in text.split(","):
        start, dash, end = part.partition("-")
        first, last = _minute(start), _minute(end) if dash else None
        if first is None or last is None or first in (last, MINUTES_PER_DAY):
            raise ValueError(f"{part.strip()!r} is no span of hours: write one such as 15-19, 6:30-9 or 22-6")
        if first < last:
            spans.append((first, last))
        else:
            spans += [(first, MINUTES_PER_DAY), *([(0, last)] if last else [])]
    return tuple(spans)


def zone_price(zones: Sequence[Zone], local: datetime) -> Decimal | None:
    """Return the price of the last zone that holds at a local time; None when none does."""
    for zone in reversed(zones):
        if zone.holds(local):
            return zone.price
    return None


def microseconds(moment: float) -> int:
    """Return UTC seconds as whole microseconds."""
    return round(moment * MICROSECONDS)


def local_time(moment: int, zone: ZoneInfo) -> datetime:
    """Return a moment in microseconds as wall-clock time."""
    return (EPOCH + timedelta(microseconds=moment)).astimezone(zone)


def month_microseconds(local: datetime, zone: ZoneInfo) -> int:
    """Return how long the calendar month of a local time really lasts: an hour more or less where the clock changes."""
    first = date(local.year, local.month, 1)
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return _at_minute(after, 0, zone, 0) - _at_minute(first, 0, zone, 0)


def edges(zones: Sequence[Zone], zone: ZoneInfo, start: int, end: int) -> Iterator[int]:
    """Yield every moment in start < moment < end at which the zone that holds may change, in no order.

    Those are the spans' ends and midnights on the wall clock, both times where the clock repeats an hour, and the
    change of the clock itself, which skips over an end or goes back before it.
    """
    minutes = {0, *(minute for item in zones for span in item.hours for minute in span)} - {MINUTES_PER_DAY}
    day = local_time(start, zone).date() - timedelta(days=1)
    last = local_time(end, zone).date() + timedelta(days=1)
    while day <= last:
        found = {_at_minute(day, minute, zone, fold) for minute in minutes for fold in (0, 1)}
        found.update(_clock_changes(day, zone))
        yield from (moment for moment in found if start < moment < end)
        day += timedelta(days=1)


def _clock_changes(day: date, zone: ZoneInfo) -> Iterator[int]:
    """Yield the moment at which the zone's offset changes during a local day, to the second."""
    low = _at_minute(day, 0, zone, 0)
    high = _at_minute(day + timedelta(days=1), 0, zone, 1)
    before = local_time(low, zone).utcoffset()
    if local_time(high, zone).utcoffset() == before:
        return
    while high - low > MICROSECONDS:
        middle = (low + high) // (2 * MICROSECONDS) * MICROSECONDS
        if local_time(middle, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    yield high


def _at_minute(day: date, minute: int, zone: ZoneInfo, fold: int) -> int:
    wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60, fold=fold, tzinfo=zone)
    return (wall - EPOCH) // timedelta(microseconds=1)


def _minute(text: str) -> int | None:
    match = TIME.fullmatch(text.strip())
    if match is None:
        return None
    minute = int(match[1]) * 60 + int(match[2] or 0)
    return minute if minute <= MINUTES_PER_DAY else None


def _cycle(text: str, names: Sequence[str], wanted: str) -> Iterable[int]:
    def index(name: str) -> int:
        short = name.strip().lower()
        for place, known in enumerate(names):
            if len(short) >= SHORTEST and known.startswith(short):
                return place
        raise ValueError(f"{name.strip()!r} is not {wanted}")

    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        start = index(first)
        end = index(last) if dash else start
        found.update((start + step) % len(names) for step in range((end - start) % len(names) + 1))
    return found
