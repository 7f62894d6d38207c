"""Sums the rigs' money up to the site, beside the other use of its power: sums over sums, each with its coverage."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stratoscope.economics.sums import RigPart, Sums
from stratoscope.economics.terms import Terms
from stratoscope.market.aggregate import FleetMoney, fleet_money
from stratoscope.market.chain import network_share
from stratoscope.market.costs import KWH_PER_MWH, breakeven_efficiency, payback_days
from stratoscope.market.hashprice import gross_profit_per_eh_day
from stratoscope.market.hosting import breakeven_hashprice, opportunity_per_mw_year
from stratoscope.units import DAY, EH, KILOWATT_HOUR, PH, SATOSHIS, joules_per_terahash


@dataclass(frozen=True, slots=True)
class Network:
    """The network beside the site: hashrate (H/s) and JPMorgan's daily revenue (fiat per EH/s); None is unknown."""

    observed: float | None = None
    implied: float | None = None
    revenue_per_eh_day: float | None = None


ALONE: Final = Network()


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
    breakeven_power_price: float | None = None  # fiat per kWh, what all rigs earn from one
    hashcost: float | None = None  # fiat per PH/s per day, Bitcoin's rigs
    breakeven_hashprice: float | None = None  # fiat per PH/s per day, Bitcoin's rigs
    breakeven_efficiency: float | None = None  # J/TH at the meter
    cost_per_btc: float | None = None  # fiat
    payback: float | None = None  # s, of the rigs with a configured price; infinite when it never comes back
    network_share: Mapping[str, float] = field(default_factory=dict)  # by how the network is measured → ratio
    network_gross_profit_per_eh_day: float | None = None  # JPMorgan's, at the site's efficiency and power price
    revenue_per_eh_day: float | None = None
    gross_profit_per_eh_day: float | None = None
    net_per_mwh: float | None = None  # fiat a MWh leaves after it is paid
    hosting_per_kw_month: float | None = None
    hosting_opportunity: float | None = None  # fiat per MW-year by which hosting is above mining
    hosting_breakeven: float | None = None  # fiat per PH/s per day
    tariffs: Mapping[str, TariffNow] = field(default_factory=dict)


Books = Callable[[Iterable[RigPart]], SiteMoney]
"""Sums the rigs' parts up to the site's money, under the terms and tariffs of one moment."""


def site_money(
    parts: Iterable[RigPart],
    terms: Terms,
    tariffs: Mapping[str, TariffNow] | None = None,
    network: Network = ALONE,
) -> SiteMoney:
    """Return the sums of `parts` under the operator's terms, beside the network."""
    every = list(parts)
    own = Sums(every)
    margin = own.all_three.revenue - own.all_three.cost if own.all_three.power > 0 else None
    net = None if margin is None else margin / _kwh_per_day(own.all_three.power) * KWH_PER_MWH
    return SiteMoney(
        currency=terms.currency,
        sums=fleet_money(part.money for part in every),
        sat_per_day=own.sats,
        margin_per_day=margin,
        net_per_mwh=net,
        hosting_per_kw_month=terms.hosting_per_kw_month,
        hosting_opportunity=opportunity_per_mw_year(terms.hosting_per_kw_month, net),
        tariffs=tariffs or {},
        payback=_payback(own, terms),
        **_bitcoin(own, terms, network),
    )


def _bitcoin(own: Sums, terms: Terms, network: Network) -> dict[str, Any]:
    """Return the figures that only Bitcoin's rigs have, each of the rigs that know every side of it."""
    efficiency = joules_per_terahash(own.drawn, own.rate) if own.rate > 0 else None
    price = own.paid / _kwh_per_day(own.metered) if own.metered > 0 else None
    hashcost = own.spent / (own.spending / PH) if own.spending > 0 else None
    net_hashprice = own.earned / (own.earning / PH) if own.earning > 0 else None
    per_kwh = own.sold / _kwh_per_day(own.selling) if own.selling > 0 else None
    return {
        "efficiency": efficiency,
        "power_price": price,
        "hashcost": hashcost,
        "breakeven_power_price": per_kwh,
        "breakeven_hashprice": None if hashcost is None else hashcost / (1 - terms.fee),
        "breakeven_efficiency": breakeven_efficiency(net_hashprice, price),
        "cost_per_btc": own.minting / (own.minted / SATOSHIS) if own.minted > 0 else None,
        "revenue_per_eh_day": None if net_hashprice is None else net_hashprice * EH / PH,
        "gross_profit_per_eh_day": own.profit / own.working * EH if own.working > 0 else None,
        "hosting_breakeven": breakeven_hashprice(terms.hosting_per_kw_month, efficiency, price, terms.fee),
        "network_share": {
            by: share
            for by, rate in (("observed", network.observed), ("implied", network.implied))
            if (share := network_share(own.hashing, rate)) is not None
        },
        "network_gross_profit_per_eh_day": gross_profit_per_eh_day(network.revenue_per_eh_day, efficiency, price),
    }


def _payback(own: Sums, terms: Terms) -> float | None:
    """Return the s until the rigs whose price and margin are known have paid that price."""
    days = payback_days(own.invested, own.returning, terms.decay)
    return None if days is None else days * DAY


def _kwh_per_day(watts: float) -> float:
    return watts * DAY / KILOWATT_HOUR
