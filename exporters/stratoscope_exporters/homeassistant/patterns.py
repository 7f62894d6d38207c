"""Finds the values for Home Assistant in the MQTT documents: the path of each announced metric."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stratoscope.metrics import MARKET, RIG_MONEY, SITE, SITE_MONEY, TABLE, Metric, MetricFamily, MetricKind
from stratoscope_exporters.homeassistant import entities
from stratoscope_exporters.homeassistant.entities import Entity
from stratoscope_exporters.homeassistant.shapes import Flag, Shape, shape_of
from stratoscope_exporters.mqtt.tree import Branch, Object

Families = Iterable[tuple[MetricFamily[Any, Any], str | None, str]]
Step = tuple[str, bool]  # a key, or the name of the label whose values are keys; whether it is a label
MAX_COMPONENTS: Final = 64
"""Maximum components per metric: no document has more hashboards, fans, tariffs or pool slots."""
IMPLIED_LABELS: Final = frozenset((("algorithm", "sha256"), ("tariff", "default")))
"""Label values that are left out of names."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One announced metric: the path to its values in a document."""

    entity: Entity
    shape: Shape | Flag
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, entity: Entity, branch: Branch, metric: Metric[Any], key: str, labels: tuple[str, ...]) -> "Pattern":
        """Return the pattern of `entity` for `metric`, which `branch` writes under `key`."""
        steps: list[Step] = [] if branch.under is None else [(branch.under, False)]
        if branch.part is not None:
            steps.append((labels[branch.part], True))
        steps.append((key, False))
        if metric.kind is not MetricKind.INFO:  # its only label is the value
            steps += [(name, True) for name, _ in branch.rest]
        return cls(entity, entity.shape or shape_of(metric), tuple(steps))

    def found(self, document: Object) -> list[tuple[tuple[str, ...], dict[str, str]]]:
        """Return the paths to the known values in `document`, each with its labels."""
        ways: list[tuple[Any, tuple[str, ...], dict[str, str]]] = [(document, (), {})]
        for step, is_label in self.steps:
            ways = [way for place, path, labels in ways for way in _onward(place, path, labels, step, is_label)]
        return [(path, labels) for place, path, labels in ways[:MAX_COMPONENTS] if not isinstance(place, dict)]


def _onward(
    place: Any, path: tuple[str, ...], labels: Mapping[str, str], step: str, is_label: bool
) -> Iterator[tuple[Any, tuple[str, ...], dict[str, str]]]:
    if not isinstance(place, dict):
        return
    if is_label:
        for key, part in place.items():
            yield part, (*path, key), {**labels, step: key}
    elif step in place:
        yield place[step], (*path, step), dict(labels)


def _patterns(chosen: Iterable[Entity], families: Families) -> tuple[Pattern, ...]:
    rows = {}
    for family, under, begins in families:
        branch = Branch.of(family, under, begins)
        for metric, (key, _, _) in zip(family.metrics, branch.metrics, strict=True):
            rows[metric.series] = branch, metric, key, family.labels
    return tuple(Pattern.of(entity, *rows[entity.series]) for entity in chosen)


RIG: Final = _patterns(
    entities.RIG, ((family, "money" if any(family is one for one in RIG_MONEY) else None, "rig_") for family in TABLE)
)
SITE_AND_MARKET: Final = _patterns(
    entities.SITE,
    (
        *((family, None, "site_") for family in SITE),
        *((family, "money", "site_") for family in SITE_MONEY),
        *((family, "market", "") for family in MARKET),
    ),
)


def title(name: str, labels: Mapping[str, str]) -> str:
    """Return an entity's `name` with its labels filled in, without the implied ones."""
    filled = {
        name: "" if (name, value) in IMPLIED_LABELS else value.replace("_", " ") for name, value in labels.items()
    }
    words = " ".join(name.format(**filled).split())
    return words[:1].upper() + words[1:]
