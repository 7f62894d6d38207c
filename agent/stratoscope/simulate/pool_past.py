"""Generates the pool history of the rigs before the simulation starts, so that pools can report past days."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from stratoscope.simulate.accounts import SKIMMED, SOUTH
from stratoscope.simulate.chain import Chain, difficulty, subsidy
from stratoscope.simulate.physics import poisson
from stratoscope.simulate.rig import Rig
from stratoscope.units import DAY, HOUR

DAYS: Final = 2
"""Whole days of the past. Pools settle yesterday only some hours after midnight; the day before is always settled."""
_WAVER = 0.002  # standard deviation as a fraction of the hourly mean hashrate
_SKIMS_FOR = 30 * HOUR  # s before the start of the simulation at which the south pool starts to skim
REFUSED: Final = 0.0023
"""Fraction of all shares that are rejected or stale, as in the counters of the rigs."""


@dataclass(frozen=True, slots=True)
class RigHour:
    """One hour of one rig: start (UTC s), hashes reported by the rig, hashes credited by the pool, hashes per share."""

    rig: str
    worker: str
    start: float
    reported: float
    credited: float
    per_share: float


@dataclass(slots=True)
class PoolPast:
    """The hours of all rigs by account: the last DAYS whole UTC days, and today up to the current hour."""

    begin: float
    end: float
    difficulty: float
    subsidy: int  # sat
    fees: float  # sat per block on average
    hours: dict[str, list[RigHour]] = field(default_factory=dict)

    def by_day(self, account: str) -> Mapping[float, float]:
        """Return the hashes credited to an account per day, keyed by the UTC second at which the day starts."""
        days: dict[float, float] = {}
        for hour in self.hours.get(account, ()):
            day = hour.start // DAY * DAY
            days[day] = days.get(day, 0.0) + hour.credited
        return days

    def in_order(self, account: str) -> Iterator[list[RigHour]]:
        """Yield the rows of each hour, oldest first."""
        by_hour: dict[float, list[RigHour]] = {}
        for hour in self.hours.get(account, ()):
            by_hour.setdefault(hour.start, []).append(hour)
        for start in sorted(by_hour):
            yield by_hour[start]


def past_of(rigs: Iterable[Rig], chain: Chain, now: float, seed: int) -> PoolPast:
    """Return the history of `rigs` up to UTC `now`: each at its mean hashrate, with random shares for every hour."""
    past = PoolPast(
        now // DAY * DAY - DAYS * DAY,
        now // HOUR * HOUR,
        difficulty(chain.bits),
        subsidy(chain.tip().height),
        chain.mean_fees(),
    )
    count = round((past.end - past.begin) / HOUR)
    for rig in rigs:
        rng = Random(f"{seed}/past/{rig.name}")
        user = rig.pools[0][1]
        account = user.split(".", 1)[0]
        physics = rig.physics
        per_share = physics.difficulty * physics.spec.hashes_per_difficulty
        rows = past.hours.setdefault(account, [])
        for hour in range(count):
            start = past.begin + hour * HOUR
            rate = SKIMMED if account == SOUTH and start >= past.end - _SKIMS_FOR else 1.0
            hashes = physics.average * HOUR * rng.gauss(1.0, _WAVER)
            shares = poisson(rng, hashes * (1 - REFUSED) / per_share)
            rows.append(RigHour(rig.name, user, start, hashes, shares * per_share * rate, per_share))
    return past
