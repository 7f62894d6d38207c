"""Defines the Pools & reconciliation dashboard: what pools credit and pay, compared with the rigs' work."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import BROKEN, Levels
from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.definitions.reconciliation import credit_panels, waterfall_panels, worker_panels
from stratoscope_dashboards.layout import PanelRow, build_dashboard
from stratoscope_dashboards.links import cell_link
from stratoscope_dashboards.mappings import SHORTFALL_MAPPINGS, YES_NO_MAPPINGS
from stratoscope_dashboards.panels import DASHED, TIMESTAMP, SizedPanel, bar_panel, line_panel, stat_panel
from stratoscope_dashboards.queries import BY_POOL, RATE_INTERVAL, PanelQuery
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.variables import DAY_WINDOW_MATCHER, POOL, POOL_MATCHER, SHORT_WINDOWS_MATCHER, SITE


def pools(metrics: MetricCatalogue) -> Dashboard:
    """Return the Pools & reconciliation dashboard."""
    rows = [
        PanelRow("Current status", _now(metrics)),
        PanelRow("Credited hashrate", credit_panels(metrics)),
        PanelRow("Daily revenue: from theoretical to credited", waterfall_panels(metrics)),
        PanelRow("Workers", worker_panels(metrics)),
        PanelRow("Rejected and stale work", _rejected(metrics)),
        PanelRow("Payouts", _payouts(metrics)),
        PanelRow("Pool API requests", _requests(metrics)),
    ]
    description = "What pools credit and pay compared with the rigs' work: shortfalls, daily losses, workers, payouts."
    return build_dashboard("pools", "Pools & reconciliation", description, (SITE, POOL), rows, since="now-24h")


def _now(metrics: MetricCatalogue) -> list[SizedPanel]:
    up, shortfall = metrics["mining_pool_up"], metrics["mining_pool_shortfall"]
    credited = metrics["mining_pool_credited_hashrate_hashes_per_second"]
    reported = "mining_pool_reported_hashrate_hashes_per_second"
    credited_ratio = metrics["mining_pool_credited_ratio"]
    balance, hashrate = metrics["mining_pool_balance_satoshis"], metrics["mining_pool_hashrate_hashes_per_second"]
    band = metrics.select("mining_pool_credited_band_ratio", POOL_MATCHER, DAY_WINDOW_MATCHER)
    matched = metrics["mining_pool_matched_hashrate_ratio"]
    totals = (
        f"sum({credited.select(POOL_MATCHER, DAY_WINDOW_MATCHER)})",
        f"sum({metrics.select(reported, POOL_MATCHER, DAY_WINDOW_MATCHER)})",
    )
    return [
        stat_panel(
            "Pool APIs available",
            up,
            PanelQuery(f"avg({up.select(POOL_MATCHER)})"),
            unit="percentunit",
            decimals=0,
            width=4,
            levels=Levels(attention=1, falling=True),
        ),
        stat_panel(
            "Pools with a shortfall",
            shortfall,
            PanelQuery(f"sum({shortfall.select(POOL_MATCHER)})"),
            levels=BROKEN,
            width=5,
        ),
        stat_panel(
            "Credited hashrate", credited, PanelQuery(totals[0]), width=4, description="Matched rigs, over 24 h."
        ),
        stat_panel(
            "Credited / reported",
            credited_ratio,
            PanelQuery(f"{totals[0]} / {totals[1]}"),
            width=4,
            decimals=2,
            description="Over 24 h.",
        ),
        stat_panel(
            "Hashrate matched",
            matched,
            PanelQuery(f"min({matched.select(POOL_MATCHER)})"),
            width=3,
            decimals=0,
            levels=Levels(attention=0.98, falling=True),
            description="The pool with the lowest value.",
        ),
        stat_panel(
            "Unpaid balance",
            balance,
            PanelQuery(f"sum({balance.select(POOL_MATCHER)})", "sat"),
            show_names=True,
            width=4,
        ),
        table_panel(
            "Pools",
            [LabelColumn("pool", "Pool", cell_link("Show only this pool", "pools", pool="Pool"))],
            [
                ValueColumn(
                    "API available", up, f"min {BY_POOL} ({up.select(POOL_MATCHER)})", mappings=YES_NO_MAPPINGS
                ),
                ValueColumn(
                    "Hashrate",
                    hashrate,
                    f"avg {BY_POOL} ({hashrate.select(POOL_MATCHER, SHORT_WINDOWS_MATCHER)})",
                ),
                ValueColumn(
                    "Credited / expected",
                    credited_ratio,
                    f"avg {BY_POOL} ({credited_ratio.select(POOL_MATCHER, DAY_WINDOW_MATCHER)})",
                    decimals=2,
                ),
                ValueColumn(
                    "± chance",
                    credited_ratio,
                    f"avg {BY_POOL} ({band})",
                    decimals=2,
                ),
                ValueColumn(
                    "Shortfall",
                    shortfall,
                    f"max {BY_POOL} ({shortfall.select(POOL_MATCHER)})",
                    mappings=SHORTFALL_MAPPINGS,
                ),
                ValueColumn(
                    "Fee",
                    metrics["mining_pool_fee_ratio"],
                    f"avg {BY_POOL} ({metrics.select('mining_pool_fee_ratio', POOL_MATCHER)})",
                    decimals=2,
                ),
                ValueColumn(
                    "Rigs",
                    metrics["mining_pool_rigs"],
                    f"sum {BY_POOL} ({metrics.select('mining_pool_rigs', POOL_MATCHER)})",
                ),
                ValueColumn("Balance, sat", balance, f"sum {BY_POOL} ({balance.select(POOL_MATCHER)})"),
            ],
            description="Click a pool to show only that pool and its workers.",
            sort="Hashrate",
            height=7,
        ),
    ]


def _rejected(metrics: MetricCatalogue) -> list[SizedPanel]:
    work, loss = metrics["mining_pool_work"], metrics["mining_pool_day_loss_satoshis"]
    shares = metrics["model:mining_rig_shares:rate5m"]
    rejected, causes = 'result!="accepted"', 'cause=~"rejected|stale|uncredited"'
    all_work = f"ignoring (result) group_left () sum by (pool) ({work.select(POOL_MATCHER)})"
    all_shares = f"ignoring (result) group_left () sum({shares.select()})"
    return [
        line_panel(
            "Rejected and stale work by pool",
            work,
            PanelQuery(
                f"sum by (pool, result) ({work.select(POOL_MATCHER, rejected)}) / {all_work}", "{{pool}} {{result}}"
            ),
            unit="percentunit",
            from_zero=True,
            width=8,
            description="Fraction of all work, as counted by the pools.",
        ),
        line_panel(
            "Rejected and stale shares by rigs",
            shares,
            PanelQuery(f"sum by (result) ({shares.select(rejected)}) / {all_shares}", "{{result}}"),
            unit="percentunit",
            from_zero=True,
            width=8,
            description="Fraction of all shares, as counted by the rigs over 5 minutes.",
        ),
        line_panel(
            "Cost of rejected and stale work",
            loss,
            PanelQuery(f"sum by (pool, cause) ({loss.select(POOL_MATCHER, causes)})", "{{pool}} {{cause}}"),
            width=8,
            unit="locale",
            description="Satoshis, newest settled day.",
        ),
    ]


def _payouts(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    balance, earning, paid = (metrics[f"mining_pool_{what}_satoshis"] for what in ("balance", "earning", "paid"))
    payout, paid_at = metrics["mining_pool_payout_satoshis"], metrics["mining_pool_payout_timestamp_seconds"]
    market = metrics["mining_pool_day_market_hashprice_sats_per_th_day"]
    realised = "mining_pool_day_realised_hashprice_sats_per_th_day"
    chance = metrics["mining_pool_block_probability_ratio"]
    return [
        line_panel(
            "Unpaid balance over time",
            balance,
            PanelQuery(f"sum {BY_POOL} ({balance.select(POOL_MATCHER)})", "{{pool}}"),
            from_zero=True,
            width=8,
            unit="locale",
            description="Satoshis credited but not paid out yet.",
        ),
        line_panel(
            "Market and realised hashprice",
            market,
            PanelQuery(f"avg {BY_POOL} ({market.select(POOL_MATCHER)})", "market, settlement hours of {{pool}}"),
            PanelQuery(f"avg {BY_POOL} ({select(realised, POOL_MATCHER)})", "realised at {{pool}}"),
            width=8,
            overrides=[("^market.*", DASHED)],
            description="Satoshis per TH/s and day.",
        ),
        bar_panel(
            "Chance of finding a block",
            chance,
            PanelQuery(f"max by (pool, within) ({chance.select(POOL_MATCHER)})", "{{pool}} in {{within}}"),
            width=8,
            height=8,
            unit="percentunit",
            names_above=True,
            description="For accounts that mine solo.",
        ),
        table_panel(
            "Earnings and payouts",
            [LabelColumn("pool", "Pool")],
            [
                ValueColumn(
                    "Latest earning, sat", earning, f"sum {BY_POOL} ({earning.select(POOL_MATCHER)})", unit="locale"
                ),
                ValueColumn(
                    "Earned until",
                    metrics["mining_pool_earning_end_timestamp_seconds"],
                    f"max {BY_POOL} ({select('mining_pool_earning_end_timestamp_seconds', POOL_MATCHER)}) * 1000",
                    unit="dateTimeAsIso",
                ),
                ValueColumn(
                    "Latest payout, sat", payout, f"sum {BY_POOL} ({payout.select(POOL_MATCHER)})", unit="locale"
                ),
                ValueColumn(
                    "Paid at", paid_at, f"max {BY_POOL} ({paid_at.select(POOL_MATCHER)}) * 1000", unit="dateTimeAsIso"
                ),
                ValueColumn("Total paid, sat", paid, f"sum {BY_POOL} ({paid.select(POOL_MATCHER)})", unit="locale"),
            ],
            description="As far as the pool reports them.",
            sort="Total paid, sat",
            height=6,
        ),
    ]


def _requests(metrics: MetricCatalogue) -> list[SizedPanel]:
    requests, age = metrics["mining_pool_requests_total"], metrics["mining_pool_age_seconds"]
    last_success = metrics["mining_pool_last_success_timestamp_seconds"]
    return [
        line_panel(
            "API requests by outcome",
            requests,
            PanelQuery(
                f"sum by (pool, outcome) (rate({requests.select(POOL_MATCHER)}{RATE_INTERVAL})) * 60 > 0",
                "{{pool}} {{outcome}}",
            ),
            unit="cpm",
            from_zero=True,
            width=10,
            description="Per minute.",
        ),
        table_panel(
            "Age of pool data",
            [LabelColumn("pool", "Pool"), LabelColumn("part", "Part")],
            [
                ValueColumn("Age", age, f"max by (pool, part) ({age.select(POOL_MATCHER)})"),
            ],
            description="Data that is too old is dropped with all its series.",
            sort="Age",
            width=8,
            height=8,
        ),
        stat_panel(
            "Oldest successful response",
            last_success,
            PanelQuery(f"min({last_success.select(POOL_MATCHER)}) * 1000"),
            unit=TIMESTAMP,
            width=6,
            height=8,
            sparkline=False,
            description="Last successful response of the pool that has not answered for the longest time.",
        ),
    ]
