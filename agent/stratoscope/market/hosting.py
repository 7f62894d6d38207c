"""Compares mining with hosting AI or HPC on the same power, at a price per kW and month.

Colocation passes the power bill through, so its price is compared with mining *net* of power. The capital cost differs
by a factor of about ten and is not included: these figures are not advice.
"""

from typing import Final

from stratoscope.market.costs import HOURS_PER_DAY
from stratoscope.units import KILO

HOURS_PER_MONTH: Final = 730.0
HOURS_PER_YEAR: Final = 8760.0


def per_mw_year(per_mwh: float, uptime: float = 1.0) -> float:
    """Return fiat per MWh as fiat per MW and year of 8760 hours, at this uptime (ratio)."""
    return per_mwh * HOURS_PER_YEAR * uptime


def opportunity_per_mw_year(
    hosting_per_kw_month: float | None, mining_net: float | None, uptime: float = 1.0
) -> float | None:
    """Return what hosting earns more than mining per MW and year; negative if mining earns more.

    `hosting_per_kw_month` is fiat per kW and month, `mining_net` fiat per MWh net of power, `uptime` that of mining.
    """
    if hosting_per_kw_month is None or mining_net is None:
        return None
    hosting_per_year = hosting_per_kw_month * KILO * HOURS_PER_YEAR / HOURS_PER_MONTH
    return hosting_per_year - per_mw_year(mining_net, uptime)


def breakeven_hashprice(
    hosting_per_kw_month: float | None,
    efficiency: float | None,
    power_price: float | None,
    pool_fee: float = 0.0,
    uptime: float = 1.0,
) -> float | None:
    """Return the hashprice (fiat per PH/s per day, before the fee) at which mining net of power equals hosting."""
    if hosting_per_kw_month is None or efficiency is None or power_price is None or uptime <= 0 or pool_fee >= 1:
        return None
    net_per_kwh = hosting_per_kw_month / (HOURS_PER_MONTH * uptime)
    return HOURS_PER_DAY * efficiency * (net_per_kwh + power_price) / (1 - pool_fee)
