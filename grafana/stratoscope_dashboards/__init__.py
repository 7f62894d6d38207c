"""Builds the Grafana dashboards from the metric table; `make docs` writes them to grafana/dashboards/."""

from collections.abc import Callable
from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import CollectorRegistry

from stratoscope_dashboards.agent import agent
from stratoscope_dashboards.catalogue import Catalogue
from stratoscope_dashboards.economics import economics
from stratoscope_dashboards.fleet import fleet
from stratoscope_dashboards.pools import pools
from stratoscope_dashboards.rig import rig
from stratoscope_dashboards.stratum import stratum
from stratoscope_dashboards.written import written

DASHBOARDS: Final[dict[str, Callable[[Catalogue], Dashboard]]] = {
    "fleet": fleet,
    "rig": rig,
    "economics": economics,
    "pools": pools,
    "stratum": stratum,
    "agent": agent,
}


def dashboard_files(own: CollectorRegistry) -> dict[str, str]:
    """Return the text of each file below grafana/dashboards/; `own` holds the agent's own metrics."""
    book = Catalogue(own)
    return {f"grafana/dashboards/{name}.json": written(build(book)) for name, build in DASHBOARDS.items()}
