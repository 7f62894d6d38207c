"""Stores the market per day, and computes how and why hashprice changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from stratoscope.market.adjustment import HashpriceChange, HashpriceFactors, explain_change
from stratoscope.units import DAY, HOUR

CHANGE_SPANS_DAYS: Final = (1, 7, 30, 365)
"""Days over which changes are reported."""

MAX_OFFSET_S: Final[Mapping[int, float]] = {1: 3 * HOUR, 7: 13 * HOUR, 30: DAY, 365: 3 * DAY}
"""Largest offset of a stored point from the requested time, by span in days."""

MAX_AGE_S: Final = 400 * DAY


@dataclass(frozen=True, slots=True)
class MarketDay:
    """The last factors of hashprice on one UTC day; None is unknown."""

    day: str  # 2026-01-12
    at: float  # UTC s
    price: float | None  # fiat of `currency` per bitcoin
    reward_sat: int | None  # per block
    difficulty: float | None
    currency: str


class MarketDayStore(Protocol):
    """A store that keeps days over restarts: the ledger."""

    def market_days(self) -> list[MarketDay]:
        """Return all stored days."""
        ...

    def keep_market_days(self, points: Sequence[MarketDay]) -> None:
        """Store days."""
        ...


def day_of(at: float) -> str:
    """Return the UTC day of `at` (UTC s)."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


class HashpriceHistory:
    """Past points: hourly ones for the last nine days, daily ones before that."""

    def __init__(self, currency: str, points: Iterable[MarketDay] = ()) -> None:
        self.currency = currency
        self._points: list[MarketDay] = []
        for point in points:
            self.add(point)

    @property
    def newest(self) -> MarketDay | None:
        """Return the newest point."""
        return self._points[-1] if self._points else None

    def add(self, point: MarketDay) -> None:
        """Add a point; ignore one in another currency or with an unknown factor."""
        if point.currency == self.currency and _factors(point) is not None:
            self._points = _thin_out(sorted((*self._points, point), key=lambda one: one.at))

    def near(self, moment: float, tolerance: float) -> MarketDay | None:
        """Return the point nearest to `moment` (UTC s), at most `tolerance` s away."""
        nearest = min(self._points, key=lambda point: abs(point.at - moment), default=None)
        return nearest if nearest is not None and abs(nearest.at - moment) <= tolerance else None

    def missing(self, now: float) -> list[int]:
        """Return the spans (days) without a point at their start."""
        return [days for days in CHANGE_SPANS_DAYS if self.near(now - days * DAY, MAX_OFFSET_S[days]) is None]

    def changes(self, now: float, factors: HashpriceFactors) -> dict[int, HashpriceChange]:
        """Return the change of fiat hashprice up to `factors` by span in days; spans without a point are absent."""
        found = {}
        for days in CHANGE_SPANS_DAYS:
            point = self.near(now - days * DAY, MAX_OFFSET_S[days])
            then = _factors(point) if point is not None else None
            change = explain_change(factors, then) if then is not None else None
            if change is not None:
                found[days] = change
        return found


def _factors(point: MarketDay) -> HashpriceFactors | None:
    if not point.price or not point.reward_sat or not point.difficulty:
        return None
    return HashpriceFactors(point.price, point.reward_sat, point.difficulty)


def _thin_out(points: list[MarketDay]) -> list[MarketDay]:
    """Return the sorted `points` up to MAX_AGE_S old; of days more than nine days ago only the last point."""
    newest = points[-1].at
    young = [point for point in points if point.at > newest - 9 * DAY]
    old = {point.day: point for point in points if newest - MAX_AGE_S < point.at <= newest - 9 * DAY}
    return [*old.values(), *young]
