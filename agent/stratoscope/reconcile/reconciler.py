"""Reconciles every configured pool with the rigs: compares what each pool credits and pays with what the rigs did.

It reads no clock, opens nothing and logs nothing. All times are UTC seconds that the caller passes in. Long work is
split into slices, and other tasks of the event loop run between them.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stratoscope.events import Event
from stratoscope.fleet import RigId, RigSnapshot
from stratoscope.pools.report import Earning, PoolReport, WorkerReport
from stratoscope.reconcile.comparison import MIN_SPAN_S, SpanComparison, choose_window, is_working, sum_hashrate
from stratoscope.reconcile.days import HashValue
from stratoscope.reconcile.matching import Matching, PoolIdentity, WorkerSlot
from stratoscope.reconcile.pool_tracker import PoolReconciliation, PoolTerms, PoolTracker
from stratoscope.reconcile.span_comparer import MAX_POOL_LAG_S, SpanComparer
from stratoscope.reconcile.waterfall import PoolDay, block_odds
from stratoscope.units import HOUR

RIGS_PER_SLICE: Final = 500
"""Rigs that are added before other tasks run."""
WORKERS_PER_SLICE: Final = 100
"""Workers that are compared before other tasks run."""
WHOLE_ACCOUNT: Final = ""
"""The worker name used for the whole account of a pool that lists no workers."""
SOLO: Final = "solo"
TestStates = Mapping[str, Sequence[Sequence[float]]]
"""Pool → `PoolTracker.state()`."""


@dataclass(frozen=True, slots=True)
class PoolAgreement:
    """One pool of the config: how to recognise its rigs, and the agreed terms."""

    identity: PoolIdentity
    terms: PoolTerms


class Reconciler:
    """Tracks all configured pools and the rigs that mine at them."""

    def __init__(
        self,
        site: str,
        events: Callable[[Event], None],
        *,
        rows: Iterable[PoolDay] = (),
        states: TestStates | None = None,
        span: float = MIN_SPAN_S,
    ) -> None:
        """Continue from the `rows` and `states` of the ledger; `span` is the shortest comparison in s."""
        self.site, self._events = site, events
        self.trackers: dict[str, PoolTracker] = {}
        self.agreements: dict[str, PoolAgreement] = {}
        self._comparer = SpanComparer(span)
        self._rows, self._states = list(rows), dict(states or {})
        self._coverage: dict[str, float] = {}
        self._last_assignments: dict[RigId, WorkerSlot] = {}  # also of rigs that are unreachable now
        self._rig_of: dict[WorkerSlot, RigId] = {}
        self._hashrates: dict[str, float] = {}  # pool → H/s of the account
        self._working: dict[str, dict[str, bool | None]] = {}  # pool → worker → whether the pool receives its shares
        self._results: dict[str, PoolReconciliation] = {}

    def follow(self, agreements: Iterable[PoolAgreement], firmware_fee: float) -> None:
        """Switch to these pools; pools that stay keep everything known about them."""
        self._comparer.firmware_fee = firmware_fee
        self.agreements = {one.terms.pool: one for one in agreements}
        for gone in self.trackers.keys() - self.agreements.keys():
            del self.trackers[gone]
            self._results.pop(gone, None)
        for name, one in self.agreements.items():
            tracker = self.trackers.get(name)
            if tracker is None:
                tracker = self.trackers[name] = PoolTracker(one.terms, self.site, self._rows)
                tracker.restore(self._states.get(name, ()))
            tracker.terms = one.terms

    def set_matching(self, matching: Matching) -> bool:
        """Replace the matching; return whether `rig_of` has changed."""
        self._comparer.set_matching(matching)
        self._last_assignments.update(matching.assignments)
        before, self._rig_of = self._rig_of, {}
        for pool in self.trackers:
            for worker, rigs in matching.rigs_of(pool).items():
                if len(rigs) == 1:
                    self._rig_of[WorkerSlot(pool, worker)] = rigs[0]
        return self._rig_of != before

    def rig_of(self, pool: str, worker: str) -> RigId | None:
        """Return the rig of a worker; None unless it is exactly one."""
        return self._rig_of.get(WorkerSlot(pool, worker))

    async def add_snapshots(
        self,
        snapshots: Iterable[RigSnapshot],
        at: float,
        value: HashValue | None,
        reports: Mapping[str, PoolReport],
    ) -> None:
        """Add the newest snapshot of every rig; `reports` state how the pools pay, where the config does not."""
        trackers = dict(self.trackers)  # the config may change between two slices
        seconds = {name: self._begin(tracker, at, reports.get(name)) for name, tracker in trackers.items()}
        known = set()
        for count, snapshot in enumerate(snapshots, 1):
            known.add(snapshot.rig)
            worker = self._current_worker(snapshot)
            if worker is not None and worker.pool in seconds:
                progress = self._comparer.add_snapshot(snapshot)
                working = self._working.get(worker.pool, {}).get(worker.name)
                days = trackers[worker.pool].days
                days.add_rig_time(at, seconds[worker.pool], snapshot, progress, value, working)
            if count % RIGS_PER_SLICE == 0:
                await asyncio.sleep(0)
        for rig in self._last_assignments.keys() - known:
            del self._last_assignments[rig]

    def _current_worker(self, snapshot: RigSnapshot) -> WorkerSlot | None:
        """Return the worker of a rig, for an unreachable rig its last one; forget it if the rig mines elsewhere."""
        worker = self._comparer.matching.assignments.get(snapshot.rig)
        if worker is not None:
            return worker
        if snapshot.reading is None:
            return self._last_assignments.get(snapshot.rig)
        self._last_assignments.pop(snapshot.rig, None)
        return None

    def _begin(self, tracker: PoolTracker, at: float, report: PoolReport | None) -> float:
        terms = tracker.terms
        fee = terms.fee if terms.fee is not None or report is None else report.fee_ratio
        return tracker.days.begin(at, terms.scheme_of(report), fee, self._comparer.firmware_fee)

    async def add_workers(self, pool: str, report: PoolReport, at: float) -> None:
        """Add a worker list observed at UTC `at`; for a pool without one, the account total."""
        tracker = self.trackers.get(pool)
        if tracker is None:
            return
        workers: Sequence[WorkerReport] = report.workers or ()
        if report.workers is None:
            workers = (WorkerReport(name=WHOLE_ACCOUNT, hashrate=report.hashrate, work=report.work),)
        self._add_coverage(tracker, workers, at)
        self._working[pool] = {worker.name: is_working(worker, at) for worker in report.workers or ()}
        compared: list[SpanComparison] = []
        for count, worker in enumerate(workers, 1):
            slot = WorkerSlot(pool, worker.name)
            span = self._comparer.compare(slot, worker.hashrate, worker.work, at)
            if span is not None:
                compared.append(span)
                tracker.add(span)
                tracker.add_worker(span, tuple(self._comparer.rigs_of(slot)), len(workers), MAX_POOL_LAG_S)
            if count % WORKERS_PER_SLICE == 0:
                await asyncio.sleep(0)
        tracker.keep_only({worker.name for worker in workers})
        if tracker.test(compared, MAX_POOL_LAG_S * self._comparer.share_rate(pool)):
            self._events(_shortfall_event(tracker, at))

    def _add_coverage(self, tracker: PoolTracker, workers: Sequence[WorkerReport], at: float) -> None:
        """Record which fraction of the account's hashrate comes from matched workers."""
        reported = {window: 1.0 for worker in workers for window in worker.hashrate}
        window = choose_window(reported, self._comparer.min_span)
        if window is None:
            return
        pool = tracker.terms.pool
        matched = [worker for worker in workers if self._comparer.rigs_of(WorkerSlot(pool, worker.name))]
        total, own = sum_hashrate(workers, window), sum_hashrate(matched, window)
        self._hashrates[pool] = total
        if total > 0:
            self._coverage[pool] = own / total
            tracker.days.add_coverage(at, own, total)

    def add_earnings(self, pool: str, earnings: Sequence[Earning], at: float) -> None:
        """Add the earnings that a pool reported at UTC `at`."""
        if pool in self.trackers:
            self.trackers[pool].days.set_earnings(earnings, at)

    def update(self, now: float, reports: Mapping[str, PoolReport], difficulty: float | None) -> None:
        """Compute the results of every pool at UTC `now`."""
        for name, tracker in self.trackers.items():
            self._results[name] = self._result(name, tracker, now, reports.get(name), difficulty)

    @property
    def now(self) -> tuple[PoolReconciliation, ...]:
        """Return the results of every pool as of the last `update`."""
        return tuple(self._results.values())

    def _result(
        self, pool: str, tracker: PoolTracker, now: float, report: PoolReport | None, difficulty: float | None
    ) -> PoolReconciliation:
        matching = self._comparer.matching
        rigs = matching.rigs_of(pool)
        scheme = tracker.terms.scheme_of(report)
        workers = {
            "matched": len(rigs),
            "unmatched": len(matching.unmatched_workers.get(pool, ())),
            "ambiguous": len(matching.ambiguous_workers.get(pool, ())),
        }
        return PoolReconciliation(
            pool=pool,
            at=tracker.at,
            scheme=scheme,
            tolerance=tracker.terms.tolerance,
            rigs={"matched": sum(map(len, rigs.values())), "unmatched": len(matching.unmatched_rigs.get(pool, ()))},
            worker_matches=workers if report is not None and report.workers is not None else {},
            coverage=self._coverage.get(pool),
            windows=tracker.windows(now),
            dispersion=tracker.dispersion.factor,
            evidence=tracker.detector.evidence,
            shortfall=tracker.detector.shortfall,
            detection=tracker.detection_time(self._comparer.share_rate(pool), MAX_POOL_LAG_S),
            workers=tracker.worker_results(now),
            waterfall=tracker.days.newest_settled(),
            odds=block_odds(self._hashrates.get(pool), difficulty) if scheme == SOLO else None,
        )

    def drain(self) -> tuple[list[PoolDay], list[tuple[str, list[list[float]]]]]:
        """Return the days that changed since the last call, and the state of each pool's test, for the ledger."""
        days = [day for tracker in self.trackers.values() for day in tracker.days.drain()]
        return days, [(name, tracker.state()) for name, tracker in self.trackers.items() if tracker.at]


def _shortfall_event(tracker: PoolTracker, at: float) -> Event:
    """Return the event of an alarm that was just raised or ended."""
    pool, shortfall = tracker.terms.pool, tracker.detector.shortfall
    if shortfall is None:
        text = f"pool {pool} credits the work of its rigs in full again"
        return Event(kind="pool_shortfall_cleared", at=at, text=text, details={"pool": pool})
    missing, hours, tolerance = 1 - shortfall.rate, (at - shortfall.since) / HOUR, tracker.terms.tolerance
    text = (
        f"pool {pool} has credited {missing:.1%} less than its rigs did for about {hours:.0f} h "
        f"({shortfall.shares:,.0f} shares, standard error {shortfall.noise:.1%}, tolerance {tolerance:.1%})"
    )
    details = {
        "pool": pool,
        "shortfall": missing,
        "since": shortfall.since,
        "shares": shortfall.shares,
        "standard_error": shortfall.noise,
        "tolerance": tolerance,
    }
    return Event(kind="pool_shortfall_raised", at=at, text=text, details=details)
