"""Compares hashes that rigs reported with those a pool credited for the same time, with the noise of share counts."""

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from stratoscope.market.chain import HASHES_PER_DIFFICULTY
from stratoscope.pools.report import Tally, WorkerReport
from stratoscope.reconcile.evidence import noise
from stratoscope.units import HOUR, MINUTE

SPAN: Final = 15 * MINUTE
"""Least seconds of one comparison: books that are a minute late matter less the longer it is."""

SILENT: Final = 15 * MINUTE
"""Seconds without a share after which a worker stands still."""
FAR: Final = 4.0
HOURS: Final = 24
WINDOWS: Final[Mapping[str, int]] = {"6h": 6, "24h": 24}
"""Windows over which comparisons are summed up, in hours."""

DEVIATIONS: Final = 2.576
"""Standard errors to either side that hold 99 % of the noise."""


class Piece(NamedTuple):
    """One comparison: one worker over one span of UTC seconds.

    `reported` and `credited` are hashes; `due` is the part of the reported ones that the pool should have credited,
    after the firmware's fee and openly refused shares; `shares` is how many shares that is.
    """

    worker: str
    start: float
    end: float
    reported: float
    due: float
    credited: float
    shares: float
    rigs: int = 1
    own: float | None = None  # shares that the rigs themselves counted as accepted; None where one counts none

    @property
    def is_rigs_matter(self) -> bool:
        """Tell whether the rigs themselves found far fewer shares than their hashrate should give.

        A rig that freezes, or shows a mean of half an hour while it stands still, reports hashes that it does not do.
        Its own count tells: beyond FAR standard errors the span says nothing of the pool.
        """
        return self.own is not None and self.own < self.shares - FAR * math.sqrt(self.shares) - 1

    @property
    def counted(self) -> float:
        """Return how many shares were credited, of the size the due ones have."""
        return self.credited * self.shares / self.due if self.due > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared in a window: hashrates in H/s over the compared time, and their ratio with its noise."""

    reported: float
    credited: float
    ratio: float  # credited over due
    noise: float  # one standard error of the ratio
    shares: float
    seconds: float  # rig-seconds compared

    def band(self, tolerance: float) -> float:
        """Return how far from 1 the ratio may be by noise and tolerance together."""
        return DEVIATIONS * self.noise + tolerance


class Trail:
    """The sums of the last 24 hours, by the hour."""

    __slots__ = ("_rows",)
    _WIDTH: Final = 6  # hour, reported, due, credited, shares, rig-seconds

    def __init__(self) -> None:
        self._rows = array("d", [-1.0] + [0.0] * (self._WIDTH - 1)) * HOURS

    def add(self, piece: Piece) -> None:
        """Add a piece to the hour in which it ends."""
        hour = math.floor(piece.end / HOUR)
        at = hour % HOURS * self._WIDTH
        rows = self._rows
        if rows[at] != hour:
            if rows[at] > hour:
                return  # older than everything here
            rows[at : at + self._WIDTH] = array("d", [float(hour)] + [0.0] * (self._WIDTH - 1))
        more = piece.reported, piece.due, piece.credited, piece.shares, (piece.end - piece.start) * piece.rigs
        for offset, value in enumerate(more, at + 1):
            rows[offset] += value

    def over(self, hours: int, now: float, dispersion: float = 1.0) -> Comparison | None:
        """Return the comparison over the newest `hours` slots at UTC `now`, the one that still runs among them."""
        oldest = math.floor(now / HOUR) - hours
        rows, reported, due, credited, shares, seconds = self._rows, 0.0, 0.0, 0.0, 0.0, 0.0
        for at in range(0, HOURS * self._WIDTH, self._WIDTH):
            if rows[at] > oldest:
                reported += rows[at + 1]
                due += rows[at + 2]
                credited += rows[at + 3]
                shares += rows[at + 4]
                seconds += rows[at + 5]
        if not due > 0 or not shares > 0 or not seconds > 0:
            return None
        return Comparison(
            reported / seconds, credited / seconds, credited / due, noise(shares, dispersion), shares, seconds
        )


class Credit(NamedTuple):
    """What a pool says of a worker: hashes summed up since whenever, else mean hashrates by window."""

    total: float | None
    since: float | None  # UTC s at which the sum began, as far as told
    windows: Mapping[float, float]


def credit_of(hashrate: Mapping[float, float], work: Iterable[Tally], now: float) -> Credit:
    """Return what is comparable of a worker's or an account's figures.

    A sum of difficulties is best: the difference of two is exactly what was credited between. A count of shares alone
    says nothing, since their difficulty changes.
    """
    for tally in work:
        if tally.window is None and tally.accepted is not None and tally.counted != "shares":
            factor = HASHES_PER_DIFFICULTY if tally.counted == "difficulty" else 1.0
            since = None if tally.since is None or tally.since > now else tally.since
            return Credit(tally.accepted * factor, since, hashrate)
    return Credit(None, None, hashrate)


def share_size(work: Iterable[Tally]) -> float | None:
    """Return the mean difficulty of a share where a pool tells both shares and difficulty of the same time."""
    sums: dict[tuple[str, float | None, float | None], float] = {}
    for tally in work:
        if tally.accepted:
            sums[tally.counted, tally.window, tally.since] = tally.accepted
    for (counted, window, since), amount in sums.items():
        shares = sums.get(("shares", window, since))
        if counted == "difficulty" and shares:
            return amount / shares
    return None


def best_window(windows: Mapping[float, float], least: float) -> float | None:
    """Return the shortest window (s) of at least `least`, else the longest one there is; None without any."""
    enough = [window for window in windows if window >= least]
    return min(enough) if enough else max(windows, default=None)


def works(worker: WorkerReport, at: float) -> bool | None:
    """Tell whether a pool sees shares of a worker at UTC `at`; None where it does not tell."""
    if worker.state is not None:
        return worker.state == "active"
    if worker.last_share is not None:
        return at - worker.last_share <= SILENT
    return worker.hashrate[min(worker.hashrate)] > 0 if worker.hashrate else None


def account_of(workers: Iterable[WorkerReport], window: float) -> float:
    """Return the hashrate (H/s) of all workers together over a window."""
    return sum(worker.hashrate.get(window, 0.0) for worker in workers)
