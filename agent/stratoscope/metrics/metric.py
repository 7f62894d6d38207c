"""Defines what a row of the metric table is: one metric, and the family of rows that share source and labels."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, NamedTuple, TypeVar

from stratoscope.fleet import RigSnapshot
from stratoscope.metrics.unit import Unit
from stratoscope.reading import Reading

NAMESPACE: Final = "mining"
S = TypeVar("S")
T = TypeVar("T")
Labels = tuple[str, ...]


class Kind(Enum):
    """What a value is: a gauge, a counter that never goes down, a constant 1 that carries words, or a histogram."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Spread:
    """The values of a histogram: upper bounds with the number of values up to each, and the sum of all values."""

    buckets: tuple[tuple[float, int], ...]
    count: int
    total: float


class Stability(Enum):
    """Whether name, labels and meaning are kept over releases."""

    STABLE = "stable"
    EXPERIMENTAL = "experimental"


class Identity(NamedTuple):
    """What a rig is, in its own words; held while the rig is away, since it is no measurement."""

    make: str
    model: str
    firmware: str
    firmware_version: str
    driver: str
    algorithm: str

    @classmethod
    def of(cls, reading: Reading) -> "Identity":
        """Return the identity in `reading`; an unknown word is empty, which Prometheus treats as an absent label."""
        return cls(
            reading.make or "",
            reading.model or "",
            reading.firmware or "",
            reading.firmware_version or "",
            reading.driver,
            reading.algorithm or "",
        )


NOBODY: Final = Identity("", "", "", "", "", "")


@dataclass(frozen=True, slots=True)
class Subject:
    """One rig as the table reads it: its snapshot, and who it is as far as it ever said."""

    snapshot: RigSnapshot
    identity: Identity = NOBODY


@dataclass(frozen=True, slots=True)
class Levels:
    """From where on a value deserves attention, and from where on it is bad, in the metric's unit.

    `falling` turns it round: the value deserves attention below `attention` and is bad below `bad`. They colour
    dashboards; whether anybody is woken is up to the alert rules.
    """

    attention: float | None = None
    bad: float | None = None
    falling: bool = False


FLAG: Final = Levels(attention=1)
"""Of a gauge that is 1 while something deserves a look."""
BROKEN: Final = Levels(bad=1)
"""Of a gauge that is 1 while something is broken."""
WORKS: Final = Levels(bad=1, falling=True)
"""Of a gauge that is 1 while something works."""


@dataclass(frozen=True, slots=True)
class Metric(Generic[T]):
    """One metric: `value` takes the figure from one row of the family, or None where it is unknown.

    `name` is without namespace, unit and `_total` or `_info`, which follow from `unit` and `kind`. A histogram has
    `spread` besides; its `value` is the number of values in it. `levels` is None where no figure is good or bad in
    itself.
    """

    name: str
    unit: Unit
    help: str
    value: Callable[[T], float | None]
    kind: Kind = Kind.GAUGE
    stability: Stability = Stability.STABLE
    levels: Levels | None = None
    spread: Callable[[T], Spread] | None = None

    @property
    def stem(self) -> str:
        """Return the name without `_total` or `_info`: what OpenMetrics calls the family."""
        return "_".join(filter(None, (NAMESPACE, self.name, self.unit.suffix)))

    @property
    def series(self) -> str:
        """Return the full Prometheus name."""
        return self.stem + {Kind.COUNTER: "_total", Kind.INFO: "_info"}.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class Family(Generic[S, T]):
    """Metrics that share a source and labels. `rows` yields label values (in the order of `labels`) and the part.

    `option` names the setting that switches the family on; None means always. `free` names the labels whose values
    are words of the rig, so that an exporter can bound how many of them it takes. Write the type as an annotation:
    calling a subscripted slotted generic raises on Python 3.11.
    """

    title: str
    rows: Callable[[S], Iterable[tuple[Labels, T]]]
    metrics: tuple[Metric[T], ...]
    labels: Labels = ()
    option: str | None = None
    free: Labels = ()


RigFamily = Family[Subject, Any]


def one(_: object) -> float:
    """Return 1: the value of every info metric."""
    return 1
