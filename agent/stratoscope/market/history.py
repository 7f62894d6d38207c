"""Keeps the market's days and says how hashprice changed since, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from stratoscope.market.adjustment import Attribution, MarketPoint, attribute
from stratoscope.units import DAY, HOUR

SPANS: Final = (1, 7, 30, 365)
"""Days over which changes are told."""

TOLERANCE: Final[Mapping[int, float]] = {1: 3 * HOUR, 7: 13 * HOUR, 30: DAY, 365: 3 * DAY}
"""How far from the wanted moment a point may lie, by span: some 10 % of a day's and far less of the others."""

KEPT: Final = 400 * DAY


@dataclass(frozen=True, slots=True)
class DayPoint:
    """The factors of hashprice as last seen on one UTC day; None where one was not known."""

    day: str  # 2026-01-12
    at: float  # UTC s
    price: float | None  # fiat of `currency` per bitcoin
    reward_sat: int | None  # per block
    difficulty: float | None
    currency: str


class Memory(Protocol):
    """What keeps days over restarts: the ledger."""

    def market_days(self) -> list[DayPoint]:
        """Return all days kept."""
        ...

    def keep_market_days(self, points: Sequence[DayPoint]) -> None:
        """Keep days."""
        ...


def day_of(at: float) -> str:
    """Return the UTC day of `at` (UTC s)."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


class History:
    """The points of this run, hourly for the last days, and the days from before."""

    def __init__(self, currency: str, points: Iterable[DayPoint] = ()) -> None:
        self.currency = currency
        self._points: list[DayPoint] = []
        for point in points:
            self.add(point)

    @property
    def newest(self) -> DayPoint | None:
        """Return the newest point."""
        return self._points[-1] if self._points else None

    def add(self, point: DayPoint) -> None:
        """Take a point in; one that is of another currency, or not whole, explains nothing."""
        if point.currency == self.currency and _factors(point) is not None:
            self._points = _thinned(sorted((*self._points, point), key=lambda known: known.at))

    def near(self, moment: float, tolerance: float) -> DayPoint | None:
        """Return the point nearest to `moment` (UTC s) that is no farther than `tolerance` s."""
        nearest = min(self._points, key=lambda point: abs(point.at - moment), default=None)
        return nearest if nearest is not None and abs(nearest.at - moment) <= tolerance else None

    def missing(self, now: float) -> list[int]:
        """Return the spans that no point stands at the far end of."""
        return [days for days in SPANS if self.near(now - days * DAY, TOLERANCE[days]) is None]

    def changes(self, now: float, factors: MarketPoint) -> dict[int, Attribution]:
        """Return span in days → change of fiat hashprice up to `factors`; spans without a point are absent."""
        found = {}
        for days in SPANS:
            point = self.near(now - days * DAY, TOLERANCE[days])
            then = _factors(point) if point is not None else None
            change = attribute(factors, then) if then is not None else None
            if change is not None:
                found[days] = change
        return found


def _factors(point: DayPoint) -> MarketPoint | None:
    if not point.price or not point.reward_sat or not point.difficulty:
        return None
    return MarketPoint(point.price, point.reward_sat, point.difficulty)


def _thinned(points: list[DayPoint]) -> list[DayPoint]:
    """Return sorted `points` without those beyond KEPT, and of days over nine days old only the last of each."""
    newest = points[-1].at
    young = [point for point in points if point.at > newest - 9 * DAY]
    old = {point.day: point for point in points if newest - KEPT < point.at <= newest - 9 * DAY}
    return [*old.values(), *young]
