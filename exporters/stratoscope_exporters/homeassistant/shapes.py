"""Lists the valid combinations of device class, unit and state class in Home Assistant; no other is used."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from stratoscope.metrics import Metric, MetricKind, Unit
from stratoscope.units import CENTI, DAY, EH, GH, KH, KILOWATT_HOUR, MHZ, TH

CURRENCY: Final = "¤"
"""Placeholder in a unit for the ISO code of the currency."""


class Shape(Enum):
    """Type of a sensor: device class, unit, state class, conversion factor from the table's unit, decimals.

    Home Assistant rejects an entity whose unit or state class does not match its device class. Hashrates, efficiency,
    fan speeds and prices have no device class; `monetary` is only for totals.
    """

    KILOHASHES = (None, "kH/s", "measurement", KH, 2)
    GIGAHASHES = (None, "GH/s", "measurement", GH, 2)
    TERAHASHES = (None, "TH/s", "measurement", TH, 2)
    EXAHASHES = (None, "EH/s", "measurement", EH, 1)
    EFFICIENCY = (None, "J/TH", "measurement", 1.0, 1)
    POWER = ("power", "W", "measurement", 1.0, 0)
    ENERGY = ("energy", "kWh", "total_increasing", KILOWATT_HOUR, 1)
    TEMPERATURE = ("temperature", "°C", "measurement", 1.0, 1)
    FREQUENCY = ("frequency", "MHz", "measurement", MHZ, 0)
    VOLTAGE = ("voltage", "V", "measurement", 1.0, 2)
    SPEED = (None, "rpm", "measurement", 1.0, 0)
    DURATION = ("duration", "s", "measurement", 1.0, 0)
    DAYS = ("duration", "d", "measurement", DAY, 0)
    TIME = ("timestamp", None, None, 1.0, None)
    WORDS = ("enum", None, None, 1.0, None)
    PERCENT = (None, "%", "measurement", CENTI, 1)
    NUMBER = (None, None, "measurement", 1.0, 0)
    COUNT = (None, None, "total_increasing", 1.0, 0)
    SATOSHIS = (None, "sat", "total_increasing", 1.0, 0)
    SATOSHIS_PER_DAY = (None, "sat/d", "measurement", 1.0, 0)
    SATOSHIS_PER_TH_DAY = (None, "sat/TH/d", "measurement", 1.0, 2)
    BTC_PER_PH_DAY = (None, "BTC/PH/d", "measurement", 1.0, 6)
    MONEY = ("monetary", "¤", "total", 1.0, 2)
    PRICE = (None, "¤", "measurement", 1.0, 2)
    PER_DAY = (None, "¤/d", "measurement", 1.0, 2)
    PER_KWH = (None, "¤/kWh", "measurement", 1.0, 4)
    PER_MWH = (None, "¤/MWh", "measurement", 1.0, 2)
    PER_BTC = (None, "¤/BTC", "measurement", 1.0, 0)
    PER_PH_DAY = (None, "¤/PH/d", "measurement", 1.0, 2)
    PER_EH_DAY = (None, "¤/EH/d", "measurement", 1.0, 0)
    PER_MW_YEAR = (None, "¤/MW/a", "measurement", 1.0, 0)

    def __init__(
        self, device_class: str | None, unit: str | None, state_class: str | None, factor: float, decimals: int | None
    ) -> None:
        self.device_class = device_class
        self.unit = unit
        self.state_class = state_class
        self.factor = factor
        self.decimals = decimals


class Flag(Enum):
    """Type of a binary sensor: its device class."""

    CONNECTIVITY = "connectivity"
    PROBLEM = "problem"
    RUNNING = "running"
    PLAIN = None


GAUGES: Final[Mapping[Unit, Shape]] = {
    Unit.NONE: Shape.NUMBER,
    Unit.HASHES_PER_SECOND: Shape.TERAHASHES,
    Unit.JOULES_PER_TERAHASH: Shape.EFFICIENCY,
    Unit.WATTS: Shape.POWER,
    Unit.CELSIUS: Shape.TEMPERATURE,
    Unit.HERTZ: Shape.FREQUENCY,
    Unit.VOLTS: Shape.VOLTAGE,
    Unit.RPM: Shape.SPEED,
    Unit.SECONDS: Shape.DURATION,
    Unit.TIMESTAMP: Shape.TIME,
    Unit.RATIO: Shape.PERCENT,
    Unit.SATOSHIS: Shape.NUMBER,
    Unit.SATOSHIS_PER_DAY: Shape.SATOSHIS_PER_DAY,
    Unit.SATOSHIS_PER_TH_DAY: Shape.SATOSHIS_PER_TH_DAY,
    Unit.BTC_PER_PH_DAY: Shape.BTC_PER_PH_DAY,
    Unit.FIAT: Shape.PRICE,
    Unit.FIAT_PER_DAY: Shape.PER_DAY,
    Unit.FIAT_PER_KWH: Shape.PER_KWH,
    Unit.FIAT_PER_MWH: Shape.PER_MWH,
    Unit.FIAT_PER_BTC: Shape.PER_BTC,
    Unit.FIAT_PER_PH_DAY: Shape.PER_PH_DAY,
    Unit.FIAT_PER_EH_DAY: Shape.PER_EH_DAY,
    Unit.FIAT_PER_MW_YEAR: Shape.PER_MW_YEAR,
}
"""Sensor type of a gauge by unit of the metric table."""

COUNTERS: Final[Mapping[Unit, Shape]] = {
    Unit.NONE: Shape.COUNT,
    Unit.JOULES: Shape.ENERGY,
    Unit.SATOSHIS: Shape.SATOSHIS,
    Unit.FIAT: Shape.MONEY,
}
"""Sensor type of a counter by unit. A missing unit has no type in Home Assistant."""

SMALL_HASHRATES: Final[Mapping[str, Shape]] = {
    "scrypt": Shape.GIGAHASHES,
    "x11": Shape.GIGAHASHES,
    "equihash": Shape.KILOHASHES,
}
"""Algorithms whose rigs have hashrates far below 1 TH/s."""


def shape_of(metric: Metric[Any]) -> Shape:
    """Return the shape for unit and kind of `metric`. Raises KeyError if Home Assistant has none."""
    if metric.kind is MetricKind.INFO:
        return Shape.WORDS
    return COUNTERS[metric.unit] if metric.kind is MetricKind.COUNTER else GAUGES[metric.unit]


def scaled(shape: Shape, algorithm: str | None) -> Shape:
    """Return `shape` adapted to the hashrates of `algorithm`."""
    return SMALL_HASHRATES.get(algorithm or "", shape) if shape is Shape.TERAHASHES else shape
