"""Compares what a pool credits with what the rigs reported, worker by worker, over the same spans of time.

It reads no clock, opens nothing and logs nothing: the caller passes in snapshots of rigs and the pool's worker lists.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from stratoscope.fleet import RigId, RigSnapshot
from stratoscope.market.chain import HASHES_PER_DIFFICULTY
from stratoscope.pools.report import WorkTotals
from stratoscope.reading import Reading
from stratoscope.reconcile.comparison import (
    MIN_SPAN_S,
    SpanComparison,
    choose_window,
    mean_share_difficulty,
    read_credit,
)
from stratoscope.reconcile.matching import Matching, WorkerSlot, active_slot
from stratoscope.reconcile.rig_curve import NO_PROGRESS, RigCurve, RigProgress
from stratoscope.units import MINUTE

DEFAULT_SHARE_INTERVAL_S: Final = 15.0
"""Time between a rig's shares if neither rig nor pool reports their difficulty; most pools want them more often."""
MAX_POOL_LAG_S: Final = MINUTE
"""How far a pool's figures may lag behind their timestamp: web pages are updated once a minute."""
MAX_CREDIT_RATIO: Final = 100.0
"""A pool that credits more than this times the due hashes reports another worker's figures, or nonsense."""
BITCOIN: Final = "sha256"


@dataclass(slots=True)
class _SpanStart:
    """The start of a worker's next comparison."""

    at: float  # UTC s
    total: float | None  # the pool's running sum of hashes at that time
    rigs: tuple[RigId, ...]


class SpanComparer:
    """Keeps the curve of every matched rig and compares it with the pool's figures of its worker."""

    def __init__(self, min_span: float = MIN_SPAN_S) -> None:
        self.matching = Matching()
        self.min_span = min_span  # s
        self.firmware_fee = 0.0  # ratio
        self._curves: dict[RigId, tuple[WorkerSlot, RigCurve]] = {}
        self._starts: dict[WorkerSlot, _SpanStart] = {}
        self._rigs: dict[WorkerSlot, list[RigId]] = {}

    def set_matching(self, matching: Matching) -> None:
        """Replace the matching; a rig that moved to another worker starts a new curve."""
        self.matching = matching
        self._rigs = {}
        for rig, worker in matching.assignments.items():
            self._rigs.setdefault(worker, []).append(rig)
        for rig in [rig for rig, (worker, _) in self._curves.items() if matching.assignments.get(rig) != worker]:
            del self._curves[rig]
        for worker in self._starts.keys() - self._rigs.keys():
            del self._starts[worker]

    def add_snapshot(self, snapshot: RigSnapshot) -> RigProgress:
        """Add a rig's newest snapshot; return its progress at the pool. Only SHA-256 rigs are compared."""
        worker, reading = self.matching.assignments.get(snapshot.rig), snapshot.reading
        if worker is None or reading is None or reading.algorithm not in (None, BITCOIN):
            return NO_PROGRESS
        known = self._curves.get(snapshot.rig)
        if known is None:
            known = self._curves[snapshot.rig] = worker, RigCurve()
        curve = known[1]
        curve.share_difficulty = _mean_difficulty(reading) or curve.share_difficulty
        return curve.add_snapshot(snapshot)

    def rigs_of(self, worker: WorkerSlot) -> list[RigId]:
        """Return the rigs assigned to a worker."""
        return self._rigs.get(worker, [])

    def share_rate(self, pool: str) -> float:
        """Return the number of shares per second that the rigs at a pool find."""
        return sum(
            curve.rate / _hashes_per_share(curve, None)
            for worker, curve in self._curves.values()
            if worker.pool == pool
        )

    def compare(
        self, worker: WorkerSlot, hashrate: Mapping[float, float], work: Iterable[WorkTotals], at: float
    ) -> SpanComparison | None:
        """Compare a worker from its last comparison up to UTC `at`; None if that is not possible (yet).

        `hashrate` and `work` are the pool's figures of the worker, as in WorkerReport.
        """
        rigs = tuple(self._rigs.get(worker, ()))
        if not rigs or any(rig not in self._curves for rig in rigs):
            return None
        credit = read_credit(hashrate, work)
        difficulty = mean_share_difficulty(work)
        start = self._starts.get(worker)
        if start is not None and (start.rigs != rigs or at < start.at):
            start = None
        if credit.total is not None:
            return self._compare_totals(worker, rigs, credit.total, start, at, difficulty)
        window = choose_window(credit.windows, self.min_span)
        if window is None or (start is not None and at < start.at + window):
            return None
        compared = self._compare(worker, rigs, at - window, at, credit.windows[window] * window, difficulty)
        if compared is not None:
            self._starts[worker] = _SpanStart(at, None, rigs)
        return compared

    def _compare_totals(
        self,
        worker: WorkerSlot,
        rigs: tuple[RigId, ...],
        total: float,
        start: _SpanStart | None,
        at: float,
        difficulty: float | None,
    ) -> SpanComparison | None:
        if start is None or start.total is None or total < start.total:  # first figure, or the pool's counter was reset
            self._starts[worker] = _SpanStart(at, total, rigs)
            return None
        if at - start.at < self.min_span:
            return None
        self._starts[worker] = _SpanStart(at, total, rigs)
        return self._compare(worker, rigs, start.at, at, total - start.total, difficulty)

    def _compare(
        self,
        worker: WorkerSlot,
        rigs: tuple[RigId, ...],
        start: float,
        end: float,
        credited: float,
        difficulty: float | None,
    ) -> SpanComparison | None:
        reported = due = shares = 0.0
        accepted: float | None = 0.0
        for rig in rigs:
            curve = self._curves[rig][1]
            span = curve.between(start, end)
            if span is None:
                return None
            rig_due = span.hashes * (1 - self.firmware_fee) * curve.accepted_ratio
            accepted = None if accepted is None or span.accepted is None else accepted + span.accepted
            reported += span.hashes
            due += rig_due
            shares += rig_due / _hashes_per_share(curve, difficulty)
        if not due > 0 or not 0 <= credited <= MAX_CREDIT_RATIO * due:
            return None
        return SpanComparison(worker.name, start, end, reported, due, credited, shares, len(rigs), accepted)


def _hashes_per_share(curve: RigCurve, pool_difficulty: float | None) -> float:
    """Return the mean hashes per share of a rig, from its own share difficulty, else from the pool's."""
    difficulty = curve.share_difficulty or pool_difficulty
    return difficulty * HASHES_PER_DIFFICULTY if difficulty else max(curve.rate * DEFAULT_SHARE_INTERVAL_S, 1.0)


def _mean_difficulty(reading: Reading) -> float | None:
    """Return the mean difficulty of the accepted shares of a rig's active slot."""
    slot = active_slot(reading)
    if slot is None or not slot.accepted or not slot.difficulty_accepted:
        return None
    return slot.difficulty_accepted / slot.accepted
