"""Writes dashboards as the JSON files that Grafana reads, always in the same order, with ids from top to bottom."""

import json
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def written(dash: Dashboard) -> str:
    """Return the file of a dashboard."""
    page = json.loads(JSONEncoder().encode(dash))
    for number, panel in enumerate(_panels(page["panels"]), 1):
        panel["id"] = number
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        if "links" in defaults:
            defaults["links"] = [{"title": link["title"], "url": link["url"]} for link in defaults["links"]]
    return json.dumps(page, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _panels(panels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return panels and those folded into rows, as they are read."""
    return [inner for panel in panels for inner in (panel, *panel.get("panels", ()))]
