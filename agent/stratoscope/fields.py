"""Reads untrusted JSON: a missing field is None, an unreadable one is None plus a recorded defect.

A rig may send any type anywhere. `Fields` is a cursor over one JSON object that never raises, never guesses, and
records every present field that it cannot read. All cursors of one reading share one list of defects.
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from stratoscope.reading import Defect

MAX_TEXT_CHARS: Final = 128
MAX_DEFECTS: Final = 64
NUMBER: Final = re.compile(r"[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,3})?")
THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")
UNREPORTED: Final = frozenset({"", "-", "--", "n/a", "na", "null", "none", "unknown"})
TRUE: Final = frozenset({"true", "y", "yes", "1", "alive", "on"})
FALSE: Final = frozenset({"false", "n", "no", "0", "dead", "off"})


def clean_text(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Return `text` as valid UTF-8, NFC, without control characters, trimmed, at most `limit` characters."""
    if text.isascii() and text.isprintable():
        return text.strip()[:limit]
    text = text.encode("utf-8", "replace").decode("utf-8", "replace")
    text = unicodedata.normalize("NFC", text)
    return "".join(c for c in text if unicodedata.category(c)[0] != "C").strip()[:limit]


def redacted_url(url: str) -> str:
    """Return a pool URL without user name, password, query and fragment: only scheme, host, port and path."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        scheme, rest = "", url
    rest = rest.partition("?")[0].partition("#")[0].rpartition("@")[2]
    return f"{scheme}{mark}{rest}"


def display_value(value: Any) -> str:
    """Return a short, clean text of any untrusted value, for a defect."""
    if isinstance(value, dict | list):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, int) and not -(10**80) < value < 10**80:
        return "integer of over 80 digits"
    return clean_text(value[:80] if isinstance(value, str) else repr(value), 80)


class Fields:
    """A cursor over one JSON object; `path` is its JSON-pointer-like location, for defects."""

    __slots__ = ("defects", "path", "raw")

    def __init__(self, raw: Any, path: str = "", defects: list[Defect] | None = None) -> None:
        self.path = path
        self.defects: list[Defect] = [] if defects is None else defects
        self.raw: dict[str, Any] = raw if isinstance(raw, dict) else {}
        if raw is not None and not isinstance(raw, dict):
            self.add_defect("", raw, "not an object")

    def __bool__(self) -> bool:
        """Return whether the object has any member."""
        return bool(self.raw)

    def __contains__(self, key: str) -> bool:
        """Return whether `key` is present, readable or not."""
        return key in self.raw

    def add_defect(self, key: str, value: Any, reason: str) -> None:
        """Record that `key` was present with `value` but not usable, and why."""
        if len(self.defects) < MAX_DEFECTS:
            where = f"{self.path}/{key}" if key else self.path or "/"
            self.defects.append(Defect(clean_text(where, 160), display_value(value), reason))

    def number(self, *keys: str, scale: float = 1.0, low: float = 0.0, high: float = math.inf) -> float | None:
        """Return the first present key of `keys` as a finite float × scale, within [low, high] after scaling.

        Numbers may be text, with blanks or thousands separators; "" and "N/A" mean unreported. Booleans, "nan", "inf",
        "1_000" and other text are defects.
        """
        for key in keys:
            value = self.raw.get(key)
            if value is None:
                continue
            kind = type(value)
            if kind is float or kind is int:
                if -1e30 < value < 1e30:
                    scaled: float = value * scale
                    if low <= scaled <= high:
                        return scaled
            else:
                if kind is str and value.strip().lower() in UNREPORTED:
                    continue
                value = self._parsed(key, value)
                if value is None:
                    return None
            return self._ranged(key, value, scale, low, high)
        return None

    def _parsed(self, key: str, value: Any) -> float | None:
        if isinstance(value, str):
            text = value.strip()
            if len(text) <= 64:
                if NUMBER.fullmatch(text):
                    return float(text)
                if THOUSANDS.fullmatch(text):
                    return float(text.replace(",", ""))
        self.add_defect(key, value, "not a number")
        return None

    def _ranged(self, key: str, value: float, scale: float, low: float, high: float) -> float | None:
        if not -1e30 < value < 1e30:  # also NaN, Inf and integers too large for a float
            self.add_defect(key, value, "not finite or too large")
            return None
        scaled = value * scale
        if low <= scaled <= high:
            return scaled
        self.add_defect(key, value, f"outside {low:g}..{high:g}")
        return None

    def integer(self, *keys: str, low: int = 0, high: int = 2**63 - 1) -> int | None:
        """Return the first present key as an integer within [low, high]; a fractional value is a defect."""
        for key in keys:
            value = self.raw.get(key)
            if type(value) is int:
                if low <= value <= high:
                    return value
                self.add_defect(key, value, f"outside {low}..{high}")
                return None
            if value is None or (isinstance(value, str) and value.strip().lower() in UNREPORTED):
                continue
            number = self.number(key, low=-math.inf)
            if number is None:
                return None
            if number != int(number) or not low <= number <= high:
                self.add_defect(key, value, f"not an integer in {low}..{high}")
                return None
            return int(number)
        return None

    def text(self, *keys: str) -> str | None:
        """Return the first present, non-empty key as cleaned text of at most 128 characters."""
        for key in keys:
            value = self.raw.get(key)
            if isinstance(value, str):
                text = clean_text(value)
                if text and text.lower() not in UNREPORTED:
                    return text
            elif type(value) in (int, float):
                return clean_text(str(value))
            elif value is not None:
                self.add_defect(key, value, "not text")
                return None
        return None

    def flag(self, *keys: str) -> bool | None:
        """Return the first present key as a boolean: true/false, Y/N, 1/0, Alive/Dead."""
        for key in keys:
            value = self.raw.get(key)
            if isinstance(value, bool):
                return value
            if value is None or value == "":
                continue
            word = str(value).strip().lower() if isinstance(value, str | int) else ""
            if word in TRUE:
                return True
            if word in FALSE:
                return False
            self.add_defect(key, value, "neither true nor false")
            return None
        return None

    def child(self, key: str) -> "Fields":
        """Return a cursor on the object under `key`; an empty cursor if it is missing."""
        return Fields(self.raw.get(key), f"{self.path}/{key}", self.defects)

    def items(self, key: str, limit: int = 64) -> list["Fields"]:
        """Return cursors on the objects of the list under `key`, at most `limit`; an object counts as a list of one."""
        value = self.raw.get(key)
        if value is None:
            return []
        if isinstance(value, dict):
            value = [value]
        if not isinstance(value, list):
            self.add_defect(key, value, "not a list")
            return []
        return list(self._cursors(key, value[:limit]))

    def _cursors(self, key: str, values: list[Any]) -> Iterator["Fields"]:
        for at, value in enumerate(values):
            yield Fields(value, f"{self.path}/{key}/{at}", self.defects)

    def numbers(self, key: str, *, scale: float = 1.0, limit: int = 64) -> list[float | None]:
        """Return the list under `key` as numbers × scale; unreadable items are None and defects."""
        value = self.raw.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.add_defect(key, value, "not a list")
            return []
        row = Fields({str(at): item for at, item in enumerate(value[:limit])}, f"{self.path}/{key}", self.defects)
        return [row.number(at, scale=scale, low=-math.inf) for at in row.raw]


def mac_address(text: str | None) -> str | None:
    """Return `text` as an upper-case MAC with colons, or None if it is not a usable hardware address."""
    digits = re.sub(r"[^0-9A-Za-z]", "", text or "").upper()
    if not re.fullmatch(r"[0-9A-F]{12}", digits) or digits in ("0" * 12, "F" * 12):
        return None
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
