"""Renders dashboards as JSON for Grafana, with stable key order and panel ids from top to bottom."""

import json
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def render_json(dashboard: Dashboard) -> str:
    """Return the text of the dashboard's JSON file."""
    document = json.loads(JSONEncoder().encode(dashboard))
    for number, panel in enumerate(_with_nested(document["panels"]), 1):
        panel["id"] = number
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        if "links" in defaults:
            defaults["links"] = [{"title": link["title"], "url": link["url"]} for link in defaults["links"]]
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _with_nested(panels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the panels, each followed by the panels of its collapsed row."""
    return [inner for panel in panels for inner in (panel, *panel.get("panels", ()))]
