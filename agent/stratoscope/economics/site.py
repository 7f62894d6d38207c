"""Sums the rigs' money up to the site, beside the other use of its power: sums over sums, each with its coverage."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stratoscope.economics.terms import BITCOIN, Terms
from stratoscope.fleet import RigSnapshot
from stratoscope.market.aggregate import FleetMoney, RigMoney, fleet_money
from stratoscope.market.costs import KWH_PER_MWH
from stratoscope.market.hosting import breakeven_hashprice, opportunity_per_mw_year
from stratoscope.units import DAY, EH, KILOWATT_HOUR, joules_per_terahash


class RigPart(NamedTuple):
    """One rig's part in the site's money; power is at the meter."""

    money: RigMoney
    sat: float | None = None  # per day
    is_bitcoin: bool = False

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
        return cls(rates, own.revenue_sat_per_day, own.algorithm == BITCOIN)


UNKNOWN: Final = RigPart(RigMoney())


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffNow:
    """A tariff group's power price now, and the month's demand so far; None is unknown."""

    average: float | None = None  # fiat per kWh
    marginal: float | None = None  # fiat per kWh
    source: str | None = None  # fixed, zone, external, last, default
    age: float | None = None  # s, of an external price
    stale: bool | None = None  # whether a fallback stands in; None where the tariff has no external price
    load: float | None = None  # W at the meter
    peak: float | None = None  # W, the month's highest quarter of an hour so far
    demand_charge: float | None = None  # fiat, of the month so far
    called: bool | None = None  # whether the grid calls for less load; None unknown, or nobody was to say
    call_age: float | None = None  # s since the grid's last word
    call_stale: bool | None = None  # whether that is too old; None where nobody was to say
    called_peak: float | None = None  # W, the month's highest quarter of an hour in a call
    cp_charge: float | None = None  # fiat, coincident-peak charge of the year by the calls so far


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteMoney:
    """The site's money at one moment; fiat in `currency`, None unknown. Ratios take the rigs that know every side."""

    currency: str
    sums: FleetMoney
    sat_per_day: float | None = None
    margin_per_day: float | None = None  # over the rigs that know revenue and cost
    efficiency: float | None = None  # J/TH at the meter, Bitcoin's rigs
    power_price: float | None = None  # fiat per kWh, average
    revenue_per_eh_day: float | None = None
    gross_profit_per_eh_day: float | None = None
    net_per_mwh: float | None = None  # fiat a MWh leaves after it is paid
    hosting_per_kw_month: float | None = None
    hosting_opportunity: float | None = None  # fiat per MW-year by which hosting is above mining
    hosting_breakeven: float | None = None  # fiat per PH/s per day
    tariffs: Mapping[str, TariffNow] = field(default_factory=dict)


Books = Callable[[Iterable[RigPart]], SiteMoney]
"""Sums the rigs' parts up to the site's money, under the terms and tariffs of one moment."""


class Sums:
    """Running sums over the rigs that know every side of what is summed; one pass, for fleets of ten thousand."""

    def __init__(self, parts: Iterable[RigPart]) -> None:
        self.sats: float | None = None
        self.revenue = self.cost = self.power = 0.0  # of rigs that know all three
        self.paid = self.metered = 0.0  # cost and power, of rigs that know both
        self.drawn = self.rate = 0.0  # power and hashrate, of Bitcoin's rigs that know both
        self.earned = self.earning = 0.0  # revenue and hashrate, of the same
        self.profit = self.working = 0.0  # revenue less cost and hashrate, of the same
        for money, sat, is_bitcoin in parts:
            if sat is not None:
                self.sats = (self.sats or 0.0) + sat
            power, cost, revenue = money.power, money.cost, money.revenue
            if power is not None and cost is not None:
                self.paid += cost
                self.metered += power
                if revenue is not None:
                    self.revenue += revenue
                    self.cost += cost
                    self.power += power
            if is_bitcoin and money.hashrate is not None:
                self._add_bitcoin(money.hashrate, power, revenue, cost)

    def _add_bitcoin(self, hashrate: float, power: float | None, revenue: float | None, cost: float | None) -> None:
        if power is not None:
            self.drawn += power
            self.rate += hashrate
        if revenue is not None:
            self.earned += revenue
            self.earning += hashrate
            if cost is not None:
                self.profit += revenue - cost
                self.working += hashrate


def site_money(parts: Iterable[RigPart], terms: Terms, tariffs: Mapping[str, TariffNow] | None = None) -> SiteMoney:
    """Return the sums of `parts` under the operator's terms."""
    every = list(parts)
    own = Sums(every)
    efficiency = joules_per_terahash(own.drawn, own.rate) if own.rate > 0 else None
    price = own.paid / _kwh_per_day(own.metered) if own.metered > 0 else None
    margin = own.revenue - own.cost if own.power > 0 else None
    net = None if margin is None else margin / _kwh_per_day(own.power) * KWH_PER_MWH
    return SiteMoney(
        currency=terms.currency,
        sums=fleet_money(part.money for part in every),
        sat_per_day=own.sats,
        margin_per_day=margin,
        efficiency=efficiency,
        power_price=price,
        revenue_per_eh_day=own.earned / own.earning * EH if own.earning > 0 else None,
        gross_profit_per_eh_day=own.profit / own.working * EH if own.working > 0 else None,
        net_per_mwh=net,
        hosting_per_kw_month=terms.hosting_per_kw_month,
        hosting_opportunity=opportunity_per_mw_year(terms.hosting_per_kw_month, net),
        hosting_breakeven=breakeven_hashprice(terms.hosting_per_kw_month, efficiency, price, terms.fee),
        tariffs=tariffs or {},
    )


def _kwh_per_day(watts: float) -> float:
    return watts * DAY / KILOWATT_HOUR
