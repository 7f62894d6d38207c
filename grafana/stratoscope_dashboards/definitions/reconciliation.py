"""Defines the rows of the pools dashboard that compare credited with reported work."""

from typing import Final

from stratoscope.metrics.metric import BROKEN, FLAG, Levels
from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.links import cell_link
from stratoscope_dashboards.mappings import SHORTFALL_MAPPINGS, YES_NO_MAPPINGS
from stratoscope_dashboards.panels import DASHED, SizedPanel, bar_panel, line_panel
from stratoscope_dashboards.queries import BY_POOL, PanelQuery
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.variables import DAY_WINDOW_MATCHER, POOL_MATCHER

STEPS: Final = ("uptime", "acceptance", "rate_method", "pool_fee", "luck", "residual")
"""Factors of the waterfall, in order."""


def credit_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return credited against expected hashrate and established shortfalls."""
    select = metrics.select
    credited_ratio, band = metrics["mining_pool_credited_ratio"], "mining_pool_credited_band_ratio"
    credited = metrics["mining_pool_credited_hashrate_hashes_per_second"]
    evidence = metrics["mining_pool_shortfall_evidence_ratio"]
    reported, shortfall = "mining_pool_reported_hashrate_hashes_per_second", metrics["mining_pool_shortfall_ratio"]
    since = metrics["mining_pool_shortfall_since_timestamp_seconds"]
    return [
        line_panel(
            "Credited / expected",
            credited_ratio,
            PanelQuery(f"avg {BY_POOL} ({credited_ratio.select(POOL_MATCHER, DAY_WINDOW_MATCHER)})", "{{pool}}"),
            PanelQuery(
                f"1 - avg {BY_POOL} ({select(band, POOL_MATCHER, DAY_WINDOW_MATCHER)})", "{{pool}}, lower chance limit"
            ),
            overrides=[(".*lower chance limit$", DASHED)],
            description="Over 24 h. A line that stays below its dashed limit is not explained by chance.",
        ),
        line_panel(
            "Reported and credited hashrate",
            credited,
            PanelQuery(f"sum {BY_POOL} ({select(reported, POOL_MATCHER, DAY_WINDOW_MATCHER)})", "{{pool}} reported"),
            PanelQuery(f"sum {BY_POOL} ({credited.select(POOL_MATCHER, DAY_WINDOW_MATCHER)})", "{{pool}} credited"),
            from_zero=True,
            overrides=[(".*reported$", DASHED)],
            description="Matched rigs, over 24 h.",
        ),
        bar_panel(
            "Evidence for a shortfall",
            evidence,
            PanelQuery(f"max {BY_POOL} ({evidence.select(POOL_MATCHER)})", "{{pool}}"),
            max_value=2,
            levels=Levels(attention=0.5, bad=1),
            unit="percentunit",
            width=12,
            height=6,
            decimals=0,
            description="A shortfall is established at 100 %.",
        ),
        table_panel(
            "Established shortfalls",
            [LabelColumn("pool", "Pool")],
            [
                ValueColumn(
                    "Missing", shortfall, f"max {BY_POOL} ({shortfall.select(POOL_MATCHER)})", decimals=2, levels=BROKEN
                ),
                ValueColumn(
                    "Since", since, f"max {BY_POOL} ({since.select(POOL_MATCHER)}) * 1000", unit="dateTimeAsIso"
                ),
            ],
            description="Fraction of the expected hashrate that is not credited.",
            sort="Missing",
            width=12,
            height=6,
        ),
    ]


def waterfall_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return the newest settled day from theoretical to credited revenue."""
    select = metrics.select
    theoretical, factor = metrics["mining_pool_day_theoretical_satoshis"], "mining_pool_waterfall_ratio"
    loss, realised = metrics["mining_pool_day_loss_satoshis"], metrics["mining_pool_day_realised_ratio"]
    acceptance = metrics["mining_pool_acceptance_ratio"]

    def after(count: int) -> str:
        """Return the query for the revenue after the first `count` factors; unknown factors are absent and skipped."""
        factors = select(factor, POOL_MATCHER, f'factor=~"{"|".join(STEPS[:count])}"')
        product = f"exp(sum by (site, pool) (ln({factors})))"
        remaining = f"{theoretical.select(POOL_MATCHER)} * on (site, pool) group_left () {product}"
        return f"sum(({remaining}) or {theoretical.select(POOL_MATCHER)})"

    steps = [PanelQuery(f"sum({theoretical.select(POOL_MATCHER)})", "theoretical")]
    steps += [PanelQuery(after(at), f"after {name.replace('_', ' ')}") for at, name in enumerate(STEPS, 1)]
    return [
        bar_panel(
            "Revenue waterfall",
            theoretical,
            *steps,
            width=12,
            height=12,
            unit="locale",
            decimals=0,
            names_above=True,
            description="Satoshis. The first bar is the revenue at the market hashprice, each further bar the rest "
            "after one more factor. The last bar is what the pools credited.",
        ),
        bar_panel(
            "Losses by cause",
            loss,
            PanelQuery(f"sort_desc(sum by (cause) ({loss.select(POOL_MATCHER)}))", "{{cause}}"),
            width=12,
            height=12,
            unit="locale",
            decimals=0,
            names_above=True,
            description="Satoshis, newest settled day.",
            min_value=None,
        ),
        line_panel(
            "Realised / theoretical revenue",
            realised,
            PanelQuery(f"avg {BY_POOL} ({realised.select(POOL_MATCHER)})", "{{pool}}"),
            width=12,
            height=7,
            description="Newest settled day at each point in time.",
        ),
        line_panel(
            "Acceptance factor by part",
            acceptance,
            PanelQuery(f"avg by (pool, part) ({acceptance.select(POOL_MATCHER)})", "{{pool}} {{part}}"),
            width=12,
            height=7,
        ),
    ]


def worker_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return the least credited workers and the unmatched ones."""
    select = metrics.select
    credited_ratio, standard_error = (
        metrics["mining_worker_credited_ratio"],
        "mining_worker_credited_standard_error_ratio",
    )
    shortfall, active = metrics["mining_worker_shortfall"], metrics["mining_worker_active"]
    matches, rigs = metrics["mining_pool_worker_matches"], metrics["mining_pool_rigs"]
    unmatched = 'match!="matched"'
    label_columns = [
        LabelColumn("site", "Site", width=110),
        LabelColumn("pool", "Pool"),
        LabelColumn("rig", "Rig", cell_link("Open the rig dashboard", "rig", site="Site", rig="Rig")),
    ]
    per_rig = "max by (site, pool, rig)"
    worst = f"bottomk(50, {credited_ratio.select(POOL_MATCHER)})"
    in_worst = f"and on (site, pool, rig) {worst}"
    return [
        table_panel(
            "Least credited workers",
            label_columns,
            [
                ValueColumn("Credited / expected", credited_ratio, f"{per_rig} ({worst})", decimals=1, width=150),
                ValueColumn(
                    "± 1 standard error",
                    credited_ratio,
                    f"{per_rig} ({select(standard_error, POOL_MATCHER)} {in_worst})",
                    decimals=1,
                    width=140,
                ),
                ValueColumn(
                    "Shortfall",
                    shortfall,
                    f"{per_rig} ({shortfall.select(POOL_MATCHER)} {in_worst})",
                    mappings=SHORTFALL_MAPPINGS,
                    width=100,
                ),
                ValueColumn(
                    "Active",
                    active,
                    f"{per_rig} ({active.select(POOL_MATCHER)} {in_worst})",
                    mappings=YES_NO_MAPPINGS,
                    width=120,
                ),
            ],
            description="The 50 lowest. A rig that overstates its hashrate looks the same.",
            sort="Credited / expected",
            descending=False,
            width=14,
            height=10,
        ),
        table_panel(
            "Unmatched workers and rigs",
            [LabelColumn("pool", "Pool"), LabelColumn("match", "Match")],
            [
                ValueColumn(
                    "Workers", matches, f"sum by (pool, match) ({matches.select(POOL_MATCHER, unmatched)})", levels=FLAG
                ),
                ValueColumn(
                    "Rigs", rigs, f"sum by (pool, match) ({rigs.select(POOL_MATCHER, unmatched)})", levels=FLAG
                ),
            ],
            description="Workers without a rig and rigs without a worker: unknown workers, wrong names, or rigs that "
            "are not polled.",
            sort="Workers",
            width=10,
            height=10,
        ),
    ]
