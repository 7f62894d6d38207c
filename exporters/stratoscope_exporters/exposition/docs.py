"""Writes docs/metrics.md from the metric table."""

from typing import Any, Final

from prometheus_client import CollectorRegistry

from stratoscope.metrics import TABLE, WHOLE, Family, Metric
from stratoscope.metrics.metric import Levels

HEAD: Final = """# Metrics

Generated from `agent/stratoscope/metrics/`; do not edit. Print the same table with `stratoscope metrics`.

Every series of a rig carries the label `rig` besides the labels listed here. `site` is a target label: `/sd` and the
shipped scrape config attach it. A value that is unknown has no series; it is never 0. Once a rig has given no good
answer for 2.5 polling intervals (at least 90 s), only its `mining_rig_up`, `mining_rig_last_success_timestamp_seconds`,
`mining_rig_info`, `mining_rig_state`, `mining_rig_tag_info` and polling series remain.

A rig may add `max_series_per_rig` series (128). Three hashboards, four fans and three pool slots need about 62, its
money 21; each further hashboard takes 7, each fan 1, `windows: true` up to 9, `pool_counters: true` 5 per pool slot:
raise the limit for rigs with many hashboards and those options. At most 16 hashboards, 32 fans and 8 pool slots are
exported. What does not fit is left out by whole metrics, the last ones of this page first, and counted in
`stratoscope_series_dropped_total`.
"""


def metrics_markdown(own: CollectorRegistry | None = None) -> str:
    """Return the page; `own` adds the agent's own metrics that stand on that registry."""
    sections = [HEAD, *(_section(family, ("rig",)) for family in TABLE), *(_section(family, ()) for family in WHOLE)]
    if own is not None:
        sections.append(_own(own))
    return "\n".join(sections)


def _section(family: Family[Any, Any], before: tuple[str, ...]) -> str:
    labels = ", ".join(f"`{name}`" for name in (*before, *family.labels)) or "none"
    switch = f" Off by default; switched on by {_SWITCHES[family.option]}." if family.option else ""
    lines = [f"## {family.title[0].upper()}{family.title[1:]}", "", f"Labels: {labels}.{switch}", "", *_HEADING]
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


def _own(registry: CollectorRegistry) -> str:
    lines = ["## The agent itself", "", "| Metric | Type | Help |", "|---|---|---|"]
    for metric in sorted(registry.collect(), key=lambda metric: metric.name):
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        lines.append(f"| `{name}` | {metric.type} | {metric.documentation} |")
    return "\n".join((*lines, ""))


_HEADING: Final = ("| Metric | Type | Unit | Stability | Help |", "|---|---|---|---|---|")
_SWITCHES: Final = {
    "windows": "`windows: true`",
    "pool_counters": "`pool_counters: true`",
    "pool_users": "`privacy: full`",
}
