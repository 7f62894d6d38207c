"""Reckons what shares prove: the hashrate behind them with its interval, luck, and how long a block takes.

Shares come by chance, so a hashrate from shares is an estimate. Its 95 % interval is the exact one of a Poisson count
(Garwood 1936): from chi-square quantiles at 2n and 2n + 2 degrees of freedom. Shares of different difficulties count as
(sum D)^2 / sum D^2 equal ones. Everything here is pure: work is a sum of share difficulties, time is in seconds.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from stratoscope.units import HASHES_PER_DIFFICULTY_1

CONFIDENCE: Final = 0.95
WINDOWS: Final = 2
"""Windows in a row on the same side outside the interval before anybody is told: one in 20 is outside by chance."""
_LARGE: Final = 50_000.0
"""From this count on, the approximation of Wilson and Hilferty is good to nine digits, and much quicker."""
_DIGITS: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Work:
    """Accepted shares of some time: how many, the sum of their difficulties and of the squares of these."""

    count: int = 0
    difficulty: float = 0.0
    squares: float = 0.0

    def plus(self, difficulty: float, count: int = 1) -> "Work":
        """Return this with `count` more shares of `difficulty` each."""
        total = difficulty * count
        return Work(self.count + count, self.difficulty + total, self.squares + total * difficulty)

    @property
    def equal(self) -> float:
        """Return how many shares of one difficulty would tell as much."""
        return self.difficulty**2 / self.squares if self.squares else 0.0


@dataclass(frozen=True, slots=True)
class Hashrate:
    """A hashrate from shares (H/s) and its 95 % interval."""

    value: float
    low: float
    high: float

    def side(self, reported: float) -> int:
        """Return where the shares lie against a reported hashrate: -1 below it, 1 above it, 0 where it fits."""
        return -1 if reported > self.high else 1 if reported < self.low else 0


@dataclass(frozen=True, slots=True)
class Streak:
    """Windows in a row in which the shares did not fit the reported hashrate, all on one side."""

    side: int = 0
    windows: int = 0

    def after(self, shares: Hashrate | None, reported: float | None) -> "Streak":
        """Return the streak after one more window; what is unknown neither adds to a streak nor ends it."""
        if shares is None or reported is None:
            return self
        side = shares.side(reported)
        if side == 0:
            return Streak()
        return Streak(side, self.windows + 1 if side == self.side else 1)

    @property
    def alarm(self) -> str | None:
        """Return "missing" or "excess" once WINDOWS windows in a row had too few or too many shares; else None."""
        if self.windows < WINDOWS:
            return None
        return "missing" if self.side < 0 else "excess"


def work_of(difficulties: Iterable[float]) -> Work:
    """Return the work in shares of these difficulties."""
    work = Work()
    for difficulty in difficulties:
        work = work.plus(difficulty)
    return work


def work_counted(difficulty: float, count: int) -> Work | None:
    """Return the work in what counters rose by: a sum of difficulties and a number of shares.

    The shares are taken as equal. None where the two contradict each other, as after a restart.
    """
    if count < 0 or difficulty < 0 or not math.isfinite(difficulty) or (count == 0) != (difficulty == 0):
        return None
    return Work().plus(difficulty / count, count) if count else Work()


def hashrate(work: Work, seconds: float, difficulty: float | None = None) -> Hashrate | None:
    """Return the hashrate that found these shares in `seconds`; None without time.

    Without a share only the upper end is known, from the `difficulty` a share would have had; None without that too.
    """
    if not seconds > 0:
        return None
    low, high = interval(work.equal)
    each = work.difficulty / work.equal if work.equal else difficulty
    if each is None:
        return None
    scale = each * HASHES_PER_DIFFICULTY_1 / seconds
    return Hashrate(work.difficulty * HASHES_PER_DIFFICULTY_1 / seconds, low * scale, high * scale)


def interval(count: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact interval of the mean of a Poisson variable that came out as `count` >= 0."""
    tail = (1 - confidence) / 2
    low = gamma_quantile(count, tail) if count > 0 else 0.0
    return low, gamma_quantile(count + 1, 1 - tail)


def luck(blocks: int, work: float, network_difficulty: float) -> float | None:
    """Return blocks found over blocks expected of `work`; above 1 is lucky. None where none could be expected."""
    return blocks * network_difficulty / work if work > 0 and network_difficulty > 0 else None


def luck_interval(blocks: int, work: float, network_difficulty: float) -> tuple[float, float] | None:
    """Return between which values luck lies in 95 of 100 cases, were it drawn again; None as for `luck`."""
    if not (work > 0 and network_difficulty > 0):
        return None
    low, high = interval(blocks)
    return low * network_difficulty / work, high * network_difficulty / work


def seconds_to_block(hash_rate: float, network_difficulty: float) -> float | None:
    """Return the mean time (s) until a hashrate (H/s) finds a block; None without a hashrate."""
    return network_difficulty * HASHES_PER_DIFFICULTY_1 / hash_rate if hash_rate > 0 else None


def chance_of_block(hash_rate: float, network_difficulty: float, seconds: float) -> float:
    """Return the chance (0 to 1) that a hashrate (H/s) finds a block within `seconds`."""
    mean = seconds_to_block(hash_rate, network_difficulty)
    return -math.expm1(-seconds / mean) if mean else 0.0


def chance_of_best(best: float, work: float) -> float:
    """Return the chance (0 to 1) that the best share of `work` reaches the difficulty `best` > 0."""
    return -math.expm1(-work / best)


def gamma_quantile(shape: float, chance: float) -> float:
    """Return x for which a gamma variable of `shape` > 0 (half a chi-square of 2 shape) is below x with `chance`."""
    about = _wilson_hilferty(shape, chance)
    if shape >= _LARGE:
        return about
    low, high = 0.0, max(about, 1.0)
    while gamma_below(shape, high) < chance:
        low, high = high, high * 2
    x = about if low < about < high else (low + high) / 2
    for _ in range(200):
        miss = gamma_below(shape, x) - chance
        low, high = (x, high) if miss < 0 else (low, x)
        density = math.exp((shape - 1) * math.log(x) - x - math.lgamma(shape))
        step = x - miss / density if density > 0 else low
        x, last = step if low < step < high else (low + high) / 2, x
        if abs(x - last) <= _DIGITS * x:
            break
    return x


def gamma_below(shape: float, x: float) -> float:
    """Return the chance that a gamma variable of `shape` > 0 is below `x` (the regularised lower incomplete gamma)."""
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
    """Return the continued fraction of the upper tail, by Lentz's method."""
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


def _wilson_hilferty(shape: float, chance: float) -> float:
    spread = 1 / (9 * shape)
    root = 1 - spread + NormalDist().inv_cdf(chance) * math.sqrt(spread)
    return shape * max(root, 0.0) ** 3
