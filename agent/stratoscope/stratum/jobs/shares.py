"""Estimates hashrates from accepted shares, with a confidence interval.

Shares are random events, so a hashrate from shares is an estimate. Its 95 % interval is the exact interval of a Poisson
count (Garwood 1936), from chi-square quantiles at 2n and 2n + 2 degrees of freedom. Shares of different difficulties D
count as (sum D)^2 / sum D^2 equal shares. Everything here is pure: work is a sum of share difficulties, time is in s.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from stratoscope.units import HASHES_PER_DIFFICULTY_1

CONFIDENCE: Final = 0.95
ALARM_WINDOWS: Final = 2
"""Consecutive windows outside the interval on the same side before an alarm: one in 20 is outside by probability."""
_LARGE: Final = 50_000.0
"""Above this count, the approximation of Wilson and Hilferty is accurate to nine digits and much faster."""
_DIGITS: Final = 1e-12


@dataclass(frozen=True, slots=True)
class ShareWork:
    """A sum of accepted shares: their count, the sum of their difficulties and the sum of the squared difficulties."""

    count: int = 0
    difficulty: float = 0.0
    squared_difficulties: float = 0.0

    def plus(self, difficulty: float, count: int = 1) -> "ShareWork":
        """Return the sum with `count` more shares of `difficulty` each."""
        total = difficulty * count
        return ShareWork(self.count + count, self.difficulty + total, self.squared_difficulties + total * difficulty)

    def __add__(self, other: "ShareWork") -> "ShareWork":
        """Return the sum of two groups of shares."""
        return ShareWork(
            self.count + other.count,
            self.difficulty + other.difficulty,
            self.squared_difficulties + other.squared_difficulties,
        )

    @property
    def effective_count(self) -> float:
        """Return the number of equal shares with the same statistical weight."""
        return self.difficulty**2 / self.squared_difficulties if self.squared_difficulties else 0.0


@dataclass(frozen=True, slots=True)
class HashrateEstimate:
    """A hashrate estimated from shares (H/s) and its 95 % interval."""

    value: float
    low: float
    high: float

    def compare(self, reported: float) -> int:
        """Compare with a reported hashrate: -1 if the shares are too few, 1 if too many, 0 if it fits."""
        return -1 if reported > self.high else 1 if reported < self.low else 0


@dataclass(frozen=True, slots=True)
class MismatchStreak:
    """Consecutive windows in which the shares did not fit the reported hashrate, all on the same side."""

    side: int = 0
    windows: int = 0

    def after(self, shares: HashrateEstimate | None, reported: float | None) -> "MismatchStreak":
        """Return the streak after one more window; a window with an unknown value does not change it."""
        if shares is None or reported is None:
            return self
        side = shares.compare(reported)
        if side == 0:
            return MismatchStreak()
        return MismatchStreak(side, self.windows + 1 if side == self.side else 1)

    @property
    def alarm(self) -> str | None:
        """Return "missing" or "excess" after ALARM_WINDOWS consecutive windows with too few or too many shares."""
        if self.windows < ALARM_WINDOWS:
            return None
        return "missing" if self.side < 0 else "excess"


def estimate_hashrate(work: ShareWork, seconds: float, difficulty: float | None = None) -> HashrateEstimate | None:
    """Estimate the hashrate that found these shares in `seconds`; return None if `seconds` is not above 0.

    Without shares, only the upper bound is known, from the `difficulty` of a share; without that, the result is None.
    """
    if not seconds > 0:
        return None
    low, high = poisson_interval(work.effective_count)
    each = work.difficulty / work.effective_count if work.effective_count else difficulty
    if each is None:
        return None
    scale = each * HASHES_PER_DIFFICULTY_1 / seconds
    return HashrateEstimate(work.difficulty * HASHES_PER_DIFFICULTY_1 / seconds, low * scale, high * scale)


def poisson_interval(count: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact confidence interval of the mean of a Poisson variable with the observed value `count` >= 0."""
    tail = (1 - confidence) / 2
    low = gamma_quantile(count, tail) if count > 0 else 0.0
    return low, gamma_quantile(count + 1, 1 - tail)


def gamma_quantile(shape: float, probability: float) -> float:
    """Return the quantile at `probability` of a gamma variable of `shape` > 0 (half a chi-square of 2 · shape)."""
    estimate = _wilson_hilferty(shape, probability)
    if shape >= _LARGE:
        return estimate
    low, high = 0.0, max(estimate, 1.0)
    while gamma_cdf(shape, high) < probability:
        low, high = high, high * 2
    x = estimate if low < estimate < high else (low + high) / 2
    for _ in range(200):
        miss = gamma_cdf(shape, x) - probability
        low, high = (x, high) if miss < 0 else (low, x)
        density = math.exp((shape - 1) * math.log(x) - x - math.lgamma(shape))
        step = x - miss / density if density > 0 else low
        x, last = step if low < step < high else (low + high) / 2, x
        if abs(x - last) <= _DIGITS * x:
            break
    return x


def gamma_cdf(shape: float, x: float) -> float:
    """Return the probability that a gamma variable of `shape` > 0 is below `x` (regularised lower incomplete gamma)."""
    if x <= 0:
        return 0.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    return front * _series(shape, x) if x < shape + 1 else 1 - front * _fraction(shape, x)


def _series(shape: float, x: float) -> float:
    term = total = 1 / shape
    at = shape
    while term > total * _DIGITS / 1000:
        at += 1
        term *= x / at
        total += term
    return total


def _fraction(shape: float, x: float) -> float:
    """Return the continued fraction of the upper tail by Lentz's method."""
    tiny = 1e-300
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    found = d
    for i in range(1, 100_000):
        a = i * (shape - i)
        b += 2
        d = 1 / (a * d + b or tiny)
        c = b + a / c or tiny
        found *= d * c
        if abs(d * c - 1) < _DIGITS / 1000:
            break
    return found


def _wilson_hilferty(shape: float, probability: float) -> float:
    spread = 1 / (9 * shape)
    root = 1 - spread + NormalDist().inv_cdf(probability) * math.sqrt(spread)
    return shape * max(root, 0.0) ** 3
