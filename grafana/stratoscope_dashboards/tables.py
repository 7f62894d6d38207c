"""Makes tables: a row per rig, model or pool, several queries side by side, cells that lead to the next page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import TableCellHeight
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from stratoscope.metrics.metric import Levels
from stratoscope_dashboards.catalogue import Entry
from stratoscope_dashboards.panels import SOURCE, Placed, Query, about, steps, targets


@dataclass(frozen=True, slots=True)
class Key:
    """A label that names the row; `link` is where a click on it leads."""

    label: str
    header: str
    link: Any = None
    width: int | None = None
    mappings: Sequence[model.ValueMapping] = ()
    number: bool = False  # a figure among the labels, sorted as one


@dataclass(frozen=True, slots=True)
class Value:
    """A column of figures: one instant query, with the unit and levels of `entry` unless given."""

    header: str
    entry: Entry
    expr: str
    unit: str | None = None
    levels: Levels | None = None
    decimals: int | None = None
    mappings: Sequence[model.ValueMapping] = ()
    width: int | None = None


def table_of(
    title: str, keys: Sequence[Key], values: Sequence[Value], *, text: str, sort: str, falling: bool = True,
    width: int = 24, height: int = 9, figures: bool = True,
) -> Placed:  # fmt: skip
    """Return a table sorted by the column `sort`, the greatest first while `falling`.

    The rows of all queries are joined where all their labels agree, so each query must end in the labels of `keys` and
    nothing else. Without `figures` the values are all 1 and are not shown.
    """
    queries = [Query(value.expr) for value in values]
    panel = (
        table.Panel().title(title).description(about(values[0].entry, text)).datasource(SOURCE).unit("short")
        .targets(targets(queries, instant=True, shape=PromQueryFormat.TABLE))
        .transformations(_joined(keys, values, figures=figures))
        .sort_by([common.TableSortByFieldState().display_name(sort).desc(falling)]).show_header(True)
        .cell_height(TableCellHeight.SM).thresholds(steps(None)).no_value("–").filterable(len(keys) > 1)
    )  # fmt: skip
    for key in keys:
        panel.override_by_name(key.header, _properties(_name(key)))
    for value in values if figures else ():
        panel.override_by_name(value.header, _properties(_look(value)))
    return Placed(panel, width, height)


def _name(key: Key) -> dict[str, Any]:
    return {
        "links": [key.link] if key.link else None,
        "custom.width": key.width,
        "unit": "none" if key.number else None,
        "mappings": list(key.mappings) or None,
        "custom.cellOptions": {"type": "color-text"} if key.mappings else None,
    }


def _look(value: Value) -> dict[str, Any]:
    levels = value.levels if value.levels is not None else value.entry.levels
    return {
        "unit": value.unit or value.entry.unit,
        "decimals": value.decimals,
        "thresholds": None if levels is None else steps(levels).build(),
        "custom.cellOptions": None if levels is None and not value.mappings else {"type": "color-text"},
        "mappings": list(value.mappings) or None,
        "custom.width": value.width,
    }


def _properties(wanted: dict[str, Any]) -> list[model.DynamicConfigValue]:
    return [model.DynamicConfigValue(id_val=name, value=value) for name, value in wanted.items() if value is not None]


def _joined(keys: Sequence[Key], values: Sequence[Value], *, figures: bool) -> list[model.DataTransformerConfig]:
    """Return what makes one table of the answers: rows joined, figures among the labels read, columns named."""
    figured = [{"targetField": key.label, "destinationType": "number"} for key in keys if key.number]
    return [
        _transformation("merge", {}),
        *([_transformation("convertFieldType", {"conversions": figured})] if figured else []),
        _transformation("organize", _order(keys, values, figures=figures)),
    ]


def _transformation(name: str, options: dict[str, Any]) -> model.DataTransformerConfig:
    return model.DataTransformerConfig(id_val=name, options=options)


def _order(keys: Sequence[Key], values: Sequence[Value], *, figures: bool) -> dict[str, Any]:
    """Return the order and headers of the columns; a single query's column is called Value, without its letter."""
    fields = [key.label for key in keys]
    names = [f"Value #{chr(ord('A') + at)}" for at in range(len(values))] if len(values) > 1 else ["Value"]
    headers = dict(zip(fields, (key.header for key in keys), strict=True))
    if figures:
        headers |= dict(zip(names, (value.header for value in values), strict=True))
    hidden = {"Time": True} if figures else {"Time": True, **dict.fromkeys(names, True)}
    return {
        "excludeByName": hidden,
        "indexByName": {name: at for at, name in enumerate((*fields, *names))},
        "renameByName": headers,
    }
