"""Adds the rigs' parts up, each sum over the rigs that know every side of what is summed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from stratoscope.economics.terms import BITCOIN
from stratoscope.fleet import RigSnapshot
from stratoscope.market.aggregate import RigMoney


class RigPart(NamedTuple):
    """One rig's part in the site's money; power is at the meter."""

    money: RigMoney
    sat: float | None = None  # per day
    is_bitcoin: bool = False
    capex: float | None = None  # fiat

    @classmethod
    def of(cls, snapshot: RigSnapshot) -> "RigPart":
        """Return the rig's part; of a rig without fresh economics everything is unknown."""
        own = snapshot.economics
        if own is None or snapshot.reading is None:
            return UNKNOWN
        rates = RigMoney(
            hashrate=snapshot.judged.hashrate,
            power=own.metered_power,
            revenue=own.revenue_per_day,
            cost=own.power_cost_per_day,
        )
        return cls(rates, own.revenue_sat_per_day, own.algorithm == BITCOIN, own.capex)


UNKNOWN: Final = RigPart(RigMoney())


@dataclass(slots=True)
class Three:
    """Sums over the rigs that know revenue, cost and power."""

    revenue: float = 0.0  # fiat per day
    cost: float = 0.0  # fiat per day
    power: float = 0.0  # W


class Sums:
    """Running sums over the rigs that know every side of what is summed; one pass, for fleets of ten thousand."""

    def __init__(self, parts: Iterable[RigPart]) -> None:
        self.sats: float | None = None
        self.all_three = Three()
        self.paid = self.metered = 0.0  # cost and power, of rigs that know both
        self.sold = self.selling = 0.0  # revenue and power, of rigs that know both
        self.invested: float | None = None  # price of the rigs that have one and know their margin
        self.returning: float | None = None  # margin per day of the same
        self.hashing: float | None = None  # hashrate of all Bitcoin rigs
        self.drawn = self.rate = 0.0  # power and hashrate, of Bitcoin's rigs that know both
        self.earned = self.earning = 0.0  # revenue and hashrate, of the same
        self.spent = self.spending = 0.0  # cost and hashrate, of the same
        self.minting = self.minted = 0.0  # cost and satoshis per day, of the same
        self.profit = self.working = 0.0  # revenue less cost and hashrate, of the same
        for money, sat, is_bitcoin, capex in parts:
            if sat is not None:
                self.sats = (self.sats or 0.0) + sat
            power, cost, revenue = money.power, money.cost, money.revenue
            if power is not None:
                self._add_powered(power, revenue, cost)
            if capex is not None and revenue is not None and cost is not None:
                self.invested = (self.invested or 0.0) + capex
                self.returning = (self.returning or 0.0) + revenue - cost
            if is_bitcoin and money.hashrate is not None:
                self._add_bitcoin(money.hashrate, power, revenue, cost)
            if sat is not None and cost is not None:
                self.minting += cost
                self.minted += sat

    def _add_powered(self, power: float, revenue: float | None, cost: float | None) -> None:
        if cost is not None:
            self.paid += cost
            self.metered += power
        if revenue is not None:
            self.sold += revenue
            self.selling += power
            if cost is not None:
                self.all_three.revenue += revenue
                self.all_three.cost += cost
                self.all_three.power += power

    def _add_bitcoin(self, hashrate: float, power: float | None, revenue: float | None, cost: float | None) -> None:
        self.hashing = (self.hashing or 0.0) + hashrate
        if power is not None:
            self.drawn += power
            self.rate += hashrate
        if cost is not None:
            self.spent += cost
            self.spending += hashrate
        if revenue is not None:
            self.earned += revenue
            self.earning += hashrate
            if cost is not None:
                self.profit += revenue - cost
                self.working += hashrate
