"""Makes panels with Grafana's builders: each with a title, a description, a unit and colours from the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, heatmap, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heat
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeNamePlacement,
    BarGaugeSizing,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    HeatmapCellLayout,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from stratoscope.metrics.metric import Levels
from stratoscope_dashboards.catalogue import Entry

GOOD, ATTENTION, BAD, PLAIN = "green", "orange", "red", "text"
SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="$datasource")
WORDS_SIZE: Final = 30
TIMESTAMP: Final = "dateTimeFromNow"
"""Grafana counts milliseconds there: such a query multiplies by 1,000."""
DASHED: Final[dict[str, Any]] = {"custom.lineStyle": {"fill": "dash", "dash": [8, 6]}, "custom.fillOpacity": 0}
"""Override of a line that is a limit or a promise, not a measurement."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel; `legend` is Grafana's template of the series' name."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A panel and how much of the 24 columns and how many rows it takes."""

    builder: Any
    width: int
    height: int


def about(entry: Entry, text: str) -> str:
    """Return a panel's description: what it shows, then what the table says of the metric."""
    return f"{text} {entry.name}: {entry.help}".strip()


def steps(levels: Levels | None, plain: str = PLAIN) -> ThresholdsConfig:
    """Return Grafana's thresholds for `levels`; without any, everything has the colour `plain`."""
    threshold = model.Threshold
    config = ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE)
    if levels is None:
        return config.steps([threshold(value=None, color=plain)])
    if levels.falling:
        marks = [threshold(value=None, color=BAD if levels.bad is not None else ATTENTION)]
        if levels.bad is not None and levels.attention is not None:
            marks.append(threshold(value=levels.bad, color=ATTENTION))
        top = levels.attention if levels.attention is not None else levels.bad
        return config.steps([*marks, threshold(value=top, color=GOOD)])
    marks = [threshold(value=None, color=GOOD)]
    for value, color in ((levels.attention, ATTENTION), (levels.bad, BAD)):
        if value is not None:
            marks.append(threshold(value=value, color=color))
    return config.steps(marks)


def targets(
    queries: Sequence[Query], *, instant: bool, shape: PromQueryFormat = PromQueryFormat.TIME_SERIES
) -> list[Any]:
    """Return Grafana's targets, named A, B, C ..."""
    made = []
    for at, query in enumerate(queries):
        target = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + at)).datasource(SOURCE).format(shape)
        target.legend_format(query.legend or "__auto")
        made.append(target.instant() if instant else target.range())
    return made


def stat_of(
    title: str, entry: Entry, *queries: Query, text: str = "", width: int = 4, height: int = 4, unit: str | None = None,
    levels: Levels | None = None, decimals: int | None = None, names: bool = False, name_only: bool = False,
    graph: bool = True,    links: Sequence[Any] = (), mappings: Sequence[model.ValueMapping] = (),
) -> Placed:  # fmt: skip
    """Return one number, or one per series with `names`, coloured by the levels of the table (or by `levels`).

    With `name_only` the series' name is the news.
    """
    known = levels if levels is not None else entry.levels
    panel = (
        stat.Panel().title(title).description(about(entry, text)).datasource(SOURCE).unit(unit or entry.unit)
        .targets(targets(queries, instant=False)).thresholds(steps(known)).no_value("–")
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .graph_mode(BigValueGraphMode.AREA if graph else BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .text_mode(_shown(names=names, name_only=name_only))
        .data_links(list(links)).mappings(list(mappings))
    )  # fmt: skip
    if (unit or entry.unit) == TIMESTAMP:  # "9 minutes ago" as large as fits a row is cut on a telephone
        panel = panel.text(common.VizTextDisplayOptions().value_size(WORDS_SIZE))
    return Placed(panel if decimals is None else panel.decimals(decimals), width, height)


def _shown(*, names: bool, name_only: bool) -> BigValueTextMode:
    if name_only:
        return BigValueTextMode.NAME
    return BigValueTextMode.VALUE_AND_NAME if names else BigValueTextMode.VALUE


def lines(
    title: str, entry: Entry, *queries: Query, text: str = "", width: int = 12, height: int = 8,
    unit: str | None = None, stack: bool = False, marks: bool = False, zero: bool = False, bars: bool = False,
    overrides: Sequence[tuple[str, dict[str, Any]]] = (),
) -> Placed:  # fmt: skip
    """Return lines over time, or `bars` of what is counted.

    `marks` draws the levels as dashed lines; `overrides` sets properties of the series whose whole name matches.
    """
    panel = (
        timeseries.Panel().title(title).description(about(entry, text)).datasource(SOURCE).unit(unit or entry.unit)
        .targets(targets(queries, instant=False)).line_width(1.5).fill_opacity(40 if stack else 0)
        .show_points(VisibilityMode.NEVER).span_nulls(False).thresholds(steps(entry.levels)).legend(_legend())
        .color_scheme(FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )  # fmt: skip
    if stack:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if bars:
        panel.draw_style(GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
    if marks:
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    if zero:
        panel.axis_soft_min(0)
    for pattern, properties in overrides:
        panel.override_by_regexp(pattern, [model.DynamicConfigValue(id_val=k, value=v) for k, v in properties.items()])
    return Placed(panel, width, height)


def bars(
    title: str, entry: Entry, *queries: Query, text: str = "", width: int = 8, height: int = 8,
    unit: str | None = None, levels: Levels | None = None, links: Sequence[Any] = (), lowest: float | None = 0,
    highest: float | None = None,
    decimals: int | None = None, above: bool = False,
) -> Placed:  # fmt: skip
    """Return the newest values as horizontal bars: for the few that matter, not for a fleet.

    Names stand to the left, or `above` where they are long.
    """
    known = levels if levels is not None else entry.levels
    panel = (
        bargauge.Panel().title(title).description(about(entry, text)).datasource(SOURCE).unit(unit or entry.unit)
        .targets(targets(queries, instant=True)).thresholds(steps(known, "blue")).no_value("–")
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .orientation(VizOrientation.HORIZONTAL).display_mode(BarGaugeDisplayMode.BASIC).show_unfilled(True)
        .sizing(BarGaugeSizing.MANUAL).max_viz_height(48 if above else 28)
        .name_placement(BarGaugeNamePlacement.TOP if above else BarGaugeNamePlacement.LEFT).min_viz_height(16)
        .data_links(list(links))
    )  # fmt: skip
    for bound, value in ((panel.min, lowest), (panel.max, highest), (panel.decimals, decimals)):
        if value is not None:
            bound(value)
    return Placed(panel, width, height)


def heat_of(title: str, entry: Entry, query: Query, *, text: str = "", width: int = 12, height: int = 8) -> Placed:
    """Return a heatmap of cumulative buckets (label `le`)."""
    panel = (
        heatmap.Panel().title(title).description(about(entry, text)).datasource(SOURCE).unit("short")
        .targets(targets([query], instant=False, shape=PromQueryFormat.HEATMAP)).calculate(False)
        .color(heatmap.HeatmapColorOptions().mode(heat.HeatmapColorMode.SCHEME).scheme("Spectral").steps(64).reverse(True))
        .y_axis(heatmap.YAxisConfig().unit(entry.unit)).cell_values(heatmap.CellValues().unit("short").decimals(0))
        .cell_gap(1).show_legend().mode(TooltipDisplayMode.SINGLE).show_y_histogram()
        .filter_values(heatmap.FilterValueRange().le(1e-9)).rows_frame(heatmap.RowsHeatmapOptions().layout(HeatmapCellLayout.LE))
    )  # fmt: skip
    return Placed(panel, width, height)


def timeline(
    title: str, entry: Entry, *queries: Query, mappings: Sequence[model.ValueMapping], text: str = "", width: int = 24,
    height: int = 5,
) -> Placed:  # fmt: skip
    """Return bands of states over time, one per series; `mappings` names and colours the values."""
    panel = (
        statetimeline.Panel().title(title).description(about(entry, text)).datasource(SOURCE).unit("short")
        .targets(targets(queries, instant=False)).mappings(list(mappings)).thresholds(steps(None))
        .color_scheme(FieldColor().mode(model.FieldColorModeId.THRESHOLDS)).merge_values(True)
        .show_value(VisibilityMode.NEVER).row_height(0.8).fill_opacity(80).line_width(0)
        .legend(_legend())
    )  # fmt: skip
    return Placed(panel, width, height)


def _legend() -> Any:
    legend = common.VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    return legend.placement(LegendPlacement.BOTTOM).calcs([])


def words(*meanings: tuple[float, str, str]) -> list[model.ValueMapping]:
    """Return a mapping of values to a word and a colour each."""
    options = {f"{value:g}": model.ValueMappingResult(text=word, color=color) for value, word, color in meanings}
    return [model.ValueMap(options=options)]
