"""Defines the rows of the Stratum dashboard about block announcements, templates and difficulty."""

from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.panels import DASHED, SizedPanel, bar_panel, line_panel
from stratoscope_dashboards.queries import BY_ENDPOINT, ENDPOINT_LEGEND, RATE_INTERVAL, TIME_RANGE, PanelQuery
from stratoscope_dashboards.variables import ENDPOINT_MATCHER


def announcement_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return which endpoint announces blocks first and the delay of the others."""
    first, compared, missed = (metrics[f"mining_stratum_blocks_{what}_total"] for what in ("first", "raced", "missed"))
    delay, behind = metrics["mining_stratum_block_delay_seconds_bucket"], metrics["mining_stratum_height_lag"]
    buckets = f"sum by (endpoint, le) (increase({delay.select(ENDPOINT_MATCHER)}{TIME_RANGE}))"
    first_blocks = f"sum {BY_ENDPOINT} (increase({first.select(ENDPOINT_MATCHER)}{TIME_RANGE}))"
    compared_blocks = f"sum {BY_ENDPOINT} (increase({compared.select(ENDPOINT_MATCHER)}{TIME_RANGE}))"
    total, count = (
        metrics.select(f"mining_stratum_block_delay_seconds_{end}", ENDPOINT_MATCHER) for end in ("sum", "count")
    )
    mean = f"sum {BY_ENDPOINT} (increase({total}{TIME_RANGE})) / sum {BY_ENDPOINT} (increase({count}{TIME_RANGE}))"
    return [
        bar_panel(
            "First to announce a block",
            first,
            PanelQuery(f"{first_blocks} / ({compared_blocks} > 0)", ENDPOINT_LEGEND),
            unit="percentunit",
            max_value=1,
            width=8,
            decimals=0,
            names_above=True,
            description="Fraction of blocks in the time range.",
        ),
        bar_panel(
            "Mean delay behind the first endpoint",
            delay,
            PanelQuery(mean, ENDPOINT_LEGEND),
            width=8,
            names_above=True,
            description="Over the time range.",
        ),
        bar_panel(
            "90th percentile of the delay",
            delay,
            PanelQuery(f"histogram_quantile(0.9, {buckets})", ENDPOINT_LEGEND),
            width=8,
            names_above=True,
            description="Delay behind the first endpoint, over the time range.",
        ),
        line_panel(
            "Blocks behind the best endpoint",
            behind,
            PanelQuery(f"max {BY_ENDPOINT} ({behind.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            from_zero=True,
        ),
        line_panel(
            "Blocks not announced",
            missed,
            PanelQuery(
                f"sum {BY_ENDPOINT} (increase({missed.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))", ENDPOINT_LEGEND
            ),
            from_zero=True,
        ),
    ]


def template_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return fees, transactions and losses of the block templates."""
    fees, empty = metrics["mining_stratum_job_fees_satoshis"], metrics["mining_stratum_empty_jobs_total"]
    jobs = f"sum {BY_ENDPOINT} (rate({metrics.select('mining_stratum_jobs_total', ENDPOINT_MATCHER)}{RATE_INTERVAL}))"
    transactions, unclaimed = (
        metrics["mining_stratum_job_transactions"],
        metrics["mining_stratum_job_under_claimed_satoshis"],
    )
    lost, bad_work = metrics["mining_stratum_lost_satoshis_total"], metrics["mining_stratum_poor_work_seconds_total"]
    bound = 'bound="most"'
    return [
        line_panel(
            "Fees in the newest template",
            fees,
            PanelQuery(f"max {BY_ENDPOINT} ({fees.select(ENDPOINT_MATCHER)}) / 1e8", ENDPOINT_LEGEND),
            from_zero=True,
            unit="short",
            description="In bitcoin.",
            width=8,
        ),
        line_panel(
            "Transactions per template, upper bound",
            transactions,
            PanelQuery(f"max {BY_ENDPOINT} ({transactions.select(ENDPOINT_MATCHER, bound)})", ENDPOINT_LEGEND),
            from_zero=True,
            width=8,
        ),
        line_panel(
            "Empty templates",
            empty,
            PanelQuery(
                f"sum {BY_ENDPOINT} (rate({empty.select(ENDPOINT_MATCHER)}{RATE_INTERVAL})) / {jobs}", ENDPOINT_LEGEND
            ),
            from_zero=True,
            unit="percentunit",
            description="Fraction of all jobs.",
            width=8,
        ),
        line_panel(
            "Time with old or empty work",
            bad_work,
            PanelQuery(
                f"sum by (endpoint, reason) (rate({bad_work.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))",
                ENDPOINT_LEGEND + " {{reason}}",
            ),
            unit="percentunit",
            from_zero=True,
            description="Fraction of the time.",
            width=8,
        ),
        line_panel(
            "Cost of old or empty work",
            lost,
            PanelQuery(
                f"sum by (endpoint, reason) (increase({lost.select(ENDPOINT_MATCHER)}{RATE_INTERVAL}))",
                ENDPOINT_LEGEND + " {{reason}}",
            ),
            from_zero=True,
            description="Satoshis. The payout scheme decides who bears the loss.",
            width=8,
        ),
        line_panel(
            "Unclaimed subsidy",
            unclaimed,
            PanelQuery(f"max {BY_ENDPOINT} ({unclaimed.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            from_zero=True,
            width=8,
            description="Satoshis.",
        ),
    ]


def difficulty_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return difficulty and clock offset of the jobs."""
    share, network = metrics["mining_stratum_share_difficulty"], metrics["mining_stratum_job_network_difficulty"]
    market, offset = "mining_network_difficulty", metrics["mining_stratum_job_time_offset_seconds"]
    return [
        line_panel(
            "Network difficulty in the job",
            network,
            PanelQuery(f"max {BY_ENDPOINT} ({network.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            PanelQuery(f"max({metrics.select(market)})", "from market sources"),
            width=8,
            overrides=[("^from market.*", DASHED)],
        ),
        line_panel(
            "Share difficulty of the agent's session",
            share,
            PanelQuery(f"max {BY_ENDPOINT} ({share.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            width=8,
            from_zero=True,
        ),
        line_panel(
            "Clock offset of the job time",
            offset,
            PanelQuery(f"max {BY_ENDPOINT} ({offset.select(ENDPOINT_MATCHER)})", ENDPOINT_LEGEND),
            width=8,
        ),
    ]
