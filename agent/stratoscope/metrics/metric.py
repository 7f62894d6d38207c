"""Defines what a row of the metric table is: one metric, and the family of rows that share source and labels."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, Generic, NamedTuple, TypeVar

from stratoscope.fleet import RigSnapshot
from stratoscope.metrics.unit import Unit
from stratoscope.reading import Reading

NAMESPACE: Final = "mining"
S = TypeVar("S")
T = TypeVar("T")
Row_contra = TypeVar("Row_contra", contravariant=True)
Labels = tuple[str, ...]


class MetricKind(Enum):
    """Type of a metric: gauge, counter, info (constant 1 with information in its labels) or histogram."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Distribution:
    """Content of a histogram: cumulative count per upper bound, number of observations and their sum."""

    buckets: tuple[tuple[float, int], ...]
    count: int
    total: float


class Stability(Enum):
    """Whether name, labels and meaning stay the same between releases."""

    STABLE = "stable"
    EXPERIMENTAL = "experimental"


class Identity(NamedTuple):
    """Identity as the rig reports it; kept while the rig is offline, because it is not a measurement."""

    make: str
    model: str
    firmware: str
    firmware_version: str
    driver: str
    algorithm: str

    @classmethod
    def of(cls, reading: Reading) -> "Identity":
        """Return the identity in `reading`. An unknown field is empty, which Prometheus treats as an absent label."""
        return cls(
            reading.make or "",
            reading.model or "",
            reading.firmware or "",
            reading.firmware_version or "",
            reading.driver,
            reading.algorithm or "",
        )


UNKNOWN_IDENTITY: Final = Identity("", "", "", "", "", "")


@dataclass(frozen=True, slots=True)
class Subject:
    """One rig as input of the table: its snapshot and its last known identity."""

    snapshot: RigSnapshot
    identity: Identity = UNKNOWN_IDENTITY


@dataclass(frozen=True, slots=True)
class Levels:
    """Thresholds in the metric's unit: from which value it deserves attention, and from which it is bad.

    With `falling`, the value deserves attention below `attention` and is bad below `bad`. Dashboards use the thresholds
    for colours; alerts have their own rules.
    """

    attention: float | None = None
    bad: float | None = None
    falling: bool = False


FLAG: Final = Levels(attention=1)
"""For a gauge that is 1 while something deserves attention."""
BROKEN: Final = Levels(bad=1)
"""For a gauge that is 1 while something is broken."""
WORKS: Final = Levels(bad=1, falling=True)
"""For a gauge that is 1 while something works."""


@dataclass(frozen=True, slots=True)
class Metric(Generic[Row_contra]):
    """One metric. `value` returns the value for one row of the family, or None while it is unknown.

    `name` has no namespace, unit, `_total` or `_info`: those follow from `unit` and `kind`. A histogram also has
    `distribution`; its `value` is the number of observations. `levels` is None if no value is good or bad in itself.
    """

    name: str
    unit: Unit
    value: Callable[[Row_contra], float | None]
    kind: MetricKind = MetricKind.GAUGE
    stability: Stability = Stability.STABLE
    levels: Levels | None = None
    distribution: Callable[[Row_contra], Distribution] | None = None
    help: str = ""
    namespace: str = NAMESPACE

    def means(self, text: str) -> "Metric[Row_contra]":
        """Return the metric with `text` as its help text."""
        return replace(self, help=text)

    @property
    def stem(self) -> str:
        """Return the name without `_total` or `_info`: what OpenMetrics calls the family."""
        return "_".join(filter(None, (self.namespace, self.name, self.unit.suffix)))

    @property
    def series(self) -> str:
        """Return the full Prometheus name."""
        return self.stem + {MetricKind.COUNTER: "_total", MetricKind.INFO: "_info"}.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class MetricFamily(Generic[S, T]):
    """Metrics that share a source and labels. `rows` yields pairs of label values (in the order of `labels`) and row.

    `option` names the setting that enables the family; None means always on. `free` names the labels whose values the
    rig chooses, so that an exporter can limit their number. `condition` says in words when the family is exposed; empty
    means always. Write the type as an annotation: calling a subscripted generic with slots raises on Python 3.11.
    """

    title: str
    rows: Callable[[S], Iterable[tuple[Labels, T]]]
    labels: Labels = ()
    option: str | None = None
    free: Labels = ()
    condition: str = ""
    metrics: tuple[Metric[T], ...] = ()

    def with_metrics(self, *metrics: Metric[T]) -> "MetricFamily[S, T]":
        """Return the family with `metrics`."""
        return replace(self, metrics=metrics)


RigFamily = MetricFamily[Subject, Any]


def always_one(_: object) -> float:
    """Return 1: the value of every info metric, and of series that exist only while something is true."""
    return 1


def same_value(value: float | None) -> float | None:
    """Return `value`: for rows that are the value itself."""
    return value


class MetricsOf(Generic[T]):
    """Makes metrics from rows of one type, so that the type checker knows the type of the row in each lambda.

    Every method returns a metric without help text; `means` adds it.
    """

    def __init__(self, namespace: str = NAMESPACE) -> None:
        self._namespace = namespace

    def gauge(
        self,
        name: str,
        unit: Unit,
        value: Callable[[T], float | None],
        levels: Levels | None = None,
        stability: Stability = Stability.STABLE,
    ) -> Metric[T]:
        """Return a gauge."""
        return Metric(name, unit, value, levels=levels, stability=stability, namespace=self._namespace)

    def counter(
        self,
        name: str,
        unit: Unit,
        value: Callable[[T], float | None],
        levels: Levels | None = None,
        stability: Stability = Stability.STABLE,
    ) -> Metric[T]:
        """Return a counter."""
        return Metric(name, unit, value, MetricKind.COUNTER, stability, levels, namespace=self._namespace)

    def histogram(self, name: str, unit: Unit, distribution: Callable[[T], Distribution]) -> Metric[T]:
        """Return a histogram."""

        def count(row: T) -> float:
            return distribution(row).count

        kind = MetricKind.HISTOGRAM
        return Metric(name, unit, count, kind, distribution=distribution, namespace=self._namespace)

    def info(self, name: str, stability: Stability = Stability.STABLE) -> Metric[T]:
        """Return a metric whose labels are the information and whose value is always 1."""
        return Metric(name, Unit.NONE, always_one, MetricKind.INFO, stability, namespace=self._namespace)


_per_series = MetricsOf[float | None]()


def gauge(
    name: str, unit: Unit = Unit.NONE, levels: Levels | None = None, stability: Stability = Stability.STABLE
) -> Metric[float | None]:
    """Return a gauge of rows that are the value itself; add its help text with `means`."""
    return _per_series.gauge(name, unit, same_value, levels, stability)


def counter(name: str, unit: Unit = Unit.NONE, stability: Stability = Stability.STABLE) -> Metric[float | None]:
    """Return a counter of rows that are the value itself; add its help text with `means`."""
    return _per_series.counter(name, unit, same_value, stability=stability)


def info(name: str, stability: Stability = Stability.STABLE) -> Metric[object]:
    """Return a metric whose labels are the information and whose value is always 1; add its help with `means`."""
    return MetricsOf[object]().info(name, stability)
