"""Decides when things go wrong with a rig: a seeded schedule of troubles, and troubles forced by name."""

import math
from collections.abc import Mapping
from random import Random
from typing import Final, NamedTuple

from stratoscope.errors import UsageError
from stratoscope.units import HOUR, MINUTE

NEVER: Final = math.inf


class TroubleKind(NamedTuple):
    """How often a trouble is drawn (weight) and how long it lasts (seconds: least, most)."""

    weight: float
    min_s: float
    max_s: float


KINDS: Final[Mapping[str, TroubleKind]] = {
    "failing_board": TroubleKind(0.20, 20 * MINUTE, 6 * HOUR),  # one hashboard gone: no chips, no hashrate
    "reboot": TroubleKind(0.20, 20.0, 90.0),  # refused while it boots, then every counter starts at zero
    "overheat": TroubleKind(0.15, 8 * MINUTE, 30 * MINUTE),  # blocked inlet: throttles, then stops
    "pool_outage": TroubleKind(0.12, 2 * MINUTE, 30 * MINUTE),  # first pool dead, shares go to the second
    "flatline": TroubleKind(0.10, 10 * MINUTE, 2 * HOUR),  # hashrate stays, shares stop
    "hung": TroubleKind(0.08, 1 * MINUTE, 20 * MINUTE),  # accepts connections, never answers
    "garbage": TroubleKind(0.05, 1 * MINUTE, 10 * MINUTE),  # answers bytes that are no answer
    "offline": TroubleKind(0.10, 2 * MINUTE, 1 * HOUR),  # no power: refused, and a restart at the end
    "hijack": TroubleKind(
        0.0, 5 * MINUTE, 1 * HOUR
    ),  # somebody wrote a pool of his own into the first slot; only by name
    "old_work": TroubleKind(0.0, 20 * MINUTE, 2 * HOUR),  # hangs on to a block, its shares are refused; only by name
}
DOWN: Final = frozenset({"reboot", "offline"})

_BETWEEN = 4 * HOUR  # mean time between a rig's troubles
_SOON, _SOON_SHARE = 2 * MINUTE, 0.06  # this share of rigs has its first trouble early, so that a demo shows some


class Troubles:
    """What is wrong with one rig now (`active`: name → end), and what comes next. Times are monotonic seconds."""

    __slots__ = ("_next", "_rng", "active", "boundary")

    def __init__(self, rng: Random, now: float, *, scheduled: bool) -> None:
        self._rng = rng
        self.active: dict[str, float] = {}
        self._next = NEVER
        if scheduled:
            early = rng.random() < _SOON_SHARE
            self._next = now + (rng.uniform(5.0, _SOON) if early else rng.expovariate(1 / _BETWEEN))
        self.boundary = self._next  # the next moment at which anything begins or ends

    def force(self, event: str, now: float, duration: float | None) -> None:
        """Begin `event` at once, for `duration` seconds (None: a drawn length); UsageError on an unknown name."""
        kind = KINDS.get(event)
        if kind is None:
            raise UsageError(f"no trouble is called {event!r}; there are {', '.join(KINDS)}")
        self.active[event] = now + (self._rng.uniform(kind.min_s, kind.max_s) if duration is None else duration)
        self._mark()

    def clear(self, event: str | None = None) -> None:
        """End `event`, or everything that is wrong, at once."""
        for name in (event,) if event else tuple(self.active):
            self.active.pop(name, None)
        self._mark()

    def turn(self, now: float) -> None:
        """Drop what has ended and begin what is due by `now`."""
        for name in [name for name, end in self.active.items() if end <= now]:
            del self.active[name]
        if self._next <= now:
            event = self._rng.choices(list(KINDS), [kind.weight for kind in KINDS.values()])[0]
            self._next = now + self._rng.expovariate(1 / _BETWEEN)
            self.force(event, now, None)
        self._mark()

    def _mark(self) -> None:
        self.boundary = min(self._next, min(self.active.values(), default=NEVER))
