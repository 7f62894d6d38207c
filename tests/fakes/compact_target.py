"""Encodes targets and difficulties as `nbits`: the reverse of what the program decodes."""

import math
from fractions import Fraction

from stratoscope.market.chain import MAX_TARGET


def nbits_of(target: int) -> int:
    """Return the compact form of a target of 1 to 2**256 - 1, truncated to its 23 leading bits as consensus does."""
    if not 0 < target < 1 << 256:
        raise ValueError("a target is 1 to 2**256 - 1")
    size = (target.bit_length() + 7) // 8
    word = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if word & 0x800000:  # would be read as a sign
        size, word = size + 1, word >> 8
    return size << 24 | word


def target_of_difficulty(difficulty: float) -> int:
    """Return the largest target whose difficulty is at least `difficulty` > 0."""
    if not 0 < difficulty < math.inf:
        raise ValueError("a difficulty is a positive number")
    return math.floor(MAX_TARGET / Fraction(difficulty))
