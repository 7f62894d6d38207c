"""Works out one rig's money at one moment from its judged reading, what hashrate earns and what power costs."""

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
class Moment:
    """The prices of one moment for one kind of rig; None is unknown.

    `fiat_hashprice` is per PH/s per day before the fee, of the rig's own algorithm; `btc_hashprice` the same in BTC, of
    Bitcoin's algorithm only.
    """

    currency: str
    algorithm: str | None = None
    tariff: str | None = None
    fee: float = 0.0  # ratio
    fiat_hashprice: float | None = None
    btc_hashprice: float | None = None
    power_price: float | None = None  # fiat per kWh, average
    overhead: float = 1.0  # meter over rig
    capex: float | None = None
    decay: float = 0.0
    advice: Advice | None = None
    strike: float | None = None


def assess(judged: Judged, moment: Moment) -> RigEconomics:
    """Return the rig's economics.

    A flatlining rig shows hashrate while its shares stand still: what it earns is unknown, what it costs is not.
    """
    fee, price, fiat, btc = moment.fee, moment.power_price, moment.fiat_hashprice, moment.btc_hashprice
    hashrate = None if judged.flatline else judged.hashrate
    metered = None if judged.power is None else judged.power * moment.overhead
    efficiency = None if judged.efficiency is None else judged.efficiency * moment.overhead
    btc_per_day = revenue_per_day(hashrate, btc, fee)
    revenue = revenue_per_day(hashrate, fiat, fee)
    cost = power_cost_per_day(metered, price)
    margin = None if revenue is None or cost is None else revenue - cost
    days = payback_days(moment.capex, margin, moment.decay)
    breakeven = breakeven_power_price(fiat, efficiency, fee)
    is_bitcoin = moment.algorithm == BITCOIN
    return RigEconomics(
        currency=moment.currency,
        algorithm=moment.algorithm,
        tariff=moment.tariff,
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
        capex=moment.capex,
        advice=moment.advice,
        strike=moment.strike,
    )
