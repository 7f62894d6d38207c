"""Tracks one pool: the test for a shortfall, the last day of each worker, and the earnings of each day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from stratoscope.fleet import RigId
from stratoscope.pools.report import PoolReport, Scheme
from stratoscope.reconcile.comparison import WINDOWS, HourlySums, SpanComparison, WindowComparison
from stratoscope.reconcile.days import PoolDays
from stratoscope.reconcile.evidence import FALSE_ALARM_HOURS, Dispersion, Shortfall, ShortfallDetector, shares_to_detect
from stratoscope.reconcile.waterfall import BlockOdds, PoolDay, Waterfall
from stratoscope.units import DAY

REFERENCE_SHORTFALL_RATIO: Final = 0.03
"""The shortfall for which the detection time is reported."""
DAY_WINDOW: Final = "24h"
MAX_WORKER_RESULTS: Final = 1000
"""Workers of a pool with a result of their own; the sums include all workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTerms:
    """The terms agreed with one pool, and the tolerated differences."""

    pool: str
    scheme: Scheme | None = None
    fee: float | None = None  # ratio
    tolerance: float = 0.01  # ratio, for the whole pool: how much rigs may overstate their hashrate
    worker_tolerance: float = 0.05  # ratio, for a single worker

    def scheme_of(self, report: PoolReport | None) -> Scheme | None:
        """Return the agreed payout scheme, else the one that the pool reports."""
        return self.scheme or (report.scheme if report is not None else None)


@dataclass(frozen=True, slots=True)
class WorkerResult:
    """One worker: its rigs, its last day, and whether the pool credits it less than its rigs did."""

    rigs: tuple[RigId, ...]
    comparison: WindowComparison
    short: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReconciliation:
    """The results of one pool; None and absent keys mean unknown."""

    pool: str
    at: float  # UTC s of the newest comparison
    scheme: Scheme | None
    tolerance: float
    rigs: Mapping[str, int]  # matched, unmatched → count
    worker_matches: Mapping[str, int]  # matched, unmatched, ambiguous → count
    coverage: float | None = None  # fraction of the account's hashrate that comes from matched workers
    windows: Mapping[str, WindowComparison] = field(default_factory=dict)
    dispersion: float = 1.0
    evidence: float = 0.0  # 1 raises the alarm
    shortfall: Shortfall | None = None
    detection: float | None = None  # s; mean time to detect a shortfall of REFERENCE_SHORTFALL_RATIO
    workers: tuple[WorkerResult, ...] = ()
    waterfall: Waterfall | None = None
    odds: BlockOdds | None = None  # only for solo mining

    @property
    def verdict(self) -> str:
        """Return "short", "in full", or "unsure" while the noise is too large to decide."""
        if self.shortfall is not None:
            return "short"
        day = self.windows.get(DAY_WINDOW)
        if day is None or day.band(0.0) > REFERENCE_SHORTFALL_RATIO - self.tolerance:
            return "unsure"
        return "in full" if day.ratio >= 1 - day.band(self.tolerance) else "unsure"


@dataclass(slots=True)
class _WorkerState:
    detector: ShortfallDetector
    sums: HourlySums = field(default_factory=HourlySums)
    rigs: tuple[RigId, ...] = ()
    comparison: WindowComparison | None = None  # of the day before `until`
    until: float = 0.0  # UTC s


class PoolTracker:
    """All comparisons of one pool."""

    def __init__(self, terms: PoolTerms, site: str, rows: Iterable[PoolDay] = ()) -> None:
        self.terms = terms
        self.days = PoolDays(site, terms.pool, rows)
        self.sums = HourlySums()
        self.dispersion = Dispersion()
        self.detector = ShortfallDetector(terms.tolerance)
        self.workers: dict[str, _WorkerState] = {}
        self.at = 0.0

    def add(self, span: SpanComparison) -> None:
        """Add one comparison to the pool's sums; if the rigs are at fault, only to those of the day."""
        self.days.add_comparison(span)
        if span.is_rig_fault:
            return
        self.dispersion.add(span.worker, span.shares, span.credited_shares)
        self.sums.add(span)

    def test(self, spans: Sequence[SpanComparison], lag_shares: float) -> bool:
        """Test for a shortfall with the comparisons of one worker list; return whether the alarm was raised or ended.

        `lag_shares` is the number of shares that all rigs at the pool find in the time its figures may lag behind.
        """
        spans = [span for span in spans if not span.is_rig_fault]
        if not spans:
            return False
        factor = self.dispersion.factor
        expected = sum(span.shares for span in spans) / factor
        credited = sum(span.credited_shares for span in spans) / factor
        self.at = max(self.at, *(span.end for span in spans))
        start = min(span.start for span in spans)
        return self.detector.add(expected, credited, start=start, lag_shares=lag_shares / factor)

    def add_worker(self, span: SpanComparison, rigs: tuple[RigId, ...], workers: int, max_lag: float) -> None:
        """Add a comparison to its worker's own test, which needs more evidence the more `workers` there are."""
        own = self.workers.get(span.worker)
        if own is None or own.rigs != rigs:
            false_alarm_hours = FALSE_ALARM_HOURS * max(1, workers)
            own = _WorkerState(ShortfallDetector(self.terms.worker_tolerance, false_alarm_hours), rigs=rigs)
            self.workers[span.worker] = own
        own.sums.add(span)
        factor, seconds = self.dispersion.factor, span.end - span.start
        own.detector.add(
            span.shares / factor,
            span.credited_shares / factor,
            start=span.start,
            lag_shares=span.shares / factor * max_lag / seconds,
        )
        own.comparison, own.until = own.sums.over(WINDOWS[DAY_WINDOW], span.end, factor), span.end

    def keep_only(self, workers: set[str]) -> None:
        """Forget all workers but `workers`."""
        for name in self.workers.keys() - workers:
            del self.workers[name]
        self.dispersion.keep_only(workers)

    def detection_time(self, share_rate: float, max_lag: float) -> float | None:
        """Return the mean time (s) to detect REFERENCE_SHORTFALL_RATIO at `share_rate` shares per second."""
        factor = self.dispersion.factor
        shares = shares_to_detect(REFERENCE_SHORTFALL_RATIO, self.terms.tolerance, max_lag * share_rate / factor)
        return shares * factor / share_rate if shares is not None and share_rate > 0 else None

    def windows(self, now: float) -> dict[str, WindowComparison]:
        """Return the sums over each of WINDOWS."""
        found = {name: self.sums.over(hours, now, self.dispersion.factor) for name, hours in WINDOWS.items()}
        return {name: comparison for name, comparison in found.items() if comparison is not None}

    def worker_results(self, now: float, limit: int = MAX_WORKER_RESULTS) -> tuple[WorkerResult, ...]:
        """Return the last day of at most `limit` workers, those furthest below their due first.

        A worker without a comparison for a day is left out.
        """
        found = [
            WorkerResult(own.rigs, own.comparison, own.detector.shortfall is not None)
            for own in self.workers.values()
            if own.comparison is not None and now - own.until < DAY
        ]
        found.sort(key=lambda one: (not one.short, (one.comparison.ratio - 1) / one.comparison.noise))
        return tuple(found[:limit])

    def state(self) -> list[list[float]]:
        """Return the state of the pool's test, for `restore` after a restart."""
        return [self.detector.state(), self.dispersion.state()]

    def restore(self, state: Sequence[Sequence[float]]) -> None:
        """Continue from a `state()`."""
        if len(state) == 2:
            self.detector.restore(state[0])
            self.dispersion.restore(state[1])
