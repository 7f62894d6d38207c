"""Defines the rows of the Stratum dashboard about theft and tampering."""

from stratoscope.metrics.metric import FLAG
from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.links import cell_link
from stratoscope_dashboards.panels import SizedPanel, line_panel, stat_panel
from stratoscope_dashboards.queries import BY_ENDPOINT, ENDPOINT_LEGEND, RATE_INTERVAL, PanelQuery
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel


def tampering_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return tamper alarms, rigs and endpoints with alarms, and the work by endpoint."""
    alarms, learning = metrics["mining_tamper_alarms"], metrics["mining_tamper_learning"]
    rigs, endpoints = metrics["mining_tamper_rig_alarm"], metrics["mining_tamper_endpoint_alarm"]
    work = metrics["mining_site_accepted_work_hashes_total"]
    each = f"sum {BY_ENDPOINT} (rate({work.select()}{RATE_INTERVAL}))"
    to_rig = cell_link("Open the rig dashboard", "rig", rig="Rig")
    return [
        stat_panel("Tamper alarms", alarms, PanelQuery(f"sum({alarms.select()})"), levels=FLAG, width=3),
        stat_panel(
            "Subjects still learning",
            learning,
            PanelQuery(f"sum({learning.select()})"),
            width=3,
            sparkline=False,
            description="Subjects whose observed values are still accepted as yours.",
        ),
        table_panel(
            "Rigs with unknown pools",
            [LabelColumn("rig", "Rig", to_rig), LabelColumn("slot", "Slot", width=70), LabelColumn("kind", "Kind")],
            [
                ValueColumn("", rigs, f"max by (rig, slot, kind) ({rigs.select()})"),
            ],
            description="Empty if there are none.",
            sort="Rig",
            width=6,
            height=6,
            show_values=False,
        ),
        table_panel(
            "Endpoints with signs of tampering",
            [LabelColumn("endpoint", "Endpoint"), LabelColumn("kind", "Kind", width=90)],
            [
                ValueColumn("", endpoints, f"max by (endpoint, kind) ({endpoints.select()})"),
            ],
            description="Empty if there are none.",
            sort="Endpoint",
            width=6,
            height=6,
            show_values=False,
        ),
        line_panel(
            "Work by endpoint",
            work,
            PanelQuery(f"{each} / scalar(sum({each}))", ENDPOINT_LEGEND),
            unit="percentunit",
            from_zero=True,
            width=6,
            description="Fraction of all work, by the accepted shares of the rigs.",
        ),
    ]
