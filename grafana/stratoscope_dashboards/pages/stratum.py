"""Lays out the page of the stratum endpoints: who is quick, who is first, what their work is worth, what is wrong."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import BROKEN, FLAG
from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.layout import Row, build_dashboard
from stratoscope_dashboards.links import cell_link
from stratoscope_dashboards.mappings import YES_NO_MAPPINGS
from stratoscope_dashboards.panels import (
    DASHED,
    TIMESTAMP,
    SizedPanel,
    bar_panel,
    line_panel,
    stat_panel,
    timeline_panel,
)
from stratoscope_dashboards.queries import RATE_INTERVAL, TIME_RANGE, Query
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.variables import ENDPOINT, ENDPOINT_MATCHER, SITE

BY_ENDPOINT: Final = "by (endpoint)"
ENDPOINT_LEGEND: Final = "{{endpoint}}"


def stratum(metrics: MetricCatalogue) -> Dashboard:
    """Return the dashboard."""
    rows = [
        Row("Now", _now(metrics)),
        Row("Alarms", _alarms(metrics)),
        Row("Latency and jobs", _latency(metrics)),
        Row("Who announces first", _race(metrics)),
        Row("Templates and fees", _templates(metrics)),
        Row("Difficulty", _difficulty(metrics)),
        Row("Theft and tampering", _tampering(metrics)),
        Row("Sessions", _sessions(metrics)),
    ]
    text = "The stratum endpoints that the rigs name: latency, job age, the race, templates, fees, difficulty, alarms."
    return build_dashboard("stratum", "Stratum", text, (SITE, ENDPOINT), rows)


def _now(metrics: MetricCatalogue) -> list[SizedPanel]:
    up, alarm = metrics["mining_stratum_up"], metrics["mining_stratum_alarm"]
    tip, heard = metrics["mining_stratum_tip_height"], metrics["mining_stratum_tip_first_heard_timestamp_seconds"]
    fees, lost = metrics["mining_stratum_template_fees_satoshis"], metrics["mining_stratum_lost_satoshis_total"]
    return [
        stat_panel("Endpoints up", up, Query(f"sum({up.select(ENDPOINT_MATCHER)})"), width=3),
        stat_panel(
            "Endpoints down",
            up,
            Query(f"count({up.select(ENDPOINT_MATCHER)}) - sum({up.select(ENDPOINT_MATCHER)})"),
            levels=BROKEN,
            width=3,
        ),
        stat_panel("Alarms", alarm, Query(f"sum({alarm.select(ENDPOINT_MATCHER)}) or vector(0)"), levels=FLAG, width=3),
        stat_panel("Tip", tip, Query(f"max({tip.select()})"), unit="locale", width=4, sparkline=False),
        stat_panel(
            "First heard", heard, Query(f"max({heard.select()}) * 1000"), unit=TIMESTAMP, width=4, sparkline=False
        ),
        stat_panel(
            "Fees of a template",
            fees,
            Query(f"avg({fees.select()}) / 1e8", "BTC"),
            show_names=True,
            unit="short",
            width=4,
        ),
        stat_panel(
            "Lost in this time",
            lost,
            Query(f"sum(increase({lost.select(ENDPOINT_MATCHER)}{TIME_RANGE}))", "sat"),
            show_names=True,
            width=3,
            sparkline=False,
            decimals=0,
        ),
        _endpoints(metrics),
    ]


def _endpoints(metrics: MetricCatalogue) -> SizedPanel:
    def now(name: str, *matchers: str) -> str:
        return f"max {BY_ENDPOINT} ({metrics.select(name, ENDPOINT_MATCHER, *matchers)})"

    def column(header: str, name: str, **options: object) -> ValueColumn:
        return ValueColumn(header, metrics[name], now(name), **options)  # type: ignore[arg-type]

    rtt, first = metrics["mining_stratum_rtt_seconds"], metrics["mining_stratum_blocks_first_total"]
    raced = f"sum {BY_ENDPOINT} (increase({metrics.select('mining_stratum_blocks_raced_total', ENDPOINT_MATCHER)}{TIME_RANGE}))"
    only_this = cell_link("Only this endpoint", "stratum", endpoint="Endpoint")
    return table_panel(
        "Endpoints",
        [LabelColumn("endpoint", "Endpoint", only_this, width=260)],
        [
            column("Up", "mining_stratum_up", mappings=YES_NO_MAPPINGS),
            column("Rigs", "mining_stratum_rigs"),
            column("Hashrate", "mining_stratum_rigs_hashrate_hashes_per_second"),
            ValueColumn("Round trip", rtt, now(rtt.name, 'by="tcp"')),
            column("Job age", "mining_stratum_job_age_seconds"),
            column("Blocks behind", "mining_stratum_height_lag", levels=FLAG),
            ValueColumn(
                "First of raced",
                first,
                f"sum {BY_ENDPOINT} (increase({first.select(ENDPOINT_MATCHER)}{TIME_RANGE})) / ({raced} > 0)",
                unit="percentunit",
                decimals=0,
            ),
            column("Fees, sat", "mining_stratum_job_fees_satoshis", unit="locale"),
            ValueColumn(
                "Certificate ends",
                metrics["mining_stratum_certificate_not_after_timestamp_seconds"],
                now("mining_stratum_certificate_not_after_timestamp_seconds") + " * 1000",
                unit=TIMESTAMP,
            ),
        ],
        description="A click narrows the page to one endpoint.",
        sort="Rigs",
        height=8,
    )


def _alarms(metrics: MetricCatalogue) -> list[SizedPanel]:
    up, alarm = metrics["mining_stratum_up"], metrics["mining_stratum_alarm"]
    chain, left = metrics["mining_stratum_chain_match"], metrics["mining_stratum_unwatched_endpoints"]
    return [
        table_panel(
            "Alarms that stand",
            [LabelColumn("endpoint", "Endpoint"), LabelColumn("alarm", "Alarm", width=130)],
            [
                ValueColumn("", alarm, f"max by (endpoint, alarm) ({alarm.select(ENDPOINT_MATCHER)})"),
            ],
            description="Empty while all is well.",
            sort="Endpoint",
            width=8,
            height=6,
            show_values=False,
        ),
        table_panel(
            "Chains",
            [LabelColumn("endpoint", "Endpoint"), LabelColumn("chain", "Chain", width=90)],
            [
                ValueColumn(
                    "The majority's",
                    chain,
                    f"min by (endpoint, chain) ({chain.select(ENDPOINT_MATCHER)})",
                    mappings=YES_NO_MAPPINGS,
                    width=110,
                ),
            ],
            description="Which chain each endpoint works on.",
            sort="The majority's",
            descending=False,
            width=9,
            height=6,
        ),
        table_panel(
            "Named by rigs and not watched",
            [LabelColumn("reason", "Reason")],
            [
                ValueColumn("Endpoints", left, f"sum by (reason) ({left.select()})", width=90),
            ],
            description="Empty while all are watched.",
            sort="Endpoints",
            width=7,
            height=6,
        ),
        timeline_panel(
            "Sessions",
            up,
            Query(f"max {BY_ENDPOINT} ({up.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            mappings=YES_NO_MAPPINGS,
            height=5,
            description="While a session stands and gives jobs.",
        ),
    ]


def _latency(metrics: MetricCatalogue) -> list[SizedPanel]:
    rtt, age = metrics["mining_stratum_rtt_seconds"], metrics["mining_stratum_job_age_seconds"]
    interval, phase = metrics["mining_stratum_job_interval_seconds"], metrics["mining_stratum_phase_seconds"]
    return [
        line_panel(
            "Round trip",
            rtt,
            Query(f"max by (endpoint, by) ({rtt.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND + " {{by}}"),
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Age of the newest job",
            age,
            Query(f"max {BY_ENDPOINT} ({age.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Time between jobs",
            interval,
            Query(f"max {BY_ENDPOINT} ({interval.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            from_zero=True,
            width=8,
        ),
        bar_panel(
            "Opening the newest session",
            phase,
            Query(
                f"topk(24, max by (endpoint, phase) ({phase.select(ENDPOINT_MATCHER)}))", ENDPOINT_LEGEND + " {{phase}}"
            ),
            width=24,
            height=9,
            names_above=True,
        ),
    ]


def _race(metrics: MetricCatalogue) -> list[SizedPanel]:
    first, raced, missed = (metrics[f"mining_stratum_blocks_{what}_total"] for what in ("first", "raced", "missed"))
    delay, lag = metrics["mining_stratum_block_delay_seconds_bucket"], metrics["mining_stratum_height_lag"]
    buckets = f"sum by (endpoint, le) (increase({delay.select(ENDPOINT_MATCHER)}{TIME_RANGE}))"
    won = f"sum {BY_ENDPOINT} (increase({first.select(ENDPOINT_MATCHER)}{TIME_RANGE}))"
    ran = f"sum {BY_ENDPOINT} (increase({raced.select(ENDPOINT_MATCHER)}{TIME_RANGE}))"
    total, count = (
        metrics.select(f"mining_stratum_block_delay_seconds_{end}", ENDPOINT_MATCHER) for end in ("sum", "count")
    )
    mean = f"sum {BY_ENDPOINT} (increase({total}{TIME_RANGE})) / sum {BY_ENDPOINT} (increase({count}{TIME_RANGE}))"
    return [
        bar_panel(
            "First of the raced blocks",
            first,
            Query(f"{won} / ({ran} > 0)", ENDPOINT_LEGEND),
            unit="percentunit",
            max_value=1,
            width=8,
            decimals=0,
            names_above=True,
            description="Over the time shown.",
        ),
        bar_panel(
            "Delay behind the first",
            delay,
            Query(mean, ENDPOINT_LEGEND),
            width=8,
            names_above=True,
            description="Mean over the time shown.",
        ),
        bar_panel(
            "Nine of ten blocks come within",
            delay,
            Query(f"histogram_quantile(0.9, {buckets})", ENDPOINT_LEGEND),
            width=8,
            names_above=True,
            description="Over the time shown, behind the first endpoint.",
        ),
        line_panel(
            "Blocks behind the best",
            lag,
            Query(f"max {BY_ENDPOINT} ({lag.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            from_zero=True,
        ),
        line_panel(
            "Blocks that were never announced",
            missed,
            Query(f"sum {BY_ENDPOINT} (increase({missed.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))", ENDPOINT_LEGEND),
            from_zero=True,
        ),
    ]


def _templates(metrics: MetricCatalogue) -> list[SizedPanel]:
    fees, empty = metrics["mining_stratum_job_fees_satoshis"], metrics["mining_stratum_empty_jobs_total"]
    jobs = f"sum {BY_ENDPOINT} (rate({metrics.select('mining_stratum_jobs_total', ENDPOINT_MATCHER)}{RATE_INTERVAL}))"
    most, under = metrics["mining_stratum_job_transactions"], metrics["mining_stratum_job_under_claimed_satoshis"]
    lost, poor = metrics["mining_stratum_lost_satoshis_total"], metrics["mining_stratum_poor_work_seconds_total"]
    bound = 'bound="most"'
    return [
        line_panel(
            "Fees in the newest template",
            fees,
            Query(f"max {BY_ENDPOINT} ({fees.select(ENDPOINT_MATCHER)}) / 1e8", ENDPOINT_LEGEND),
            from_zero=True,
            unit="short",
            description="In bitcoin.",
            width=8,
        ),
        line_panel(
            "Transactions at most",
            most,
            Query(f"max {BY_ENDPOINT} ({most.select(ENDPOINT_MATCHER, bound)})", ENDPOINT_LEGEND),
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Empty templates",
            empty,
            Query(
                f"sum {BY_ENDPOINT} (rate({empty.select(ENDPOINT_MATCHER)}{RATE_INTERVAL})) / {jobs}", ENDPOINT_LEGEND
            ),
            from_zero=True,
            unit="percentunit",
            description="Part of all jobs.",
            width=8,
        ),
        line_panel(
            "Time with poor work",
            poor,
            Query(
                f"sum by (endpoint, reason) (rate({poor.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))",
                ENDPOINT_LEGEND + " {{reason}}",
            ),
            unit="percentunit",
            from_zero=True,
            description="Part of the time.",
            width=8,
        ),
        line_panel(
            "What it cost",
            lost,
            Query(
                f"sum by (endpoint, reason) (increase({lost.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))",
                ENDPOINT_LEGEND + " {{reason}}",
            ),
            from_zero=True,
            description="Satoshis; who bears it, the payout scheme says.",
            width=8,
        ),
        line_panel(
            "Subsidy left unclaimed",
            under,
            Query(f"max {BY_ENDPOINT} ({under.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            from_zero=True,
            width=8,
            description="Satoshis.",
        ),
    ]


def _difficulty(metrics: MetricCatalogue) -> list[SizedPanel]:
    share, network = metrics["mining_stratum_share_difficulty"], metrics["mining_stratum_job_network_difficulty"]
    market, offset = "mining_network_difficulty", metrics["mining_stratum_job_time_offset_seconds"]
    return [
        line_panel(
            "Difficulty of the network in the job",
            network,
            Query(f"max {BY_ENDPOINT} ({network.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            Query(f"max({metrics.select(market)})", "by the market's sources"),
            width=8,
            overrides=[("^by the market.*", DASHED)],
        ),
        line_panel(
            "Share difficulty of the silent session",
            share,
            Query(f"max {BY_ENDPOINT} ({share.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            width=8,
            from_zero=True,
        ),
        line_panel(
            "Time in the job beside ours",
            offset,
            Query(f"max {BY_ENDPOINT} ({offset.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            width=8,
        ),
    ]


def _sessions(metrics: MetricCatalogue) -> list[SizedPanel]:
    ended, turned = metrics["mining_stratum_sessions_total"], metrics["mining_stratum_reconnect_requests_total"]
    said, garbled = metrics["mining_stratum_messages_total"], "mining_stratum_garbled_lines_total"
    unreadable = "mining_stratum_unreadable_jobs_total"
    return [
        line_panel(
            "Sessions that ended",
            ended,
            Query(
                f"sum by (endpoint, outcome) (increase({ended.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))",
                ENDPOINT_LEGEND + " {{outcome}}",
            ),
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Requests to go elsewhere",
            turned,
            Query(
                f"sum by (endpoint, to) (increase({turned.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))",
                ENDPOINT_LEGEND + " {{to}}",
            ),
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Messages and what could not be read",
            said,
            Query(f"sum(increase({said.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))", "messages for people"),
            Query(f"sum(increase({metrics.select(garbled, ENDPOINT_MATCHER)}{RATE_INTERVAL}))", "garbled lines"),
            Query(f"sum(increase({metrics.select(unreadable, ENDPOINT_MATCHER)}{RATE_INTERVAL}))", "unreadable jobs"),
            from_zero=True,
            width=8,
        ),
    ]


def _tampering(metrics: MetricCatalogue) -> list[SizedPanel]:
    alarms, learning = metrics["mining_tamper_alarms"], metrics["mining_tamper_learning"]
    rigs, endpoints = metrics["mining_tamper_rig_alarm"], metrics["mining_tamper_endpoint_alarm"]
    work = metrics["mining_site_accepted_work_hashes_total"]
    each = f"sum {BY_ENDPOINT} (rate({work.select()}{RATE_INTERVAL}))"
    to_rig = cell_link("This rig", "rig", rig="Rig")
    return [
        stat_panel("Alarms", alarms, Query(f"sum({alarms.select()})"), levels=FLAG, width=3),
        stat_panel(
            "Still learning",
            learning,
            Query(f"sum({learning.select()})"),
            width=3,
            sparkline=False,
            description="Subjects for which what is seen is still taken as yours.",
        ),
        table_panel(
            "Rigs whose pools are not yours",
            [LabelColumn("rig", "Rig", to_rig), LabelColumn("slot", "Slot", width=70), LabelColumn("kind", "What")],
            [
                ValueColumn("", rigs, f"max by (rig, slot, kind) ({rigs.select()})"),
            ],
            description="Empty while all is well.",
            sort="Rig",
            width=6,
            height=6,
            show_values=False,
        ),
        table_panel(
            "Endpoints that are amiss",
            [LabelColumn("endpoint", "Endpoint"), LabelColumn("kind", "What", width=90)],
            [
                ValueColumn("", endpoints, f"max by (endpoint, kind) ({endpoints.select()})"),
            ],
            description="Empty while all is well.",
            sort="Endpoint",
            width=6,
            height=6,
            show_values=False,
        ),
        line_panel(
            "Share of the work by endpoint",
            work,
            Query(f"{each} / scalar(sum({each}))", ENDPOINT_LEGEND),
            unit="percentunit",
            from_zero=True,
            width=6,
            description="By the accepted shares that the rigs count.",
        ),
    ]
