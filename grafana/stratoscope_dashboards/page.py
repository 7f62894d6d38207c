"""Puts panels on a page: variables, links between pages, rows, and the grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as model

from stratoscope_dashboards.panels import SOURCE, Placed

TAG: Final = "stratoscope"
COLUMNS: Final = 24
SCHEMA: Final = 41
"""Version of the dashboard schema that the builders follow (Grafana 11.6); later Grafanas read it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A headline and what stands below it; `folded` keeps its queries from running until somebody opens it."""

    title: str
    panels: Sequence[Placed]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Chooser:
    """A variable filled from a label of a series, narrowed by the variables before it."""

    name: str
    label: str
    series: str
    of: str  # the label whose values are offered
    many: bool = True
    all_value: str = ".*"
    hidden: bool = False
    chosen: str | None = None  # what is chosen at first; None: all of them


JOB: Final = Chooser("job", "Job", 'up{job="stratoscope"}', "job", all_value=".+", hidden=True)
INSTANCE: Final = Chooser(
    "instance", "Instance", 'stratoscope_build_info{job=~"$job"}', "instance", all_value=".+", hidden=True
)
"""All pages of all agents unless somebody chooses: a large fleet has several, and its rigs move between them."""


def link(title: str, page: str, **variables: str) -> Any:
    """Return a data link to another page that keeps data source and time, and sets `variables`."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    url = f"/d/{TAG}-{page}?${{datasource:queryparam}}{chosen}&${{__url_time_range}}"
    return dashboard.DashboardLink(title).url(url)


def cell_link(title: str, page: str, *names: str) -> dict[str, Any]:
    """Return a link for the cells of a table: `names` are taken from the row's columns, headers as variables' names."""
    chosen = {name: f'${{__data.fields["{header}"]:percentencode}}' for name, header in (n.split("=") for n in names)}
    built = link(title, page, **chosen).build()
    return {"title": built.title, "url": built.url}


def series_link(title: str, page: str, *labels: str) -> Any:
    """Return a link for lines and bars: `labels` are taken from the series."""
    return link(title, page, **{label: f"${{__field.labels.{label}:percentencode}}" for label in labels})


def page(
    name: str, title: str, text: str, choosers: Sequence[Chooser], rows: Sequence[Row], *, since: str = "now-6h"
) -> model.Dashboard:
    """Return the dashboard `stratoscope-NAME`."""
    made = (
        dashboard.Dashboard(f"Stratoscope / {title}").uid(f"{TAG}-{name}").description(text).tags([TAG, "mining"])
        .readonly().tooltip(model.DashboardCursorSync.CROSSHAIR).time(since, "now").refresh("30s").timezone("browser")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .link(dashboard.DashboardLink("Stratoscope").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
              .include_vars(True).keep_time(True).as_dropdown(False))
    )  # fmt: skip
    for chooser in (JOB, INSTANCE, *choosers):
        made.with_variable(_variable(chooser))
    dash = made.build()
    dash.panels = list(_placed(rows))
    dash.schema_version = SCHEMA
    return dash


def _variable(chooser: Chooser) -> Any:
    made = (
        dashboard.QueryVariable(chooser.name).label(chooser.label).datasource(SOURCE).multi(chooser.many)
        .query({"query": f"label_values({chooser.series}, {chooser.of})", "refId": chooser.name})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.NATURAL_ASC)
        .include_all(chooser.many)
        .hide(model.VariableHide.HIDE_VARIABLE if chooser.hidden else model.VariableHide.DONT_HIDE)
    )  # fmt: skip
    if not chooser.many:
        return made
    value = chooser.chosen or "$__all"
    current = model.VariableOption(text=[chooser.chosen or "All"], value=[value], selected=True)
    return made.all_value(chooser.all_value).current(current)


def _placed(rows: Sequence[Row]) -> "list[Any]":
    """Return the panels with their places, left to right and top to bottom, and with ids of their own."""
    made: list[Any] = []
    top = 0
    for row in rows:
        inside, bottom = _grid(row.panels, top + 1)
        headline = dashboard.Row(row.title).collapsed(row.folded).build()
        headline.grid_pos = model.GridPos(h=1, w=COLUMNS, x=0, y=top)
        made.append(headline)
        if row.folded:
            headline.panels = inside
        else:
            made += inside
        top = bottom if not row.folded else top + 1
    return made


def _grid(panels: Sequence[Placed], top: int) -> tuple[list[Any], int]:
    made, left, tallest = [], 0, 0
    for placed in panels:
        if left + placed.width > COLUMNS:
            top, left, tallest = top + tallest, 0, 0
        panel = placed.builder.build()
        panel.grid_pos = model.GridPos(h=placed.height, w=placed.width, x=left, y=top)
        made.append(panel)
        left, tallest = left + placed.width, max(tallest, placed.height)
    return made, top + tallest
