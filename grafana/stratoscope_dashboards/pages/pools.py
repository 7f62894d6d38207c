"""Lays out the page of the pools: what they credit and pay, held against what the rigs did."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import BROKEN, FLAG, Levels
from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.layout import Row, build_dashboard
from stratoscope_dashboards.links import cell_link
from stratoscope_dashboards.mappings import YES_NO_MAPPINGS, value_mappings
from stratoscope_dashboards.panels import DASHED, TIMESTAMP, SizedPanel, bar_panel, line_panel, stat_panel
from stratoscope_dashboards.queries import RATE_INTERVAL, Query
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.variables import POOL, POOL_MATCHER, SITE

DAY: Final = 'window="24h"'
HOUR: Final = 'window=~"300|600|900|1800|3600"'
"""Windows of pools that tell the present; none is told by all of them."""
STEPS: Final = ("uptime", "acceptance", "rate_method", "pool_fee", "luck", "residual")
"""Factors of the waterfall, in their order."""
SHORT: Final = value_mappings((0, "no", "green"), (1, "SHORT", "red"))
BY_POOL: Final = "by (pool)"


def pools(metrics: MetricCatalogue) -> Dashboard:
    """Return the dashboard."""
    rows = [
        Row("Now", _now(metrics)),
        Row("What is credited of what is due", _credit(metrics)),
        Row("From theory to the account: the newest settled day", _waterfall(metrics)),
        Row("Workers", _workers(metrics)),
        Row("Rejected and stale", _refused(metrics)),
        Row("Payouts", _payouts(metrics)),
        Row("How the asking fares", _asking(metrics)),
    ]
    text = "What the pools credit and pay, held against what the rigs did: the waterfall, workers, losses, payouts."
    return build_dashboard("pools", "Pools & reconciliation", text, (SITE, POOL), rows, since="now-24h")


def _now(metrics: MetricCatalogue) -> list[SizedPanel]:
    up, short = metrics["mining_pool_up"], metrics["mining_pool_shortfall"]
    credited = metrics["mining_pool_credited_hashrate_hashes_per_second"]
    reported = "mining_pool_reported_hashrate_hashes_per_second"
    due = metrics["mining_pool_credited_ratio"]
    balance = metrics["mining_pool_balance_satoshis"]
    part = metrics["mining_pool_matched_hashrate_ratio"]
    sums = f"sum({credited.select(POOL_MATCHER, DAY)})", f"sum({metrics.select(reported, POOL_MATCHER, DAY)})"
    return [
        stat_panel(
            "Pools that answer",
            up,
            Query(f"avg({up.select(POOL_MATCHER)})"),
            unit="percentunit",
            decimals=0,
            width=4,
            levels=Levels(attention=1, falling=True),
        ),
        stat_panel(
            "Pools that credit too little", short, Query(f"sum({short.select(POOL_MATCHER)})"), levels=BROKEN, width=5
        ),
        stat_panel(
            "Credited hashrate", credited, Query(sums[0]), width=4, description="Of the matched rigs, over 24 h."
        ),
        stat_panel(
            "Credited of reported", due, Query(f"{sums[0]} / {sums[1]}"), width=4, decimals=2, description="Over 24 h."
        ),
        stat_panel(
            "Rigs matched",
            part,
            Query(f"min({part.select(POOL_MATCHER)})"),
            width=3,
            decimals=0,
            levels=Levels(attention=0.98, falling=True),
            description="The pool of which least is matched.",
        ),
        stat_panel(
            "Unpaid balance", balance, Query(f"sum({balance.select(POOL_MATCHER)})", "sat"), show_names=True, width=4
        ),
        table_panel(
            "Pools",
            [LabelColumn("pool", "Pool", cell_link("This pool and its workers", "pools", pool="Pool"))],
            [
                ValueColumn("Answers", up, f"min {BY_POOL} ({up.select(POOL_MATCHER)})", mappings=YES_NO_MAPPINGS),
                ValueColumn(
                    "Hashrate",
                    metrics["mining_pool_hashrate_hashes_per_second"],
                    f"avg {BY_POOL} ({metrics.select('mining_pool_hashrate_hashes_per_second', POOL_MATCHER, HOUR)})",
                ),
                ValueColumn("Credited of due", due, f"avg {BY_POOL} ({due.select(POOL_MATCHER, DAY)})", decimals=2),
                ValueColumn(
                    "± by chance",
                    due,
                    f"avg {BY_POOL} ({metrics.select('mining_pool_credited_band_ratio', POOL_MATCHER, DAY)})",
                    decimals=2,
                ),
                ValueColumn("Shortfall", short, f"max {BY_POOL} ({short.select(POOL_MATCHER)})", mappings=SHORT),
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
            description="A click narrows the page to one pool and its workers.",
            sort="Hashrate",
            height=7,
        ),
    ]


def _credit(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    due, band = metrics["mining_pool_credited_ratio"], "mining_pool_credited_band_ratio"
    credited = metrics["mining_pool_credited_hashrate_hashes_per_second"]
    evidence = metrics["mining_pool_shortfall_evidence_ratio"]
    reported, short = "mining_pool_reported_hashrate_hashes_per_second", metrics["mining_pool_shortfall_ratio"]
    since = metrics["mining_pool_shortfall_since_timestamp_seconds"]
    return [
        line_panel(
            "Credited of due",
            due,
            Query(f"avg {BY_POOL} ({due.select(POOL_MATCHER, DAY)})", "{{pool}}"),
            Query(f"1 - avg {BY_POOL} ({select(band, POOL_MATCHER, DAY)})", "{{pool}}, least by chance"),
            overrides=[(".*least by chance$", DASHED)],
            description="Over 24 h. A line that stays below its dashed one is no chance.",
        ),
        line_panel(
            "Hashrate reported and credited",
            credited,
            Query(f"sum {BY_POOL} ({select(reported, POOL_MATCHER, DAY)})", "{{pool}} reported"),
            Query(f"sum {BY_POOL} ({credited.select(POOL_MATCHER, DAY)})", "{{pool}} credited"),
            from_zero=True,
            overrides=[(".*reported$", DASHED)],
            description="Of the matched rigs, over 24 h.",
        ),
        bar_panel(
            "Evidence for a shortfall",
            evidence,
            Query(f"max {BY_POOL} ({evidence.select(POOL_MATCHER)})", "{{pool}}"),
            max_value=2,
            levels=Levels(attention=0.5, bad=1),
            unit="percentunit",
            width=12,
            height=6,
            decimals=0,
            description="At 100 % it is established.",
        ),
        table_panel(
            "Established shortfalls",
            [LabelColumn("pool", "Pool")],
            [
                ValueColumn(
                    "Not credited", short, f"max {BY_POOL} ({short.select(POOL_MATCHER)})", decimals=2, levels=BROKEN
                ),
                ValueColumn(
                    "Since", since, f"max {BY_POOL} ({since.select(POOL_MATCHER)}) * 1000", unit="dateTimeAsIso"
                ),
            ],
            description="Part of what is due.",
            sort="Not credited",
            width=12,
            height=6,
        ),
    ]


def _waterfall(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    theory, factor = metrics["mining_pool_day_theoretical_satoshis"], "mining_pool_waterfall_ratio"
    loss, real = metrics["mining_pool_day_loss_satoshis"], metrics["mining_pool_day_realised_ratio"]
    part = metrics["mining_pool_acceptance_ratio"]

    def after(count: int) -> str:
        """What is left after so many factors; one that is unknown is absent and changes nothing."""
        chosen = select(factor, POOL_MATCHER, f'factor=~"{"|".join(STEPS[:count])}"')
        product = f"exp(sum by (site, pool) (ln({chosen})))"
        left = f"{theory.select(POOL_MATCHER)} * on (site, pool) group_left () {product}"
        return f"sum(({left}) or {theory.select(POOL_MATCHER)})"

    steps = [Query(f"sum({theory.select(POOL_MATCHER)})", "theoretical")]
    steps += [Query(after(at), f"after {name.replace('_', ' ')}") for at, name in enumerate(STEPS, 1)]
    return [
        bar_panel(
            "Waterfall",
            theory,
            *steps,
            width=12,
            height=12,
            unit="locale",
            decimals=0,
            names_above=True,
            description="Satoshis: what the rigs "
            "would have earned at the market's hashprice, and what is left of it after each factor; the last is what "
            "the pools credited.",
        ),
        bar_panel(
            "What each loss cost",
            loss,
            Query(f"sort_desc(sum by (cause) ({loss.select(POOL_MATCHER)}))", "{{cause}}"),
            width=12,
            height=12,
            unit="locale",
            decimals=0,
            names_above=True,
            description="Satoshis of the newest settled day.",
            min_value=None,
        ),
        line_panel(
            "Realised of theoretical",
            real,
            Query(f"avg {BY_POOL} ({real.select(POOL_MATCHER)})", "{{pool}}"),
            width=12,
            height=7,
            description="The newest settled day, as it stood at each moment.",
        ),
        line_panel(
            "What the acceptance consists of",
            part,
            Query(f"avg by (pool, part) ({part.select(POOL_MATCHER)})", "{{pool}} {{part}}"),
            width=12,
            height=7,
        ),
    ]


def _workers(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    own, noise = metrics["mining_worker_credited_ratio"], "mining_worker_credited_standard_error_ratio"
    short, active = metrics["mining_worker_shortfall"], metrics["mining_worker_active"]
    matches, rigs = metrics["mining_pool_worker_matches"], metrics["mining_pool_rigs"]
    lost = 'match!="matched"'
    keys = [
        LabelColumn("site", "Site", width=110),
        LabelColumn("pool", "Pool"),
        LabelColumn("rig", "Rig", cell_link("Open the rig", "rig", site="Site", rig="Rig")),
    ]
    each = "max by (site, pool, rig)"
    worst = f"bottomk(50, {own.select(POOL_MATCHER)})"
    among = f"and on (site, pool, rig) {worst}"
    return [
        table_panel(
            "Workers that are credited least",
            keys,
            [
                ValueColumn("Credited of due", own, f"{each} ({worst})", decimals=1, width=130),
                ValueColumn(
                    "± 1 standard error", own, f"{each} ({select(noise, POOL_MATCHER)} {among})", decimals=1, width=140
                ),
                ValueColumn(
                    "Shortfall", short, f"{each} ({short.select(POOL_MATCHER)} {among})", mappings=SHORT, width=100
                ),
                ValueColumn(
                    "Sends shares",
                    active,
                    f"{each} ({active.select(POOL_MATCHER)} {among})",
                    mappings=YES_NO_MAPPINGS,
                    width=120,
                ),
            ],
            description="The fifty lowest. A rig that overstates its hashrate looks the same.",
            sort="Credited of due",
            descending=False,
            width=14,
            height=10,
        ),
        table_panel(
            "Who has no counterpart",
            [LabelColumn("pool", "Pool"), LabelColumn("match", "Match")],
            [
                ValueColumn(
                    "Workers", matches, f"sum by (pool, match) ({matches.select(POOL_MATCHER, lost)})", levels=FLAG
                ),
                ValueColumn("Rigs", rigs, f"sum by (pool, match) ({rigs.select(POOL_MATCHER, lost)})", levels=FLAG),
            ],
            description="Workers of the pool without a rig, and rigs at the pool without a worker: a stranger, a wrong name, or "
            "a rig that nobody polls.",
            sort="Workers",
            width=10,
            height=10,
        ),
    ]


def _refused(metrics: MetricCatalogue) -> list[SizedPanel]:
    work, loss = metrics["mining_pool_work"], metrics["mining_pool_day_loss_satoshis"]
    shares = metrics["model:mining_rig_shares:rate5m"]
    bad, costly = 'result!="accepted"', 'cause=~"rejected|stale|uncredited"'
    whole = f"ignoring (result) group_left () sum by (pool) ({work.select(POOL_MATCHER)})"
    own = f"ignoring (result) group_left () sum({shares.select()})"
    return [
        line_panel(
            "As the pools count",
            work,
            Query(f"sum by (pool, result) ({work.select(POOL_MATCHER, bad)}) / {whole}", "{{pool}} {{result}}"),
            unit="percentunit",
            from_zero=True,
            width=8,
            description="Part of all work.",
        ),
        line_panel(
            "As the rigs count",
            shares,
            Query(f"sum by (result) ({shares.select(bad)}) / {own}", "{{result}}"),
            unit="percentunit",
            from_zero=True,
            width=8,
            description="Part of all shares, over five minutes.",
        ),
        line_panel(
            "What it costs",
            loss,
            Query(f"sum by (pool, cause) ({loss.select(POOL_MATCHER, costly)})", "{{pool}} {{cause}}"),
            width=8,
            unit="locale",
            description="Satoshis of the newest settled day.",
        ),
    ]


def _payouts(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    balance, earning, paid = (metrics[f"mining_pool_{what}_satoshis"] for what in ("balance", "earning", "paid"))
    payout, when = metrics["mining_pool_payout_satoshis"], metrics["mining_pool_payout_timestamp_seconds"]
    market = metrics["mining_pool_day_market_hashprice_sats_per_th_day"]
    real = "mining_pool_day_realised_hashprice_sats_per_th_day"
    chance = metrics["mining_pool_block_probability_ratio"]
    return [
        line_panel(
            "Balance",
            balance,
            Query(f"sum {BY_POOL} ({balance.select(POOL_MATCHER)})", "{{pool}}"),
            from_zero=True,
            width=8,
            unit="locale",
            description="Satoshis credited and not yet paid.",
        ),
        line_panel(
            "Hashprice, market and realised",
            market,
            Query(f"avg {BY_POOL} ({market.select(POOL_MATCHER)})", "market at {{pool}}'s hours"),
            Query(f"avg {BY_POOL} ({select(real, POOL_MATCHER)})", "realised at {{pool}}"),
            width=8,
            overrides=[("^market.*", DASHED)],
            description="Satoshis per TH/s and day.",
        ),
        bar_panel(
            "Chance of a block",
            chance,
            Query(f"max by (pool, within) ({chance.select(POOL_MATCHER)})", "{{pool}} in {{within}}"),
            width=8,
            height=8,
            unit="percentunit",
            names_above=True,
            description="Where the account mines alone.",
        ),
        table_panel(
            "Earnings and payouts",
            [LabelColumn("pool", "Pool")],
            [
                ValueColumn(
                    "Newest earning, sat", earning, f"sum {BY_POOL} ({earning.select(POOL_MATCHER)})", unit="locale"
                ),
                ValueColumn(
                    "Earned until",
                    metrics["mining_pool_earning_end_timestamp_seconds"],
                    f"max {BY_POOL} ({select('mining_pool_earning_end_timestamp_seconds', POOL_MATCHER)}) * 1000",
                    unit="dateTimeAsIso",
                ),
                ValueColumn(
                    "Newest payout, sat", payout, f"sum {BY_POOL} ({payout.select(POOL_MATCHER)})", unit="locale"
                ),
                ValueColumn(
                    "Paid at", when, f"max {BY_POOL} ({when.select(POOL_MATCHER)}) * 1000", unit="dateTimeAsIso"
                ),
                ValueColumn("Paid in all, sat", paid, f"sum {BY_POOL} ({paid.select(POOL_MATCHER)})", unit="locale"),
            ],
            description="As far as each pool tells.",
            sort="Paid in all, sat",
            height=6,
        ),
    ]


def _asking(metrics: MetricCatalogue) -> list[SizedPanel]:
    asked, age = metrics["mining_pool_requests_total"], metrics["mining_pool_age_seconds"]
    seen = metrics["mining_pool_last_success_timestamp_seconds"]
    return [
        line_panel(
            "Questions by outcome",
            asked,
            Query(
                f"sum by (pool, outcome) (rate({asked.select(POOL_MATCHER)}{RATE_INTERVAL})) * 60 > 0",
                "{{pool}} {{outcome}}",
            ),
            unit="cpm",
            from_zero=True,
            width=10,
            description="Per minute.",
        ),
        table_panel(
            "Age of what is known",
            [LabelColumn("pool", "Pool"), LabelColumn("part", "Part")],
            [
                ValueColumn("Age", age, f"max by (pool, part) ({age.select(POOL_MATCHER)})"),
            ],
            description="A part that grows too old vanishes with all its figures.",
            sort="Age",
            width=8,
            height=8,
        ),
        stat_panel(
            "Longest silence",
            seen,
            Query(f"min({seen.select(POOL_MATCHER)}) * 1000"),
            unit=TIMESTAMP,
            width=6,
            height=8,
            sparkline=False,
            description="When the pool last answered that has been silent longest.",
        ),
    ]
