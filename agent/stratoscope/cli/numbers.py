"""Checks the numbers and times given as options; a mistake names the option and the remedy."""

import re
from datetime import datetime
from typing import Final

from stratoscope.errors import UsageError

HIGHEST: Final = 100_000_000
"""No chain will come to this height."""
LATEST: Final = 1e11
"""Seconds up to the year 5138: what is more was meant as milliseconds."""

HEX_NBITS: Final = re.compile(r"(?:0[xX])?([0-9a-fA-F]{8})")
DECIMAL_NBITS: Final = re.compile(r"[0-9]{9,10}")


def above(option: str, value: float | None, limit: float, most: float, remedy: str) -> None:
    """Raise UsageError unless `value` is not given, or a number above `limit` and at most `most`."""
    if value is not None and not limit < value <= most:
        raise UsageError(f"{option} {value:g} must be a number above {limit:g}, at most {most:g}: {remedy}")


def within(option: str, value: float | None, least: float, most: float, remedy: str) -> None:
    """Raise UsageError unless `value` is not given, or a number from `least` to `most`."""
    if value is not None and not least <= value <= most:
        raise UsageError(f"{option} {value:g} must be a number from {least:g} to {most:g}: {remedy}")


def ratio(option: str, value: float | None) -> None:
    """Raise UsageError unless `value` is not given, or at least 0 and below 1."""
    if value is not None and not 0 <= value < 1:
        raise UsageError(f"{option} {value:g} must be a ratio from 0 to below 1: write 2 % as 0.02")


def moment(option: str, text: str) -> float:
    """Return UTC seconds from seconds since 1970 or an ISO 8601 time with its offset; raise UsageError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = _iso(option, text)
    if not 0 < seconds < LATEST:  # NaN too
        raise UsageError(f"{option} {text} is no time in seconds since 1970: divide milliseconds by 1000")
    return seconds


def _iso(option: str, text: str) -> float:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no time: write seconds since 1970, or 2026-01-12T08:30:00Z") from None
    if parsed.tzinfo is None:
        raise UsageError(f"{option} {text} has no time zone: add Z for UTC, or an offset such as +01:00")
    return parsed.timestamp()


def nbits(text: str) -> float:
    """Return the difficulty behind --nbits; raise UsageError.

    Eight digits are hexadecimal, nine or ten decimal: as decimal, eight digits would be no target anyone can mean.
    """
    from stratoscope.market.chain import difficulty_of_nbits

    if (match := HEX_NBITS.fullmatch(text)) is not None:
        difficulty = difficulty_of_nbits(int(match[1], 16))
    elif DECIMAL_NBITS.fullmatch(text):
        difficulty = difficulty_of_nbits(int(text))
    else:
        raise UsageError(f"--nbits {text!r} is not the compact target of a header: write eight hex digits, as 1702c5ed")
    if difficulty is None:
        raise UsageError(f"--nbits {text} means no valid target: copy the field `bits` of a block header")
    return difficulty
