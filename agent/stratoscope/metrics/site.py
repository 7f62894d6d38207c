"""Computes the totals of the fleet and defines the metrics of the whole site."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stratoscope.economics.sums import UNKNOWN_ROW, RigMoneyRow
from stratoscope.fleet import STATES, RigSnapshot
from stratoscope.metrics.metric import Labels, Levels, MetricFamily, MetricsOf, gauge
from stratoscope.metrics.unit import Unit

UNKNOWN_ALGORITHM: Final = "unknown"
"""The algorithm of rigs whose firmware does not report it."""


class RigContribution(NamedTuple):
    """What one rig contributes to the totals of the site."""

    state: str
    fresh: bool
    hashrate: float | None = None  # H/s
    nameplate: float | None = None  # H/s
    power: float | None = None  # W
    money: RigMoneyRow = UNKNOWN_ROW
    algorithm: str = UNKNOWN_ALGORITHM

    @classmethod
    def of(cls, snapshot: RigSnapshot) -> "RigContribution":
        """Return the contribution of `snapshot`; only its state if it has no reading."""
        judged = snapshot.judged
        if snapshot.reading is None:
            return cls(snapshot.state, fresh=False)
        return cls(
            snapshot.state,
            fresh=True,
            hashrate=judged.hashrate,
            nameplate=judged.nameplate,
            power=judged.power,
            money=RigMoneyRow.of(snapshot),
            algorithm=snapshot.reading.algorithm or UNKNOWN_ALGORITHM,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Totals over the rigs with a fresh reading; None without any known value. `energy` is since the start."""

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
        """Return the site's main algorithm: SHA-256 if any rig uses it, else the one with the most hashrate."""
        if "sha256" in self.hashrates or not self.hashrates:
            return "sha256"
        return max(self.hashrates, key=lambda name: self.hashrates[name])

    @property
    def hashrate(self) -> float | None:
        """Return the hashrate of `algorithm` in H/s; hashes of different algorithms cannot be added."""
        return self.hashrates.get(self.algorithm)

    @property
    def nameplate(self) -> float | None:
        """Return the nameplate hashrate of `algorithm` in H/s, over rigs of known model."""
        return self.nameplates.get(self.algorithm)

    @property
    def nameplate_ratio(self) -> float | None:
        """Return hashrate divided by nameplate, over the rigs that have both."""
        rated = self.rated.get(self.algorithm)
        return rated / self.nameplate if rated is not None and self.nameplate else None

    @property
    def coverage(self) -> float | None:
        """Return the share of rigs that the totals include, 0 to 1; None without rigs."""
        return self.fresh / self.expected if self.expected else None


def total(values: Iterable[float | None]) -> float | None:
    """Return the sum of the known values, or None if none is known."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def by_algorithm(values: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """Return the sum of the known values of each algorithm that has any."""
    sums: dict[str, float] = {}
    for algorithm, value in values:
        if value is not None:
            sums[algorithm] = sums.get(algorithm, 0.0) + value
    return sums


def totals(contributions: list[RigContribution], energy: float = 0.0) -> Totals:
    """Return the totals of `contributions`."""
    rigs = dict.fromkeys(STATES, 0)
    for contribution in contributions:
        rigs[contribution.state] = rigs.get(contribution.state, 0) + 1
    return Totals(
        rigs=rigs,
        expected=len(contributions),
        fresh=sum(one.fresh for one in contributions),
        hashrates=by_algorithm((one.algorithm, one.hashrate) for one in contributions),
        nameplates=by_algorithm((one.algorithm, one.nameplate) for one in contributions),
        rated=by_algorithm((one.algorithm, one.hashrate) for one in contributions if one.nameplate),
        power=total(one.power for one in contributions),
        energy=energy,
    )


def _whole(sums: Totals) -> Iterable[tuple[Labels, Totals]]:
    return (((), sums),)


def _states(sums: Totals) -> Iterable[tuple[Labels, float]]:
    return (((state,), sums.rigs.get(state, 0)) for state in STATES)


def _algorithms(sums: Totals) -> Iterable[tuple[Labels, tuple[float | None, float | None]]]:
    names = sorted(sums.hashrates.keys() | sums.nameplates.keys())
    return (((name,), (sums.hashrates.get(name), sums.nameplates.get(name))) for name in names)


per_algorithm = MetricsOf[tuple[float | None, float | None]]()
per_site = MetricsOf[Totals]()

HASHRATES: MetricFamily[Totals, tuple[float | None, float | None]] = MetricFamily(
    "site: hashrate", _algorithms, ("algorithm",)
).with_metrics(
    per_algorithm.gauge("site_hashrate", Unit.HASHES_PER_SECOND, lambda pair: pair[0]).means(
        "Sum of mining_rig_hashrate_hashes_per_second over the rigs counted in mining_site_coverage_ratio, per "
        "algorithm. Hashes of different algorithms are not comparable."
    ),
    per_algorithm.gauge("site_nameplate", Unit.HASHES_PER_SECOND, lambda pair: pair[1]).means(
        "Sum of the data sheet hashrates of the rigs of known model."
    ),
)

SUMS: MetricFamily[Totals, Totals] = MetricFamily("site: totals", _whole).with_metrics(
    per_site.gauge("site_power", Unit.WATTS, lambda t: t.power).means(
        "Sum of mining_rig_power_watts over the same rigs."
    ),
    per_site.counter("site_energy", Unit.JOULES, lambda t: t.energy).means(
        "Energy used by all rigs since the agent started."
    ),
    per_site.gauge(
        "site_coverage", Unit.RATIO, lambda t: t.coverage, levels=Levels(attention=0.98, bad=0.9, falling=True)
    ).means(
        "Rigs with a fresh reading divided by all expected rigs: the share of the site that is included in its totals."
    ),
)

RIGS: MetricFamily[Totals, float] = MetricFamily("site: rigs", _states, ("state",)).with_metrics(
    gauge("site_rigs", Unit.NONE).means("Number of rigs by state."),
)
