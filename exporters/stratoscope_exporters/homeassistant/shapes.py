"""Lists the combinations of device class, unit and state class that Home Assistant takes; no other can be written."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from stratoscope.metrics import Kind, Metric, Unit
from stratoscope.units import CENTI, DAY, EH, GH, KH, KILOWATT_HOUR, MHZ, TH

CURRENCY: Final = "¤"
"""Stands in a unit for the ISO code of the currency."""


class Shape(Enum):
    """What a sensor shows: device class, unit, state class, the value of one unit in the table's unit, decimals.

    Home Assistant refuses an entity whose unit or state class does not go with its device class. There is none for
    hashrates, efficiency, speed of fans and prices; `monetary` takes sums only.
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
    """What a binary sensor shows: its device class."""

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
"""How a figure of each unit of the table is shown."""

COUNTERS: Final[Mapping[Unit, Shape]] = {
    Unit.NONE: Shape.COUNT,
    Unit.JOULES: Shape.ENERGY,
    Unit.SATOSHIS: Shape.SATOSHIS,
    Unit.FIAT: Shape.MONEY,
}
"""How a sum of each unit is shown. A unit that is missing has no form in Home Assistant."""

SMALL: Final[Mapping[str, Shape]] = {
    "scrypt": Shape.GIGAHASHES,
    "x11": Shape.GIGAHASHES,
    "equihash": Shape.KILOHASHES,
}
"""Algorithms whose rigs do less than a TH/s, so that a number of TH/s would be noughts."""


def shape_of(metric: Metric[Any]) -> Shape:
    """Return the shape that unit and kind of `metric` give; raises KeyError where Home Assistant has none."""
    if metric.kind is Kind.INFO:
        return Shape.WORDS
    return COUNTERS[metric.unit] if metric.kind is Kind.COUNTER else GAUGES[metric.unit]


def scaled(shape: Shape, algorithm: str | None) -> Shape:
    """Return `shape` as it suits rigs of `algorithm`."""
    return SMALL.get(algorithm or "", shape) if shape is Shape.TERAHASHES else shape
