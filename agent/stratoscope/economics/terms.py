"""Defines the terms of the site's money: fees, tariffs, prices of rigs, and the curtailment policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from stratoscope.market.curtailment import AdvicePolicy
from stratoscope.market.tariff import Tariff
from stratoscope.outside.feed import Feed
from stratoscope.units import HOUR, MINUTE

DEFAULT_TARIFF: Final = "default"
"""The tariff of rigs that name no tariff group."""

BITCOIN: Final = "sha256"


@dataclass(frozen=True, slots=True)
class RigCost:
    """The purchase price (fiat) of rigs; an entry without model or group applies to all of them."""

    price: float
    model: str | None = None
    group: str | None = None

    def matches(self, model: str | None, group: str | None) -> bool:
        """Return whether the entry applies to a rig of this model and group; the case of models is ignored."""
        if self.model is not None and (model is None or self.model.casefold() != model.casefold()):
            return False
        return self.group is None or self.group == group


@dataclass(frozen=True, slots=True)
class HashratePrice:
    """What another algorithm than Bitcoin's earns: fiat per `unit` (H/s) and day, before the fees."""

    price: float
    unit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerContract:
    """One tariff group: the price of its power, and its demand charges (for reports only)."""

    tariff: Tariff
    demand_per_kw_month: Decimal = Decimal(0)
    cp_per_kw_year: Decimal = Decimal(0)  # for the load in the system's peaks, one per month in `cp_months`
    cp_months: frozenset[int] = frozenset()
    feed: Feed | None = None  # of an external price
    call: Feed | None = None  # of the grid call
    call_max_age: float = 0.0  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyTerms:
    """All configured terms; a reload of the config replaces the whole object."""

    currency: str
    pool_fee: float = 0.0  # ratio
    firmware_fee: float = 0.0  # ratio of the hashes that the firmware vendor keeps
    tariffs: Mapping[str, PowerContract] = field(default_factory=dict)  # by tariff group
    algorithms: Mapping[str, HashratePrice] = field(default_factory=dict)
    capex: tuple[RigCost, ...] = ()  # the first match counts
    decay: float = 0.0  # daily decrease of the net as difficulty rises, for the payback
    hosting_per_kw_month: float | None = None  # fiat, without power
    policy: AdvicePolicy = field(default_factory=AdvicePolicy)
    strike: float | None = None  # fiat per kWh; None: calculated per model
    margin: float = 0.0  # gross margin ratio at the strike
    rig_days: bool = False  # also store a row per rig and day
    price_max_age: float = 15 * MINUTE  # s
    chain_max_age: float = 6 * HOUR  # s

    @property
    def fee(self) -> float:
        """Return the share of the revenue that pool and firmware keep."""
        return 1 - (1 - self.pool_fee) * (1 - self.firmware_fee)

    def capex_of(self, model: str | None, group: str | None) -> float | None:
        """Return the purchase price of a rig of this model and group, or None."""
        return next((entry.price for entry in self.capex if entry.matches(model, group)), None)
