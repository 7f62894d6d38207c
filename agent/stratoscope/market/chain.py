"""Computes what the Bitcoin chain defines: difficulty, subsidy, halvings, and the hashrate behind the blocks.

Amounts are whole satoshis, hashrates are H/s, times are UTC seconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HASHES_PER_DIFFICULTY: Final = 2**32
"""Expected hashes per block and unit of difficulty, as pools calculate it.

The exact value is 2**48 / 0xFFFF, 1.5e-5 more. Pools, Luxor and Foundry credit by 2**32, so it is used here.
"""

BLOCKS_PER_DAY: Final = 144
BLOCKS_PER_EPOCH: Final = 2016
BLOCK_SECONDS: Final = 600
HALVING_BLOCKS: Final = 210_000
FIRST_SUBSIDY_SAT: Final = 5_000_000_000  # sat
MAX_TARGET: Final = 0xFFFF << 208
"""The target of difficulty 1."""
DIFFICULTY_TOLERANCE: Final = 1e-6
"""Relative difference of one difficulty written with different precision."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated value; `relative_error` is one standard error divided by the value."""

    value: float
    relative_error: float


@dataclass(frozen=True, slots=True)
class Halving:
    """The next halving: its height, the number of blocks until then, and the new subsidy (sat)."""

    height: int
    blocks: int
    subsidy: int


def target_of_nbits(nbits: int) -> int | None:
    """Return the target that the compact form in a header encodes; None if it is invalid by consensus.

    Invalid is zero, negative (sign bit) or more than 256 bits, as in `SetCompact` of Bitcoin Core.
    """
    size, word = nbits >> 24, nbits & 0x7FFFFF
    if not 0 <= nbits < 1 << 32 or nbits & 0x800000:
        return None
    target = word << 8 * (size - 3) if size > 3 else word >> 8 * (3 - size)
    return target if 0 < target < 1 << 256 else None


def difficulty_of(target: int) -> float:
    """Return the difficulty of a target > 0, correctly rounded."""
    return MAX_TARGET / target  # the quotient of two ints is rounded once


def difficulty_of_nbits(nbits: int) -> float | None:
    """Return the difficulty that the compact form in a header encodes; None if it is invalid."""
    target = target_of_nbits(nbits)
    return None if target is None else difficulty_of(target)


def subsidy(height: int) -> int:
    """Return the newly created satoshis in the block at `height` >= 0."""
    if height < 0:
        raise ValueError("a block height is 0 or more")
    return FIRST_SUBSIDY_SAT >> min(height // HALVING_BLOCKS, 64)


def next_halving(height: int) -> Halving | None:
    """Return the next halving after the tip at `height`; None once the subsidy is 0."""
    if subsidy(height) == 0:
        return None
    at = (height // HALVING_BLOCKS + 1) * HALVING_BLOCKS
    return Halving(at, at - height, subsidy(at))


def hashes_per_block(difficulty: float) -> float:
    """Return the expected number of hashes for one block."""
    return difficulty * HASHES_PER_DIFFICULTY


def implied_hashrate(difficulty: float) -> float:
    """Return the network hashrate (H/s) at which a block of this difficulty is found every ten minutes."""
    return hashes_per_block(difficulty) / BLOCK_SECONDS


def observed_hashrate(difficulties: Sequence[float], first_time: float, last_time: float) -> Estimate | None:
    """Return the network hashrate (H/s) that found these blocks, with its standard error 1/sqrt(n).

    `difficulties` are those of the n blocks after the block at `first_time`; the last one is at `last_time` (n
    intervals, as in `getnetworkhashps` of Bitcoin Core). None without blocks or without time between them.
    """
    if not difficulties or last_time <= first_time:
        return None
    hashes = hashes_per_block(math.fsum(difficulties))
    return Estimate(hashes / (last_time - first_time), 1 / math.sqrt(len(difficulties)))


def network_share(hashrate: float | None, network: float | None) -> float | None:
    """Return the share (0 to 1) of the network's hashrate, both in H/s; None if either is unknown."""
    return None if hashrate is None or not network else hashrate / network
