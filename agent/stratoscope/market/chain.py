"""Computes what the Bitcoin chain itself fixes: difficulty, subsidy, halvings, and the hashrate behind the blocks.

Money is whole satoshis, hashrates are H/s, times are UTC seconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

HASHES_PER_DIFFICULTY: Final = 2**32
"""Hashes expected per block and unit of difficulty, as every pool reckons it.

Exact would be 2**48 / 0xFFFF, which is 1.5e-5 more; pools, Luxor and Foundry credit by 2**32, so we do.
"""

BLOCKS_PER_DAY: Final = 144
BLOCKS_PER_EPOCH: Final = 2016
BLOCK_SECONDS: Final = 600
HALVING_BLOCKS: Final = 210_000
FIRST_SUBSIDY: Final = 5_000_000_000  # sat
LARGEST_TARGET: Final = 0xFFFF << 208
"""The target of difficulty 1."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value that was sampled: `relative_error` is one standard error divided by the value."""

    value: float
    relative_error: float


@dataclass(frozen=True, slots=True)
class Halving:
    """The next halving: its height, how many blocks are left to it, and the subsidy (sat) from then on."""

    height: int
    blocks: int
    subsidy: int


def target_of(nbits: int) -> int | None:
    """Return the target that the compact form of a header means; None where consensus calls it invalid.

    Invalid is zero, negative (sign bit) or more than 256 bits, as in Bitcoin Core's `SetCompact`.
    """
    size, word = nbits >> 24, nbits & 0x7FFFFF
    if not 0 <= nbits < 1 << 32 or nbits & 0x800000:
        return None
    target = word << 8 * (size - 3) if size > 3 else word >> 8 * (3 - size)
    return target if 0 < target < 1 << 256 else None


def nbits_of(target: int) -> int:
    """Return the compact form of a target of 1 to 2**256 - 1, cut off after its 23 leading bits as consensus does."""
    if not 0 < target < 1 << 256:
        raise ValueError("a target is 1 to 2**256 - 1")
    size = (target.bit_length() + 7) // 8
    word = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if word & 0x800000:  # would read as a sign
        size, word = size + 1, word >> 8
    return size << 24 | word


def difficulty_of(target: int) -> float:
    """Return the difficulty of a target > 0, correctly rounded."""
    return LARGEST_TARGET / target  # the quotient of two ints is rounded once


def target_of_difficulty(difficulty: float) -> int:
    """Return the largest target whose difficulty is at least `difficulty` > 0."""
    if not 0 < difficulty < math.inf:
        raise ValueError("a difficulty is a positive number")
    return math.floor(LARGEST_TARGET / Fraction(difficulty))


def difficulty_of_nbits(nbits: int) -> float | None:
    """Return the difficulty that the compact form of a header means; None where it is invalid."""
    target = target_of(nbits)
    return None if target is None else difficulty_of(target)


def subsidy(height: int) -> int:
    """Return the new satoshis of the block at `height` >= 0."""
    if height < 0:
        raise ValueError("a block height is 0 or more")
    return FIRST_SUBSIDY >> min(height // HALVING_BLOCKS, 64)


def next_halving(height: int) -> Halving | None:
    """Return the next halving seen from the tip at `height`; None once no new coins are left to halve."""
    if subsidy(height) == 0:
        return None
    at = (height // HALVING_BLOCKS + 1) * HALVING_BLOCKS
    return Halving(at, at - height, subsidy(at))


def mean_reward(first_height: int, fees: Sequence[int]) -> float | None:
    """Return the mean reward (sat) of consecutive blocks from `first_height`, whose fees (sat) are given.

    Each block counts its own subsidy, so a window across a halving is right. None without blocks.
    """
    if not fees:
        return None
    subsidies = sum(subsidy(first_height + index) for index in range(len(fees)))
    return (subsidies + sum(fees)) / len(fees)


def hashes_per_block(difficulty: float) -> float:
    """Return the hashes expected for one block."""
    return difficulty * HASHES_PER_DIFFICULTY


def implied_hashrate(difficulty: float) -> float:
    """Return the network hashrate (H/s) at which blocks of this difficulty come every ten minutes."""
    return hashes_per_block(difficulty) / BLOCK_SECONDS


def observed_hashrate(difficulties: Sequence[float], first_time: float, last_time: float) -> Estimate | None:
    """Return the network hashrate (H/s) that found these blocks, with its standard error 1/sqrt(n).

    `difficulties` are those of the n blocks after the one stamped `first_time`; the last is stamped `last_time`
    (so n intervals, as Bitcoin Core's `getnetworkhashps` counts). None without blocks or without time.
    """
    if not difficulties or last_time <= first_time:
        return None
    hashes = hashes_per_block(math.fsum(difficulties))
    return Estimate(hashes / (last_time - first_time), 1 / math.sqrt(len(difficulties)))


def network_share(hashrate: float | None, network: float | None) -> float | None:
    """Return the own part (0 to 1) of the network's hashrate, both in H/s; None where either is unknown."""
    return None if hashrate is None or not network else hashrate / network
