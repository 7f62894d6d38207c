"""One simulated rig: its identity, its physics and troubles, and its true values for tests."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from stratoscope.clock import Clock
from stratoscope.simulate.chain import Chain, Tip
from stratoscope.simulate.physics import Physics, Slot
from stratoscope.simulate.specs import Spec
from stratoscope.simulate.troubles import DOWN, Troubles
from stratoscope.units import DAY, HOUR

_MIN_STEP_S: Final = 1.0  # firmware does not update its values more often
THIEF: Final = ("stratum+tcp://stratum.thief.example:3333", "thief.x")
_BLOCKED: Final = 0.45  # airflow while overheating


class Rig:
    """The state of one rig, updated by `advance` on each request.

    `when`: UTC second of the last update. `cache`: values that a family computes once. `own_pools`: the pool slots, as
    (url, user), that the owner configured. `chain`: the chain its pool mines on, if simulated. `on_change`: called
    after every change of the troubles, because the rig may start or stop accepting connections.
    """

    __slots__ = (
        "_at",
        "_chain",
        "_clock",
        "_stuck",
        "cache",
        "family",
        "hostname",
        "index",
        "mac",
        "name",
        "on_change",
        "own_pools",
        "password",
        "physics",
        "serial",
        "spec",
        "token",
        "troubles",
        "user",
        "when",
    )

    def __init__(
        self,
        *,
        index: int,
        name: str,
        family: str,
        spec: Spec,
        seed: int,
        clock: Clock,
        pools: tuple[tuple[str, str], ...],
        troubles: bool,
        chain: Chain | None = None,
    ) -> None:
        rng = Random(f"{seed}/{index}")
        digits = f"{rng.getrandbits(16):04x}{index & 0xFFFFFF:06x}"
        self.index, self.name, self.family, self.spec = index, name, family, spec
        self.mac = "02:" + ":".join(digits[at : at + 2] for at in range(0, 10, 2))  # locally administered
        self.serial = f"SIM{rng.getrandbits(40):010X}{index:06d}"
        self.hostname, self.token = name, f"{rng.getrandbits(96):024x}"
        self.user, self.password = "root", "root"
        self.own_pools = pools
        self.cache: dict[str, Any] = {}
        self.on_change: Callable[[], None] = lambda: None
        self._clock, self._chain = clock, chain
        self._stuck: Tip | None = None
        self._at = clock.monotonic()
        self.when = int(clock.time())
        self.physics = Physics(spec, rng, uptime=rng.uniform(1 * HOUR, 20 * DAY))
        self.troubles = Troubles(rng, self._at, scheduled=troubles)

    @property
    def presence(self) -> str:
        """How the rig responds to a connection: `answers`, `refused`, `hung` or `garbage`."""
        active = self.troubles.active
        if active:
            if not DOWN.isdisjoint(active):
                return "refused"
            for name in ("hung", "garbage"):
                if name in active:
                    return name
        return "answers"

    @property
    def slots(self) -> list[tuple[int, str, str, Slot, bool, bool]]:
        """Pool slots as (index, url, user, counters, alive, active)."""
        physics = self.physics
        out = "pool_outage" in self.troubles.active
        return [
            (index, url, user, physics.slots[index], not (out and index == 0), index == physics.slot)
            for index, (url, user) in enumerate(self.pools)
        ]

    @property
    def pools(self) -> tuple[tuple[str, str], ...]:
        """Current slots as (url, user); while the rig is hijacked, the first belongs to a thief."""
        return (THIEF, *self.own_pools[1:]) if "hijack" in self.troubles.active else self.own_pools

    @property
    def works_on(self) -> Tip | None:
        """Block that the work of the rig builds on: the tip, or an old block; None without a simulated chain."""
        return self._stuck or (self._chain.tip() if self._chain is not None else None)

    def advance(self, now: float | None = None) -> None:
        """Update the rig to monotonic second `now` (None: the clock). Values change at most once per second."""
        if now is None:
            now = self._clock.monotonic()
        self.when = int(self._clock.time())
        if now - self._at >= _MIN_STEP_S or now >= self.troubles.boundary:
            self._advance(now)

    def force(self, event: str, *, duration: float | None = None, board: int = 0) -> None:
        """Start trouble `event` now, for `duration` seconds (None: random); `board` is the one that fails."""
        now = self._clock.monotonic()
        self._advance(now)
        if event == "failing_board":
            self.cache["failing"] = board % self.spec.boards
        self.troubles.force(event, now, duration)
        self._apply_troubles()

    def recover(self, event: str | None = None) -> None:
        """End trouble `event` (None: all troubles) now."""
        self._advance(self._clock.monotonic())
        self.troubles.clear(event)
        self._apply_troubles()

    def last_share(self, slot: Slot) -> int:
        """Return the UTC second of the latest accepted share of `slot`, or 0 if there is none."""
        if slot.last_share is None:
            return 0
        return int(self.when - (self.physics.uptime - slot.last_share))

    def truth(self, now: float | None = None) -> dict[str, Any]:
        """Return the true values at `now` in SI units, as reference for tests."""
        self.advance(now)
        physics = self.physics
        return {
            "presence": self.presence,
            "works_on": None if self.works_on is None else self.works_on.height,
            "troubles": sorted(self.troubles.active),
            "hashing": physics.hashrate > 0.0,
            "hashrate": physics.hashrate,
            "hashrate_average": physics.average,
            "hashrate_windows": dict(physics.windows),
            "nameplate": self.spec.hashrate,
            "power": physics.power,
            "uptime": physics.uptime,
            "boards": [board.hashrate for board in physics.boards],
            "chips": [board.chips for board in physics.boards],
            "temperature_board": [board.temperature for board in physics.boards],
            "temperature_chip": [board.chip for board in physics.boards],
            "fan": physics.fan * self.spec.rpm,
            "accepted": physics.total("accepted"),
            "rejected": physics.total("rejected"),
            "stale": physics.total("stale"),
            "hardware_errors": sum(board.errors for board in physics.boards),
            "difficulty": physics.difficulty,
            "difficulty_accepted": physics.total("accepted") * physics.difficulty,
            "pool_slot": physics.slot,
            "credited_hashes": physics.work,
            "pool_hashrates": dict(physics.pool_rates),
        }

    def _advance(self, now: float) -> None:
        """Step from one start or end of a trouble to the next, up to `now`."""
        while (boundary := self.troubles.boundary) <= now:
            self.physics.step(max(0.0, boundary - self._at))
            self._at = max(self._at, boundary)
            self.troubles.update(boundary)
            self._apply_troubles()
        if now > self._at:
            self.physics.step(now - self._at)
            self._at = now

    def _apply_troubles(self) -> None:
        """Set the flags of the physics from the active troubles, and restart if power is back."""
        active, physics = self.troubles.active, self.physics
        powered = DOWN.isdisjoint(active)
        if powered and not physics.powered:
            physics.restart()
        physics.powered = powered
        physics.airflow = _BLOCKED if "overheat" in active else 1.0
        physics.slot = 1 if "pool_outage" in active else 0
        physics.sharing = "flatline" not in active
        physics.stuck = "old_work" in active
        if not physics.stuck or not powered:
            self._stuck = None
        elif self._stuck is None:
            self._stuck = self.works_on
        if "failing_board" not in active:
            physics.lost = -1
        elif physics.lost < 0:
            physics.lost = self.cache.pop("failing", self.index % self.spec.boards)
        physics.step(0.0)
        self.on_change()
