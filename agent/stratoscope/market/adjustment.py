"""Estimates the next difficulty adjustment and what it does to hashprice, and splits a past change into its causes.

Times are UTC seconds, changes are ratios (0.05 = +5 %).
"""

import itertools
import math
from dataclasses import dataclass
from typing import Final, Literal

from stratoscope.market.chain import BLOCK_SECONDS, BLOCKS_PER_EPOCH

WINDOW: Final = 504
"""Blocks of the sliding window (a quarter of an epoch) that replaces a young epoch's own pace."""

LEAST_CHANGE: Final = -0.75
MOST_CHANGE: Final = 3.0
"""Consensus limits one adjustment to a quarter and to four times the difficulty."""

Method = Literal["window", "epoch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """The next adjustment as it looks now; both errors are relative to the next difficulty, one standard error each."""

    change: float  # ratio, within LEAST_CHANGE and MOST_CHANGE
    standard_error: float  # of the pace it was reckoned from: 1/sqrt(blocks seen)
    forecast_error: float  # of the adjustment itself: shrinks to 0 as the epoch fills, a steady hashrate assumed
    method: Method  # the pace of the last 504 blocks, or of the epoch so far
    blocks_into_epoch: int
    remaining_blocks: int
    retarget_height: int
    retarget_time: float  # UTC s, at the pace of this epoch so far


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """A change of hashprice and its causes in natural logarithms: price + reward + difficulty = total, exactly."""

    change: float  # ratio
    total: float
    price: float
    reward: float
    difficulty: float  # below zero where difficulty rose


@dataclass(frozen=True, slots=True)
class MarketPoint:
    """The three factors of a fiat hashprice at one time; all above zero."""

    price: float  # fiat per bitcoin
    reward: float  # sat per block
    difficulty: float  # or an observed network hashrate, in both points


def next_adjustment(
    height: int,
    epoch_start: float,
    now: float,
    *,
    previous_change: float | None = None,
    window_start: float | None = None,
    latest_block: float | None = None,
) -> Adjustment | None:
    """Return the estimate of the next adjustment, by the same rule as mempool; None before any time has passed.

    `height` is the tip, `epoch_start` the time of the epoch's first block. `window_start` (time of the block 504 back)
    and `previous_change` (ratio) let a young epoch lean on the end of the last one, whose time is stretched to the new
    difficulty. `latest_block` (time of the tip) ends the span once the epoch is full. Consensus counts 2015 intervals
    for 2016 blocks: the true adjustment comes out 0.05 % higher.
    """
    blocks = height % BLOCKS_PER_EPOCH
    elapsed = max(0.0, now - epoch_start)
    # mempool's edge is 503, not 504: it counts the epoch's first block too.
    if window_start is not None and previous_change is not None and blocks < WINDOW - 1:
        stretched = (epoch_start - window_start) * (1 + previous_change)
        pace = _Pace("window", WINDOW, WINDOW, elapsed + stretched)
    else:
        full = blocks == BLOCKS_PER_EPOCH - 1
        end = latest_block if full and latest_block is not None else now
        pace = _Pace("epoch", max(blocks, 1), blocks + 1, end - epoch_start)
    if pace.span <= 0:
        return None
    remaining = BLOCKS_PER_EPOCH - blocks
    return Adjustment(
        change=min(max(BLOCK_SECONDS * pace.counted / pace.span - 1, LEAST_CHANGE), MOST_CHANGE),
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
    seen: int  # blocks sampled
    counted: int  # blocks the rule divides by
    span: float  # s


def _forecast_error(unseen: int, seen: int) -> float:
    """Return the relative error of the epoch's length: the pace's own error over the unseen blocks, and their luck."""
    return math.sqrt(unseen * unseen / seen + unseen) / BLOCKS_PER_EPOCH


def hashprice_after(hashprice: float, change: float) -> float:
    """Return the hashprice once difficulty has changed by the ratio `change`, price and reward as now."""
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
    """Return the mean hashprice over the next `blocks`, price and fees as now; None beyond the next epoch.

    `remaining` blocks are left to the adjustment by `change`. A halving that is `halving_in` blocks away multiplies the
    reward by `reward_ratio` (new reward over old; fees soften the half).
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
    """Return one relative standard error of the forward hashprice over `blocks`: that of the part after the adjustment.

    Price and fees may move too; that is not in it. None beyond the next epoch.
    """
    mean = forward_hashprice(1.0, adjustment.change, adjustment.remaining_blocks, blocks)
    if mean is None:
        return None
    after = max(0, blocks - adjustment.remaining_blocks) / blocks
    return after * hashprice_after(1.0, adjustment.change) * adjustment.forecast_error / mean


def change_ratio(now: float | None, then: float | None) -> float | None:
    """Return now / then - 1; None where either is unknown or there was nothing before."""
    return None if now is None or not then else now / then - 1


def attribute(now: MarketPoint, then: MarketPoint) -> Attribution | None:
    """Split the change of fiat hashprice into price, reward and difficulty; None unless every factor is above zero."""
    factors = (now.price, now.reward, now.difficulty, then.price, then.reward, then.difficulty)
    if not all(0 < factor < math.inf for factor in factors):
        return None
    price = math.log(now.price / then.price)
    reward = math.log(now.reward / then.reward)
    difficulty = -math.log(now.difficulty / then.difficulty)
    total = price + reward + difficulty
    return Attribution(change=math.expm1(total), total=total, price=price, reward=reward, difficulty=difficulty)
