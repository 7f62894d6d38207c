"""Adds the fleet up and holds the rows of the metric table that describe the whole site."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stratoscope.economics.sums import UNKNOWN, RigPart
from stratoscope.fleet import STATES, RigSnapshot
from stratoscope.metrics.metric import Family, Kind, Labels, Levels, Metric
from stratoscope.metrics.unit import Unit

NOT_SAID: Final = "unknown"
"""The algorithm of rigs whose firmware does not tell it."""


class Tally(NamedTuple):
    """What one rig adds to the site."""

    state: str
    fresh: bool
    hashrate: float | None = None  # H/s
    nameplate: float | None = None  # H/s
    power: float | None = None  # W
    money: RigPart = UNKNOWN
    algorithm: str = NOT_SAID

    @classmethod
    def of(cls, snapshot: RigSnapshot) -> "Tally":
        """Return what `snapshot` adds; nothing but its state once its reading is gone."""
        judged = snapshot.judged
        if snapshot.reading is None:
            return cls(snapshot.state, fresh=False)
        return cls(
            snapshot.state,
            fresh=True,
            hashrate=judged.hashrate,
            nameplate=judged.nameplate,
            power=judged.power,
            money=RigPart.of(snapshot),
            algorithm=snapshot.reading.algorithm or NOT_SAID,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The site's sums over rigs with a fresh reading; a sum over nothing is None. `energy` counts since start."""

    rigs: Mapping[str, int] = field(default_factory=dict)  # state → rigs
    expected: int = 0
    fresh: int = 0
    hashrates: Mapping[str, float] = field(default_factory=dict)  # algorithm → H/s
    nameplates: Mapping[str, float] = field(default_factory=dict)  # algorithm → H/s
    rated: Mapping[str, float] = field(default_factory=dict)  # algorithm → H/s of the rigs whose nameplate is known
    power: float | None = None  # W
    energy: float = 0.0  # J

    @property
    def algorithm(self) -> str:
        """Return the algorithm that stands for the site: SHA-256 where there is any, else the one of most hashrate."""
        if "sha256" in self.hashrates or not self.hashrates:
            return "sha256"
        return max(self.hashrates, key=lambda name: self.hashrates[name])

    @property
    def hashrate(self) -> float | None:
        """Return the hashrate of `algorithm` in H/s; hashes of different algorithms do not add up."""
        return self.hashrates.get(self.algorithm)

    @property
    def nameplate(self) -> float | None:
        """Return the nameplate hashrate of its rigs of known model in H/s."""
        return self.nameplates.get(self.algorithm)

    @property
    def nameplate_ratio(self) -> float | None:
        """Return hashrate over nameplate, of the rigs that have both."""
        rated = self.rated.get(self.algorithm)
        return rated / self.nameplate if rated is not None and self.nameplate else None

    @property
    def coverage(self) -> float | None:
        """Return which part of the rigs stands behind the sums, 0 to 1; None for no rigs."""
        return self.fresh / self.expected if self.expected else None


def total(values: Iterable[float | None]) -> float | None:
    """Return the sum of the known values, or None when none is known."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def by_algorithm(values: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """Return the sums of the known values by algorithm, without those of which none is known."""
    sums: dict[str, float] = {}
    for algorithm, value in values:
        if value is not None:
            sums[algorithm] = sums.get(algorithm, 0.0) + value
    return sums


def totals(tallies: list[Tally], energy: float = 0.0) -> Totals:
    """Add `tallies` up."""
    rigs = dict.fromkeys(STATES, 0)
    for tally in tallies:
        rigs[tally.state] = rigs.get(tally.state, 0) + 1
    return Totals(
        rigs=rigs,
        expected=len(tallies),
        fresh=sum(tally.fresh for tally in tallies),
        hashrates=by_algorithm((tally.algorithm, tally.hashrate) for tally in tallies),
        nameplates=by_algorithm((tally.algorithm, tally.nameplate) for tally in tallies),
        rated=by_algorithm((tally.algorithm, tally.hashrate) for tally in tallies if tally.nameplate),
        power=total(tally.power for tally in tallies),
        energy=energy,
    )


def _whole(sums: Totals) -> Iterable[tuple[Labels, Totals]]:
    return (((), sums),)


def _states(sums: Totals) -> Iterable[tuple[Labels, float]]:
    return (((state,), sums.rigs.get(state, 0)) for state in STATES)


def _algorithms(sums: Totals) -> Iterable[tuple[Labels, tuple[float | None, float | None]]]:
    names = sorted(sums.hashrates.keys() | sums.nameplates.keys())
    return (((name,), (sums.hashrates.get(name), sums.nameplates.get(name))) for name in names)


HASHRATES: Family[Totals, tuple[float | None, float | None]] = Family("site: hashrate", _algorithms, (
    Metric("site_hashrate", Unit.HASHES_PER_SECOND, "Sum of mining_rig_hashrate_hashes_per_second over the rigs that "
           "mining_site_coverage_ratio counts, by algorithm: hashes of different algorithms do not add up.",
           lambda pair: pair[0]),
    Metric("site_nameplate", Unit.HASHES_PER_SECOND, "Sum of the data sheet hashrates of the rigs whose model has one.",
           lambda pair: pair[1]),
), ("algorithm",))  # fmt: skip

SUMS: Family[Totals, Totals] = Family("site: sums", _whole, (
    Metric("site_power", Unit.WATTS, "Sum of mining_rig_power_watts over the same rigs.", lambda t: t.power),
    Metric("site_energy", Unit.JOULES, "Energy all rigs drew while this agent has been running.", lambda t: t.energy,
           Kind.COUNTER),
    Metric("site_coverage", Unit.RATIO, "Rigs with a fresh reading over rigs expected: how much of the site the sums "
           "stand for.", lambda t: t.coverage, levels=Levels(attention=0.98, bad=0.9, falling=True)),
))  # fmt: skip

RIGS: Family[Totals, float] = Family("site: rigs", _states, (
    Metric("site_rigs", Unit.NONE, "Rigs by state.", lambda n: n),
), ("state",))  # fmt: skip
