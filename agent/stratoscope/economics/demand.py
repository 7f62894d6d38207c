"""Finds each month's highest quarter-hours of demand per tariff, of all and of the grid's calls: both are billed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from stratoscope.economics.terms import Contract
from stratoscope.market.tariff_charges import QUARTER_HOUR, coincident_peak_charge, demand_charge
from stratoscope.market.tariff_zones import local_time, microseconds
from stratoscope.units import MINUTE

ENOUGH: Final = 0.9
"""Part of a quarter of an hour that must have been seen for its mean to count."""


class Peak(NamedTuple):
    """The highest mean demand (W at the meter) of a tariff in a month of its own time zone, and when it began."""

    month: str  # 2026-01
    site: str
    tariff: str
    watts: float
    at: float  # UTC s
    called: bool = False  # of the quarters of an hour in which the grid called, else of all


@dataclass(slots=True)
class Quarter:
    """A quarter of an hour under way."""

    number: int
    joules: float = 0.0
    seconds: float = 0.0
    called: bool = False


class Demand:
    """The peaks of this month. Rigs that are not heard are not in the load: a peak is a lower bound."""

    def __init__(self, site: str, peaks: Iterable[Peak] = ()) -> None:
        self._site = site
        self._peaks = {(peak.month, peak.tariff, peak.called): peak for peak in peaks if peak.site == site}
        self._quarters: dict[str, Quarter] = {}
        self._seen: dict[str, float] = {}
        self._changed: dict[tuple[str, str, bool], None] = {}

    def saw(self, tariff: str, contract: Contract, load: float | None, at: float, *, called: bool = False) -> None:
        """Count `load` (W at the meter) since the last look, up to UTC `at`; `called` tells whether the grid calls.

        A quarter of an hour in any part of which the grid called may be the system's peak.
        """
        since = self._seen.get(tariff, at)
        self._seen[tariff] = at
        number = math.floor(at / QUARTER_HOUR)
        quarter = self._quarters.get(tariff)
        if quarter is None or quarter.number != number:
            if quarter is not None and quarter.seconds >= ENOUGH * QUARTER_HOUR:
                self._close(tariff, contract, quarter)
            quarter = self._quarters[tariff] = Quarter(number)
        quarter.called |= called
        seconds = min(at - since, at - number * QUARTER_HOUR)
        if load is not None and 0 < seconds <= MINUTE:
            quarter.joules += load * seconds
            quarter.seconds += seconds

    def peak(self, tariff: str, contract: Contract, at: float, *, called: bool = False) -> Peak | None:
        """Return the peak of the tariff in the month of UTC `at`, so far; or that of the grid's calls in it."""
        return self._peaks.get((_month(contract, at), tariff, called))

    def charge(self, tariff: str, contract: Contract, at: float) -> Decimal | None:
        """Return the month's demand charge so far (fiat); None without a rate or a peak."""
        peak = self.peak(tariff, contract, at)
        if peak is None or not contract.demand_per_kw_month:
            return None
        return demand_charge(peak.watts, contract.demand_per_kw_month)

    def coincident_charge(self, tariff: str, contract: Contract, at: float) -> Decimal | None:
        """Return the year's coincident-peak charge (fiat) by the calls so far; None without a rate or a call.

        The system's peak of each month is known afterwards only: the highest load in a call of the month stands for
        it, months without a call count as nothing yet.
        """
        months, year = contract.cp_months, _month(contract, at)[:4]
        loads = [
            peak.watts
            for (month, name, called), peak in self._peaks.items()
            if called and name == tariff and month[:4] == year and int(month[5:]) in months
        ]
        if not loads or not contract.cp_per_kw_year:
            return None
        return coincident_peak_charge([*loads, *[0.0] * (len(months) - len(loads))], contract.cp_per_kw_year)

    def drain(self) -> list[Peak]:
        """Return the peaks changed since the last call; older months are forgotten."""
        rows = [self._peaks[key] for key in self._changed]
        self._changed.clear()
        newest = max((month for month, _, _ in self._peaks), default="")
        for key in [key for key in self._peaks if key[0] < newest and int(newest[:4]) > int(key[0][:4])]:
            del self._peaks[key]
        return rows

    def _close(self, tariff: str, contract: Contract, quarter: Quarter) -> None:
        watts, at = quarter.joules / quarter.seconds, quarter.number * QUARTER_HOUR
        for called in (False, True) if quarter.called else (False,):
            key = (_month(contract, at), tariff, called)
            known = self._peaks.get(key)
            if known is None or watts > known.watts:
                self._peaks[key] = Peak(key[0], self._site, tariff, watts, at, called)
                self._changed[key] = None


def _month(contract: Contract, at: float) -> str:
    local = local_time(microseconds(at), contract.tariff.timezone)
    return f"{local.year:04}-{local.month:02}"
