"""Sums the money of rigs; each sum is over the rigs that have every value it needs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from stratoscope.economics.terms import BITCOIN
from stratoscope.fleet import RigSnapshot
from stratoscope.market.aggregate import RigMoney


class RigMoneyRow(NamedTuple):
    """The money of one rig, as the site sums it; power is at the meter."""

    money: RigMoney
    sat: float | None = None  # per day
    is_bitcoin: bool = False
    capex: float | None = None  # fiat

    @classmethod
    def of(cls, snapshot: RigSnapshot) -> "RigMoneyRow":
        """Return the row of a rig; for a rig without current economics everything is unknown."""
        own = snapshot.economics
        if own is None or snapshot.reading is None:
            return UNKNOWN_ROW
        rates = RigMoney(
            hashrate=snapshot.judged.hashrate,
            power=own.metered_power,
            revenue=own.revenue_per_day,
            cost=own.power_cost_per_day,
        )
        return cls(rates, own.revenue_sat_per_day, own.algorithm == BITCOIN, own.capex)


UNKNOWN_ROW: Final = RigMoneyRow(RigMoney())


@dataclass(slots=True)
class FullyKnownSums:
    """Sums over the rigs with known revenue, cost and power."""

    revenue: float = 0.0  # fiat per day
    cost: float = 0.0  # fiat per day
    power: float = 0.0  # W


class SiteSums:
    """Sums over the rigs that have every value of a sum, in one pass: fleets have up to ten thousand rigs."""

    def __init__(self, parts: Iterable[RigMoneyRow]) -> None:
        self.sat_per_day: float | None = None
        self.fully_known = FullyKnownSums()
        self.cost_with_power = self.power_with_cost = 0.0
        self.revenue_with_power = self.power_with_revenue = 0.0
        self.capex: float | None = None  # of the rigs with a known margin
        self.margin_with_capex: float | None = None  # per day
        # Bitcoin's rigs only:
        self.bitcoin_hashrate: float | None = None
        self.power_with_hashrate = self.hashrate_with_power = 0.0
        self.revenue_with_hashrate = self.hashrate_with_revenue = 0.0
        self.cost_with_hashrate = self.hashrate_with_cost = 0.0
        self.cost_with_sat = self.sat_with_cost = 0.0  # per day
        self.margin_with_hashrate = self.hashrate_with_margin = 0.0
        for money, sat, is_bitcoin, capex in parts:
            if sat is not None:
                self.sat_per_day = (self.sat_per_day or 0.0) + sat
            power, cost, revenue = money.power, money.cost, money.revenue
            if power is not None:
                self._add_powered(power, revenue, cost)
            if capex is not None and revenue is not None and cost is not None:
                self.capex = (self.capex or 0.0) + capex
                self.margin_with_capex = (self.margin_with_capex or 0.0) + revenue - cost
            if is_bitcoin and money.hashrate is not None:
                self._add_bitcoin(money.hashrate, power, revenue, cost)
            if sat is not None and cost is not None:
                self.cost_with_sat += cost
                self.sat_with_cost += sat

    def _add_powered(self, power: float, revenue: float | None, cost: float | None) -> None:
        if cost is not None:
            self.cost_with_power += cost
            self.power_with_cost += power
        if revenue is not None:
            self.revenue_with_power += revenue
            self.power_with_revenue += power
            if cost is not None:
                self.fully_known.revenue += revenue
                self.fully_known.cost += cost
                self.fully_known.power += power

    def _add_bitcoin(self, hashrate: float, power: float | None, revenue: float | None, cost: float | None) -> None:
        self.bitcoin_hashrate = (self.bitcoin_hashrate or 0.0) + hashrate
        if power is not None:
            self.power_with_hashrate += power
            self.hashrate_with_power += hashrate
        if cost is not None:
            self.cost_with_hashrate += cost
            self.hashrate_with_cost += hashrate
        if revenue is not None:
            self.revenue_with_hashrate += revenue
            self.hashrate_with_revenue += hashrate
            if cost is not None:
                self.margin_with_hashrate += revenue - cost
                self.hashrate_with_margin += hashrate
