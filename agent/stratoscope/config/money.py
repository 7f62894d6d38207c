"""Defines the section `economics`: fees, investment, other algorithms, the other use of the power, curtailment."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator, Field

from stratoscope.config.problems import nearest, shown, wrong
from stratoscope.config.section import Section, Word
from stratoscope.config.tariffs import Charge, Fiat, Overhead
from stratoscope.config.values import Count, Duration, Money, Number
from stratoscope.economics.terms import BITCOIN, Capex, Rate
from stratoscope.market.curtailment import Policy
from stratoscope.reading import Algorithm
from stratoscope.units import DAY, HASH_UNITS, HOUR, MINUTE

ALGORITHMS: Final = tuple(name for name in get_args(Algorithm) if name not in (BITCOIN, "other"))
UNITS: Final = tuple(name for name in HASH_UNITS if "/" not in name)


def currency_code(value: Any) -> str:
    """Return the code of a currency; raise a validator's error where it is none."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z]{3}", value):
        raise wrong(f"is {shown(value)}, it must be the code of a currency such as USD or EUR")
    return value.upper()


def _algorithm(value: Any) -> str:
    if value == BITCOIN:
        raise wrong("is Bitcoin's algorithm, which earns by the market's hashprice: remove it")
    if value not in ALGORITHMS:
        raise wrong(f"is not an algorithm that can have a price: {nearest(str(value), ALGORITHMS)}")
    return str(value)


def _hash_unit(value: Any) -> str:
    if not isinstance(value, str) or value.upper() not in UNITS:
        raise wrong(f"is {shown(value)}, it must be a unit of hashrate: {', '.join(UNITS)}")
    return value.upper()


def _strike(value: Any) -> Any:
    return value if value == "auto" else Money(-1_000_000, 1_000_000)(value)


def _ratio(most: str, example: str) -> Callable[[Any], float]:
    check = Money(0, Decimal(most), example)
    return lambda value: float(check(value))


Ratio = Annotated[float, BeforeValidator(_ratio("0.5", "0.02 is 2 %"))]


class CapexSection(Section):
    """What a rig cost; without model and group it holds for every rig."""

    price: Annotated[float, BeforeValidator(Number(0, 1e9))]
    model: Word | None = None
    group: Word | None = None


class AlgorithmPrice(Section):
    """What hashrate of an algorithm earns per day, before fees."""

    price: Annotated[float, BeforeValidator(Number(0, 1e9))]
    per: Annotated[str, BeforeValidator(_hash_unit)]


class CurtailmentPolicy(Section):
    """When to advise curtailing, and when to run again."""

    strike: Annotated[Literal["auto"] | Decimal, BeforeValidator(_strike)] = "auto"
    margin: Annotated[float, BeforeValidator(_ratio("0.9", "0.05 is 5 %"))] = 0.0
    window: Annotated[float, BeforeValidator(Duration(MINUTE, HOUR))] = 300.0  # s
    off_after: Annotated[int, BeforeValidator(Count(1, 100))] = 2  # windows
    on_after: Annotated[int, BeforeValidator(Count(1, 100))] = 4  # windows
    min_off: Annotated[float, BeforeValidator(Duration(0, DAY))] = 600.0  # s
    high_strike: Fiat | None = None

    @property
    def policy(self) -> Policy:
        """Return the policy as the advice follows it."""
        high = None if self.high_strike is None else float(self.high_strike)
        return Policy(
            window=self.window, off_after=self.off_after, on_after=self.on_after, min_off=self.min_off, high_strike=high
        )


class Economics(Section):
    """How money is reckoned; fiat is in `currency`."""

    currency: Annotated[str, BeforeValidator(currency_code)] | None = None
    pool_fee: Ratio = 0.0
    firmware_fee: Ratio = 0.0
    overhead_ratio: Overhead = Decimal(1)
    capex: tuple[CapexSection, ...] = ()
    decay_per_day: Annotated[float, BeforeValidator(_ratio("0.1", "0.001 is 0.1 % a day"))] = 0.0
    hosting_per_kw_month: Charge | None = None
    algorithms: Mapping[Annotated[str, BeforeValidator(_algorithm)], AlgorithmPrice] = Field(default_factory=dict)
    curtailment: CurtailmentPolicy = CurtailmentPolicy()
    rig_days: bool = False

    @property
    def rates(self) -> dict[str, Rate]:
        """Return what each algorithm earns."""
        return {name: Rate(entry.price, HASH_UNITS[entry.per]) for name, entry in self.algorithms.items()}

    @property
    def costs(self) -> tuple[Capex, ...]:
        """Return what rigs cost, in the order of the config: the first that holds counts."""
        return tuple(Capex(entry.price, entry.model, entry.group) for entry in self.capex)
