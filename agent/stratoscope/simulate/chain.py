"""Imitates the Bitcoin chain as pools and explorers see it: a tip that moves, its difficulty, templates with fees."""

import hashlib
from dataclasses import dataclass
from random import Random
from typing import Final

from stratoscope.clock import Clock
from stratoscope.units import HASHES_PER_DIFFICULTY_1

BLOCK_INTERVAL: Final = 600.0  # s, wanted mean
EPOCH: Final = 2016  # blocks between retargets
_HALVING = 210_000
_FIRST_SUBSIDY = 50 * 100_000_000  # sat
_ANCHOR_HEIGHT, _ANCHOR_TIME = 923_000, 1_762_700_000  # a height and when the chain was near it
_BITS = 0x1701E2A0  # difficulty about 1.49e14
_DIFFICULTY_1 = 0xFFFF << 208
_FEE_RATE = 5_000.0  # sat of fees that arrive each second


def target(bits: int) -> int:
    """Return the 256-bit target of a compact `nbits`."""
    return (bits & 0x7FFFFF) << 8 * ((bits >> 24) - 3)


def difficulty(bits: int) -> float:
    """Return the difficulty of a compact `nbits`."""
    return _DIFFICULTY_1 / target(bits)


def subsidy(height: int) -> int:
    """Return the block subsidy in sat at `height`."""
    return _FIRST_SUBSIDY >> height // _HALVING


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest block: height, hash in header byte order, UTC seconds of its arrival."""

    height: int
    hash: bytes
    at: float


class Chain:
    """A chain that grows by Poisson arrivals; brought up to date whenever it is looked at. Times are UTC seconds."""

    def __init__(self, *, seed: int, clock: Clock) -> None:
        self._clock = clock
        self._rng = Random(f"{seed}/chain")
        now = clock.time()
        height = max(_ANCHOR_HEIGHT, _ANCHOR_HEIGHT + int((now - _ANCHOR_TIME) / BLOCK_INTERVAL))
        self.bits = _BITS
        self._found = now - self._rng.uniform(0, 300)
        self._next = now + self._rng.expovariate(1 / BLOCK_INTERVAL)
        self._tip = Tip(height, self._hash(height), self._found)
        self.epoch_start = now - (height % EPOCH) * BLOCK_INTERVAL * 0.992  # blocks came a little fast

    @property
    def network_hashrate(self) -> float:
        """H/s that find a block each ten minutes at the present difficulty."""
        return difficulty(self.bits) * HASHES_PER_DIFFICULTY_1 / BLOCK_INTERVAL

    def tip(self) -> Tip:
        """Return the newest block."""
        now = self._clock.time()
        while self._next <= now:
            self._append(self._next)
            self._next += self._rng.expovariate(1 / BLOCK_INTERVAL)
        return self._tip

    def mine(self) -> Tip:
        """Find the next block at once."""
        self.tip()
        self._append(self._clock.time())
        return self._tip

    def until_next(self) -> float:
        """Return the seconds until the next block comes."""
        self.tip()
        return max(0.0, self._next - self._clock.time())

    def fees(self) -> int:
        """Return the fees in sat of a template made now: they grow with the time since the last block."""
        tip = self.tip()
        waited = max(0.0, self._clock.time() - tip.at)
        return int(_FEE_RATE * min(waited, 3 * BLOCK_INTERVAL)) + 310_000 + tip.height * 7919 % 1_500_000

    def mean_fees(self) -> int:
        """Return the fees in sat that a block brings on average."""
        return int(_FEE_RATE * BLOCK_INTERVAL) + 1_060_000

    def _append(self, at: float) -> None:
        height = self._tip.height + 1
        self._tip = Tip(height, self._hash(height), at)
        if height % EPOCH == 0:
            self.epoch_start = at

    def _hash(self, height: int) -> bytes:
        """Return a hash that meets the target, in header order (its zeros stand at the end)."""
        noise = hashlib.sha256(f"{height}/{self._rng.getrandbits(64)}".encode()).digest()
        return (int.from_bytes(noise, "big") % target(self.bits)).to_bytes(32, "little")
