"""Schedules the troubles of a rig: random ones from a seed, and those forced by name."""

import math
from collections.abc import Mapping
from random import Random
from typing import Final, NamedTuple

from stratoscope.errors import UsageError
from stratoscope.units import HOUR, MINUTE

NEVER: Final = math.inf


class TroubleKind(NamedTuple):
    """How often a kind of trouble occurs (weight) and how long it lasts (min_s to max_s seconds)."""

    weight: float
    min_s: float
    max_s: float


KINDS: Final[Mapping[str, TroubleKind]] = {
    "failing_board": TroubleKind(0.20, 20 * MINUTE, 6 * HOUR),  # one hashboard lost: no chips, no hashrate
    "reboot": TroubleKind(0.20, 20.0, 90.0),  # refuses connections while it boots, then all counters start at zero
    "overheat": TroubleKind(0.15, 8 * MINUTE, 30 * MINUTE),  # blocked inlet: throttles, then stops
    "pool_outage": TroubleKind(0.12, 2 * MINUTE, 30 * MINUTE),  # first pool down, shares go to the second
    "flatline": TroubleKind(0.10, 10 * MINUTE, 2 * HOUR),  # hashrate continues, shares stop
    "hung": TroubleKind(0.08, 1 * MINUTE, 20 * MINUTE),  # accepts connections, never answers
    "garbage": TroubleKind(0.05, 1 * MINUTE, 10 * MINUTE),  # sends bytes that are not a valid answer
    "offline": TroubleKind(0.10, 2 * MINUTE, 1 * HOUR),  # no power: refuses connections, restarts at the end
    "hijack": TroubleKind(0.0, 5 * MINUTE, 1 * HOUR),  # a thief replaced the first pool; only by name
    "old_work": TroubleKind(0.0, 20 * MINUTE, 2 * HOUR),  # mines on an old block, its shares are rejected; only by name
}
DOWN: Final = frozenset({"reboot", "offline"})

_BETWEEN = 4 * HOUR  # mean time between the troubles of a rig
_SOON, _SOON_SHARE = 2 * MINUTE, 0.06  # fraction of rigs with an early first trouble, for demos


class Troubles:
    """The active troubles of one rig (`active`: name → end) and the next one. Times are monotonic seconds."""

    __slots__ = ("_next", "_rng", "active", "boundary")

    def __init__(self, rng: Random, now: float, *, scheduled: bool) -> None:
        self._rng = rng
        self.active: dict[str, float] = {}
        self._next = NEVER
        if scheduled:
            early = rng.random() < _SOON_SHARE
            self._next = now + (rng.uniform(5.0, _SOON) if early else rng.expovariate(1 / _BETWEEN))
        self.boundary = self._next  # the next time at which a trouble starts or ends

    def force(self, event: str, now: float, duration: float | None) -> None:
        """Start `event` now, for `duration` seconds (None: random); raise UsageError if the name is unknown."""
        kind = KINDS.get(event)
        if kind is None:
            raise UsageError(f"unknown trouble {event!r}; use one of {', '.join(KINDS)}")
        self.active[event] = now + (self._rng.uniform(kind.min_s, kind.max_s) if duration is None else duration)
        self._update_boundary()

    def clear(self, event: str | None = None) -> None:
        """End `event` (None: all troubles) now."""
        for name in (event,) if event else tuple(self.active):
            self.active.pop(name, None)
        self._update_boundary()

    def update(self, now: float) -> None:
        """End the troubles that are over and start those due by `now`."""
        for name in [name for name, end in self.active.items() if end <= now]:
            del self.active[name]
        if self._next <= now:
            event = self._rng.choices(list(KINDS), [kind.weight for kind in KINDS.values()])[0]
            self._next = now + self._rng.expovariate(1 / _BETWEEN)
            self.force(event, now, None)
        self._update_boundary()

    def _update_boundary(self) -> None:
        self.boundary = min(self._next, min(self.active.values(), default=NEVER))
