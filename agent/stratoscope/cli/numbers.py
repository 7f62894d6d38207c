"""Validates numbers and times given as options; an error names the option and the remedy."""

import re
from datetime import datetime
from typing import Final

from stratoscope.errors import UsageError

MAX_HEIGHT: Final = 100_000_000
"""Far beyond the height of any chain."""
MAX_TIME_S: Final = 1e11
"""Seconds until the year 5138: a larger number is in milliseconds."""

HEX_NBITS: Final = re.compile(r"(?:0[xX])?([0-9a-fA-F]{8})")
DECIMAL_NBITS: Final = re.compile(r"[0-9]{9,10}")


def above(option: str, value: float | None, limit: float, max_value: float, remedy: str) -> None:
    """Raise UsageError unless `value` is None, or above `limit` and at most `max_value`."""
    if value is not None and not limit < value <= max_value:
        raise UsageError(f"{option} {value:g} must be a number above {limit:g}, at most {max_value:g}: {remedy}")


def within(option: str, value: float | None, min_value: float, max_value: float, remedy: str) -> None:
    """Raise UsageError unless `value` is None, or from `min_value` to `max_value`."""
    if value is not None and not min_value <= value <= max_value:
        raise UsageError(f"{option} {value:g} must be a number from {min_value:g} to {max_value:g}: {remedy}")


def ratio(option: str, value: float | None) -> None:
    """Raise UsageError unless `value` is None, or at least 0 and below 1."""
    if value is not None and not 0 <= value < 1:
        raise UsageError(f"{option} {value:g} must be at least 0 and below 1: write 2 % as 0.02")


def moment(option: str, text: str) -> float:
    """Return UTC seconds from seconds since 1970 or an ISO 8601 time with its offset; raise UsageError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = _iso(option, text)
    if not 0 < seconds < MAX_TIME_S:  # NaN too
        raise UsageError(f"{option} {text} is not a time in seconds since 1970: divide milliseconds by 1000")
    return seconds


def _iso(option: str, text: str) -> float:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not a time: write seconds since 1970, or 2026-01-12T08:30:00Z"
        ) from None
    if parsed.tzinfo is None:
        raise UsageError(f"{option} {text} has no time zone: add Z for UTC, or an offset such as +01:00")
    return parsed.timestamp()


def nbits(text: str) -> float:
    """Return the difficulty of --nbits; raise UsageError.

    Eight digits are hexadecimal, nine or ten decimal: eight decimal digits are never a real target.
    """
    from stratoscope.market.chain import difficulty_of_nbits

    if (match := HEX_NBITS.fullmatch(text)) is not None:
        difficulty = difficulty_of_nbits(int(match[1], 16))
    elif DECIMAL_NBITS.fullmatch(text):
        difficulty = difficulty_of_nbits(int(text))
    else:
        raise UsageError(f"--nbits {text!r} is not a compact target: write eight hex digits, as 1702c5ed")
    if difficulty is None:
        raise UsageError(f"--nbits {text} is not a valid target: copy the field `bits` of a block header")
    return difficulty
