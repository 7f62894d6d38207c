"""Makes one rig's numbers move: hashrate, heat, fans and shares, stepped by whatever time passed since the last look.

Every process here has an exact answer for any length of step (exponential approach, Ornstein-Uhlenbeck wander, Poisson
counts), so that a rig costs nothing while nobody asks it. Only overheating, which feeds back on itself, and the start
are stepped finely.
"""

import math
from random import Random
from typing import Final

from stratoscope.simulate.specs import Spec
from stratoscope.units import DAY, HOUR, MINUTE

WINDOWS: Final = {
    "5s": 5.0,
    "1m": MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "24h": DAY,
}
POOL_WINDOWS: Final = {"1m": MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "1hr": HOUR, "1d": DAY, "7d": 7 * DAY}
SLOTS: Final = 3

_SHARE_INTERVAL = 7.5  # s between shares that the pool's vardiff aims at
_REJECTED, _STALE = 0.0015, 0.0008  # of all shares
_WANDER, _WANDER_TIME = 0.010, 90.0  # of the hashrate; s
_BOARD_TIME, _FAN_TIME = 110.0, 25.0  # s
_HEAT, _CHIP_RISE = 38.0, 14.0  # K of a board over ambient and of a chip over its board, at nameplate
_IDLE = 0.03  # of the nameplate watts: control board, fans
_RAMP = 60.0  # s from start to full hashrate
_THROTTLE_AT, _STOP_AT, _RESUME_AT = 95.0, 105.0, 60.0  # °C of the hottest chip
_FINE_STEP_S = 10.0  # s, step while overheating or starting
_ERRORS = 0.004  # hardware errors per second and hashboard


def poisson(rng: Random, mean: float) -> int:
    """Draw a Poisson count; above 60 by the normal limit, which no test of ours can tell from the exact law."""
    if mean <= 0.0:
        return 0
    if mean > 60.0:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def vardiff(hashrate: float, hashes_per_difficulty: float) -> float:
    """Return the share difficulty, a power of two, at which `hashrate` finds a share about each 7.5 s."""
    return float(2.0 ** round(math.log2(hashrate * _SHARE_INTERVAL / hashes_per_difficulty)))


class Slot:
    """Counters of one pool slot since the rig's start; `last_share` is the uptime at the newest accepted share."""

    __slots__ = ("accepted", "last_share", "rejected", "stale")

    def __init__(self) -> None:
        self.accepted = self.rejected = self.stale = 0
        self.last_share: float | None = None


class Board:
    """One hashboard: H/s, °C of the PCB and of the hottest chip, answering chips, hardware errors since start."""

    __slots__ = ("chip", "chips", "errors", "full", "hashrate", "offset", "temperature", "yields")

    def __init__(self, spec: Spec, rng: Random) -> None:
        self.yields = rng.gauss(1.0, 0.012)  # silicon lottery
        self.offset = rng.uniform(-3.0, 3.0)  # K, place in the air stream
        self.full = spec.hashrate / spec.boards * self.yields
        self.chips = spec.chips
        self.hashrate = self.temperature = self.chip = 0.0
        self.errors = 0


class Physics:
    """The true state of one rig. Flags are set from outside (`troubles`), `step` does the rest.

    `powered` False is a rig that is off or booting; `airflow` below 1 is a blocked inlet; `sharing` False a rig that
    hashes without delivering; `stuck` True one whose work is old, so that its shares are refused; `lost` the index of a
    dead hashboard; `slot` the pool slot in use.
    """

    __slots__ = (
        "airflow",
        "ambient",
        "boards",
        "difficulty",
        "fan",
        "hashes",
        "hashrate",
        "lost",
        "pool_rates",
        "powered",
        "rng",
        "sharing",
        "slot",
        "slots",
        "spec",
        "stopped",
        "stuck",
        "throttle",
        "uptime",
        "wander",
        "windows",
        "work",
    )

    def __init__(self, spec: Spec, rng: Random, *, uptime: float) -> None:
        self.spec, self.rng = spec, rng
        self.ambient = rng.uniform(20.0, 30.0)
        self.difficulty = vardiff(spec.hashrate, spec.hashes_per_difficulty)
        self.powered = self.sharing = True
        self.stuck = False
        self.airflow, self.fan, self.wander = 1.0, 0.6, 0.0
        self.slot, self.lost = 0, -1
        self.work = 0.0  # hashes that the pool credited, never reset
        self.boards = [Board(spec, rng) for _ in range(spec.boards)]
        self.restart()
        self._settle(uptime)

    def restart(self) -> None:
        """Begin a new life of the mining process: uptime and every counter at zero, as a reboot leaves them."""
        self.uptime = self.hashes = self.hashrate = 0.0
        self.throttle, self.stopped = 1.0, False
        self.slots = [Slot() for _ in range(SLOTS)]
        self.windows = dict.fromkeys(WINDOWS, 0.0)
        for board in self.boards:
            board.errors, board.hashrate = 0, 0.0

    def _settle(self, uptime: float) -> None:
        """Start in the middle of life: warm, windows filled, counters as `uptime` seconds of hashing leave them."""
        self.uptime = uptime
        self.pool_rates = dict.fromkeys(POOL_WINDOWS, 0.0)
        self._hash(0.0)
        for _ in range(12):
            self._heat(_BOARD_TIME)
        self.windows = dict.fromkeys(WINDOWS, self.hashrate)
        self.pool_rates = dict.fromkeys(POOL_WINDOWS, self.hashrate)
        self._count(uptime, self.hashrate)

    @property
    def power(self) -> float:
        """Watts at the wall."""
        if not self.powered:
            return 0.0
        watts = self.spec.watts
        return watts * (_IDLE + (1.0 - _IDLE) * self.hashrate / self.spec.hashrate)

    @property
    def average(self) -> float:
        """H/s since the start of the mining process."""
        return self.hashes / self.uptime if self.uptime > 0 else 0.0

    @property
    def hottest(self) -> float:
        """°C of the hottest chip of all hashboards."""
        return max(board.chip for board in self.boards)

    def total(self, counter: str) -> int:
        """Return `accepted`, `rejected` or `stale` summed over the pool slots."""
        first, second, third = self.slots
        return int(getattr(first, counter) + getattr(second, counter) + getattr(third, counter))

    def step(self, seconds: float) -> None:
        """Let `seconds` pass (0 only refreshes what the flags decide)."""
        if self.airflow < 1.0 or self.stopped or self.throttle < 1.0 or (self.powered and self.uptime < _RAMP):
            while seconds > _FINE_STEP_S:
                self._step(_FINE_STEP_S)
                seconds -= _FINE_STEP_S
        self._step(seconds)

    def _step(self, seconds: float) -> None:
        before = self.hashrate
        if self.powered:
            self.uptime += seconds
        self._hash(seconds)
        self._heat(seconds)
        if seconds > 0.0:
            self._guard()
            mean = (before + self.hashrate) / 2
            self._average(seconds)
            self._count(seconds, mean if self.powered else 0.0)

    def _hash(self, seconds: float) -> None:
        keep = math.exp(-seconds / _WANDER_TIME)
        self.wander = self.wander * keep + _WANDER * math.sqrt(1.0 - keep * keep) * self.rng.gauss(0.0, 1.0)
        level = self.throttle * (1.0 + self.wander) * min(1.0, (self.uptime + 1.0) / _RAMP)
        if not self.powered or self.stopped:
            level = 0.0
        total = 0.0
        for index, board in enumerate(self.boards):
            dead = index == self.lost
            board.chips = 0 if dead else self.spec.chips
            board.hashrate = 0.0 if dead else board.full * level
            total += board.hashrate
        self.hashrate = total

    def _heat(self, seconds: float) -> None:
        """Boards approach ambient plus what their power brings, fans follow the hottest chip."""
        keep = math.exp(-seconds / _BOARD_TIME)
        rise = _HEAT * (1.35 - 0.5 * self.fan) / self.airflow
        for board in self.boards:
            load = board.hashrate / board.full
            target = self.ambient + (rise + board.offset) * load
            board.temperature = target + (board.temperature - target) * keep if board.temperature else target
            board.chip = board.temperature + _CHIP_RISE * load
        wanted = min(1.0, max(0.25, (self.hottest - 40.0) / 45.0)) if self.powered else 0.0
        self.fan += (wanted - self.fan) * (1.0 - math.exp(-seconds / _FAN_TIME))

    def _guard(self) -> None:
        """Throttle, stop and resume by the hottest chip, as firmwares do."""
        hottest = self.hottest
        if hottest >= _STOP_AT:
            self.stopped = True
        elif self.stopped and hottest < _RESUME_AT:
            self.stopped = False
        if hottest >= _THROTTLE_AT:
            self.throttle = max(0.5, self.throttle - 0.05)
        elif hottest < _THROTTLE_AT - 8.0:
            self.throttle = min(1.0, self.throttle + 0.05)

    def _average(self, seconds: float) -> None:
        for name, window in WINDOWS.items():
            span = min(window, max(self.uptime, 1.0))
            self.windows[name] += (self.hashrate - self.windows[name]) * (1.0 - math.exp(-seconds / span))

    def _count(self, seconds: float, hashrate: float) -> None:
        """Draw the shares and errors of `seconds` at `hashrate` (thinned Poisson streams stay Poisson)."""
        rng = self.rng
        self.hashes += hashrate * seconds
        per_share = self.difficulty * self.spec.hashes_per_difficulty
        credited = 0.0
        shares = hashrate * seconds / per_share if self.sharing else 0.0
        if shares > 0.0:
            slot = self.slots[self.slot]
            rejected = 1.0 - _STALE if self.stuck else _REJECTED
            accepted = poisson(rng, shares * (1.0 - rejected - _STALE))
            slot.accepted += accepted
            slot.rejected += poisson(rng, shares * rejected)
            slot.stale += poisson(rng, shares * _STALE)
            if accepted:
                slot.last_share = self.uptime - min(seconds, rng.expovariate(shares / seconds))
            credited = accepted * per_share
        self.work += credited
        for name, window in POOL_WINDOWS.items():
            rate = self.pool_rates[name]
            self.pool_rates[name] = rate + (credited / seconds - rate) * (1.0 - math.exp(-seconds / window))
        if hashrate > 0.0:
            for board in self.boards:
                if board.hashrate > 0.0:
                    board.errors += poisson(rng, _ERRORS * seconds)
