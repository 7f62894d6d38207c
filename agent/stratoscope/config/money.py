"""Defines the section `economics`: fees, investment, other algorithms, alternative uses of the power, curtailment."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator, Field

from stratoscope.config.problems import nearest, shown, wrong
from stratoscope.config.section import ConfigSection, Currency, Name
from stratoscope.config.tariffs import PRICE_LIMITS, Charge, Fiat, Overhead
from stratoscope.config.values import Duration, Number
from stratoscope.economics.terms import BITCOIN, HashratePrice, RigCost
from stratoscope.market.curtailment import AdvicePolicy
from stratoscope.reading import Algorithm
from stratoscope.units import DAY, HASH_UNITS, HOUR, MINUTE

ALGORITHMS: Final = tuple(name for name in get_args(Algorithm) if name not in (BITCOIN, "other"))
UNITS: Final = tuple(name for name in HASH_UNITS if "/" not in name)


def _algorithm(value: Any) -> str:
    if value == BITCOIN:
        raise wrong("is Bitcoin's algorithm, whose price is the market's hashprice: remove it")
    if value not in ALGORITHMS:
        raise wrong(f"is not an algorithm that can have a price: {nearest(str(value), ALGORITHMS)}")
    return str(value)


def _hash_unit(value: Any) -> str:
    if not isinstance(value, str) or value.upper() not in UNITS:
        raise wrong(f"is {shown(value)}, it must be a unit of hashrate: {', '.join(UNITS)}")
    return value.upper()


def _strike(value: Any) -> Any:
    return value if value == "auto" else PRICE_LIMITS.parse(value, Decimal)


Ratio = Annotated[float, Number(0, 0.5, why="0.02 is 2 %")]


class CapexConfig(ConfigSection):
    """What a rig cost. An entry without model and group applies to every rig."""

    price: Annotated[float, Number(0, 1e9)] = Field(description="Price of one rig.")
    model: Name | None = Field(None, description="Applies to this model only.")
    group: Name | None = Field(None, description="Applies to this group of rigs only.")


class AlgorithmPriceConfig(ConfigSection):
    """What hashrate of an algorithm earns per day, before fees."""

    price: Annotated[float, Number(0, 1e9)] = Field(description="Revenue per unit of hashrate and day, before fees.")
    per: Annotated[str, BeforeValidator(_hash_unit)] = Field(description="The unit, as `GH`.")


class CurtailmentPolicyConfig(ConfigSection):
    """When to advise curtailing, and when to advise running again."""

    strike: Annotated[Literal["auto"] | Decimal, BeforeValidator(_strike)] = Field(
        "auto", description="Price per kWh above which curtailing is advised; `auto` is each model's breakeven."
    )
    margin: Annotated[float, Number(0, 0.9, why="0.05 is 5 %")] = Field(
        0.0, description="Required margin at the strike price: `0.05` is 5 %; only with `auto`."
    )
    window: Annotated[float, Duration(MINUTE, HOUR)] = Field(
        300.0, description="Settlement interval over which prices are averaged."
    )
    off_after: Annotated[int, Number(1, 100)] = Field(
        2, description="Consecutive windows above the strike price before curtailing is advised."
    )
    on_after: Annotated[int, Number(1, 100)] = Field(
        4, description="Consecutive windows below it before running is advised again."
    )
    min_off: Annotated[float, Duration(0, DAY)] = Field(600.0, description="Shortest time between the two.")
    high_strike: Fiat | None = Field(None, description="Price per kWh at which curtailing is advised immediately.")

    @property
    def policy(self) -> AdvicePolicy:
        """Return the policy for the curtailment advice."""
        high = None if self.high_strike is None else float(self.high_strike)
        return AdvicePolicy(
            window=self.window, off_after=self.off_after, on_after=self.on_after, min_off=self.min_off, high_strike=high
        )


class EconomicsConfig(ConfigSection):
    """How revenue, cost and margin are calculated; money is in `currency`."""

    currency: Currency | None = Field(None, description="Currency of all money; by default that of `market`, else USD.")
    pool_fee: Ratio = Field(0.0, description="Fraction of the revenue that the pool keeps: `0.02` is 2 %.")
    firmware_fee: Ratio = Field(0.0, description="Fraction of the hashes that the firmware's vendor keeps.")
    overhead_ratio: Overhead = Field(
        Decimal(1), description="Power at the meter divided by power of the rigs: fans, transformers, distribution."
    )
    capex: tuple[CapexConfig, ...] = Field(
        (), description="What rigs cost, for the payback time; the first entry that matches a rig is used, see below."
    )
    decay_per_day: Annotated[float, Number(0, 0.1, why="0.001 is 0.1 % a day")] = Field(
        0.0, description="Daily decay of net income as difficulty rises; used for the payback time."
    )
    hosting_per_kw_month: Charge | None = Field(
        None, description="What AI or HPC hosting would pay per kW and month, with power passed through."
    )
    algorithms: Mapping[Annotated[str, BeforeValidator(_algorithm)], AlgorithmPriceConfig] = Field(
        default_factory=dict, description="What algorithms other than Bitcoin's earn, see below."
    )
    curtailment: CurtailmentPolicyConfig = CurtailmentPolicyConfig()
    rig_days: bool = Field(default=False, description="Also keep a row per rig and day in the ledger.")

    @property
    def rates(self) -> dict[str, HashratePrice]:
        """Return what each algorithm earns."""
        return {name: HashratePrice(entry.price, HASH_UNITS[entry.per]) for name, entry in self.algorithms.items()}

    @property
    def costs(self) -> tuple[RigCost, ...]:
        """Return what rigs cost, in the order of the config: the first that matches is used."""
        return tuple(RigCost(entry.price, entry.model, entry.group) for entry in self.capex)
