"""Computes the charges of a bill that no single kWh causes: peaks of demand, coincident peaks, and their spread.

They belong into reports. They are not marginal: only the minutes of the peak itself make them.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from stratoscope.market.tariff import as_decimal
from stratoscope.units import HOUR, KILOWATT, KILOWATT_HOUR

QUARTER_HOUR: Final = HOUR / 4


def demand_charge(peak_power: float | None, per_kw_month: Decimal) -> Decimal | None:
    """Return the month's demand charge for its highest metered power (W); None when that is unknown."""
    if peak_power is None:
        return None
    return as_decimal(Fraction(peak_power) / Fraction(KILOWATT) * Fraction(per_kw_month))


def coincident_peak_charge(power_at_peaks: Sequence[float | None], per_kw_year: Decimal) -> Decimal | None:
    """Return the year's transmission charge: the mean metered power (W) in the system's peak intervals, times the rate.

    ERCOT's 4CP has four: the highest quarter of an hour of June, July, August and September. None when one is unknown.
    """
    known = [Fraction(power) for power in power_at_peaks if power is not None]
    if not known or len(known) < len(power_at_peaks):
        return None
    return as_decimal(sum(known, Fraction(0)) / len(known) / Fraction(KILOWATT) * Fraction(per_kw_year))


def coincident_peak_price(per_kw_year: Decimal, peaks: int = 4, interval: float = QUARTER_HOUR) -> Decimal:
    """Return what a kWh costs in one of the year's `peaks` intervals (s): far above any strike, so a call curtails."""
    return as_decimal(Fraction(per_kw_year) / peaks / Fraction(interval / HOUR))


def average_price(total: Decimal | None, energy: float | None) -> Decimal | None:
    """Return fiat per kWh of a bill over `energy` (J); None where either is unknown or nothing was used."""
    if total is None or energy is None or energy <= 0:
        return None
    return as_decimal(Fraction(total) / (Fraction(energy) / Fraction(KILOWATT_HOUR)))
