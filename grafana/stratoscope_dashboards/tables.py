"""Builds tables: one row per rig, model or pool, one query per column, cells with links."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import TableCellHeight
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from stratoscope.metrics.metric import Levels
from stratoscope_dashboards.catalogue import MetricEntry
from stratoscope_dashboards.panels import SizedPanel, panel_description
from stratoscope_dashboards.queries import DATA_SOURCE, PanelQuery, build_targets
from stratoscope_dashboards.thresholds import threshold_steps


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """A column with the values of a label, which together identify the row; `link` makes its cells links."""

    label: str
    header: str
    link: Any = None
    width: int | None = None
    mappings: Sequence[model.ValueMapping] = ()
    number: bool = False  # sort as a number


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """A column with the values of an instant query; unit and levels default to those of `entry`."""

    header: str
    entry: MetricEntry
    expr: str
    unit: str | None = None
    levels: Levels | None = None
    decimals: int | None = None
    mappings: Sequence[model.ValueMapping] = ()
    width: int | None = None


def table_panel(
    title: str,
    labels: Sequence[LabelColumn],
    values: Sequence[ValueColumn],
    *,
    description: str,
    sort: str,
    descending: bool = True,
    width: int = 24,
    height: int = 9,
    show_values: bool = True,
) -> SizedPanel:
    """Return a table sorted by the column `sort`.

    The rows of all queries are joined where all labels are equal, so each query must return exactly the labels of
    `labels`. `show_values=False` hides the values, for queries whose value is always 1.
    """
    queries = [PanelQuery(value.expr) for value in values]
    panel = (
        table.Panel()
        .title(title)
        .description(panel_description(values[0].entry, description))
        .datasource(DATA_SOURCE)
        .unit("short")
        .targets(build_targets(queries, instant=True, query_format=PromQueryFormat.TABLE))
        .transformations(_transformations(labels, values, show_values=show_values))
        .sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
        .show_header(True)
        .cell_height(TableCellHeight.SM)
        .thresholds(threshold_steps(None))
        .no_value("–")
        .filterable(len(labels) > 1)
    )
    for label in labels:
        panel.override_by_name(label.header, _properties(_label_properties(label)))
    for value in values if show_values else ():
        panel.override_by_name(value.header, _properties(_value_properties(value)))
    return SizedPanel(panel, width, height)


def _label_properties(column: LabelColumn) -> dict[str, Any]:
    return {
        "links": [column.link] if column.link else None,
        "custom.width": column.width,
        "unit": "none" if column.number else None,
        "mappings": list(column.mappings) or None,
        "custom.cellOptions": {"type": "color-text"} if column.mappings else None,
    }


def _value_properties(column: ValueColumn) -> dict[str, Any]:
    levels = column.levels if column.levels is not None else column.entry.levels
    return {
        "unit": column.unit or column.entry.unit,
        "decimals": column.decimals,
        "thresholds": None if levels is None else threshold_steps(levels).build(),
        "custom.cellOptions": None if levels is None and not column.mappings else {"type": "color-text"},
        "mappings": list(column.mappings) or None,
        "custom.width": column.width,
    }


def _properties(properties: dict[str, Any]) -> list[model.DynamicConfigValue]:
    return [
        model.DynamicConfigValue(id_val=name, value=value) for name, value in properties.items() if value is not None
    ]


def _transformations(
    labels: Sequence[LabelColumn], values: Sequence[ValueColumn], *, show_values: bool
) -> list[model.DataTransformerConfig]:
    """Return the transformations that join the rows, convert number labels, and order and name the columns."""
    numbers = [{"targetField": column.label, "destinationType": "number"} for column in labels if column.number]
    return [
        _transformation("merge", {}),
        *([_transformation("convertFieldType", {"conversions": numbers})] if numbers else []),
        _transformation("organize", _columns(labels, values, show_values=show_values)),
    ]


def _transformation(name: str, options: dict[str, Any]) -> model.DataTransformerConfig:
    return model.DataTransformerConfig(id_val=name, options=options)


def _columns(labels: Sequence[LabelColumn], values: Sequence[ValueColumn], *, show_values: bool) -> dict[str, Any]:
    """Return order and headers of the columns. Grafana names the column of a single query `Value`, without a letter."""
    fields = [column.label for column in labels]
    names = [f"Value #{chr(ord('A') + at)}" for at in range(len(values))] if len(values) > 1 else ["Value"]
    headers = dict(zip(fields, (column.header for column in labels), strict=True))
    if show_values:
        headers |= dict(zip(names, (column.header for column in values), strict=True))
    hidden = {"Time": True} if show_values else {"Time": True, **dict.fromkeys(names, True)}
    return {
        "excludeByName": hidden,
        "indexByName": {name: at for at, name in enumerate((*fields, *names))},
        "renameByName": headers,
    }
