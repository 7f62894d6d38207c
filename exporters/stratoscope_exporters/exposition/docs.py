"""Writes docs/metrics.md from the metric table."""

from typing import Any, Final

from stratoscope.metrics import TABLE, WHOLE, Metric, MetricFamily
from stratoscope.metrics.metric import Levels

HEAD: Final = """# Metrics

Generated from `agent/stratoscope/metrics/`; do not edit. `stratoscope metrics` prints the same table.

Every series of a rig has the label `rig` in addition to the labels listed here. `site` is a target label: `/sd` and the
shipped scrape config set it. An unknown value has no series; it is never 0. When a rig has had no successful poll
for 2.5 poll intervals (at least 90 s), only its `mining_rig_up`, `mining_rig_last_success_timestamp_seconds`,
`mining_rig_info`, `mining_rig_state`, `mining_rig_tag_info` and polling series remain.

A rig may have `max_series_per_rig` series (128). Three hashboards, four fans and three pool slots need about 62 series,
money 21. Each additional hashboard needs 7, each fan 1, `windows: true` up to 9, `pool_counters: true` 5 per pool slot.
Raise the limit for rigs with many hashboards and these options. At most 16 hashboards, 32 fans and 8 pool slots are
exported. Above the limit, whole metrics are left out, starting with the last ones on this page, and counted in
`stratoscope_series_dropped_total`.
"""


def metrics_markdown() -> str:
    """Return the page."""
    sections = (*(_section(family, ("rig",)) for family in TABLE), *(_section(family, ()) for family in WHOLE))
    return "\n".join((HEAD, *sections))


def _section(family: MetricFamily[Any, Any], before: tuple[str, ...]) -> str:
    labels = ", ".join(f"`{name}`" for name in (*before, *family.labels)) or "none"
    switch = f" Off by default; enable with {_SWITCHES[family.option]}." if family.option else ""
    condition = f" Present only with {family.condition}." if family.condition else ""
    title = f"## {family.title[0].upper()}{family.title[1:]}"
    lines = [title, "", f"Labels: {labels}.{switch}{condition}", "", *_HEADING]
    return "\n".join((*lines, *(_row(metric) for metric in family.metrics), ""))


def _row(metric: Metric[Any]) -> str:
    cells = (f"`{metric.series}`", metric.kind.value, metric.unit.symbol or "–", metric.stability.value, _help(metric))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _help(metric: Metric[Any]) -> str:
    return metric.help if metric.levels is None else f"{metric.help} {_levels(metric.levels)}"


def _levels(levels: Levels) -> str:
    where = "below" if levels.falling else "from"
    steps = (
        (word, limit) for word, limit in (("attention", levels.attention), ("bad", levels.bad)) if limit is not None
    )
    return f"Dashboards: {', '.join(f'{word} {where} {limit:g}' for word, limit in steps)}."


_HEADING: Final = ("| Metric | Type | Unit | Stability | Help |", "|---|---|---|---|---|")
_SWITCHES: Final = {
    "windows": "`windows: true`",
    "pool_counters": "`pool_counters: true`",
    "pool_users": "`privacy: full`",
}
