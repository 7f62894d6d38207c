"""Defines the Fleet dashboard: hashrate, power and margin, rigs needing attention, models and firmware."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import FLAG
from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.definitions.fleet_rigs import attention_panels, model_panels
from stratoscope_dashboards.layout import PanelRow, build_dashboard
from stratoscope_dashboards.mappings import STATE_COLOUR_OVERRIDES
from stratoscope_dashboards.panels import DASHED, SizedPanel, heatmap_panel, line_panel, stat_panel
from stratoscope_dashboards.queries import PanelQuery
from stratoscope_dashboards.thresholds import NAMEPLATE_RATIO_LEVELS
from stratoscope_dashboards.variables import (
    ALGORITHM,
    ALGORITHM_MATCHER,
    MAKE,
    MODEL,
    MODEL_MATCHERS,
    SHORT_WINDOWS_MATCHER,
    SITE,
)


def fleet(metrics: MetricCatalogue) -> Dashboard:
    """Return the Fleet dashboard."""
    rows = [
        PanelRow("Current status", [*_output(metrics), *_money(metrics)]),
        PanelRow("Hashrate and power", _over_time(metrics)),
        PanelRow("Rigs needing attention", attention_panels(metrics)),
        PanelRow("Temperatures and shares", _condition(metrics)),
        PanelRow("Models, firmware and pools", model_panels(metrics)),
    ]
    description = "Hashrate, power and margin of the fleet, rigs needing attention, models, firmware and pools."
    return build_dashboard("fleet", "Fleet", description, (SITE, ALGORITHM, MAKE, MODEL), rows)


def _output(metrics: MetricCatalogue) -> list[SizedPanel]:
    select, rigs = metrics.select, metrics.select("mining_site_rigs")
    hashrate, coverage = metrics["mining_site_hashrate_hashes_per_second"], metrics["mining_site_coverage_ratio"]
    efficiency = metrics["model:mining_rig_efficiency_joules_per_terahash:ratio"]
    hashrates = select("model:mining_rig_hashrate_hashes_per_second:sum", ALGORITHM_MATCHER, *MODEL_MATCHERS)
    nameplates = select("model:mining_rig_nameplate_hashes_per_second:sum", ALGORITHM_MATCHER, *MODEL_MATCHERS)
    efficiencies = efficiency.select(ALGORITHM_MATCHER, *MODEL_MATCHERS)
    per_agent = "on (job, instance, site)"
    return [
        stat_panel("Hashrate", hashrate, PanelQuery(f"sum({hashrate.select(ALGORITHM_MATCHER)})"), width=4),
        stat_panel(
            "Hashrate vs. nameplate",
            hashrate,
            PanelQuery(f"sum({hashrates} and {nameplates}) / sum({nameplates} and {hashrates})"),
            unit="percentunit",
            levels=NAMEPLATE_RATIO_LEVELS,
            description="Total hashrate / total nameplate, over online rigs of models with a nameplate.",
            width=4,
            decimals=1,
        ),
        stat_panel(
            "Site coverage",
            coverage,
            PanelQuery(f"sum({coverage.select()} * {per_agent} sum by (job, instance, site) ({rigs})) / sum({rigs})"),
            description="Fraction of all rigs that the sums include.",
            width=4,
            decimals=1,
        ),
        stat_panel(
            "Rigs needing attention",
            metrics["mining_site_rigs"],
            PanelQuery("sum(" + select("mining_site_rigs", 'state=~"degraded|offline|locked|suspect"') + ")"),
            levels=FLAG,
            description="Rigs that are degraded, offline, locked or suspect.",
            width=4,
        ),
        stat_panel(
            "Power",
            metrics["mining_site_power_watts"],
            PanelQuery(f"sum({select('mining_site_power_watts')})"),
            width=4,
        ),
        stat_panel(
            "Efficiency",
            efficiency,
            PanelQuery(f"sum({efficiencies} * {hashrates}) / sum({hashrates} and {efficiencies})"),
            description="Total power / total hashrate, over the rigs that report both.",
            width=4,
            decimals=1,
        ),
    ]


def _money(metrics: MetricCatalogue) -> list[SizedPanel]:
    def per_day(title: str, name: str) -> SizedPanel:
        query = PanelQuery(f"sum by (currency) ({metrics.select(name)})", "{{currency}} per day")
        return stat_panel(title, metrics[name], query, show_names=True, width=5)

    margin, hashprice = metrics["mining_site_gross_margin_ratio"], metrics["mining_hashprice_fiat_per_ph_day"]
    revenue, cost = (
        metrics.select("mining_site_revenue_fiat_per_day"),
        metrics.select("mining_site_power_cost_fiat_per_day"),
    )
    return [
        per_day("Revenue", "mining_site_revenue_fiat_per_day"),
        per_day("Power cost", "mining_site_power_cost_fiat_per_day"),
        per_day("Margin", "mining_site_margin_fiat_per_day"),
        stat_panel("Gross margin", margin, PanelQuery(f"1 - sum({cost}) / sum({revenue})"), decimals=1, width=4),
        stat_panel(
            "Hashprice",
            hashprice,
            PanelQuery(f"avg by (currency) ({hashprice.select()})", "{{currency}}/PH/day"),
            show_names=True,
            width=5,
            decimals=2,
        ),
    ]


def _over_time(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    hashrate = metrics["mining_site_hashrate_hashes_per_second"]
    nameplates = "mining_site_nameplate_hashes_per_second"
    credited = select("mining_pool_hashrate_hashes_per_second", SHORT_WINDOWS_MATCHER)
    power, states = metrics["model:mining_rig_power_watts:sum"], metrics["model:mining_rig_state:sum"]
    efficiency = metrics["model:mining_rig_efficiency_joules_per_terahash:ratio"]
    model = "{{make}} {{model}}"
    return [
        line_panel(
            "Hashrate",
            hashrate,
            PanelQuery(f"sum by (algorithm) ({hashrate.select(ALGORITHM_MATCHER)})", "reported {{algorithm}}"),
            PanelQuery(f"sum by (algorithm) ({select(nameplates, ALGORITHM_MATCHER)})", "nameplate {{algorithm}}"),
            PanelQuery(f"sum(avg by (pool) ({credited}))", "credited by pools"),
            from_zero=True,
            description="Reported by the rigs, nameplate of the models that have one, and credited by the pools over "
            "windows up to an hour.",
            overrides=[("^nameplate.*", DASHED)],
        ),
        line_panel(
            "Rigs by state",
            states,
            PanelQuery(f"sum by (state) ({states.select(*MODEL_MATCHERS)})", "{{state}}"),
            stacked=True,
            from_zero=True,
            overrides=STATE_COLOUR_OVERRIDES,
        ),
        line_panel(
            "Power by model",
            power,
            PanelQuery(f"topk(12, sum by (make, model) ({power.select(*MODEL_MATCHERS)}))", model),
            stacked=True,
            from_zero=True,
            description="The twelve models with the highest power.",
        ),
        line_panel(
            "Efficiency by model",
            efficiency,
            PanelQuery(
                f"topk(12, avg by (make, model) ({efficiency.select(ALGORITHM_MATCHER, *MODEL_MATCHERS)}))", model
            ),
            description="Lower is better. The twelve least efficient models.",
        ),
    ]


def _condition(metrics: MetricCatalogue) -> list[SizedPanel]:
    heat, shares = (
        metrics["model:mining_hashboard_temperature_celsius:bucket"],
        metrics["model:mining_rig_shares:rate5m"],
    )
    all_shares = shares.select(*MODEL_MATCHERS)
    rejected = shares.select(*MODEL_MATCHERS, 'result!="accepted"')
    return [
        heatmap_panel(
            "Distribution of chip temperatures",
            heat,
            PanelQuery(f"sum by (le) ({heat.select(*MODEL_MATCHERS)})", "{{le}}"),
            description="Number of rigs by temperature of their hottest chip, in steps of 5 °C.",
        ),
        line_panel(
            "Rejected and stale shares",
            shares,
            PanelQuery(
                f"sum by (result) ({rejected}) / ignoring (result) group_left () sum({all_shares})", "{{result}}"
            ),
            unit="percentunit",
            from_zero=True,
            description="Fraction of all shares, over 5 minutes.",
        ),
    ]
