"""Finds each month's highest quarter-hour of demand per tariff, which the utility bills by the kW."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from stratoscope.economics.terms import Contract
from stratoscope.market.tariff_charges import QUARTER_HOUR, demand_charge
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


@dataclass(slots=True)
class Quarter:
    """A quarter of an hour under way."""

    number: int
    joules: float = 0.0
    seconds: float = 0.0


class Demand:
    """The peaks of this month. Rigs that are not heard are not in the load: a peak is a lower bound."""

    def __init__(self, site: str, peaks: Iterable[Peak] = ()) -> None:
        self._site = site
        self._peaks = {(peak.month, peak.tariff): peak for peak in peaks if peak.site == site}
        self._quarters: dict[str, Quarter] = {}
        self._seen: dict[str, float] = {}
        self._changed: dict[tuple[str, str], None] = {}

    def saw(self, tariff: str, contract: Contract, load: float | None, at: float) -> None:
        """Count `load` (W at the meter) since the last look, up to UTC `at`."""
        since = self._seen.get(tariff, at)
        self._seen[tariff] = at
        number = math.floor(at / QUARTER_HOUR)
        quarter = self._quarters.get(tariff)
        if quarter is None or quarter.number != number:
            if quarter is not None and quarter.seconds >= ENOUGH * QUARTER_HOUR:
                self._close(tariff, contract, quarter)
            quarter = self._quarters[tariff] = Quarter(number)
        seconds = min(at - since, at - number * QUARTER_HOUR)
        if load is not None and 0 < seconds <= MINUTE:
            quarter.joules += load * seconds
            quarter.seconds += seconds

    def peak(self, tariff: str, contract: Contract, at: float) -> Peak | None:
        """Return the peak of the tariff in the month of UTC `at`, so far."""
        return self._peaks.get((_month(contract, at), tariff))

    def charge(self, tariff: str, contract: Contract, at: float) -> Decimal | None:
        """Return the month's demand charge so far (fiat); None without a rate or a peak."""
        peak = self.peak(tariff, contract, at)
        if peak is None or not contract.demand_per_kw_month:
            return None
        return demand_charge(peak.watts, contract.demand_per_kw_month)

    def drain(self) -> list[Peak]:
        """Return the peaks changed since the last call; older months are forgotten."""
        rows = [self._peaks[key] for key in self._changed]
        self._changed.clear()
        newest = max((month for month, _ in self._peaks), default="")
        for key in [key for key in self._peaks if key[0] < newest and int(newest[:4]) > int(key[0][:4])]:
            del self._peaks[key]
        return rows

    def _close(self, tariff: str, contract: Contract, quarter: Quarter) -> None:
        watts, at = quarter.joules / quarter.seconds, quarter.number * QUARTER_HOUR
        key = (_month(contract, at), tariff)
        known = self._peaks.get(key)
        if known is None or watts > known.watts:
            self._peaks[key] = Peak(key[0], self._site, tariff, watts, at)
            self._changed[key] = None


def _month(contract: Contract, at: float) -> str:
    local = local_time(microseconds(at), contract.tariff.timezone)
    return f"{local.year:04}-{local.month:02}"
