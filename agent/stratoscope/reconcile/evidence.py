"""Detects whether a pool credits less than it should: a sequential test on share counts.

Shares are a Poisson process. If the rigs' work is worth `expected` shares and the pool credits the fraction `rate` of
it, the credited count has the mean `rate * expected`. The test decides whether `rate` is below `1 - tolerance`.

The statistic is an e-CUSUM (Page's test with likelihood ratios; Shin, Ramdas and Rinaldo, "E-detectors", 2022). For
each alternative rate `q * (1 - tolerance)` it multiplies the likelihood ratios against the tolerated rate; once an hour
the product may restart at 1. An alarm is raised when the mean over the alternatives reaches FALSE_ALARM_HOURS. While
the rate is at least `1 - tolerance`, the mean time to a false alarm is at least FALSE_ALARM_HOURS: this holds exactly,
for any counts, and however often the test is evaluated.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stratoscope.units import HOUR

RATE_QUOTIENTS: Final = (0.99, 0.98, 0.96, 0.9, 0.7, 0.1)
"""The alternatives, as quotients of rate and tolerated rate."""

FALSE_ALARM_HOURS: Final = 876_600.0
"""At most one false alarm per pool in a hundred years of comparison, on average."""

RECOVERY_LOG_ODDS: Final = math.log(1000.0)
"""An alarm ends at these log odds for full credit against the detected shortfall."""

_LOGS: Final = tuple(map(math.log, RATE_QUOTIENTS))
_MIN_RECOVERY_GAP: Final = 0.002  # between full credit and the shortfall in the recovery test


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A detected shortfall: its start (UTC s), the credited fraction, and the number of shares it is based on."""

    since: float
    rate: float
    shares: float

    @property
    def noise(self) -> float:
        """Return the standard error of the rate."""
        return math.sqrt(self.rate / self.shares) if self.shares > 0 else math.inf


@dataclass(slots=True)
class _AlternativeTest:
    """The test of one alternative: log likelihood ratio, time of its last restart, and the counts since then."""

    score: float = 0.0
    since: float | None = None  # UTC s
    expected: float = 0.0
    credited: float = 0.0

    def restart(self, at: float) -> None:
        self.score, self.since, self.expected, self.credited = 0.0, at, 0.0, 0.0


class ShortfallDetector:
    """Tests one stream of counts for a lasting rate below `1 - tolerance`."""

    def __init__(self, tolerance: float, false_alarm_hours: float = FALSE_ALARM_HOURS) -> None:
        self.tolerance, self._threshold = tolerance, math.log(false_alarm_hours)
        self._tests = [_AlternativeTest() for _ in RATE_QUOTIENTS]
        self._recovery = 0.0  # log odds for full credit, while an alarm is active
        self._evidence = -math.inf
        self.shortfall: Shortfall | None = None

    @property
    def evidence(self) -> float:
        """Return the log evidence over the log threshold, from 0 (no evidence) to 1 (raises the alarm)."""
        return max(0.0, self._evidence / self._threshold)

    def add(self, expected: float, credited: float, *, start: float, lag_shares: float = 0.0) -> bool:
        """Add the shares expected and credited since UTC `start`; return whether an alarm was raised or ended.

        `lag_shares` is how many shares the pool's figures may lag behind. The difference of two such figures is wrong
        by at most that much, however far apart they are, so the alarm needs that much more evidence.
        """
        full = 1 - self.tolerance
        scores = []
        for test, quotient, log in zip(self._tests, RATE_QUOTIENTS, _LOGS, strict=True):
            if test.since is None or (test.score <= 0 and start - test.since >= HOUR):
                test.restart(start)
            test.score += credited * log + full * (1 - quotient) * expected
            test.expected += expected
            test.credited += credited
            scores.append(test.score + lag_shares * log)
        self._evidence = _log_mean(scores)
        if self.shortfall is not None:
            return self._check_recovery(expected, credited, lag_shares)
        if self._evidence >= self._threshold:
            best = max(self._tests, key=lambda test: test.score)
            rate = min(best.credited / best.expected, full) if best.expected > 0 else 0.0
            self.shortfall = Shortfall(best.since or start, rate, best.expected)
            self._recovery = 0.0
            return True
        return False

    def _check_recovery(self, expected: float, credited: float, lag_shares: float) -> bool:
        """Add counts while an alarm is active; return whether it ended because the pool credits in full again."""
        assert self.shortfall is not None  # noqa: S101 — narrows the type; the caller checked it
        full = 1 - self.tolerance
        found = min(max(self.shortfall.rate, 0.01), full - _MIN_RECOVERY_GAP)
        log = math.log(full / found)
        self._recovery = max(0.0, self._recovery + credited * log - (full - found) * expected)
        if self._recovery - lag_shares * log < RECOVERY_LOG_ODDS:
            best = max(self._tests, key=lambda test: test.score)
            if best.expected > self.shortfall.shares and best.since is not None:
                self.shortfall = Shortfall(best.since, min(best.credited / best.expected, full), best.expected)
            return False
        self.shortfall = None
        for test in self._tests:
            test.since = None
        self._evidence = -math.inf
        return True

    def state(self) -> list[float]:
        """Return the whole state as plain numbers, for `restore` after a restart."""
        rows = [
            0.0 if self.shortfall is None else 1.0,
            self._recovery,
            self._evidence if self._evidence > -math.inf else 0.0,
        ]
        if self.shortfall is not None:
            rows += [self.shortfall.since, self.shortfall.rate, self.shortfall.shares]
        for test in self._tests:
            rows += [test.score, -1.0 if test.since is None else test.since, test.expected, test.credited]
        return rows

    def restore(self, rows: Sequence[float]) -> None:
        """Continue from a `state()`; if it is damaged, ignore it and start from scratch."""
        known = list(map(float, rows))
        alarmed = bool(known) and known[0] == 1.0
        head = 6 if alarmed else 3
        if len(known) != head + 4 * len(RATE_QUOTIENTS) or not all(map(math.isfinite, known)):
            return
        self._recovery, self._evidence = known[1], known[2]
        self.shortfall = Shortfall(*known[3:6]) if alarmed else None
        for at, test in enumerate(self._tests):
            score, since, test.expected, test.credited = known[head + 4 * at : head + 4 * at + 4]
            test.score, test.since = score, None if since < 0 else since


class Dispersion:
    """Measures how much more the counts scatter than a Poisson process, from the differences of successive counts.

    A lasting shortfall does not change the differences, so it cannot hide here. Rigs with a fluctuating reported
    hashrate, shares of a higher difficulty than assumed, and figures that lag behind all increase the dispersion. It
    is never below Poisson's.
    """

    MAX_SQUARED_DIFFERENCE: Final = 16.0  # a rig that just stopped says nothing about the noise
    PRIOR_WEIGHT: Final = 20.0  # differences; the weight of the assumption of a Poisson process
    MEMORY: Final = 5000.0  # differences

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._sum = self._weight = 0.0

    def add(self, key: str, expected: float, credited: float) -> None:
        """Add one count of the stream `key`; counts that expect less than one share are ignored."""
        if expected < 1:
            return
        residual = (credited - expected) / math.sqrt(expected)
        before, self._last[key] = self._last.get(key), residual
        if before is not None:
            keep = 1 - 1 / self.MEMORY
            self._sum = self._sum * keep + min(self.MAX_SQUARED_DIFFERENCE, (residual - before) ** 2 / 2)
            self._weight = self._weight * keep + 1

    def keep_only(self, keys: set[str]) -> None:
        """Forget all streams but `keys`."""
        for key in self._last.keys() - keys:
            del self._last[key]

    @property
    def factor(self) -> float:
        """Return the variance divided by that of a Poisson process, at least 1."""
        return max(1.0, (self.PRIOR_WEIGHT + self._sum) / (self.PRIOR_WEIGHT + self._weight))

    def state(self) -> list[float]:
        """Return the measurement as plain numbers, for `restore` after a restart."""
        return [self._sum, self._weight]

    def restore(self, rows: Sequence[float]) -> None:
        """Continue from a `state()`; ignore a damaged one."""
        if len(rows) == 2 and all(math.isfinite(row) and row >= 0 for row in rows):
            self._sum, self._weight = rows


def shares_to_detect(
    shortfall: float, tolerance: float, lag_shares: float = 0.0, false_alarm_hours: float = FALSE_ALARM_HOURS
) -> float | None:
    """Return how many expected shares it takes on average to detect a `shortfall` ratio (0.03 = 3 %).

    That is the required evidence divided by the information of one share,
    `(ln(false_alarm_hours) + ln(alternatives) + lag_shares * ln(full/rate)) / (rate * ln(rate/full) + full - rate)`,
    with `rate = 1 - shortfall` and `full = 1 - tolerance`. None if the shortfall is within the tolerance.
    """
    rate, full = 1 - shortfall, 1 - tolerance
    if rate >= full:
        return None
    if rate <= 0:
        return (math.log(false_alarm_hours) + math.log(len(RATE_QUOTIENTS))) / full + lag_shares
    evidence = math.log(false_alarm_hours) + math.log(len(RATE_QUOTIENTS)) + lag_shares * math.log(full / rate)
    return evidence / (rate * math.log(rate / full) + full - rate)


def noise(shares: float, dispersion: float = 1.0) -> float:
    """Return the relative standard error of a hashrate computed from `shares` shares: sqrt(dispersion / shares)."""
    return math.sqrt(dispersion / shares) if shares > 0 else math.inf


def _log_mean(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(log - top) for log in logs) / len(logs))
