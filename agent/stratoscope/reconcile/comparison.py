"""Compares the hashes that rigs reported with those that a pool credited for the same time, with their noise."""

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from stratoscope.market.chain import HASHES_PER_DIFFICULTY
from stratoscope.pools.report import WorkerReport, WorkTotals
from stratoscope.reconcile.evidence import noise
from stratoscope.units import HOUR, MINUTE

MIN_SPAN_S: Final = 15 * MINUTE
"""Shortest comparison: the longer it is, the less a pool's figures that lag a minute matter."""

SILENT_AFTER_S: Final = 15 * MINUTE
"""A worker without a share for this long is not working."""
RIG_FAULT_STANDARD_ERRORS: Final = 4.0
MAX_HOURS: Final = 24
WINDOWS: Final[Mapping[str, int]] = {"6h": 6, "24h": 24}
"""Windows of the reported sums, in hours."""

BAND_STANDARD_ERRORS: Final = 2.576
"""Standard errors to either side that contain 99 % of the noise."""


class SpanComparison(NamedTuple):
    """The comparison of one worker over one span (UTC s).

    `reported` and `credited` are hashes. `due` is what the pool should have credited: the reported hashes less the
    firmware's fee and the refused shares. `shares` is the number of due shares.
    """

    worker: str
    start: float
    end: float
    reported: float
    due: float
    credited: float
    shares: float
    rigs: int = 1
    accepted: float | None = None  # shares that the rigs counted as accepted; None if a rig does not count them

    @property
    def is_rig_fault(self) -> bool:
        """Return whether the rigs found far fewer shares than their reported hashrate implies.

        A rig that freezes, or shows a half-hour mean while it is stopped, reports hashes that it does not compute. If
        its own share count is RIG_FAULT_STANDARD_ERRORS too low, the span says nothing about the pool.
        """
        expected_min = self.shares - RIG_FAULT_STANDARD_ERRORS * math.sqrt(self.shares) - 1
        return self.accepted is not None and self.accepted < expected_min

    @property
    def credited_shares(self) -> float:
        """Return the number of credited shares, at the difficulty of the due ones."""
        return self.credited * self.shares / self.due if self.due > 0 else 0.0


@dataclass(frozen=True, slots=True)
class WindowComparison:
    """The sums of a window: mean hashrates (H/s) over the compared time, and their ratio with its noise."""

    reported: float
    credited: float
    ratio: float  # credited over due
    noise: float  # one standard error of the ratio
    shares: float
    seconds: float  # rig-seconds compared

    def band(self, tolerance: float) -> float:
        """Return how far the ratio may be from 1 by noise and tolerance together."""
        return BAND_STANDARD_ERRORS * self.noise + tolerance


class HourlySums:
    """The sums of the comparisons in each of the last 24 hours."""

    __slots__ = ("_rows",)
    _WIDTH: Final = 6  # hour, reported, due, credited, shares, rig-seconds

    def __init__(self) -> None:
        self._rows = array("d", [-1.0] + [0.0] * (self._WIDTH - 1)) * MAX_HOURS

    def add(self, comparison: SpanComparison) -> None:
        """Add a comparison to the hour in which it ends."""
        hour = math.floor(comparison.end / HOUR)
        at = hour % MAX_HOURS * self._WIDTH
        rows = self._rows
        if rows[at] != hour:
            if rows[at] > hour:
                return  # too old
            rows[at : at + self._WIDTH] = array("d", [float(hour)] + [0.0] * (self._WIDTH - 1))
        more = (
            comparison.reported,
            comparison.due,
            comparison.credited,
            comparison.shares,
            (comparison.end - comparison.start) * comparison.rigs,
        )
        for offset, value in enumerate(more, at + 1):
            rows[offset] += value

    def over(self, hours: int, now: float, dispersion: float = 1.0) -> WindowComparison | None:
        """Return the sums over the newest `hours` hours at UTC `now`, with the current one; None if nothing is due."""
        oldest = math.floor(now / HOUR) - hours
        rows, reported, due, credited, shares, seconds = self._rows, 0.0, 0.0, 0.0, 0.0, 0.0
        for at in range(0, MAX_HOURS * self._WIDTH, self._WIDTH):
            if rows[at] > oldest:
                reported += rows[at + 1]
                due += rows[at + 2]
                credited += rows[at + 3]
                shares += rows[at + 4]
                seconds += rows[at + 5]
        if not due > 0 or not shares > 0 or not seconds > 0:
            return None
        return WindowComparison(
            reported / seconds, credited / seconds, credited / due, noise(shares, dispersion), shares, seconds
        )


class PoolCredit(NamedTuple):
    """What a pool credited to a worker: a running sum of hashes if it reports one, and mean hashrates by window."""

    total: float | None
    windows: Mapping[float, float]


def read_credit(hashrate: Mapping[float, float], work: Iterable[WorkTotals]) -> PoolCredit:
    """Return the comparable figures of a worker or an account.

    A sum of difficulties is best: the difference of two is exactly what was credited in between. A count of shares is
    not used, because their difficulty changes.
    """
    for totals in work:
        if totals.window is None and totals.accepted is not None and totals.counted != "shares":
            factor = HASHES_PER_DIFFICULTY if totals.counted == "difficulty" else 1.0
            return PoolCredit(totals.accepted * factor, hashrate)
    return PoolCredit(None, hashrate)


def mean_share_difficulty(work: Iterable[WorkTotals]) -> float | None:
    """Return the mean difficulty of a share; None unless the pool reports shares and difficulty of the same time."""
    sums: dict[tuple[str, float | None, float | None], float] = {}
    for totals in work:
        if totals.accepted:
            sums[totals.counted, totals.window, totals.since] = totals.accepted
    for (credited_shares, window, since), amount in sums.items():
        shares = sums.get(("shares", window, since))
        if credited_shares == "difficulty" and shares:
            return amount / shares
    return None


def choose_window(windows: Mapping[float, float], minimum: float) -> float | None:
    """Return the shortest window of at least `minimum` s, else the longest one; None if there are none."""
    enough = [window for window in windows if window >= minimum]
    return min(enough) if enough else max(windows, default=None)


def is_working(worker: WorkerReport, at: float) -> bool | None:
    """Return whether the pool receives shares of a worker at UTC `at`; None if it does not report that."""
    if worker.state is not None:
        return worker.state == "active"
    if worker.last_share is not None:
        return at - worker.last_share <= SILENT_AFTER_S
    return worker.hashrate[min(worker.hashrate)] > 0 if worker.hashrate else None


def sum_hashrate(workers: Iterable[WorkerReport], window: float) -> float:
    """Return the total hashrate (H/s) of the workers over a window."""
    return sum(worker.hashrate.get(window, 0.0) for worker in workers)
