"""Computes the money of the site from the sums over its rigs, and compares it with hosting."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stratoscope.economics.sums import RigMoneyRow, SiteSums
from stratoscope.economics.terms import MoneyTerms
from stratoscope.market.aggregate import FleetMoney, sum_fleet
from stratoscope.market.chain import network_share
from stratoscope.market.costs import KWH_PER_MWH, breakeven_efficiency, payback_days
from stratoscope.market.hashprice import gross_profit_per_eh_day
from stratoscope.market.hosting import breakeven_hashprice, opportunity_per_mw_year
from stratoscope.units import DAY, EH, KILOWATT_HOUR, PH, SATOSHIS, joules_per_terahash


@dataclass(frozen=True, slots=True)
class NetworkBenchmark:
    """The network to compare the site with: hashrate (H/s) and JPMorgan's daily revenue (fiat per EH/s)."""

    observed: float | None = None  # None is unknown, as below
    implied: float | None = None
    revenue_per_eh_day: float | None = None


UNKNOWN_NETWORK: Final = NetworkBenchmark()


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffState:
    """The current power price of a tariff group, and its demand so far; None is unknown."""

    average: float | None = None  # fiat per kWh
    marginal: float | None = None  # fiat per kWh
    source: str | None = None  # fixed, zone, external, last, default
    age: float | None = None  # s, of the external price
    stale: bool | None = None  # whether a fallback is used; None without an external price
    load: float | None = None  # W at the meter
    peak: float | None = None  # W, the highest quarter-hour of the month so far
    demand_charge: float | None = None  # fiat, of the month so far
    called: bool | None = None  # whether the grid calls for less load; None: unknown or not configured
    call_age: float | None = None  # s since the last call was received
    call_stale: bool | None = None  # whether the call is too old; None: not configured
    called_peak: float | None = None  # W, the highest quarter-hour of the month during calls
    cp_charge: float | None = None  # fiat, coincident-peak charge of the year from the calls so far


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteMoney:
    """The money of the site in `currency`; None is unknown. Each value is over the rigs that have all its inputs."""

    currency: str
    sums: FleetMoney
    sat_per_day: float | None = None
    margin_per_day: float | None = None  # over the rigs with known revenue, cost and power
    efficiency: float | None = None  # J/TH at the meter, Bitcoin's rigs
    power_price: float | None = None  # fiat per kWh, average
    breakeven_power_price: float | None = None  # fiat per kWh: the revenue of all rigs per kWh
    hashcost: float | None = None  # fiat per PH/s per day, Bitcoin's rigs
    breakeven_hashprice: float | None = None  # fiat per PH/s per day, Bitcoin's rigs
    breakeven_efficiency: float | None = None  # J/TH at the meter
    cost_per_btc: float | None = None  # fiat
    payback: float | None = None  # s, of the rigs with a configured price; infinite if it is never paid back
    network_share: Mapping[str, float] = field(default_factory=dict)  # "observed" or "implied" → ratio
    network_gross_profit_per_eh_day: float | None = None  # JPMorgan's, at the efficiency and power price of the site
    revenue_per_eh_day: float | None = None
    gross_profit_per_eh_day: float | None = None
    net_per_mwh: float | None = None  # fiat per MWh: revenue minus power cost
    hosting_per_kw_month: float | None = None
    hosting_opportunity: float | None = None  # fiat per MW-year that hosting earns more than mining
    hosting_breakeven: float | None = None  # fiat per PH/s per day
    tariffs: Mapping[str, TariffState] = field(default_factory=dict)


SiteSummation = Callable[[Iterable[RigMoneyRow]], SiteMoney]
"""Sums rows of rigs to the money of the site, with the terms and tariffs of one time."""


def site_money(
    parts: Iterable[RigMoneyRow],
    terms: MoneyTerms,
    tariffs: Mapping[str, TariffState] | None = None,
    network: NetworkBenchmark = UNKNOWN_NETWORK,
) -> SiteMoney:
    """Return the money of the site from the rows of its rigs, under the configured terms."""
    rows = list(parts)
    sums = SiteSums(rows)
    margin = sums.fully_known.revenue - sums.fully_known.cost if sums.fully_known.power > 0 else None
    net = None if margin is None else margin / _kwh_per_day(sums.fully_known.power) * KWH_PER_MWH
    return SiteMoney(
        currency=terms.currency,
        sums=sum_fleet(row.money for row in rows),
        sat_per_day=sums.sat_per_day,
        margin_per_day=margin,
        net_per_mwh=net,
        hosting_per_kw_month=terms.hosting_per_kw_month,
        hosting_opportunity=opportunity_per_mw_year(terms.hosting_per_kw_month, net),
        tariffs=tariffs or {},
        payback=_payback(sums, terms),
        **_bitcoin(sums, terms, network),
    )


def _bitcoin(sums: SiteSums, terms: MoneyTerms, network: NetworkBenchmark) -> dict[str, Any]:
    """Return the figures of Bitcoin's rigs, each over the rigs that have all its inputs."""
    efficiency = (
        joules_per_terahash(sums.power_with_hashrate, sums.hashrate_with_power)
        if sums.hashrate_with_power > 0
        else None
    )
    price = sums.cost_with_power / _kwh_per_day(sums.power_with_cost) if sums.power_with_cost > 0 else None
    hashcost = sums.cost_with_hashrate / (sums.hashrate_with_cost / PH) if sums.hashrate_with_cost > 0 else None
    net_hashprice = (
        sums.revenue_with_hashrate / (sums.hashrate_with_revenue / PH) if sums.hashrate_with_revenue > 0 else None
    )
    per_kwh = sums.revenue_with_power / _kwh_per_day(sums.power_with_revenue) if sums.power_with_revenue > 0 else None
    return {
        "efficiency": efficiency,
        "power_price": price,
        "hashcost": hashcost,
        "breakeven_power_price": per_kwh,
        "breakeven_hashprice": None if hashcost is None else hashcost / (1 - terms.fee),
        "breakeven_efficiency": breakeven_efficiency(net_hashprice, price),
        "cost_per_btc": sums.cost_with_sat / (sums.sat_with_cost / SATOSHIS) if sums.sat_with_cost > 0 else None,
        "revenue_per_eh_day": None if net_hashprice is None else net_hashprice * EH / PH,
        "gross_profit_per_eh_day": sums.margin_with_hashrate / sums.hashrate_with_margin * EH
        if sums.hashrate_with_margin > 0
        else None,
        "hosting_breakeven": breakeven_hashprice(terms.hosting_per_kw_month, efficiency, price, terms.fee),
        "network_share": {
            by: share
            for by, rate in (("observed", network.observed), ("implied", network.implied))
            if (share := network_share(sums.bitcoin_hashrate, rate)) is not None
        },
        "network_gross_profit_per_eh_day": gross_profit_per_eh_day(network.revenue_per_eh_day, efficiency, price),
    }


def _payback(sums: SiteSums, terms: MoneyTerms) -> float | None:
    """Return the seconds until the rigs with known price and margin have paid that price."""
    days = payback_days(sums.capex, sums.margin_with_capex, terms.decay)
    return None if days is None else days * DAY


def _kwh_per_day(watts: float) -> float:
    return watts * DAY / KILOWATT_HOUR
