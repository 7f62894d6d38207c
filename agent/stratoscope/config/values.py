"""Parses the values people write: durations, sizes, whole numbers, with limits and the reason for each limit."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from stratoscope.config.problems import shown, wrong
from stratoscope.units import DAY, HOUR, MILLI, MINUTE

DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|m|min|h|d|)")
SECONDS: Final = {"": 1.0, "ms": MILLI, "s": 1.0, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY}
SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)\s*(b|kib|mib|kb|mb|)", re.IGNORECASE)
BYTES: Final = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "kb": 10**3, "mb": 10**6}


def is_number(value: Any) -> bool:
    """Tell whether `value` is a number as written; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def spoken(seconds: float) -> str:
    """Return a duration as people write it: 90 s, 5 min, 1 h."""
    for unit, size in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= size and seconds % size == 0 and (unit != "min" or seconds > MINUTE * 2):
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


@dataclass(frozen=True)
class Duration:
    """Validator of a duration in s between `least` and `most`; `why` explains the least."""

    least: float
    most: float
    why: str = ""

    def __call__(self, value: Any) -> float:
        """Return seconds from a number or a text such as 30s, 5m, 1h."""
        match = DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
        if match:
            seconds = float(match[1]) * SECONDS[match[2]]
        elif is_number(value):
            seconds = float(value) if abs(value) < 10**12 else float("inf")
        else:
            raise wrong(f"is {shown(value)}, it must be a duration such as 30, 30s, 5m or 1h")
        if seconds < self.least:
            raise wrong(
                f"is {spoken(seconds)}, the least is {spoken(self.least)}" + (f": {self.why}" if self.why else "")
            )
        if not seconds <= self.most:
            raise wrong(f"is {shown(value)}, the most is {spoken(self.most)}")
        return seconds


@dataclass(frozen=True)
class Size:
    """Validator of a size in bytes between `least` and `most`."""

    least: int
    most: int

    def __call__(self, value: Any) -> int:
        """Return bytes from a whole number or a text such as 512 KiB, 1 MiB."""
        match = SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match:
            size = int(float(match[1]) * BYTES[match[2].lower()])
        elif isinstance(value, int) and is_number(value):
            size = value
        else:
            raise wrong(f"is {shown(value)}, it must be a size such as 1048576, 512 KiB or 1 MiB")
        if not self.least <= size <= self.most:
            raise wrong(f"is {size} bytes, it must be {self.least} to {self.most}")
        return size


@dataclass(frozen=True)
class Count:
    """Validator of a whole number between `least` and `most`; `why` explains the limits."""

    least: int
    most: int
    why: str = ""

    def __call__(self, value: Any) -> int:
        """Return the whole number; digits as text (from the environment) count."""
        if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value.strip()):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong(f"is {shown(value)}, it must be a whole number")
        if not self.least <= value <= self.most:
            why = f": {self.why}" if self.why else ""
            raise wrong(f"is {shown(value)}, it must be {self.least} to {self.most}{why}")
        return value


@dataclass(frozen=True)
class Number:
    """Validator of a number between `least` and `most`, counted in `unit`."""

    least: float
    most: float
    unit: str = ""

    def __call__(self, value: Any) -> float:
        """Return the number; text (from the environment) counts when it is a plain decimal."""
        if isinstance(value, str) and re.fullmatch(r"\d{1,12}(?:\.\d{1,9})?", value.strip()):
            value = float(value)
        if not is_number(value):
            raise wrong(f"is {shown(value)}, it must be a number{f' ({self.unit})' if self.unit else ''}")
        if not self.least <= value <= self.most:
            unit = f" {self.unit}" if self.unit else ""
            raise wrong(f"is {shown(value)}{unit}, it must be {self.least:g} to {self.most:g}{unit}")
        return float(value)


@dataclass(frozen=True)
class Money:
    """Validator of a decimal figure between `least` and `most`, kept as written; `unit` helps who reads the error."""

    least: Decimal | int
    most: Decimal | int
    unit: str = ""

    def __call__(self, value: Any) -> Decimal:
        """Return the figure exactly as it is written; text counts when it is a plain decimal."""
        if isinstance(value, Decimal):
            figure = value
        elif is_number(value) or (isinstance(value, str) and re.fullmatch(r"-?\d{1,12}(?:\.\d{1,12})?", value.strip())):
            figure = Decimal(str(value).strip())
        else:
            raise wrong(f"is {shown(value)}, it must be a number{f' ({self.unit})' if self.unit else ''}")
        if not figure.is_finite() or not self.least <= figure <= self.most:
            unit = f" ({self.unit})" if self.unit else ""
            raise wrong(f"is {shown(value)}, it must be {self.least} to {self.most}{unit}")
        return figure
