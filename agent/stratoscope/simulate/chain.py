"""Simulates the Bitcoin chain as pools and explorers see it: new blocks, difficulty, and fees of templates."""

import hashlib
from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Final

from stratoscope.clock import Clock
from stratoscope.units import HASHES_PER_DIFFICULTY_1

BLOCK_INTERVAL: Final = 600.0  # s, target mean
EPOCH: Final = 2016  # blocks between retargets
_HALVING = 210_000
_FIRST_SUBSIDY = 50 * 100_000_000  # sat
_ANCHOR_HEIGHT, _ANCHOR_TIME = 923_000, 1_762_700_000  # a height and the approximate time of that block
_BITS = 0x1701E2A0  # difficulty about 1.49e14
_DIFFICULTY_1 = 0xFFFF << 208
_FEE_RATE = 5_000.0  # sat of fees per second
_PACE = 0.992  # block interval before the simulation, as a fraction of BLOCK_INTERVAL
_LAST_CHANGE = 1.0123  # factor of the last adjustment before the simulation
_MAX_TIPS = 16  # newest blocks kept for pools that lag behind
_MAX_BLOCK_TIMES = 3000  # block times kept


def target(bits: int) -> int:
    """Return the 256-bit target of a compact `nbits`."""
    return (bits & 0x7FFFFF) << 8 * ((bits >> 24) - 3)


def difficulty(bits: int) -> float:
    """Return the difficulty of a compact `nbits`."""
    return _DIFFICULTY_1 / target(bits)


def adjusted(bits: int, factor: float) -> int:
    """Return the compact `nbits` for `factor` times the difficulty of `bits`."""
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
    """A chain tip: height, hash in header byte order, UTC second at which the block was found."""

    height: int
    hash: bytes
    at: float


class Chain:
    """A chain with Poisson block arrivals, updated lazily on every access. Times are UTC seconds."""

    def __init__(self, *, seed: int, clock: Clock, bits: int = _BITS, first_blocks_s: tuple[float, ...] = ()) -> None:
        """Start with compact target `bits`. `first_blocks_s` holds the first block times (s from now)."""
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
        """H/s that find one block per ten minutes at the current difficulty."""
        return difficulty(self.bits) * HASHES_PER_DIFFICULTY_1 / BLOCK_INTERVAL

    @property
    def epoch_start(self) -> float:
        """UTC second of the first block of the current epoch."""
        return self.time_of(self._tip.height - self._tip.height % EPOCH)

    def time_of(self, height: int) -> float:
        """Return the UTC second of a block: exact for the newest 3000, estimated for those before the simulation."""
        known = self._times.get(height)
        return known if known is not None else self._first.at - (self._first.height - height) * BLOCK_INTERVAL * _PACE

    def bits_of(self, height: int) -> int:
        """Return the compact target of a block; blocks before the first epoch all have that of the epoch before it."""
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
        """Return the newest block found by UTC second `at`, among the last few blocks."""
        self.tip()
        return next((tip for tip in reversed(self._tips) if tip.at <= at), self._tips[0])

    def mine(self) -> Tip:
        """Find the next block now."""
        self.tip()
        self._append(self._clock.time())
        return self._tip

    def until_next(self) -> float:
        """Return the seconds until the next block."""
        self.tip()
        return max(0.0, self._next - self._clock.time())

    def fees(self, tip: Tip | None = None) -> int:
        """Return the fees in sat of a template built now on `tip` (None: the newest block); they grow with its age."""
        tip = tip or self.tip()
        waited = max(0.0, self._clock.time() - tip.at)
        return int(_FEE_RATE * min(waited, 3 * BLOCK_INTERVAL)) + 310_000 + tip.height * 7919 % 1_500_000

    def total_fees(self, blocks: int) -> int:
        """Return the total fees in sat of the newest `blocks` blocks."""
        height = self.tip().height
        return sum(map(block_fees, range(height - blocks + 1, height + 1)))

    def mean_fees(self) -> int:
        """Return the mean fees in sat per block."""
        return self.total_fees(144) // 144

    def _after(self, at: float) -> float:
        """Return the time of the block that follows the one at `at`."""
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
        """Return a hash that meets the target, in header order (its zero bytes are at the end)."""
        noise = hashlib.sha256(f"{height}/{self._rng.getrandbits(64)}".encode()).digest()
        return (int.from_bytes(noise, "big") % target(self.bits)).to_bytes(32, "little")
