"""Reads the hex words, byte strings and numbers that stratum messages are written in; None for anything else."""

import math
from typing import Any, Final

_HEX: Final = frozenset("0123456789abcdefABCDEF")


def swap_words(data: bytes) -> bytes:
    """Return `data` (a multiple of 4 bytes) with each word's bytes reversed: stratum's order ↔ the header's."""
    return b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))


def octets(text: Any) -> bytes | None:
    """Return the bytes that `text` writes in hex; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return None
    return found if 2 * len(found) == len(text) else None  # fromhex passes over blanks


def word(text: Any) -> int | None:
    """Return the 32-bit number that `text` writes in up to eight hex digits (0x before them or not); else None."""
    if not isinstance(text, str):
        return None
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    return int(digits, 16) if 0 < len(digits) <= 8 and _HEX.issuperset(digits) else None


def number(value: Any) -> float | None:
    """Return the finite number that `value` is or writes; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value[:40] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
