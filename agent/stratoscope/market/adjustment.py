"""Estimates the next difficulty adjustment and its effect on hashprice, and explains past changes of hashprice.

Times are UTC seconds, changes are ratios (0.05 = +5 %).
"""

import itertools
import math
from dataclasses import dataclass
from typing import Final, Literal

from stratoscope.market.chain import BLOCK_SECONDS, BLOCKS_PER_EPOCH

WINDOW_BLOCKS: Final = 504
"""Blocks of the sliding window (a quarter of an epoch) that is used while the epoch is young."""

MIN_CHANGE: Final = -0.75
MAX_CHANGE: Final = 3.0
"""Consensus limits one adjustment to between a quarter of the difficulty and four times the difficulty."""

Method = Literal["window", "epoch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """An estimate of the next adjustment. Both errors are one standard error relative to the next difficulty."""

    change: float  # ratio, between MIN_CHANGE and MAX_CHANGE
    standard_error: float  # of the observed block rate: 1/sqrt(blocks)
    forecast_error: float  # of the adjustment: goes to 0 towards the end of the epoch; assumes a steady hashrate
    method: Method  # from the rate of the last 504 blocks, or of the epoch so far
    blocks_into_epoch: int
    remaining_blocks: int
    retarget_height: int
    retarget_time: float  # UTC s, at the rate of this epoch so far


@dataclass(frozen=True, slots=True, kw_only=True)
class HashpriceChange:
    """A change of hashprice, and its causes as natural logarithms: price + reward + difficulty = total, exactly."""

    change: float  # ratio
    total: float
    price: float
    reward: float
    difficulty: float  # negative if difficulty rose


@dataclass(frozen=True, slots=True)
class HashpriceFactors:
    """The three factors of the fiat hashprice at one time; all are above zero."""

    price: float  # fiat per bitcoin
    reward: float  # sat per block
    difficulty: float  # or, in both points, an observed network hashrate


def estimate_adjustment(
    height: int,
    epoch_start: float,
    now: float,
    *,
    previous_change: float | None = None,
    window_start: float | None = None,
    latest_block: float | None = None,
) -> Adjustment | None:
    """Estimate the next adjustment by the rule of mempool.space; return None while no time has passed.

    `height` is the tip, `epoch_start` the time of the first block of the epoch. In a young epoch, `window_start` (time
    of the block 504 back) and `previous_change` (ratio) add the end of the last epoch, whose time is scaled to the new
    difficulty. `latest_block` (time of the tip) ends the span once the epoch is full. Consensus counts 2015 intervals
    for 2016 blocks: the real adjustment is 0.05 % higher.
    """
    blocks = height % BLOCKS_PER_EPOCH
    elapsed = max(0.0, now - epoch_start)
    # mempool.space uses 503, not 504: it also counts the first block of the epoch.
    if window_start is not None and previous_change is not None and blocks < WINDOW_BLOCKS - 1:
        scaled = (epoch_start - window_start) * (1 + previous_change)
        pace = _Pace("window", WINDOW_BLOCKS, WINDOW_BLOCKS, elapsed + scaled)
    else:
        full = blocks == BLOCKS_PER_EPOCH - 1
        end = latest_block if full and latest_block is not None else now
        pace = _Pace("epoch", max(blocks, 1), blocks + 1, end - epoch_start)
    if pace.span <= 0:
        return None
    remaining = BLOCKS_PER_EPOCH - blocks
    return Adjustment(
        change=min(max(BLOCK_SECONDS * pace.counted / pace.span - 1, MIN_CHANGE), MAX_CHANGE),
        standard_error=1 / math.sqrt(pace.seen),
        forecast_error=_forecast_error(remaining - 1, pace.seen),
        method=pace.method,
        blocks_into_epoch=blocks,
        remaining_blocks=remaining,
        retarget_height=height + remaining,
        retarget_time=now + remaining * (elapsed / blocks if blocks else BLOCK_SECONDS),
    )


@dataclass(frozen=True, slots=True)
class _Pace:
    method: Method
    seen: int  # blocks observed
    counted: int  # blocks the rule divides by
    span: float  # s


def _forecast_error(ahead: int, seen: int) -> float:
    """Return the relative error of the epoch's duration: the error of the rate for the blocks ahead, and their luck."""
    return math.sqrt(ahead * ahead / seen + ahead) / BLOCKS_PER_EPOCH


def hashprice_after(hashprice: float, change: float) -> float:
    """Return the hashprice after difficulty changes by the ratio `change`, with the current price and reward."""
    return hashprice / (1 + change)


def forward_hashprice(
    hashprice: float,
    change: float,
    remaining: int,
    blocks: int,
    *,
    halving_in: int | None = None,
    reward_ratio: float = 0.5,
) -> float | None:
    """Return the mean hashprice of the next `blocks`, with the current price and fees; None beyond the next epoch.

    The adjustment by `change` is `remaining` blocks away. A halving `halving_in` blocks away multiplies the reward by
    `reward_ratio` (new reward over old; above one half because of the fees).
    """
    if blocks <= 0 or blocks > remaining + BLOCKS_PER_EPOCH:
        return None
    cuts = sorted({0, blocks, *(cut for cut in (remaining, halving_in) if cut is not None and 0 < cut < blocks)})
    total = 0.0
    for start, end in itertools.pairwise(cuts):
        level = hashprice if start < remaining else hashprice_after(hashprice, change)
        halved = halving_in is not None and start >= halving_in
        total += (end - start) * (level * reward_ratio if halved else level)
    return total / blocks


def forward_error(adjustment: Adjustment, blocks: int) -> float | None:
    """Return the relative standard error of the forward hashprice over `blocks`; None beyond the next epoch.

    It covers the adjustment only, not changes of price and fees.
    """
    mean = forward_hashprice(1.0, adjustment.change, adjustment.remaining_blocks, blocks)
    if mean is None:
        return None
    after = max(0, blocks - adjustment.remaining_blocks) / blocks
    return after * hashprice_after(1.0, adjustment.change) * adjustment.forecast_error / mean


def change_ratio(now: float | None, then: float | None) -> float | None:
    """Return now / then - 1; None if either is unknown or `then` is 0."""
    return None if now is None or not then else now / then - 1


def explain_change(now: HashpriceFactors, then: HashpriceFactors) -> HashpriceChange | None:
    """Split a change of fiat hashprice into price, reward and difficulty; None unless every factor is above zero."""
    factors = (now.price, now.reward, now.difficulty, then.price, then.reward, then.difficulty)
    if not all(0 < factor < math.inf for factor in factors):
        return None
    price = math.log(now.price / then.price)
    reward = math.log(now.reward / then.reward)
    difficulty = -math.log(now.difficulty / then.difficulty)
    total = price + reward + difficulty
    return HashpriceChange(change=math.expm1(total), total=total, price=price, reward=reward, difficulty=difficulty)
