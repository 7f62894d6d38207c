"""Computes the demand charges of a bill: for the month's peak, and for the coincident peaks of the year.

They are for reports only. They are not part of the marginal price: only the minutes of a peak cause them.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from stratoscope.market.tariff import as_decimal
from stratoscope.units import HOUR, KILOWATT

QUARTER_HOUR: Final = HOUR / 4


def demand_charge(peak_power: float | None, per_kw_month: Decimal) -> Decimal | None:
    """Return the demand charge (fiat) of a month for its highest metered power (W); None if that is unknown."""
    if peak_power is None:
        return None
    return as_decimal(Fraction(peak_power) / Fraction(KILOWATT) * Fraction(per_kw_month))


def coincident_peak_charge(power_at_peaks: Sequence[float | None], per_kw_year: Decimal) -> Decimal | None:
    """Return the transmission charge (fiat) of a year: the mean metered power (W) in the system's peaks times the rate.

    ERCOT's 4CP has four peaks: the highest quarter-hours of June, July, August and September. None if one is unknown.
    """
    known = [Fraction(power) for power in power_at_peaks if power is not None]
    if not known or len(known) < len(power_at_peaks):
        return None
    return as_decimal(sum(known, Fraction(0)) / len(known) / Fraction(KILOWATT) * Fraction(per_kw_year))
