"""Decides, while the counts come in, whether a pool credits less than it should: a sequential test on share counts.

Shares are a Poisson process: over a time in which the rigs' work is worth `expected` shares, a pool that credits the
part `rate` of it shows a count of mean `rate * expected`. The question is whether `rate` fell below `1 - tolerance`.

The statistic is an e-CUSUM (Page's test with likelihood ratios; Shin, Ramdas and Rinaldo, "E-detectors", 2022): for
each alternative rate `q * (1 - tolerance)` the likelihood ratio against the tolerated rate is multiplied up, and may
begin anew at 1 once an hour. The mean over the alternatives is held against PATIENCE. As long as the rate is at least
`1 - tolerance`, the mean time to a false alarm is at least PATIENCE hours, whatever the counts, without any
approximation, however often one looks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stratoscope.units import HOUR

QUOTIENTS: Final = (0.99, 0.98, 0.96, 0.9, 0.7, 0.1)
"""Alternatives: the rate over the tolerated rate."""

PATIENCE: Final = 876_600.0
"""Hours: at most one false alarm per pool in a hundred years of comparing, on average."""

RECOVERED: Final = math.log(1000.0)
"""Log odds, of being credited in full over the shortfall that was found, at which an alarm ends."""

_LOGS: Final = tuple(map(math.log, QUOTIENTS))
_LEAST: Final = 0.002  # between full credit and the shortfall that a recovery is told from


@dataclass(frozen=True, slots=True)
class Finding:
    """A shortfall as the counts show it: since when (UTC s), which part was credited, from how many shares."""

    since: float
    rate: float
    shares: float

    @property
    def noise(self) -> float:
        """Return one standard error of the rate."""
        return math.sqrt(self.rate / self.shares) if self.shares > 0 else math.inf


@dataclass(slots=True)
class _Track:
    """The test of one alternative: log likelihood ratio, when it last began anew, and the counts since then."""

    score: float = 0.0
    since: float | None = None  # UTC s
    expected: float = 0.0
    credited: float = 0.0

    def restart(self, at: float) -> None:
        self.score, self.since, self.expected, self.credited = 0.0, at, 0.0, 0.0


class Detector:
    """Watches one stream of counts for a lasting shortfall below `1 - tolerance`."""

    def __init__(self, tolerance: float, patience: float = PATIENCE) -> None:
        self.tolerance, self._threshold = tolerance, math.log(patience)
        self._tracks = [_Track() for _ in QUOTIENTS]
        self._doubt = 0.0  # log odds for full credit, while an alarm stands
        self._evidence = -math.inf
        self.finding: Finding | None = None

    @property
    def evidence(self) -> float:
        """Return the log of the evidence over the log that raises the alarm: 1 raises; 0 is none."""
        return max(0.0, self._evidence / self._threshold)

    def add(self, expected: float, credited: float, *, start: float, unsure: float = 0.0) -> bool:
        """Take the shares expected and credited since UTC `start`; tell whether an alarm was raised or ended.

        `unsure` is how many shares the pool's books may be behind the moment they are taken for. Two counts taken
        from such books differ from the truth by no more than that, however long ago the first was: so the alarm waits
        for that much more.
        """
        full = 1 - self.tolerance
        scores = []
        for track, quotient, log in zip(self._tracks, QUOTIENTS, _LOGS, strict=True):
            if track.since is None or (track.score <= 0 and start - track.since >= HOUR):
                track.restart(start)
            track.score += credited * log + full * (1 - quotient) * expected
            track.expected += expected
            track.credited += credited
            scores.append(track.score + unsure * log)
        self._evidence = _log_mean(scores)
        if self.finding is not None:
            return self._follow(expected, credited, unsure)
        if self._evidence >= self._threshold:
            best = max(self._tracks, key=lambda track: track.score)
            rate = min(best.credited / best.expected, full) if best.expected > 0 else 0.0
            self.finding = Finding(best.since or start, rate, best.expected)
            self._doubt = 0.0
            return True
        return False

    def _follow(self, expected: float, credited: float, unsure: float) -> bool:
        """Ask of a standing alarm whether credit is full again."""
        assert self.finding is not None  # noqa: S101 — for the type checker
        full = 1 - self.tolerance
        found = min(max(self.finding.rate, 0.01), full - _LEAST)
        log = math.log(full / found)
        self._doubt = max(0.0, self._doubt + credited * log - (full - found) * expected)
        if self._doubt - unsure * log < RECOVERED:
            best = max(self._tracks, key=lambda track: track.score)
            if best.expected > self.finding.shares and best.since is not None:
                self.finding = Finding(best.since, min(best.credited / best.expected, full), best.expected)
            return False
        self.finding = None
        for track in self._tracks:
            track.since = None
        self._evidence = -math.inf
        return True

    def state(self) -> list[float]:
        """Return everything the detector knows as plain numbers, to go on from after a restart."""
        rows = [
            0.0 if self.finding is None else 1.0,
            self._doubt,
            self._evidence if self._evidence > -math.inf else 0.0,
        ]
        if self.finding is not None:
            rows += [self.finding.since, self.finding.rate, self.finding.shares]
        for track in self._tracks:
            rows += [track.score, -1.0 if track.since is None else track.since, track.expected, track.credited]
        return rows

    def resume(self, rows: Sequence[float]) -> None:
        """Go on from `state()`; numbers that do not fit are left alone, the test then begins anew."""
        known = list(map(float, rows))
        alarmed = bool(known) and known[0] == 1.0
        head = 6 if alarmed else 3
        if len(known) != head + 4 * len(QUOTIENTS) or not all(map(math.isfinite, known)):
            return
        self._doubt, self._evidence = known[1], known[2]
        self.finding = Finding(*known[3:6]) if alarmed else None
        for at, track in enumerate(self._tracks):
            score, since, track.expected, track.credited = known[head + 4 * at : head + 4 * at + 4]
            track.score, track.since = score, None if since < 0 else since


class Dispersion:
    """Measures how much counts scatter beyond a Poisson process, from the differences of successive ones.

    A lasting shortfall does not change differences, so it does not hide itself. Rigs that report a wavering hashrate,
    shares that are heavier than thought and books that are written late all show here; what is measured is never taken
    for less than Poisson.
    """

    MOST: Final = 16.0  # of one squared difference: a rig that just stopped says nothing of the noise
    PRIOR: Final = 20.0  # differences' worth of belief in plain Poisson
    MEMORY: Final = 5000.0  # differences

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._sum = self._weight = 0.0

    def add(self, key: str, expected: float, credited: float) -> None:
        """Take one count of the stream `key`; of less than one share nothing is learnt."""
        if expected < 1:
            return
        residual = (credited - expected) / math.sqrt(expected)
        before, self._last[key] = self._last.get(key), residual
        if before is not None:
            keep = 1 - 1 / self.MEMORY
            self._sum = self._sum * keep + min(self.MOST, (residual - before) ** 2 / 2)
            self._weight = self._weight * keep + 1

    def keep_only(self, keys: set[str]) -> None:
        """Forget streams that are gone."""
        for key in self._last.keys() - keys:
            del self._last[key]

    @property
    def factor(self) -> float:
        """Return the variance over Poisson's, at least 1."""
        return max(1.0, (self.PRIOR + self._sum) / (self.PRIOR + self._weight))

    def state(self) -> list[float]:
        """Return what was measured, to go on from."""
        return [self._sum, self._weight]

    def resume(self, rows: Sequence[float]) -> None:
        """Go on from `state()`."""
        if len(rows) == 2 and all(math.isfinite(row) and row >= 0 for row in rows):
            self._sum, self._weight = rows


def shares_to_detect(
    shortfall: float, tolerance: float, unsure: float = 0.0, patience: float = PATIENCE
) -> float | None:
    """Return how many expected shares it takes on average to detect that `shortfall` (0.03 = 3 %) is not credited.

    That is the evidence wanted over the information of one share,
    `(ln(patience) + ln(alternatives) + unsure * ln(full/rate)) / (rate * ln(rate/full) + full - rate)`, with
    `rate = 1 - shortfall` and `full = 1 - tolerance`. None where the shortfall is tolerated.
    """
    rate, full = 1 - shortfall, 1 - tolerance
    if rate >= full:
        return None
    if rate <= 0:
        return (math.log(patience) + math.log(len(QUOTIENTS))) / full + unsure
    wanted = math.log(patience) + math.log(len(QUOTIENTS)) + unsure * math.log(full / rate)
    return wanted / (rate * math.log(rate / full) + full - rate)


def noise(shares: float, dispersion: float = 1.0) -> float:
    """Return one standard error of a hashrate reckoned from so many shares: 1/sqrt(n), wider by the dispersion."""
    return math.sqrt(dispersion / shares) if shares > 0 else math.inf


def _log_mean(logs: Sequence[float]) -> float:
    most = max(logs)
    return most + math.log(sum(math.exp(log - most) for log in logs) / len(logs))
