"""Defines the queries of a panel and turns them into Grafana's targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATA_SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="$datasource")
RATE_INTERVAL: Final = "[$__rate_interval]"
TIME_RANGE: Final = "[$__range]"
"""The whole time range of the dashboard."""
BY_POOL: Final = "by (pool)"
BY_ENDPOINT: Final = "by (endpoint)"
ENDPOINT_LEGEND: Final = "{{endpoint}}"


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One query of a panel; `legend` is Grafana's template for the name of each series."""

    expr: str
    legend: str = ""


def build_targets(
    queries: Sequence[PanelQuery], *, instant: bool, query_format: PromQueryFormat = PromQueryFormat.TIME_SERIES
) -> list[Any]:
    """Return Grafana's targets with the reference ids A, B, C ..."""
    targets = []
    for at, query in enumerate(queries):
        target = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + at)).datasource(DATA_SOURCE)
        target.format(query_format).legend_format(query.legend or "__auto")
        targets.append(target.instant() if instant else target.range())
    return targets
