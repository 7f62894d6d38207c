"""Oracles for the share tests: formulas that the product does not need, or that it calculates elsewhere."""

import math
from collections.abc import Iterable

from stratoscope.stratum.jobs.shares import ShareWork, poisson_interval
from stratoscope.units import HASHES_PER_DIFFICULTY_1


def work_of(difficulties: Iterable[float]) -> ShareWork:
    """Return the work of shares with these difficulties."""
    work = ShareWork()
    for difficulty in difficulties:
        work = work.plus(difficulty)
    return work


def work_counted(difficulty: float, count: int) -> ShareWork | None:
    """Return the work that a rise of two counters proves: a sum of difficulties and a number of equal shares.

    None if they contradict each other, as after a restart.
    """
    if count < 0 or difficulty < 0 or not math.isfinite(difficulty) or (count == 0) != (difficulty == 0):
        return None
    return ShareWork().plus(difficulty / count, count) if count else ShareWork()


def luck(blocks: int, work: float, network_difficulty: float) -> float | None:
    """Return blocks found divided by the blocks expected for `work`; None if none are expected."""
    return blocks * network_difficulty / work if work > 0 and network_difficulty > 0 else None


def luck_interval(blocks: int, work: float, network_difficulty: float) -> tuple[float, float] | None:
    """Return the 95 % interval of luck; None if no blocks are expected."""
    if not (work > 0 and network_difficulty > 0):
        return None
    low, high = poisson_interval(blocks)
    return low * network_difficulty / work, high * network_difficulty / work


def seconds_to_block(hash_rate: float, network_difficulty: float) -> float | None:
    """Return the mean time (s) until a hashrate (H/s) finds a block; None if the hashrate is 0."""
    return network_difficulty * HASHES_PER_DIFFICULTY_1 / hash_rate if hash_rate > 0 else None


def chance_of_block(hash_rate: float, network_difficulty: float, seconds: float) -> float:
    """Return the probability that a hashrate (H/s) finds a block within `seconds`."""
    mean = seconds_to_block(hash_rate, network_difficulty)
    return -math.expm1(-seconds / mean) if mean else 0.0


def chance_of_best(best: float, work: float) -> float:
    """Return the probability that the best share of `work` reaches the difficulty `best` > 0."""
    return -math.expm1(-work / best)
