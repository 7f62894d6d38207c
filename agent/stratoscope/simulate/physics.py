"""Models one rig: hashrate, heat, fans and shares, advanced by the time since the last update.

Every process has an exact solution for any step length (exponential approach, Ornstein-Uhlenbeck process, Poisson
counts), so an idle rig costs nothing. Only overheating, which has feedback, and the start-up use small steps.
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

_SHARE_INTERVAL = 7.5  # s, share interval that the vardiff of the pool targets
_REJECTED, _STALE = 0.0015, 0.0008  # fractions of all shares
_WANDER, _WANDER_TIME = 0.010, 90.0  # standard deviation as a fraction of the hashrate; correlation time in s
_BOARD_TIME, _FAN_TIME = 110.0, 25.0  # s
_HEAT, _CHIP_RISE = 38.0, 14.0  # K, board above ambient and chip above board, at nameplate
_IDLE = 0.03  # fraction of the nameplate power: control board, fans
_RAMP = 60.0  # s from start to full hashrate
_THROTTLE_AT, _STOP_AT, _RESUME_AT = 95.0, 105.0, 60.0  # °C of the hottest chip
_FINE_STEP_S = 10.0  # step while overheating or starting
_ERRORS = 0.004  # hardware errors per second and hashboard


def poisson(rng: Random, mean: float) -> int:
    """Draw a Poisson count; means above 60 use the normal approximation, which is accurate enough here."""
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
    """Return the share difficulty, a power of two, at which `hashrate` finds about one share per 7.5 s."""
    return float(2.0 ** round(math.log2(hashrate * _SHARE_INTERVAL / hashes_per_difficulty)))


class Slot:
    """Counters of one pool slot since the rig started; `last_share` is the uptime at the latest accepted share."""

    __slots__ = ("accepted", "last_share", "rejected", "stale")

    def __init__(self) -> None:
        self.accepted = self.rejected = self.stale = 0
        self.last_share: float | None = None


class Board:
    """One hashboard: H/s, °C of the PCB and of the hottest chip, responding chips, hardware errors since start."""

    __slots__ = ("chip", "chips", "errors", "full", "hashrate", "offset", "temperature", "yields")

    def __init__(self, spec: Spec, rng: Random) -> None:
        self.yields = rng.gauss(1.0, 0.012)  # variation between chips
        self.offset = rng.uniform(-3.0, 3.0)  # K, effect of the position in the airflow
        self.full = spec.hashrate / spec.boards * self.yields
        self.chips = spec.chips
        self.hashrate = self.temperature = self.chip = 0.0
        self.errors = 0


class Physics:
    """The true state of one rig. The rig sets the flags from its troubles; `step` computes everything else.

    `powered`: False if the rig is off or booting. `airflow`: below 1 if the inlet is blocked. `sharing`: False if the
    rig hashes without submitting shares. `stuck`: True if its work is old, so that its shares are rejected. `lost`: the
    index of a dead hashboard, or -1. `slot`: the pool slot in use.
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
        self.work = 0.0  # hashes credited by the pool; never reset
        self.boards = [Board(spec, rng) for _ in range(spec.boards)]
        self.restart()
        self._settle(uptime)

    def restart(self) -> None:
        """Restart the mining process: reset uptime and all counters to zero, as a reboot does."""
        self.uptime = self.hashes = self.hashrate = 0.0
        self.throttle, self.stopped = 1.0, False
        self.slots = [Slot() for _ in range(SLOTS)]
        self.windows = dict.fromkeys(WINDOWS, 0.0)
        for board in self.boards:
            board.errors, board.hashrate = 0, 0.0

    def _settle(self, uptime: float) -> None:
        """Start in a steady state: warm, windows filled, counters as after `uptime` seconds of hashing."""
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
        """Advance by `seconds`; 0 only applies the flags."""
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
            self._limit_temperature()
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
        """Move board temperatures towards ambient plus the rise from their load; fans follow the hottest chip."""
        keep = math.exp(-seconds / _BOARD_TIME)
        rise = _HEAT * (1.35 - 0.5 * self.fan) / self.airflow
        for board in self.boards:
            load = board.hashrate / board.full
            target = self.ambient + (rise + board.offset) * load
            board.temperature = target + (board.temperature - target) * keep if board.temperature else target
            board.chip = board.temperature + _CHIP_RISE * load
        wanted = min(1.0, max(0.25, (self.hottest - 40.0) / 45.0)) if self.powered else 0.0
        self.fan += (wanted - self.fan) * (1.0 - math.exp(-seconds / _FAN_TIME))

    def _limit_temperature(self) -> None:
        """Throttle, stop and resume based on the hottest chip, as firmware does."""
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
        """Draw the shares and errors of `seconds` at `hashrate` (a thinned Poisson process is Poisson)."""
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
