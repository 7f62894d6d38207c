"""Defines the Stratum dashboard: latency, block announcements, templates and alarms of each endpoint."""

from typing import Any

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import BROKEN, FLAG
from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.definitions.stratum_blocks import announcement_panels, difficulty_panels, template_panels
from stratoscope_dashboards.definitions.tampering import tampering_panels
from stratoscope_dashboards.layout import PanelRow, build_dashboard
from stratoscope_dashboards.links import cell_link
from stratoscope_dashboards.mappings import YES_NO_MAPPINGS
from stratoscope_dashboards.panels import TIMESTAMP, SizedPanel, bar_panel, line_panel, stat_panel, timeline_panel
from stratoscope_dashboards.queries import BY_ENDPOINT, ENDPOINT_LEGEND, RATE_INTERVAL, TIME_RANGE, PanelQuery
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.variables import ENDPOINT, ENDPOINT_MATCHER, SITE


def stratum(metrics: MetricCatalogue) -> Dashboard:
    """Return the Stratum dashboard."""
    rows = [
        PanelRow("Current status", _now(metrics)),
        PanelRow("Alarms", _alarms(metrics)),
        PanelRow("Latency and jobs", _latency(metrics)),
        PanelRow("Block announcements", announcement_panels(metrics)),
        PanelRow("Templates and fees", template_panels(metrics)),
        PanelRow("Difficulty", difficulty_panels(metrics)),
        PanelRow("Theft and tampering", tampering_panels(metrics)),
        PanelRow("Sessions", _sessions(metrics)),
    ]
    description = (
        "The stratum endpoints of the rigs: latency, jobs, block announcements, templates, fees, difficulty, alarms."
    )
    return build_dashboard("stratum", "Stratum", description, (SITE, ENDPOINT), rows)


def _now(metrics: MetricCatalogue) -> list[SizedPanel]:
    up, alarm = metrics["mining_stratum_up"], metrics["mining_stratum_alarm"]
    tip, first_seen = metrics["mining_stratum_tip_height"], metrics["mining_stratum_tip_first_heard_timestamp_seconds"]
    fees, lost = metrics["mining_stratum_template_fees_satoshis"], metrics["mining_stratum_lost_satoshis_total"]
    return [
        stat_panel("Endpoints up", up, PanelQuery(f"sum({up.select(ENDPOINT_MATCHER)})"), width=3),
        stat_panel(
            "Endpoints down",
            up,
            PanelQuery(f"count({up.select(ENDPOINT_MATCHER)}) - sum({up.select(ENDPOINT_MATCHER)})"),
            levels=BROKEN,
            width=3,
        ),
        stat_panel(
            "Alarms", alarm, PanelQuery(f"sum({alarm.select(ENDPOINT_MATCHER)}) or vector(0)"), levels=FLAG, width=3
        ),
        stat_panel("Tip height", tip, PanelQuery(f"max({tip.select()})"), unit="locale", width=4, sparkline=False),
        stat_panel(
            "Tip first seen",
            first_seen,
            PanelQuery(f"max({first_seen.select()}) * 1000"),
            unit=TIMESTAMP,
            width=4,
            sparkline=False,
        ),
        stat_panel(
            "Fees per template",
            fees,
            PanelQuery(f"avg({fees.select()}) / 1e8", "BTC"),
            show_names=True,
            unit="short",
            width=4,
        ),
        stat_panel(
            "Losses in time range",
            lost,
            PanelQuery(f"sum(increase({lost.select(ENDPOINT_MATCHER)}{TIME_RANGE}))", "sat"),
            show_names=True,
            width=3,
            sparkline=False,
            decimals=0,
        ),
        _endpoints(metrics),
    ]


def _endpoints(metrics: MetricCatalogue) -> SizedPanel:
    def current(name: str, *matchers: str) -> str:
        return f"max {BY_ENDPOINT} ({metrics.select(name, ENDPOINT_MATCHER, *matchers)})"

    def column(header: str, name: str, **options: Any) -> ValueColumn:
        return ValueColumn(header, metrics[name], current(name), **options)

    rtt, first = metrics["mining_stratum_rtt_seconds"], metrics["mining_stratum_blocks_first_total"]
    compared = metrics.select("mining_stratum_blocks_raced_total", ENDPOINT_MATCHER)
    to_endpoint = cell_link("Show only this endpoint", "stratum", endpoint="Endpoint")
    return table_panel(
        "Endpoints",
        [LabelColumn("endpoint", "Endpoint", to_endpoint, width=260)],
        [
            column("Up", "mining_stratum_up", mappings=YES_NO_MAPPINGS),
            column("Rigs", "mining_stratum_rigs"),
            column("Hashrate", "mining_stratum_rigs_hashrate_hashes_per_second"),
            ValueColumn("Round trip", rtt, current(rtt.name, 'by="tcp"')),
            column("Job age", "mining_stratum_job_age_seconds"),
            column("Blocks behind", "mining_stratum_height_lag", levels=FLAG),
            ValueColumn(
                "First to announce",
                first,
                f"sum {BY_ENDPOINT} (increase({first.select(ENDPOINT_MATCHER)}{TIME_RANGE})) "
                f"/ (sum {BY_ENDPOINT} (increase({compared}{TIME_RANGE})) > 0)",
                unit="percentunit",
                decimals=0,
            ),
            column("Fees, sat", "mining_stratum_job_fees_satoshis", unit="locale"),
            ValueColumn(
                "Certificate expires",
                metrics["mining_stratum_certificate_not_after_timestamp_seconds"],
                current("mining_stratum_certificate_not_after_timestamp_seconds") + " * 1000",
                unit=TIMESTAMP,
            ),
        ],
        description="Click an endpoint to show only that one.",
        sort="Rigs",
        height=8,
    )


def _alarms(metrics: MetricCatalogue) -> list[SizedPanel]:
    up, alarm = metrics["mining_stratum_up"], metrics["mining_stratum_alarm"]
    chain, unwatched = metrics["mining_stratum_chain_match"], metrics["mining_stratum_unwatched_endpoints"]
    return [
        table_panel(
            "Active alarms",
            [LabelColumn("endpoint", "Endpoint"), LabelColumn("alarm", "Alarm", width=130)],
            [
                ValueColumn("", alarm, f"max by (endpoint, alarm) ({alarm.select(ENDPOINT_MATCHER)})"),
            ],
            description="Empty if there are none.",
            sort="Endpoint",
            width=8,
            height=6,
            show_values=False,
        ),
        table_panel(
            "Chain by endpoint",
            [LabelColumn("endpoint", "Endpoint"), LabelColumn("chain", "Chain", width=90)],
            [
                ValueColumn(
                    "Majority chain",
                    chain,
                    f"min by (endpoint, chain) ({chain.select(ENDPOINT_MATCHER)})",
                    mappings=YES_NO_MAPPINGS,
                    width=110,
                ),
            ],
            description="Whether each endpoint works on the same chain as the majority.",
            sort="Majority chain",
            descending=False,
            width=9,
            height=6,
        ),
        table_panel(
            "Endpoints not watched",
            [LabelColumn("reason", "Reason")],
            [
                ValueColumn("Endpoints", unwatched, f"sum by (reason) ({unwatched.select()})", width=90),
            ],
            description="Endpoints that rigs use but the agent does not connect to. Empty if all are watched.",
            sort="Endpoints",
            width=7,
            height=6,
        ),
        timeline_panel(
            "Session state",
            up,
            PanelQuery(f"max {BY_ENDPOINT} ({up.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            mappings=YES_NO_MAPPINGS,
            height=5,
            description="Whether the agent has a session that receives jobs.",
        ),
    ]


def _latency(metrics: MetricCatalogue) -> list[SizedPanel]:
    rtt, age = metrics["mining_stratum_rtt_seconds"], metrics["mining_stratum_job_age_seconds"]
    interval, phase = metrics["mining_stratum_job_interval_seconds"], metrics["mining_stratum_phase_seconds"]
    return [
        line_panel(
            "Round trip",
            rtt,
            PanelQuery(f"max by (endpoint, by) ({rtt.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND + " {{by}}"),
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Age of the newest job",
            age,
            PanelQuery(f"max {BY_ENDPOINT} ({age.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Time between jobs",
            interval,
            PanelQuery(f"max {BY_ENDPOINT} ({interval.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            from_zero=True,
            width=8,
        ),
        bar_panel(
            "Time to open the newest session by phase",
            phase,
            PanelQuery(
                f"topk(24, max by (endpoint, phase) ({phase.select(ENDPOINT_MATCHER)}))", ENDPOINT_LEGEND + " {{phase}}"
            ),
            width=24,
            height=9,
            names_above=True,
        ),
    ]


def _sessions(metrics: MetricCatalogue) -> list[SizedPanel]:
    ended, reconnects = metrics["mining_stratum_sessions_total"], metrics["mining_stratum_reconnect_requests_total"]
    messages, garbled = metrics["mining_stratum_messages_total"], "mining_stratum_garbled_lines_total"
    unreadable = "mining_stratum_unreadable_jobs_total"
    return [
        line_panel(
            "Ended sessions by outcome",
            ended,
            PanelQuery(
                f"sum by (endpoint, outcome) (increase({ended.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))",
                ENDPOINT_LEGEND + " {{outcome}}",
            ),
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Reconnect requests",
            reconnects,
            PanelQuery(
                f"sum by (endpoint, to) (increase({reconnects.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))",
                ENDPOINT_LEGEND + " {{to}}",
            ),
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Pool messages and unreadable lines",
            messages,
            PanelQuery(
                f"sum(increase({messages.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))", "messages to the operator"
            ),
            PanelQuery(f"sum(increase({metrics.select(garbled, ENDPOINT_MATCHER)}{RATE_INTERVAL}))", "garbled lines"),
            PanelQuery(
                f"sum(increase({metrics.select(unreadable, ENDPOINT_MATCHER)}{RATE_INTERVAL}))", "unreadable jobs"
            ),
            from_zero=True,
            width=8,
        ),
    ]
