"""Builds the Grafana dashboards from the metric table; `make docs` writes them to grafana/dashboards/."""

from collections.abc import Callable
from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.definitions.agent import agent
from stratoscope_dashboards.definitions.economics import economics
from stratoscope_dashboards.definitions.fleet import fleet
from stratoscope_dashboards.definitions.pools import pools
from stratoscope_dashboards.definitions.rig import rig
from stratoscope_dashboards.definitions.stratum import stratum
from stratoscope_dashboards.render import render_json

DASHBOARDS: Final[dict[str, Callable[[MetricCatalogue], Dashboard]]] = {
    "fleet": fleet,
    "rig": rig,
    "economics": economics,
    "pools": pools,
    "stratum": stratum,
    "agent": agent,
}


def dashboard_files() -> dict[str, str]:
    """Return the text of each file in grafana/dashboards/."""
    metrics = MetricCatalogue()
    return {f"grafana/dashboards/{name}.json": render_json(build(metrics)) for name, build in DASHBOARDS.items()}
