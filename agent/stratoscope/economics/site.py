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


def site_money(parts: Iterable[RigPart], terms: Terms, tariffs: Mapping[str, TariffNow] | None = None) -> SiteMoney:
    """Return the sums of `parts` under the operator's terms."""
    every = list(parts)
    rows = [part.money for part in every]
    coins = [part.money for part in every if part.is_bitcoin]
    sats = [part.sat for part in every if part.sat is not None]
    revenue, cost, power, _ = _sums(rows, "revenue", "cost", "power")
    earned, earning = _sums(coins, "revenue", "hashrate")[:2]
    coin_revenue, coin_cost, working = _sums(coins, "revenue", "cost", "hashrate")[:3]
    drawn, hashrate = _sums(coins, "power", "hashrate")[:2]
    paid, metered = _sums(rows, "cost", "power")[:2]
    efficiency = joules_per_terahash(drawn, hashrate) if hashrate > 0 else None
    price = paid / _kwh_per_day(metered) if metered > 0 else None
    margin = revenue - cost if power > 0 else None
    net = None if margin is None else margin / _kwh_per_day(power) * KWH_PER_MWH
    sums = fleet_money(rows)
    return SiteMoney(
        currency=terms.currency,
        sums=sums,
        sat_per_day=sum(sats) if sats else None,
        margin_per_day=margin,
        efficiency=efficiency,
        power_price=price,
        revenue_per_eh_day=earned / earning * EH if earning > 0 else None,
        gross_profit_per_eh_day=(coin_revenue - coin_cost) / working * EH if working > 0 else None,
        net_per_mwh=net,
        hosting_per_kw_month=terms.hosting_per_kw_month,
        hosting_opportunity=opportunity_per_mw_year(terms.hosting_per_kw_month, net),
        hosting_breakeven=breakeven_hashprice(terms.hosting_per_kw_month, efficiency, price, terms.fee),
        tariffs=tariffs or {},
    )


def _sums(rows: Iterable[RigMoney], *names: str) -> list[float]:
    """Return the sum of each field over the rows that know all of them, and how many those are."""
    totals, count = [0.0] * len(names), 0
    for row in rows:
        values = [getattr(row, name) for name in names]
        if None not in values:
            totals = [total + value for total, value in zip(totals, values, strict=True)]
            count += 1
    return [*totals, count]


def _kwh_per_day(watts: float) -> float:
    return watts * DAY / KILOWATT_HOUR
