"""Defines the value types of the config: durations, sizes and numbers, each with its limits and the reason for them.

A type is metadata of a field: `Annotated[float, Duration(5, DAY)]`. It validates what the operator wrote, and the
generated documentation shows its limits.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from stratoscope.config.problems import shown, wrong
from stratoscope.units import DAY, HOUR, MILLI, MINUTE

DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|m|min|h|d|)")
SECONDS: Final = {"": 1.0, "ms": MILLI, "s": 1.0, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY}
SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)\s*(b|kib|mib|kb|mb|)", re.IGNORECASE)
BYTES: Final = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "kb": 10**3, "mb": 10**6}
WHOLE: Final = re.compile(r"-?\d{1,9}")
DECIMAL: Final = re.compile(r"-?\d{1,12}(?:\.\d{1,12})?")


def is_number(value: Any) -> bool:
    """Tell whether `value` is a number as written; true and false are not numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def readable_duration(seconds: float) -> str:
    """Return a duration as people write it: 90 s, 5 min, 1 h."""
    for unit, size in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= size and seconds % size == 0 and (unit != "min" or seconds > MINUTE * 2):
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def config_duration(seconds: float) -> str:
    """Return a duration as the config writes it, in the largest unit without decimals: 500ms, 90s, 5m, 1h, 7d."""
    sizes: tuple[tuple[str, float], ...] = (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1.0))
    for unit, size in sizes:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds / MILLI:g}ms" if seconds else "0"


def config_size(size: int) -> str:
    """Return a size as the config writes it, in the largest unit without decimals: 100, 64 KiB, 1 MiB."""
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor and size % factor == 0:
            return f"{size // factor} {unit}"
    return str(size)


def config_number(value: float | Decimal) -> str:
    """Return a number without a needless fraction: 4096, 0.01, 1e+12."""
    return f"{value:.0f}" if value == int(value) and abs(float(value)) < 1e9 else f"{value:g}"


@dataclass(frozen=True)
class Allowed:
    """Describes in the documentation what a field accepts, where its Python type does not."""

    text: str


class _ValueType:
    """What the value types share: pydantic calls `parse` before its own validation of the field's Python type."""

    def parse(self, value: Any, kind: Any) -> Any:
        """Return `value` as an instance of `kind`; raise the error of a validator."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the field: `parse`, then the type in front of the metadata."""
        return core_schema.no_info_before_validator_function(partial(self.parse, kind=source), handler(source))


@dataclass(frozen=True)
class Duration(_ValueType):
    """A duration in s from `min_s` to `max_s`; `why` explains the minimum."""

    min_s: float
    max_s: float
    why: str = ""

    @property
    def allowed(self) -> str:
        """Return the limits for the documentation."""
        return f"`{config_duration(self.min_s)}` to `{config_duration(self.max_s)}`"

    def parse(self, value: Any, kind: Any = float) -> Any:
        """Return seconds from a number or a text such as 30s, 5m, 1h."""
        match = DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
        if match:
            seconds = float(match[1]) * SECONDS[match[2]]
        elif is_number(value):
            seconds = float(value) if abs(value) < 10**12 else float("inf")
        else:
            raise wrong(f"is {shown(value)}, it must be a duration such as 30, 30s, 5m or 1h")
        if seconds < self.min_s:
            why = f": {self.why}" if self.why else ""
            raise wrong(f"is {readable_duration(seconds)}, the minimum is {readable_duration(self.min_s)}{why}")
        if not seconds <= self.max_s:
            raise wrong(f"is {shown(value)}, the maximum is {readable_duration(self.max_s)}")
        return kind(seconds)


@dataclass(frozen=True)
class Size(_ValueType):
    """A size from `min_bytes` to `max_bytes`."""

    min_bytes: int
    max_bytes: int

    @property
    def allowed(self) -> str:
        """Return the limits for the documentation."""
        return f"`{config_size(self.min_bytes)}` to `{config_size(self.max_bytes)}`"

    def parse(self, value: Any, kind: Any = int) -> Any:
        """Return bytes from a whole number or a text such as 512 KiB, 1 MiB."""
        match = SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match:
            size = int(float(match[1]) * BYTES[match[2].lower()])
        elif isinstance(value, int) and is_number(value):
            size = value
        else:
            raise wrong(f"is {shown(value)}, it must be a size such as 1048576, 512 KiB or 1 MiB")
        if not self.min_bytes <= size <= self.max_bytes:
            raise wrong(f"is {size} bytes, it must be {self.min_bytes} to {self.max_bytes}")
        return kind(size)


@dataclass(frozen=True)
class Number(_ValueType):
    """A number from `min` to `max` in `unit`; `why` explains the limits or gives an example.

    The field's type decides what is accepted: int takes whole numbers only, Decimal keeps the digits as written.
    """

    min: float | Decimal
    max: float | Decimal
    unit: str = ""
    why: str = ""

    @property
    def allowed(self) -> str:
        """Return the limits for the documentation."""
        return f"{config_number(self.min)} to {config_number(self.max)}" + (f" {self.unit}" if self.unit else "")

    def parse(self, value: Any, kind: Any = float) -> Any:
        """Return the number; text (from the environment) counts when it is a plain decimal."""
        if isinstance(value, str) and (WHOLE if kind is int else DECIMAL).fullmatch(value.strip()):
            number: Any = kind(value.strip())
        elif isinstance(value, Decimal) or (is_number(value) and (kind is not int or isinstance(value, int))):
            number = value
        else:
            unit = f" ({self.unit})" if self.unit else ""
            raise wrong(f"is {shown(value)}, it must be a {'whole ' if kind is int else ''}number{unit}")
        if not (number == number and self.min <= number <= self.max):  # NaN differs from itself
            unit, why = f" {self.unit}" if self.unit else "", f": {self.why}" if self.why else ""
            raise wrong(f"is {shown(value)}{unit}, it must be {self.allowed}{why}")
        return Decimal(str(number)) if kind is Decimal else kind(number)
