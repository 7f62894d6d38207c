"""Assembles a dashboard: variables, links to the other dashboards, and rows of panels on the grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as model

from stratoscope_dashboards.links import UID_PREFIX
from stratoscope_dashboards.panels import SizedPanel
from stratoscope_dashboards.variables import INSTANCE, JOB, LabelVariable

TAG: Final = "stratoscope"
GRID_COLUMNS: Final = 24
SCHEMA_VERSION: Final = 41
"""Dashboard schema of the builders (Grafana 11.6); newer versions of Grafana read it."""


@dataclass(frozen=True, slots=True)
class PanelRow:
    """A titled row of panels; the queries of a `collapsed` row run only after it is opened."""

    title: str
    panels: Sequence[SizedPanel]
    collapsed: bool = False


def build_dashboard(
    name: str,
    title: str,
    description: str,
    variables: Sequence[LabelVariable],
    rows: Sequence[PanelRow],
    *,
    since: str = "now-6h",
) -> model.Dashboard:
    """Return the dashboard with the UID `stratoscope-NAME`."""
    link = dashboard.DashboardLink("Stratoscope").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    builder = (
        dashboard.Dashboard(f"Stratoscope / {title}")
        .uid(f"{UID_PREFIX}-{name}")
        .description(description)
        .tags([TAG, "mining"])
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .time(since, "now")
        .refresh("30s")
        .timezone("browser")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .link(link.include_vars(True).keep_time(True).as_dropdown(False))
    )
    for variable in (JOB, INSTANCE, *variables):
        builder.with_variable(variable.build())
    built = builder.build()
    built.panels = list(_place_rows(rows))
    built.schema_version = SCHEMA_VERSION
    return built


def _place_rows(rows: Sequence[PanelRow]) -> "list[Any]":
    """Return row headers and panels with their grid positions, left to right and top to bottom."""
    panels: list[Any] = []
    top = 0
    for row in rows:
        inside, bottom = _place_panels(row.panels, top + 1)
        header = dashboard.Row(row.title).collapsed(row.collapsed).build()
        header.grid_pos = model.GridPos(h=1, w=GRID_COLUMNS, x=0, y=top)
        panels.append(header)
        if row.collapsed:
            header.panels = inside
        else:
            panels += inside
        top = bottom if not row.collapsed else top + 1
    return panels


def _place_panels(sized_panels: Sequence[SizedPanel], top: int) -> tuple[list[Any], int]:
    """Return the panels of one row and the grid line below them."""
    panels, left, tallest = [], 0, 0
    for sized in sized_panels:
        if left + sized.width > GRID_COLUMNS:
            top, left, tallest = top + tallest, 0, 0
        panel = sized.builder.build()
        panel.grid_pos = model.GridPos(h=sized.height, w=sized.width, x=left, y=top)
        panels.append(panel)
        left, tallest = left + sized.width, max(tallest, sized.height)
    return panels, top + tallest
