"""Finds the peak quarter-hours of demand per month and tariff, in total and during grid calls: both are billed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from stratoscope.economics.terms import PowerContract
from stratoscope.market.tariff_charges import QUARTER_HOUR, coincident_peak_charge, demand_charge
from stratoscope.market.tariff_zones import local_time, microseconds
from stratoscope.units import MINUTE

MIN_QUARTER_COVERAGE: Final = 0.9
"""Share of a quarter-hour that must be measured for its mean to count."""


class DemandPeak(NamedTuple):
    """The highest mean demand (W at the meter) of a tariff in a month of its time zone, and its start."""

    month: str  # 2026-01
    site: str
    tariff: str
    watts: float
    at: float  # UTC s
    called: bool = False  # True: of the quarter-hours with a grid call; False: of all


@dataclass(slots=True)
class QuarterHour:
    """The current quarter-hour."""

    number: int
    joules: float = 0.0
    seconds: float = 0.0
    called: bool = False


class DemandTracker:
    """The peaks of this month. Unreachable rigs are not in the load, so a peak is a lower bound."""

    def __init__(self, site: str, peaks: Iterable[DemandPeak] = ()) -> None:
        self._site = site
        self._peaks = {(peak.month, peak.tariff, peak.called): peak for peak in peaks if peak.site == site}
        self._quarters: dict[str, QuarterHour] = {}
        self._last_at: dict[str, float] = {}
        self._changed: dict[tuple[str, str, bool], None] = {}

    def add_load(
        self, tariff: str, contract: PowerContract, load: float | None, at: float, *, called: bool = False
    ) -> None:
        """Add `load` (W at the meter) since the last call, up to UTC `at`; `called`: the grid calls for less load.

        A quarter-hour with a call in any part of it can be the peak of the system.
        """
        since = self._last_at.get(tariff, at)
        self._last_at[tariff] = at
        number = math.floor(at / QUARTER_HOUR)
        quarter = self._quarters.get(tariff)
        if quarter is None or quarter.number != number:
            if quarter is not None and quarter.seconds >= MIN_QUARTER_COVERAGE * QUARTER_HOUR:
                self._close(tariff, contract, quarter)
            quarter = self._quarters[tariff] = QuarterHour(number)
        quarter.called |= called
        seconds = min(at - since, at - number * QUARTER_HOUR)
        if load is not None and 0 < seconds <= MINUTE:
            quarter.joules += load * seconds
            quarter.seconds += seconds

    def peak(self, tariff: str, contract: PowerContract, at: float, *, called: bool = False) -> DemandPeak | None:
        """Return the peak of the tariff so far in the month of UTC `at`: of all demand, or of that during calls."""
        return self._peaks.get((_month(contract, at), tariff, called))

    def charge(self, tariff: str, contract: PowerContract, at: float) -> Decimal | None:
        """Return the demand charge (fiat) of the month so far; None without a rate or a peak."""
        peak = self.peak(tariff, contract, at)
        if peak is None or not contract.demand_per_kw_month:
            return None
        return demand_charge(peak.watts, contract.demand_per_kw_month)

    def coincident_charge(self, tariff: str, contract: PowerContract, at: float) -> Decimal | None:
        """Return the coincident-peak charge (fiat) of the year from the calls so far; None without a rate or a call.

        The real peak of the system is known only later. Until then the highest load during a call of the month is used;
        a month without a call counts as 0.
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

    def drain(self) -> list[DemandPeak]:
        """Return the peaks changed since the last call, and drop those of past years."""
        rows = [self._peaks[key] for key in self._changed]
        self._changed.clear()
        newest = max((month for month, _, _ in self._peaks), default="")
        for key in [key for key in self._peaks if key[0] < newest and int(newest[:4]) > int(key[0][:4])]:
            del self._peaks[key]
        return rows

    def _close(self, tariff: str, contract: PowerContract, quarter: QuarterHour) -> None:
        watts, at = quarter.joules / quarter.seconds, quarter.number * QUARTER_HOUR
        for called in (False, True) if quarter.called else (False,):
            key = (_month(contract, at), tariff, called)
            known = self._peaks.get(key)
            if known is None or watts > known.watts:
                self._peaks[key] = DemandPeak(key[0], self._site, tariff, watts, at, called)
                self._changed[key] = None


def _month(contract: PowerContract, at: float) -> str:
    local = local_time(microseconds(at), contract.tariff.timezone)
    return f"{local.year:04}-{local.month:02}"
