"""Measures which endpoint announced each new block first, and how late the others were. Pure: times are arguments.

The time of an announcement is when the endpoint sent it: the receive time less half a round trip, in monotonic seconds.
Results are final once all endpoints announced the block or RACE_WINDOW_S passed, because a distant endpoint can have
sent its announcement first although it arrived second. Later announcements are added when they arrive.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from stratoscope.stratum.jobs.template import JobTemplate
from stratoscope.stratum.watch.records import DelayHistogram

RACE_WINDOW_S: Final = 60.0
MAX_RACES: Final = 128
"""Blocks remembered: most of a day of one or two chains."""


@dataclass(frozen=True, slots=True)
class BlockAnnouncement:
    """A new block in a job of an endpoint; `sent` is the estimated time at which it was sent (monotonic s)."""

    url: str
    template: JobTemplate
    sent: float
    received: float


@dataclass(slots=True)
class BlockRace:
    """One block and when each endpoint announced it. `counted` are the endpoints whose results were returned."""

    prev_hash: str
    height: int | None
    started: float  # monotonic s at which the first announcement was received
    times: dict[str, float] = field(default_factory=dict)  # endpoint → monotonic s at which it sent its announcement
    counted: set[str] = field(default_factory=set)

    def delays(self) -> dict[str, float]:
        """Return how late each endpoint was, in s; the first endpoint comes first."""
        first = min(self.times.values())
        return {url: at - first for url, at in sorted(self.times.items(), key=lambda pair: pair[1])}


@dataclass(frozen=True, slots=True)
class RaceResult:
    """The result of one endpoint for one block: `delay` in s behind the first, which has 0."""

    url: str
    prev_hash: str
    delay: float
    first: bool


class BlockRaces:
    """The newest blocks. `add` takes announcements; `take_results` returns each result once."""

    def __init__(self, window: float = RACE_WINDOW_S, max_races: int = MAX_RACES) -> None:
        self._window, self._max_races = window, max_races
        self.races: dict[str, BlockRace] = {}  # hash of the new block → race, oldest first

    def add(self, url: str, prev_hash: str, height: int | None, sent: float, received: float) -> bool:
        """Add the announcement of a block by `url`; return whether it is the first. Times are monotonic s."""
        race = self.races.get(prev_hash)
        if race is None:
            while len(self.races) >= self._max_races:
                del self.races[next(iter(self.races))]
            self.races[prev_hash] = BlockRace(prev_hash, height, received, {url: sent})
            return True
        race.times.setdefault(url, sent)
        return False

    def take_results(self, now: float, endpoints: Collection[str]) -> list[RaceResult]:
        """Return the results that became final by `now`: all of `endpoints` announced the block, or the time is over.

        A block that only one endpoint announced has no result.
        """
        found: list[RaceResult] = []
        for race in self.races.values():
            if len(race.counted) == len(race.times):
                continue
            final = now - race.started >= self._window or all(url in race.times for url in endpoints)
            if final and len(race.times) > 1:
                found += _new_results(race)
        return found


def _new_results(race: BlockRace) -> list[RaceResult]:
    """Return the results of a race that were not returned before, and mark them as counted."""
    results = [
        RaceResult(url, race.prev_hash, delay, delay == 0.0)
        for url, delay in race.delays().items()
        if url not in race.counted
    ]
    race.counted.update(race.times)
    return results


def with_delay(histogram: DelayHistogram, delay: float) -> DelayHistogram:
    """Return the histogram with one more delay (s)."""
    buckets = tuple((bound, count + (delay <= bound)) for bound, count in histogram.buckets)
    return DelayHistogram(buckets, histogram.count + 1, histogram.total + delay)
