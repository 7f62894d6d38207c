"""Defines the Agent dashboard: whether the data on the other dashboards can be trusted."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.layout import PanelRow, build_dashboard
from stratoscope_dashboards.mappings import ALARM_MAPPINGS, YES_NO_MAPPINGS, value_mappings
from stratoscope_dashboards.panels import TIMESTAMP, SizedPanel, line_panel, stat_panel, timeline_panel
from stratoscope_dashboards.queries import RATE_INTERVAL, PanelQuery
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.variables import SITE

AGENT_LEGEND: Final = "{{site}} {{instance}}"


def agent(metrics: MetricCatalogue) -> Dashboard:
    """Return the Agent dashboard."""
    rows = [
        PanelRow("Current status", _now(metrics)),
        PanelRow("Polls", _polls(metrics)),
        PanelRow("Event loop, metrics page and scrapes", _metrics_page(metrics)),
        PanelRow("Market, tariff and pool sources", _sources(metrics)),
        PanelRow("Process and ledger", _process(metrics)),
    ]
    description = "Health of the agent: polls, event loop, metrics page, scrapes, data sources, process and ledger."
    return build_dashboard("agent", "Agent", description, (SITE,), rows)


def _now(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    up, build = metrics["up"], metrics["stratoscope_build_info"]
    config = metrics["stratoscope_config_last_reload_successful"]
    loaded = metrics["stratoscope_config_last_reload_success_timestamp_seconds"]
    targets, series = metrics["stratoscope_targets"], metrics["stratoscope_page_series"]
    insecure = metrics["stratoscope_insecure_listen"]
    return [
        stat_panel(
            "All agents reachable",
            up,
            PanelQuery(f"min({up.select()})"),
            mappings=YES_NO_MAPPINGS,
            width=3,
            sparkline=False,
        ),
        stat_panel(
            "Version",
            build,
            PanelQuery(f"max by (version) ({build.select()})", "{{version}}"),
            width=3,
            sparkline=False,
            name_only=True,
        ),
        stat_panel(
            "Config",
            config,
            PanelQuery(f"min({config.select()})"),
            width=3,
            sparkline=False,
            mappings=value_mappings((0, "rejected", "red"), (1, "valid", "green")),
        ),
        stat_panel(
            "Config loaded",
            loaded,
            PanelQuery(f"max({loaded.select()}) * 1000"),
            unit=TIMESTAMP,
            width=3,
            sparkline=False,
        ),
        stat_panel("Configured rigs", targets, PanelQuery(f"sum({targets.select()})"), width=3),
        stat_panel("Series exported", series, PanelQuery(f"sum({series.select()})"), width=3),
        stat_panel(
            "Agent started",
            metrics["process_start_time_seconds"],
            PanelQuery(f"min({select('process_start_time_seconds')}) * 1000"),
            unit=TIMESTAMP,
            width=3,
            sparkline=False,
        ),
        stat_panel(
            "Unprotected port",
            insecure,
            PanelQuery(f"max({insecure.select()})"),
            width=3,
            sparkline=False,
            mappings=value_mappings((0, "no", "green"), (1, "yes", "orange")),
        ),
    ]


def _polls(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    polls, duration = metrics["stratoscope_polls_total"], metrics["stratoscope_poll_duration_seconds_bucket"]
    in_flight = metrics["stratoscope_polls_in_flight"]
    skipped = metrics["stratoscope_ticks_skipped_total"]
    defects = "stratoscope_defects_total"
    rate = f"sum by (outcome) (rate({polls.select()}{RATE_INTERVAL}))"
    failed = 'outcome!="ok"'
    buckets = f"sum by (le) (rate({duration.select()}{RATE_INTERVAL}))"
    return [
        line_panel(
            "Polls by outcome",
            polls,
            PanelQuery(rate, "{{outcome}}"),
            unit="cps",
            stacked=True,
            from_zero=True,
            overrides=[("^ok$", {"color": {"mode": "fixed", "fixedColor": "green"}})],
            description="Per second.",
        ),
        line_panel(
            "Failed polls by reason",
            polls,
            PanelQuery(f"sum by (outcome) (rate({polls.select(failed)}{RATE_INTERVAL})) > 0", "{{outcome}}"),
            unit="cps",
            from_zero=True,
            description="Per second. docs/troubleshooting.md explains each reason.",
        ),
        line_panel(
            "Poll duration",
            duration,
            *(PanelQuery(f"histogram_quantile({q}, {buckets})", f"{q * 100:g} %") for q in (0.5, 0.9, 0.99)),
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Polls in flight",
            in_flight,
            PanelQuery(f"sum by (lane) ({in_flight.select()})", "{{lane}}"),
            width=8,
            from_zero=True,
        ),
        line_panel(
            "Skipped polls and unreadable fields",
            skipped,
            PanelQuery(f"sum(rate({skipped.select()}{RATE_INTERVAL}))", "skipped polls"),
            PanelQuery(f"sum(rate({select(defects)}{RATE_INTERVAL}))", "unreadable fields"),
            width=8,
            unit="cps",
            from_zero=True,
        ),
    ]


def _metrics_page(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    lag, assembly = metrics["stratoscope_loop_lag_seconds"], "stratoscope_page_join_seconds"
    scrape, samples = metrics["scrape_duration_seconds"], metrics["scrape_samples_scraped"]
    dropped, refused = metrics["stratoscope_series_dropped_total"], metrics["stratoscope_http_refused_total"]
    events = metrics["stratoscope_events_total"]
    return [
        line_panel(
            "Event loop lag",
            lag,
            PanelQuery(lag.select(), AGENT_LEGEND),
            show_thresholds=True,
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Scrape duration",
            scrape,
            PanelQuery(scrape.select(), "scrape, " + AGENT_LEGEND),
            PanelQuery(select(assembly), "page assembly, " + AGENT_LEGEND),
            from_zero=True,
            width=8,
        ),
        line_panel("Samples per page", samples, PanelQuery(samples.select(), AGENT_LEGEND), from_zero=True, width=8),
        line_panel(
            "Dropped series",
            dropped,
            PanelQuery(f"sum by (reason) (rate({dropped.select()}{RATE_INTERVAL}))", "{{reason}}"),
            unit="cps",
            from_zero=True,
            width=8,
            description="Per second. Series are dropped when a series limit is reached.",
        ),
        line_panel(
            "Rejected HTTP requests",
            refused,
            PanelQuery(f"sum by (reason) (rate({refused.select()}{RATE_INTERVAL}))", "{{reason}}"),
            unit="cps",
            from_zero=True,
            width=8,
            description="Per second.",
        ),
        line_panel(
            "Events",
            events,
            PanelQuery(f"sum by (kind) (increase({events.select()}{RATE_INTERVAL})) > 0", "{{kind}}"),
            stacked=True,
            as_bars=True,
            from_zero=True,
            width=8,
        ),
    ]


def _sources(metrics: MetricCatalogue) -> list[SizedPanel]:
    requests, age = metrics["stratoscope_source_requests_total"], metrics["mining_market_input_age_seconds"]
    usable, tariff = metrics["mining_market_input_usable"], metrics["mining_tariff_price_age_seconds"]
    price_ages = (
        f'label_replace(label_replace({tariff.select()}, "source", "$1", "tariff", "(.+)"), "input", "power", "", "")'
    )
    return [
        timeline_panel(
            "Market inputs usable",
            usable,
            PanelQuery(f"min by (input) ({usable.select()})", "{{input}}"),
            mappings=YES_NO_MAPPINGS,
            width=12,
            height=8,
            description="Values that depend on an unusable input are absent.",
        ),
        line_panel(
            "Source requests by outcome",
            requests,
            PanelQuery(
                f"sum by (source, outcome) (rate({requests.select()}{RATE_INTERVAL})) * 60 > 0",
                "{{source}} {{outcome}}",
            ),
            unit="cpm",
            from_zero=True,
            description="Per minute.",
        ),
        table_panel(
            "Age of source data",
            [LabelColumn("input", "Input"), LabelColumn("source", "Source")],
            [
                ValueColumn("Age", age, f"max by (input, source) ({age.select()} or {price_ages})"),
            ],
            description="Time since a source last confirmed the value.",
            sort="Age",
        ),
    ]


def _process(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    memory, cpu = metrics["process_resident_memory_bytes"], metrics["process_cpu_seconds_total"]
    files, limit = metrics["process_open_fds"], "process_max_fds"
    written, lost, degraded = (
        metrics[f"stratoscope_ledger_{what}"] for what in ("rows_written_total", "rows_lost_total", "degraded")
    )
    return [
        line_panel("Memory", memory, PanelQuery(memory.select(), AGENT_LEGEND), from_zero=True, width=6),
        line_panel(
            "CPU",
            cpu,
            PanelQuery(f"rate({cpu.select()}{RATE_INTERVAL})", AGENT_LEGEND),
            unit="percentunit",
            from_zero=True,
            width=6,
            description="Fraction of one core.",
        ),
        line_panel(
            "Open file descriptors",
            files,
            PanelQuery(f"{files.select()} / {select(limit)}", AGENT_LEGEND),
            unit="percentunit",
            from_zero=True,
            width=6,
            description="Fraction of the limit.",
        ),
        line_panel(
            "Ledger writes",
            written,
            PanelQuery(f"sum(rate({written.select()}{RATE_INTERVAL}))", "rows written"),
            PanelQuery(f"sum(rate({lost.select()}{RATE_INTERVAL}))", "rows lost"),
            unit="cps",
            from_zero=True,
            width=3,
            description="Per second.",
        ),
        stat_panel(
            "Ledger degraded",
            degraded,
            PanelQuery(f"max({degraded.select()})"),
            width=3,
            height=8,
            sparkline=False,
            mappings=ALARM_MAPPINGS,
        ),
    ]
