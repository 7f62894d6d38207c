"""Builds panels: description, unit and thresholds come from the metric that the panel shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, heatmap, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.dashboard import FieldColor
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
from stratoscope_dashboards.catalogue import MetricEntry
from stratoscope_dashboards.queries import DATA_SOURCE, PanelQuery, build_targets
from stratoscope_dashboards.thresholds import threshold_steps

RELATIVE_TIME_FONT_SIZE: Final = 30
TIMESTAMP: Final = "dateTimeFromNow"
"""Unit that shows a time as "5 minutes ago". Grafana expects milliseconds, so the query multiplies by 1,000."""
DASHED: Final[dict[str, Any]] = {"custom.lineStyle": {"fill": "dash", "dash": [8, 6]}, "custom.fillOpacity": 0}
"""Override for a line that is a limit or an estimate, not a measurement."""


@dataclass(frozen=True, slots=True)
class SizedPanel:
    """A panel with its width in grid columns (of 24) and its height in grid rows."""

    builder: Any
    width: int
    height: int


def panel_description(entry: MetricEntry, description: str) -> str:
    """Return `description` followed by name and help of the metric."""
    return f"{description} {entry.name}: {entry.help}".strip()


def stat_panel(
    title: str,
    entry: MetricEntry,
    *queries: PanelQuery,
    description: str = "",
    width: int = 4,
    height: int = 4,
    unit: str | None = None,
    levels: Levels | None = None,
    decimals: int | None = None,
    show_names: bool = False,
    name_only: bool = False,
    sparkline: bool = True,
    links: Sequence[Any] = (),
    mappings: Sequence[model.ValueMapping] = (),
) -> SizedPanel:
    """Return a single-value panel, coloured by `levels` or else by the levels of the metric.

    With `show_names` it shows name and value of each series, with `name_only` only the name.
    """
    effective_levels = levels if levels is not None else entry.levels
    panel = (
        stat.Panel()
        .title(title)
        .description(panel_description(entry, description))
        .datasource(DATA_SOURCE)
        .unit(unit or entry.unit)
        .targets(build_targets(queries, instant=False))
        .thresholds(threshold_steps(effective_levels))
        .no_value("–")
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .graph_mode(BigValueGraphMode.AREA if sparkline else BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .text_mode(_text_mode(show_names=show_names, name_only=name_only))
        .data_links(list(links))
        .mappings(list(mappings))
    )
    if (unit or entry.unit) == TIMESTAMP:  # Grafana's automatic size for "9 minutes ago" does not fit on a phone
        panel = panel.text(common.VizTextDisplayOptions().value_size(RELATIVE_TIME_FONT_SIZE))
    return SizedPanel(panel if decimals is None else panel.decimals(decimals), width, height)


def _text_mode(*, show_names: bool, name_only: bool) -> BigValueTextMode:
    if name_only:
        return BigValueTextMode.NAME
    return BigValueTextMode.VALUE_AND_NAME if show_names else BigValueTextMode.VALUE


def line_panel(
    title: str,
    entry: MetricEntry,
    *queries: PanelQuery,
    description: str = "",
    width: int = 12,
    height: int = 8,
    unit: str | None = None,
    stacked: bool = False,
    show_thresholds: bool = False,
    from_zero: bool = False,
    as_bars: bool = False,
    overrides: Sequence[tuple[str, dict[str, Any]]] = (),
) -> SizedPanel:
    """Return a time series panel with lines, or with bars for counts (`as_bars`).

    `show_thresholds` draws the levels as dashed lines;
    `overrides` sets properties of series by a pattern of their name.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(panel_description(entry, description))
        .datasource(DATA_SOURCE)
        .unit(unit or entry.unit)
        .targets(build_targets(queries, instant=False))
        .line_width(1.5)
        .fill_opacity(40 if stacked else 0)
        .show_points(VisibilityMode.NEVER)
        .span_nulls(False)
        .thresholds(threshold_steps(entry.levels))
        .legend(_legend())
        .color_scheme(FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if as_bars:
        panel.draw_style(GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
    if show_thresholds:
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    if from_zero:
        panel.axis_soft_min(0)
    for pattern, properties in overrides:
        panel.override_by_regexp(pattern, [model.DynamicConfigValue(id_val=k, value=v) for k, v in properties.items()])
    return SizedPanel(panel, width, height)


def bar_panel(
    title: str,
    entry: MetricEntry,
    *queries: PanelQuery,
    description: str = "",
    width: int = 8,
    height: int = 8,
    unit: str | None = None,
    levels: Levels | None = None,
    links: Sequence[Any] = (),
    min_value: float | None = 0,
    max_value: float | None = None,
    decimals: int | None = None,
    names_above: bool = False,
) -> SizedPanel:
    """Return the newest value of each series as a horizontal bar.

    Names are to the left of the bars, or above them (`names_above`) if they are long.
    """
    effective_levels = levels if levels is not None else entry.levels
    panel = (
        bargauge.Panel()
        .title(title)
        .description(panel_description(entry, description))
        .datasource(DATA_SOURCE)
        .unit(unit or entry.unit)
        .targets(build_targets(queries, instant=True))
        .thresholds(threshold_steps(effective_levels, "blue"))
        .no_value("–")
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .show_unfilled(True)
        .sizing(BarGaugeSizing.MANUAL)
        .max_viz_height(48 if names_above else 28)
        .name_placement(BarGaugeNamePlacement.TOP if names_above else BarGaugeNamePlacement.LEFT)
        .min_viz_height(16)
        .data_links(list(links))
    )
    for bound, value in ((panel.min, min_value), (panel.max, max_value), (panel.decimals, decimals)):
        if value is not None:
            bound(value)
    return SizedPanel(panel, width, height)


def heatmap_panel(
    title: str, entry: MetricEntry, query: PanelQuery, *, description: str = "", width: int = 12, height: int = 8
) -> SizedPanel:
    """Return a heatmap of cumulative buckets (label `le`)."""
    panel = (
        heatmap.Panel()
        .title(title)
        .description(panel_description(entry, description))
        .datasource(DATA_SOURCE)
        .unit("short")
        .targets(build_targets([query], instant=False, query_format=PromQueryFormat.HEATMAP))
        .calculate(False)
        .color(
            heatmap.HeatmapColorOptions().mode(heat.HeatmapColorMode.SCHEME).scheme("Spectral").steps(64).reverse(True)
        )
        .y_axis(heatmap.YAxisConfig().unit(entry.unit))
        .cell_values(heatmap.CellValues().unit("short").decimals(0))
        .cell_gap(1)
        .show_legend()
        .mode(TooltipDisplayMode.SINGLE)
        .show_y_histogram()
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .rows_frame(heatmap.RowsHeatmapOptions().layout(HeatmapCellLayout.LE))
    )
    return SizedPanel(panel, width, height)


def timeline_panel(
    title: str,
    entry: MetricEntry,
    *queries: PanelQuery,
    mappings: Sequence[model.ValueMapping],
    description: str = "",
    width: int = 24,
    height: int = 5,
) -> SizedPanel:
    """Return a state timeline with one band per series; `mappings` names and colours the values."""
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(panel_description(entry, description))
        .datasource(DATA_SOURCE)
        .unit("short")
        .targets(build_targets(queries, instant=False))
        .mappings(list(mappings))
        .thresholds(threshold_steps(None))
        .color_scheme(FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .merge_values(True)
        .show_value(VisibilityMode.NEVER)
        .row_height(0.8)
        .fill_opacity(80)
        .line_width(0)
        .legend(_legend())
    )
    return SizedPanel(panel, width, height)


def _legend() -> Any:
    legend = common.VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    return legend.placement(LegendPlacement.BOTTOM).calcs([])
