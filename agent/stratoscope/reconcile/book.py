"""Keeps what was found out of one pool: the test for a shortfall, the last day of every worker, the days of money."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from stratoscope.fleet import RigId
from stratoscope.pools.report import Scheme
from stratoscope.reconcile.comparison import WINDOWS, Comparison, Piece, Trail
from stratoscope.reconcile.days import PoolDays
from stratoscope.reconcile.evidence import PATIENCE, Detector, Dispersion, Finding, shares_to_detect
from stratoscope.reconcile.waterfall import BlockOdds, PoolDay, Waterfall
from stratoscope.units import DAY

SKIM: Final = 0.03
"""The shortfall whose time to detection is told."""
DAY_WINDOW: Final = "24h"
MOST_WORKERS: Final = 1000
"""Workers of a pool that are told of one by one; the sums hold all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is agreed with one pool, and which differences are none."""

    pool: str
    scheme: Scheme | None = None
    fee: float | None = None  # ratio
    tolerance: float = 0.01  # of the whole pool: by how much rigs may overstate their hashrate
    worker_tolerance: float = 0.05  # of a single worker


@dataclass(frozen=True, slots=True)
class WorkerStanding:
    """One worker: the rigs it is, its last day, and whether it is credited less than its rigs did."""

    rigs: tuple[RigId, ...]
    compared: Comparison
    short: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What is known of one pool now; None and absent keys are unknown."""

    pool: str
    at: float  # UTC s of the newest comparison
    scheme: Scheme | None
    tolerance: float
    rigs: Mapping[str, int]  # matched, unmatched → count
    worker_matches: Mapping[str, int]  # matched, unmatched, ambiguous → count
    coverage: float | None = None  # part of the account's hashrate that matched workers are
    windows: Mapping[str, Comparison] = field(default_factory=dict)
    dispersion: float = 1.0
    evidence: float = 0.0  # 1 raises the alarm
    finding: Finding | None = None
    detection: float | None = None  # s until a shortfall of SKIM would be found, on average
    workers: tuple[WorkerStanding, ...] = ()
    waterfall: Waterfall | None = None
    odds: BlockOdds | None = None  # where blocks are found alone

    @property
    def verdict(self) -> str:
        """Return in a word how the pool stands: short, in full, or unsure: the noise is still too wide to say."""
        if self.finding is not None:
            return "short"
        day = self.windows.get(DAY_WINDOW)
        if day is None or day.band(0.0) > SKIM - self.tolerance:
            return "unsure"
        return "in full" if day.ratio >= 1 - day.band(self.tolerance) else "unsure"


@dataclass(slots=True)
class _Worker:
    detector: Detector
    trail: Trail = field(default_factory=Trail)
    rigs: tuple[RigId, ...] = ()
    compared: Comparison | None = None  # over the day up to `until`
    until: float = 0.0  # UTC s


class PoolBook:
    """Everything that was compared at one pool."""

    def __init__(self, terms: Terms, site: str, rows: Iterable[PoolDay] = ()) -> None:
        self.terms = terms
        self.days = PoolDays(site, terms.pool, rows)
        self.trail = Trail()
        self.dispersion = Dispersion()
        self.detector = Detector(terms.tolerance)
        self.workers: dict[str, _Worker] = {}
        self.at = 0.0

    def count(self, piece: Piece) -> None:
        """Take one piece to the sums of the pool; one that is the rigs' own matter counts for the day alone."""
        self.days.compared(piece)
        if piece.is_rigs_matter:
            return
        self.dispersion.add(piece.worker, piece.shares, piece.counted)
        self.trail.add(piece)

    def judge(self, pieces: Sequence[Piece], unsure: float) -> bool:
        """Take the counted pieces of one list of workers to the test; tell whether the alarm was raised or ended.

        `unsure` is how many shares all rigs at the pool find while its books may be behind.
        """
        pieces = [piece for piece in pieces if not piece.is_rigs_matter]
        if not pieces:
            return False
        factor = self.dispersion.factor
        expected = sum(piece.shares for piece in pieces) / factor
        counted = sum(piece.counted for piece in pieces) / factor
        self.at = max(self.at, *(piece.end for piece in pieces))
        return self.detector.add(expected, counted, start=min(p.start for p in pieces), unsure=unsure / factor)

    def take_worker(self, piece: Piece, rigs: tuple[RigId, ...], workers: int, late: float) -> None:
        """Take one worker's piece to its own test, which is the stricter the more workers there are."""
        own = self.workers.get(piece.worker)
        if own is None or own.rigs != rigs:
            patience = PATIENCE * max(1, workers)
            own = self.workers[piece.worker] = _Worker(Detector(self.terms.worker_tolerance, patience), rigs=rigs)
        own.trail.add(piece)
        factor, seconds = self.dispersion.factor, piece.end - piece.start
        own.detector.add(
            piece.shares / factor,
            piece.counted / factor,
            start=piece.start,
            unsure=piece.shares / factor * late / seconds,
        )
        own.compared, own.until = own.trail.over(WINDOWS[DAY_WINDOW], piece.end, factor), piece.end

    def keep_only(self, workers: set[str]) -> None:
        """Forget workers that are gone."""
        for name in self.workers.keys() - workers:
            del self.workers[name]
        self.dispersion.keep_only(workers)

    def detection(self, share_rate: float, late: float) -> float | None:
        """Return how long a shortfall of SKIM would last before it is found, on average, at so many shares a second."""
        factor = self.dispersion.factor
        shares = shares_to_detect(SKIM, self.terms.tolerance, late * share_rate / factor)
        return shares * factor / share_rate if shares is not None and share_rate > 0 else None

    def windows(self, now: float) -> dict[str, Comparison]:
        """Return the comparison over each of WINDOWS."""
        found = {name: self.trail.over(hours, now, self.dispersion.factor) for name, hours in WINDOWS.items()}
        return {name: compared for name, compared in found.items() if compared is not None}

    def standings(self, now: float, most: int = MOST_WORKERS) -> tuple[WorkerStanding, ...]:
        """Return the last day of at most `most` workers, those furthest below their due first.

        A worker of which nothing was compared for a day is not among them.
        """
        found = [
            WorkerStanding(own.rigs, own.compared, own.detector.finding is not None)
            for own in self.workers.values()
            if own.compared is not None and now - own.until < DAY
        ]
        found.sort(key=lambda one: (not one.short, (one.compared.ratio - 1) / one.compared.noise))
        return tuple(found[:most])

    def state(self) -> list[list[float]]:
        """Return what the test knows, to go on from after a restart."""
        return [self.detector.state(), self.dispersion.state()]

    def resume(self, state: Sequence[Sequence[float]]) -> None:
        """Go on from `state()`."""
        if len(state) == 2:
            self.detector.resume(state[0])
            self.dispersion.resume(state[1])
