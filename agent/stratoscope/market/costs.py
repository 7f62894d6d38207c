"""Computes hashcost, breakevens, margin and payback of a rig at one time.

Efficiency is J/TH, power prices are fiat per kWh, hashprices fiat per PH/s per day *before* the pool's fee, `pool_fee`
is a ratio. One J/TH is one kW per PH/s, so one PH/s uses 24 kWh per day for each J/TH. Unknown or undefined results are
None, never 0: for example a margin without revenue.
"""

import math
from typing import Final, TypeGuard

from stratoscope.units import DAY, HOUR, KILO, KILOWATT_HOUR

HOURS_PER_DAY: Final = DAY / HOUR
KWH_PER_MWH: Final = KILO


def net_hashprice(hashprice: float | None, pool_fee: float = 0.0) -> float | None:
    """Return the hashprice after the pool's fee."""
    return None if hashprice is None else hashprice * (1 - pool_fee)


def hashcost(efficiency: float | None, power_price: float | None) -> float | None:
    """Return the power cost (fiat) of one PH/s for a day: 24 h × J/TH × fiat per kWh."""
    if efficiency is None or power_price is None:
        return None
    return HOURS_PER_DAY * efficiency * power_price


def power_cost_per_day(power: float | None, power_price: float | None) -> float | None:
    """Return the cost (fiat) of `power` (W at the meter) per day."""
    if power is None or power_price is None:
        return None
    return power * DAY / KILOWATT_HOUR * power_price


def breakeven_power_price(hashprice: float | None, efficiency: float | None, pool_fee: float = 0.0) -> float | None:
    """Return the power price (fiat per kWh) at which a rig of this efficiency earns what its power costs."""
    net = net_hashprice(hashprice, pool_fee)
    if net is None or not _positive(efficiency):
        return None
    return net / (HOURS_PER_DAY * efficiency)


def revenue_per_mwh(hashprice: float | None, efficiency: float | None, pool_fee: float = 0.0) -> float | None:
    """Return what a rig of this efficiency earns from one MWh (fiat): the breakeven power price per MWh."""
    price = breakeven_power_price(hashprice, efficiency, pool_fee)
    return None if price is None else price * KWH_PER_MWH


def breakeven_hashprice(efficiency: float | None, power_price: float | None, pool_fee: float = 0.0) -> float | None:
    """Return the hashprice before the pool's fee at which a rig of this efficiency earns what its power costs."""
    cost = hashcost(efficiency, power_price)
    return None if cost is None or pool_fee >= 1 else cost / (1 - pool_fee)


def breakeven_efficiency(hashprice: float | None, power_price: float | None, pool_fee: float = 0.0) -> float | None:
    """Return the J/TH above which a rig loses money; None if the power price is 0 or negative: then no rig does."""
    net = net_hashprice(hashprice, pool_fee)
    if net is None or not _positive(power_price):
        return None
    return net / (HOURS_PER_DAY * power_price)


def gross_margin_ratio(revenue: float | None, cost: float | None) -> float | None:
    """Return 1 - cost / revenue of two sums over the same time; None unless the revenue is above zero."""
    if cost is None or not _positive(revenue):
        return None
    return 1 - cost / revenue


def cost_per_bitcoin(
    hashprice_btc: float | None, efficiency: float | None, power_price: float | None, pool_fee: float = 0.0
) -> float | None:
    """Return the power cost (fiat) of mining one bitcoin; `hashprice_btc` is BTC per PH/s per day before the fee."""
    net, cost = net_hashprice(hashprice_btc, pool_fee), hashcost(efficiency, power_price)
    if cost is None or not _positive(net):
        return None
    return cost / net


def payback_days(capex: float | None, net_per_day: float | None, decay: float = 0.0) -> float | None:
    """Return the days until `net_per_day` (revenue minus cost, today) has paid `capex`; infinity if it never does.

    `decay` is the daily decrease of the net as difficulty rises (0.001 = 0.1 % per day). The total of all future net is
    net / decay, which can be less than the capex.
    """
    if capex is None or net_per_day is None:
        return None
    if capex <= 0:
        return 0.0
    if net_per_day <= 0:
        return math.inf
    if decay == 0:
        return capex / net_per_day
    left = 1 - capex * decay / net_per_day
    return -math.log(left) / decay if left > 0 else math.inf


def _positive(value: float | None) -> TypeGuard[float]:
    return value is not None and value > 0
