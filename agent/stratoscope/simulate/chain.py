"""Imitates the Bitcoin chain as pools and explorers see it: a tip that moves, its difficulty, templates with fees."""

import hashlib
from collections import deque
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
_PACE = 0.992  # of BLOCK_INTERVAL, of the blocks before the simulation: they came a little fast
_LAST_CHANGE = 1.0123  # factor of the adjustment before the simulation
_MAX_TIPS = 16  # newest blocks that a pool may be behind
_MAX_BLOCK_TIMES = 3000  # blocks whose times are remembered


def target(bits: int) -> int:
    """Return the 256-bit target of a compact `nbits`."""
    return (bits & 0x7FFFFF) << 8 * ((bits >> 24) - 3)


def difficulty(bits: int) -> float:
    """Return the difficulty of a compact `nbits`."""
    return _DIFFICULTY_1 / target(bits)


def adjusted(bits: int, factor: float) -> int:
    """Return the compact `nbits` of the difficulty that is `factor` times that of `bits`."""
    size, word = bits >> 24, round((bits & 0x7FFFFF) / factor)
    if word > 0x7FFFFF:
        return size + 1 << 24 | word >> 8
    return size - 1 << 24 | word << 8 if word < 0x8000 else size << 24 | word


def subsidy(height: int) -> int:
    """Return the block subsidy in sat at `height`."""
    return _FIRST_SUBSIDY >> height // _HALVING


def block_fees(height: int) -> int:
    """Return the fees in sat of the block at `height`: between 1.8 and 6.3 million, about 4 on average."""
    return (
        int(_FEE_RATE * BLOCK_INTERVAL * (0.5 + height * 2654435761 % 1000 / 1000))
        + 310_000
        + height * 7919 % 1_500_000
    )


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest block: height, hash in header byte order, UTC seconds of its arrival."""

    height: int
    hash: bytes
    at: float


class Chain:
    """A chain that grows by Poisson arrivals; brought up to date whenever it is looked at. Times are UTC seconds."""

    def __init__(self, *, seed: int, clock: Clock, bits: int = _BITS, first_blocks_s: tuple[float, ...] = ()) -> None:
        """Begin a chain of compact target `bits`; the first blocks come `first_blocks_s` s after now, all others by chance."""
        self._clock = clock
        self._rng = Random(f"{seed}/chain")
        now = clock.time()
        height = max(_ANCHOR_HEIGHT, _ANCHOR_HEIGHT + int((now - _ANCHOR_TIME) / BLOCK_INTERVAL))
        self.bits = bits
        self._found = now - self._rng.uniform(0, 300)
        self._first_blocks = deque(now + seconds for seconds in first_blocks_s)
        self._next = self._after(now)
        self._tip = self._first = Tip(height, self._hash(height), self._found)
        self._tips: deque[Tip] = deque((self._tip,), maxlen=_MAX_TIPS)
        self._times: dict[int, float] = {}
        self._bits = {height - height % EPOCH: bits}
        self._bits_before = adjusted(bits, 1 / _LAST_CHANGE)
        self.last_change = _LAST_CHANGE - 1

    @property
    def network_hashrate(self) -> float:
        """H/s that find a block each ten minutes at the present difficulty."""
        return difficulty(self.bits) * HASHES_PER_DIFFICULTY_1 / BLOCK_INTERVAL

    @property
    def epoch_start(self) -> float:
        """UTC seconds of the first block of the present epoch."""
        return self.time_of(self._tip.height - self._tip.height % EPOCH)

    def time_of(self, height: int) -> float:
        """Return the UTC seconds of a block up to the tip, among the newest 3000 or from before the simulation."""
        known = self._times.get(height)
        return known if known is not None else self._first.at - (self._first.height - height) * BLOCK_INTERVAL * _PACE

    def bits_of(self, height: int) -> int:
        """Return the compact target of a block up to the tip; all before the first epoch are taken for the last one."""
        first = height - height % EPOCH
        return self._bits.get(first, self._bits_before)

    def tip(self) -> Tip:
        """Return the newest block."""
        now = self._clock.time()
        while self._next <= now:
            self._append(self._next)
            self._next = self._after(self._next)
        return self._tip

    def tip_before(self, at: float) -> Tip:
        """Return the newest block that had come by UTC second `at`, one of the last few."""
        self.tip()
        return next((tip for tip in reversed(self._tips) if tip.at <= at), self._tips[0])

    def mine(self) -> Tip:
        """Find the next block at once."""
        self.tip()
        self._append(self._clock.time())
        return self._tip

    def until_next(self) -> float:
        """Return the seconds until the next block comes."""
        self.tip()
        return max(0.0, self._next - self._clock.time())

    def fees(self, tip: Tip | None = None) -> int:
        """Return the fees in sat of a template made now: they grow with the time since the last block, or `tip`."""
        tip = tip or self.tip()
        waited = max(0.0, self._clock.time() - tip.at)
        return int(_FEE_RATE * min(waited, 3 * BLOCK_INTERVAL)) + 310_000 + tip.height * 7919 % 1_500_000

    def total_fees(self, blocks: int) -> int:
        """Return the fees in sat of the newest `blocks` together."""
        height = self.tip().height
        return sum(map(block_fees, range(height - blocks + 1, height + 1)))

    def mean_fees(self) -> int:
        """Return the fees in sat that a block brings on average."""
        return self.total_fees(144) // 144

    def _after(self, at: float) -> float:
        """Return when the block after the one at `at` comes."""
        return self._first_blocks.popleft() if self._first_blocks else at + self._rng.expovariate(1 / BLOCK_INTERVAL)

    def _append(self, at: float) -> None:
        height = self._tip.height + 1
        self._tip = Tip(height, self._hash(height), at)
        self._tips.append(self._tip)
        self._times[height] = at
        self._times.pop(height - _MAX_BLOCK_TIMES, None)
        if height % EPOCH == 0:
            factor = min(max(EPOCH * BLOCK_INTERVAL / (at - self.time_of(height - EPOCH)), 0.25), 4.0)
            self.last_change = factor - 1
            self._bits[height] = self.bits = adjusted(self.bits, factor)

    def _hash(self, height: int) -> bytes:
        """Return a hash that meets the target, in header order (its zeros stand at the end)."""
        noise = hashlib.sha256(f"{height}/{self._rng.getrandbits(64)}".encode()).digest()
        return (int.from_bytes(noise, "big") % target(self.bits)).to_bytes(32, "little")
