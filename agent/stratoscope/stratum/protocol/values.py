"""Parses the hex strings and numbers in stratum V1 messages; returns None for anything invalid."""

import math
from typing import Any, Final

_HEX: Final = frozenset("0123456789abcdefABCDEF")
_MAX_NUMBER_CHARS: Final = 40


def swap_words(data: bytes) -> bytes:
    """Return `data` (a multiple of 4 bytes) with the bytes of each word reversed: stratum order ↔ header order."""
    return b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))


def parse_hex(text: Any) -> bytes | None:
    """Return the bytes of a hex string; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return None
    return found if 2 * len(found) == len(text) else None  # bytes.fromhex ignores spaces


def parse_hex_word(text: Any) -> int | None:
    """Return the 32-bit number of up to eight hex digits, with or without `0x`; None for anything else."""
    if not isinstance(text, str):
        return None
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    return int(digits, 16) if 0 < len(digits) <= 8 and _HEX.issuperset(digits) else None


def parse_number(value: Any) -> float | None:
    """Return a finite number from a JSON number or a numeric string; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value[:_MAX_NUMBER_CHARS] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
