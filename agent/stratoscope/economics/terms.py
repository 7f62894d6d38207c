"""Says what the operator agreed with pool, firmware and utility, as the agent reckons with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from stratoscope.market.curtailment import Policy
from stratoscope.market.tariff import Tariff
from stratoscope.outside.feed import Feed
from stratoscope.units import HOUR, MINUTE

DEFAULT_TARIFF: Final = "default"
"""The tariff of rigs that name no tariff group."""

BITCOIN: Final = "sha256"


@dataclass(frozen=True, slots=True)
class Capex:
    """What a rig cost (fiat); an entry without model or group holds for every one."""

    price: float
    model: str | None = None
    group: str | None = None

    def holds(self, model: str | None, group: str | None) -> bool:
        """Tell whether the entry is about a rig of this model and group; case does not matter in models."""
        if self.model is not None and (model is None or self.model.casefold() != model.casefold()):
            return False
        return self.group is None or self.group == group


@dataclass(frozen=True, slots=True)
class Rate:
    """What hashrate of another algorithm than Bitcoin's earns: fiat per `unit` (H/s) per day, before the fees."""

    price: float
    unit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One tariff group: what its power costs, and what its highest demand of a month costs (in reports only)."""

    tariff: Tariff
    demand_per_kw_month: Decimal = Decimal(0)
    cp_per_kw_year: Decimal = Decimal(0)  # for the load in the system's peaks, one in each of `cp_months`
    cp_months: frozenset[int] = frozenset()
    feed: Feed | None = None  # where an external price is read
    call: Feed | None = None  # where a call of the grid is read
    call_max_age: float = 0.0  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything the operator said about money; replaced whole when the config is read again."""

    currency: str
    pool_fee: float = 0.0  # ratio
    firmware_fee: float = 0.0  # ratio of the hashes that the firmware's maker keeps
    tariffs: Mapping[str, Contract] = field(default_factory=dict)  # by tariff group
    algorithms: Mapping[str, Rate] = field(default_factory=dict)
    capex: tuple[Capex, ...] = ()  # the first that holds counts
    decay: float = 0.0  # part of the net that goes away per day
    hosting_per_kw_month: float | None = None  # fiat, power passed through
    policy: Policy = field(default_factory=Policy)
    strike: float | None = None  # fiat per kWh; None: each model's own
    margin: float = 0.0  # ratio wanted at the strike
    rig_days: bool = False  # also keep a row per rig and day
    price_max_age: float = 15 * MINUTE  # s
    chain_max_age: float = 6 * HOUR  # s

    @property
    def fee(self) -> float:
        """Return the part of the revenue that pool and firmware keep."""
        return 1 - (1 - self.pool_fee) * (1 - self.firmware_fee)

    def capex_of(self, model: str | None, group: str | None) -> float | None:
        """Return what a rig of this model and group cost, or None."""
        return next((entry.price for entry in self.capex if entry.holds(model, group)), None)
