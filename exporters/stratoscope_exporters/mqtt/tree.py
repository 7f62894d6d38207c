"""Turns families of the metric table into nested JSON objects: series names become keys, labels become levels.

`mining_hashboard_chips{rig="a", board="0"} 110` is `{"boards": {"0": {"chips": 110}}}`. A key is the metric's series
name without `mining_`, without the part that the place already says, and without `_info`. What is unknown has no key.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from stratoscope.fields import clean_text
from stratoscope.metrics import NAMESPACE, Family, Kind, Labels, Metric

Object = dict[str, Any]
BIG: Final = 1e300
EXACT: Final = 1 << 53
"""Whole numbers from here on are not kept exactly by most readers of JSON."""
MOST_ROWS: Final = 256
"""Rows a family may bring into a document of the whole site."""

PLACES: Final = {
    "board": ("boards", "hashboard_"),
    "fan": ("fans", "fan_"),
    "slot": ("pools", "rig_pool_"),
    "tariff": ("tariffs", "tariff_"),
}
"""Labels that name a part: the object that holds the parts, and what the names of their metrics begin with."""
WORDS: Final = ("currency", "url")
"""Labels that tell of a part or of its unit, and so stand beside the values."""


@lru_cache(1 << 14)
def word(text: str) -> str:
    """Return a label's value as it may stand in JSON, whatever it was before."""
    return clean_text(text)


def figure(value: float | None) -> float | None:
    """Return a value as JSON may hold it; None for what is unknown or no number."""
    if value is None or not -BIG < value < BIG:  # also NaN
        return None
    return value if isinstance(value, float) or -EXACT < value < EXACT else float(value)


def key_of(metric: Metric[Any], begins: str) -> str:
    """Return the key of `metric` in an object whose metrics' names begin with `begins`."""
    name = metric.series if metric.kind is not Kind.INFO else metric.stem
    name = name.removeprefix(f"{NAMESPACE}_")
    return "info" if f"{name}_" == begins else name.removeprefix(begins)


@dataclass(frozen=True, slots=True)
class Branch:
    """One family, ready to be written into an object again and again."""

    rows: Callable[[Any], Iterable[tuple[Labels, Any]]]
    metrics: tuple[tuple[str, Callable[[Any], float | None], bool], ...]  # key, value, whether it carries words
    under: str | None  # the object its values go into
    part: int | None  # which label names the part
    words: tuple[tuple[str, int], ...]  # labels that stand beside the values
    rest: tuple[tuple[str, int], ...]  # labels that become levels below the key

    @classmethod
    def of(cls, family: Family[Any, Any], under: str | None, begins: str) -> "Branch":
        """Return the branch of `family` in an object for metrics that begin with `begins`, or `under` a key of it."""
        part = next((at for at, label in enumerate(family.labels) if label in PLACES), None)
        if part is not None:
            under, begins = PLACES[family.labels[part]]
        rest = [(name, at) for at, name in enumerate(family.labels) if at != part and name not in WORDS]
        return cls(
            rows=family.rows,
            metrics=tuple((key_of(m, begins), m.value, m.kind is Kind.INFO) for m in family.metrics),
            under=under,
            part=part,
            words=tuple((name, at) for at, name in enumerate(family.labels) if name in WORDS),
            rest=tuple(rest),
        )

    def grow(self, root: Object, subject: Any, most: int) -> None:
        """Write what is known of `subject` into `root`; a family of more than `most` rows is left out whole."""
        rows = list(self.rows(subject))
        if len(rows) > most:
            return
        for labels, row in rows:
            found = [(key, value, info) for key, of, info in self.metrics if (value := figure(of(row))) is not None]
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
            place = place.setdefault(word(labels[self.part]), {})
        for name, at in self.words:
            if labels[at]:
                place[name] = word(labels[at])
        return place

    def _put(self, place: Object, key: str, labels: Labels, value: float) -> None:
        if not self.rest:
            place[key] = value
            return
        for _, at in self.rest:
            place = place.setdefault(key, {})
            key = word(labels[at])
        place[key] = value

    def _tell(self, place: Object, key: str, labels: Labels) -> None:
        """Write words: one label is a text, several are an object, and each further row makes it a list."""
        if len(self.rest) == 1:
            place[key] = word(labels[self.rest[0][1]])
            return
        told = {name: word(labels[at]) for name, at in self.rest if labels[at]}
        if key == "tag":
            place.setdefault("tags", {})[told.get("tag", "")] = told.get("value", "")
        elif key == "info":
            place[key] = told
        else:
            place.setdefault(key, []).append(told)


@dataclass(frozen=True, slots=True)
class Tree:
    """Families that make one object of one subject."""

    branches: tuple[Branch, ...]

    @classmethod
    def of(cls, families: Iterable[Family[Any, Any]], under: str | None, begins: str) -> "Tree":
        """Return the tree of `families`; see Branch.of."""
        return cls(tuple(Branch.of(family, under, begins) for family in families))

    def grow(self, root: Object, subject: Any, most: int = MOST_ROWS) -> Object:
        """Write what is known of `subject` into `root` and return it."""
        for branch in self.branches:
            branch.grow(root, subject, most)
        return root
