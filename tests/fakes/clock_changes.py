"""Lists five time zones with different daylight-saving rules, and finds their changes without the code under test."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

CLOCKS = ("America/Chicago", "Europe/Oslo", "Australia/Lord_Howe", "America/Santiago", "Asia/Beirut")
"""Changes at 2:00; at 1:00 UTC; by half an hour; in the southern hemisphere; at midnight."""


def changes(clock: str, year: int) -> list[float]:
    """Return the hours of `year` (UTC s) within which the clock changes, found hour by hour."""
    zone, found = ZoneInfo(clock), []
    moment = datetime(year, 1, 1, tzinfo=UTC)
    while moment.year == year:
        after = moment + timedelta(hours=1)
        if moment.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            found.append(moment.timestamp())
        moment = after
    return found
