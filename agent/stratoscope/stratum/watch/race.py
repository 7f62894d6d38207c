"""Times who announced each new block first and how late the others were. Pure: times are given.

A time is when the announcement left the endpoint: received, less half a round trip, in monotonic seconds. A lap is one
block. It is counted once it is WINDOW old, since a far endpoint whose announcement came second may have spoken first;
who comes later still is counted when it comes.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from stratoscope.stratum.watch.records import Delays

WINDOW: Final = 60.0
KEPT: Final = 128
"""Blocks remembered: most of a day, of a chain or two."""


@dataclass(slots=True)
class Lap:
    """One block: when each endpoint announced it. `counted` are the endpoints whose result was handed out."""

    prev_hash: str
    height: int | None
    opened: float  # monotonic s of the first announcement as it was received
    times: dict[str, float] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)

    @property
    def start(self) -> float:
        """Return when the first endpoint announced it (monotonic s, corrected)."""
        return min(self.times.values())

    def delays(self) -> dict[str, float]:
        """Return how late each endpoint was, in s, the first one first."""
        start = self.start
        return {url: at - start for url, at in sorted(self.times.items(), key=lambda pair: pair[1])}


@dataclass(frozen=True, slots=True)
class Result:
    """What one lap means for one endpoint: `delay` in s behind the first, which has 0 and `first`."""

    url: str
    prev_hash: str
    delay: float
    first: bool


class Race:
    """The newest laps. `heard` takes announcements, `results` gives what they came to, each once."""

    def __init__(self, window: float = WINDOW, kept: int = KEPT) -> None:
        self._window, self._kept = window, kept
        self.laps: dict[str, Lap] = {}  # hash of the new block → lap, oldest first

    def heard(self, url: str, prev_hash: str, height: int | None, spoken: float, received: float) -> bool:
        """Note that `url` announced a block; return whether it was new to all.

        `spoken` and `received` are monotonic s.
        """
        lap = self.laps.get(prev_hash)
        if lap is None:
            while len(self.laps) >= self._kept:
                del self.laps[next(iter(self.laps))]
            self.laps[prev_hash] = Lap(prev_hash, height, received, {url: spoken})
            return True
        lap.times.setdefault(url, spoken)
        return False

    def results(self, now: float, standing: Collection[str]) -> Iterator[Result]:
        """Yield what became certain by `now`: laps that all of `standing` announced, and those past the window.

        A lap that a single endpoint ran yields nothing: nobody was beaten.
        """
        for lap in self.laps.values():
            if len(lap.counted) == len(lap.times):
                continue
            over = now - lap.opened >= self._window or all(url in lap.times for url in standing)
            if over and len(lap.times) > 1:
                yield from self._settle(lap)

    def _settle(self, lap: Lap) -> Iterator[Result]:
        for url, delay in lap.delays().items():
            if url not in lap.counted:
                lap.counted.add(url)
                yield Result(url, lap.prev_hash, delay, delay == 0.0)


def added(delays: Delays, delay: float) -> Delays:
    """Return `delays` with one more."""
    buckets = tuple((bound, count + (delay <= bound)) for bound, count in delays.buckets)
    return Delays(buckets, delays.count + 1, delays.total + delay)
