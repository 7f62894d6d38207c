"""Computes the economics of one rig from its judged reading and the current prices."""

from dataclasses import dataclass

from stratoscope.economics.terms import BITCOIN
from stratoscope.fleet import Judged, RigEconomics
from stratoscope.market.costs import (
    breakeven_efficiency,
    breakeven_hashprice,
    breakeven_power_price,
    cost_per_bitcoin,
    gross_margin_ratio,
    hashcost,
    payback_days,
    power_cost_per_day,
)
from stratoscope.market.curtailment import Advice
from stratoscope.market.revenue import revenue_per_day
from stratoscope.units import DAY, KILO, SATOSHIS


@dataclass(frozen=True, slots=True, kw_only=True)
class RigPrices:
    """The current prices for one group of rigs; None is unknown.

    `fiat_hashprice` is per PH/s per day before the fee, of the rig's algorithm; `btc_hashprice` is the same in BTC, for
    Bitcoin's algorithm only.
    """

    currency: str
    algorithm: str | None = None
    tariff: str | None = None
    fee: float = 0.0  # ratio
    fiat_hashprice: float | None = None
    btc_hashprice: float | None = None
    power_price: float | None = None  # fiat per kWh, average
    overhead: float = 1.0  # power at the meter over power of the rig
    capex: float | None = None
    decay: float = 0.0
    advice: Advice | None = None
    strike: float | None = None


def assess(judged: Judged, prices: RigPrices) -> RigEconomics:
    """Return the economics of a rig.

    A flatlining rig reports hashrate, but its shares do not increase: its revenue is unknown, its cost is known.
    """
    fee, price, fiat, btc = prices.fee, prices.power_price, prices.fiat_hashprice, prices.btc_hashprice
    hashrate = None if judged.flatline else judged.hashrate
    metered = None if judged.power is None else judged.power * prices.overhead
    efficiency = None if judged.efficiency is None else judged.efficiency * prices.overhead
    btc_per_day = revenue_per_day(hashrate, btc, fee)
    revenue = revenue_per_day(hashrate, fiat, fee)
    cost = power_cost_per_day(metered, price)
    margin = None if revenue is None or cost is None else revenue - cost
    days = payback_days(prices.capex, margin, prices.decay)
    breakeven = breakeven_power_price(fiat, efficiency, fee)
    is_bitcoin = prices.algorithm == BITCOIN
    return RigEconomics(
        currency=prices.currency,
        algorithm=prices.algorithm,
        tariff=prices.tariff,
        metered_power=metered,
        revenue_sat_per_day=None if btc_per_day is None else btc_per_day * SATOSHIS,
        revenue_per_day=revenue,
        power_cost_per_day=cost,
        margin_per_day=margin,
        gross_margin_ratio=gross_margin_ratio(revenue, cost),
        power_price=price,
        breakeven_power_price=breakeven,
        breakeven_hashprice=breakeven_hashprice(efficiency, price, fee) if is_bitcoin else None,
        breakeven_efficiency=breakeven_efficiency(fiat, price, fee) if is_bitcoin else None,
        hashcost=hashcost(efficiency, price) if is_bitcoin else None,
        revenue_per_mwh=None if breakeven is None else breakeven * KILO,
        cost_per_btc=cost_per_bitcoin(btc, efficiency, price, fee) if is_bitcoin else None,
        payback=None if days is None else days * DAY,
        capex=prices.capex,
        advice=prices.advice,
        strike=prices.strike,
    )
