"""Turns families of the metric table into nested JSON objects: series names become keys, labels become levels.

`mining_hashboard_chips{rig="a", board="0"} 110` is `{"boards": {"0": {"chips": 110}}}`. A key is the name of
the metric without `mining_`, without the part that its place implies, and without `_info`. Unknown values have no key.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from stratoscope.fields import clean_text
from stratoscope.metrics import NAMESPACE, Labels, Metric, MetricFamily, MetricKind

Object = dict[str, Any]
MAX_VALUE: Final = 1e300
MAX_EXACT_INTEGER: Final = 1 << 53
"""Integers from this value on lose precision in most JSON parsers."""
MAX_SITE_ROWS: Final = 256
"""Maximum rows of a family in a document of the site."""

PLACES: Final = {
    "board": ("boards", "hashboard_"),
    "fan": ("fans", "fan_"),
    "slot": ("pools", "rig_pool_"),
    "tariff": ("tariffs", "tariff_"),
}
"""Labels of a part: the object with the parts, and the prefix of the names of their metrics."""
WORDS: Final = ("currency", "url")
"""Labels that describe a part or its unit, and become values next to the metrics."""


@lru_cache(1 << 14)
def label_text(text: str) -> str:
    """Return a label value as clean text for JSON."""
    return clean_text(text)


def json_number(value: float | None) -> float | None:
    """Return a value as a JSON number; None if it is unknown or not a finite number."""
    if value is None or not -MAX_VALUE < value < MAX_VALUE:  # also NaN
        return None
    return value if isinstance(value, float) or -MAX_EXACT_INTEGER < value < MAX_EXACT_INTEGER else float(value)


def key_of(metric: Metric[Any], begins: str) -> str:
    """Return the key of `metric` in an object with the name prefix `begins`."""
    name = metric.series if metric.kind is not MetricKind.INFO else metric.stem
    name = name.removeprefix(f"{NAMESPACE}_")
    return "info" if f"{name}_" == begins else name.removeprefix(begins)


@dataclass(frozen=True, slots=True)
class Branch:
    """One family, prepared for writing into objects."""

    rows: Callable[[Any], Iterable[tuple[Labels, Any]]]
    metrics: tuple[tuple[str, Callable[[Any], float | None], bool], ...]  # key, value, whether it is an info metric
    under: str | None  # key of the object for its values
    part: int | None  # index of the label with the part
    words: tuple[tuple[str, int], ...]  # labels that become values
    rest: tuple[tuple[str, int], ...]  # labels that become levels below the key

    @classmethod
    def of(cls, family: MetricFamily[Any, Any], under: str | None, begins: str) -> "Branch":
        """Return the branch of `family` in an object with the name prefix `begins`, or `under` a key of it."""
        part = next((at for at, label in enumerate(family.labels) if label in PLACES), None)
        if part is not None:
            under, begins = PLACES[family.labels[part]]
        rest = [(name, at) for at, name in enumerate(family.labels) if at != part and name not in WORDS]
        return cls(
            rows=family.rows,
            metrics=tuple((key_of(m, begins), m.value, m.kind is MetricKind.INFO) for m in family.metrics),
            under=under,
            part=part,
            words=tuple((name, at) for at, name in enumerate(family.labels) if name in WORDS),
            rest=tuple(rest),
        )

    def grow(self, root: Object, subject: Any, max_rows: int) -> None:
        """Write the known values of `subject` into `root`; a family of more than `max_rows` rows is left out."""
        rows = list(self.rows(subject))
        if len(rows) > max_rows:
            return
        for labels, row in rows:
            found = [
                (key, value, info) for key, of, info in self.metrics if (value := json_number(of(row))) is not None
            ]
            if not found:
                continue
            place = self._place(root, labels)
            for key, value, info in found:
                if info:
                    self._tell(place, key, labels)
                else:
                    self._put(place, key, labels, value)

    def _place(self, root: Object, labels: Labels) -> Object:
        place: Object = root if self.under is None else root.setdefault(self.under, {})
        if self.part is not None:
            place = place.setdefault(label_text(labels[self.part]), {})
        for name, at in self.words:
            if labels[at]:
                place[name] = label_text(labels[at])
        return place

    def _put(self, place: Object, key: str, labels: Labels, value: float) -> None:
        if not self.rest:
            place[key] = value
            return
        for _, at in self.rest:
            place = place.setdefault(key, {})
            key = label_text(labels[at])
        place[key] = value

    def _tell(self, place: Object, key: str, labels: Labels) -> None:
        """Write an info metric: one label as text, several as an object, several rows as a list."""
        if len(self.rest) == 1:
            place[key] = label_text(labels[self.rest[0][1]])
            return
        values = {name: label_text(labels[at]) for name, at in self.rest if labels[at]}
        if key == "tag":
            place.setdefault("tags", {})[values.get("tag", "")] = values.get("value", "")
        elif key == "info":
            place[key] = values
        else:
            place.setdefault(key, []).append(values)


@dataclass(frozen=True, slots=True)
class Tree:
    """Families that form one object from one subject."""

    branches: tuple[Branch, ...]

    @classmethod
    def of(cls, families: Iterable[MetricFamily[Any, Any]], under: str | None, begins: str) -> "Tree":
        """Return the tree of `families`; see `Branch.of`."""
        return cls(tuple(Branch.of(family, under, begins) for family in families))

    def grow(self, root: Object, subject: Any, max_rows: int = MAX_SITE_ROWS) -> Object:
        """Write the known values of `subject` into `root` and return it."""
        for branch in self.branches:
            branch.grow(root, subject, max_rows)
        return root
