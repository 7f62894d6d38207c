"""Lays out the page of the fleet: what it produces, which rigs need somebody, what they are, what they earn."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import FLAG
from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.layout import Row, build_dashboard
from stratoscope_dashboards.links import cell_link, series_link
from stratoscope_dashboards.mappings import STATE_COLOUR_OVERRIDES, STATE_NAME_MAPPINGS
from stratoscope_dashboards.panels import DASHED, SizedPanel, bar_panel, heatmap_panel, line_panel, stat_panel
from stratoscope_dashboards.queries import Query
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.thresholds import NAMEPLATE_RATIO_LEVELS, REJECTED_RATIO_LEVELS
from stratoscope_dashboards.variables import ALGORITHM, ALGORITHM_MATCHER, MAKE, MODEL, MODEL_MATCHERS, SITE

TO_POOLS = cell_link("What the pools credit", "pools", site="Site")
TO_RIG = cell_link("Open the rig", "rig", site="Site", rig="Rig")


def fleet(metrics: MetricCatalogue) -> Dashboard:
    """Return the dashboard."""
    rows = [
        Row("Now", [*_output(metrics), *_money(metrics)]),
        Row("Output", _over_time(metrics)),
        Row("Rigs that need somebody", _worst(metrics)),
        Row("Heat and shares", _condition(metrics)),
        Row("What the fleet consists of", _mix(metrics)),
    ]
    text = "What the fleet produces, which rigs need somebody, what it consists of and what it earns."
    return build_dashboard("fleet", "Fleet", text, (SITE, ALGORITHM, MAKE, MODEL), rows)


def _output(metrics: MetricCatalogue) -> list[SizedPanel]:
    select, rigs = metrics.select, metrics.select("mining_site_rigs")
    hashrate, coverage = metrics["mining_site_hashrate_hashes_per_second"], metrics["mining_site_coverage_ratio"]
    efficiency = metrics["model:mining_rig_efficiency_joules_per_terahash:ratio"]
    made = select("model:mining_rig_hashrate_hashes_per_second:sum", ALGORITHM_MATCHER, *MODEL_MATCHERS)
    plate = select("model:mining_rig_nameplate_hashes_per_second:sum", ALGORITHM_MATCHER, *MODEL_MATCHERS)
    per_th = efficiency.select(ALGORITHM_MATCHER, *MODEL_MATCHERS)
    on = "on (job, instance, site)"
    return [
        stat_panel("Hashrate", hashrate, Query(f"sum({hashrate.select(ALGORITHM_MATCHER)})"), width=4),
        stat_panel(
            "Of nameplate",
            hashrate,
            Query(f"sum({made} and {plate}) / sum({plate} and {made})"),
            unit="percentunit",
            levels=NAMEPLATE_RATIO_LEVELS,
            description="A sum over a sum, of the models that have a data sheet; rigs that are away do not count.",
            width=4,
            decimals=1,
        ),
        stat_panel(
            "Rigs heard",
            coverage,
            Query(f"sum({coverage.select()} * {on} sum by (job, instance, site) ({rigs})) / sum({rigs})"),
            description="Part of all rigs that stands behind the sums.",
            width=4,
            decimals=1,
        ),
        stat_panel(
            "Rigs that need somebody",
            metrics["mining_site_rigs"],
            Query("sum(" + select("mining_site_rigs", 'state=~"degraded|offline|locked|suspect"') + ")"),
            levels=FLAG,
            description="Degraded, offline, locked or suspect.",
            width=4,
        ),
        stat_panel(
            "Power", metrics["mining_site_power_watts"], Query(f"sum({select('mining_site_power_watts')})"), width=4
        ),
        stat_panel(
            "Efficiency",
            efficiency,
            Query(f"sum({per_th} * {made}) / sum({made} and {per_th})"),
            description="A sum over a sum, of the rigs that tell both.",
            width=4,
            decimals=1,
        ),
    ]


def _money(metrics: MetricCatalogue) -> list[SizedPanel]:
    def per_day(title: str, name: str, text: str = "") -> SizedPanel:
        query = Query(f"sum by (currency) ({metrics.select(name)})", "{{currency}} per day")
        return stat_panel(title, metrics[name], query, description=text, show_names=True, width=5, sparkline=True)

    margin, hashprice = metrics["mining_site_gross_margin_ratio"], metrics["mining_hashprice_fiat_per_ph_day"]
    revenue, cost = (
        metrics.select("mining_site_revenue_fiat_per_day"),
        metrics.select("mining_site_power_cost_fiat_per_day"),
    )
    return [
        per_day("Revenue", "mining_site_revenue_fiat_per_day"),
        per_day("Power cost", "mining_site_power_cost_fiat_per_day"),
        per_day("Margin", "mining_site_margin_fiat_per_day"),
        stat_panel("Gross margin", margin, Query(f"1 - sum({cost}) / sum({revenue})"), decimals=1, width=4),
        stat_panel(
            "Hashprice",
            hashprice,
            Query(f"avg by (currency) ({hashprice.select()})", "{{currency}}/PH/day"),
            show_names=True,
            width=5,
            decimals=2,
        ),
    ]


def _over_time(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    hashrate = metrics["mining_site_hashrate_hashes_per_second"]
    plate = "mining_site_nameplate_hashes_per_second"
    credited = select("mining_pool_hashrate_hashes_per_second", 'window=~"300|600|900|1800|3600"')
    power, states = metrics["model:mining_rig_power_watts:sum"], metrics["model:mining_rig_state:sum"]
    efficiency = metrics["model:mining_rig_efficiency_joules_per_terahash:ratio"]
    model = "{{make}} {{model}}"
    return [
        line_panel(
            "Hashrate",
            hashrate,
            Query(f"sum by (algorithm) ({hashrate.select(ALGORITHM_MATCHER)})", "reported {{algorithm}}"),
            Query(f"sum by (algorithm) ({select(plate, ALGORITHM_MATCHER)})", "nameplate {{algorithm}}"),
            Query(f"sum(avg by (pool) ({credited}))", "pool side"),
            from_zero=True,
            description="What the rigs report, beside the data sheets of those whose model has one, and what the pools "
            "credit over windows up to an hour.",
            overrides=[("^nameplate.*", DASHED)],
        ),
        line_panel(
            "Rigs by state",
            states,
            Query(f"sum by (state) ({states.select(*MODEL_MATCHERS)})", "{{state}}"),
            stacked=True,
            from_zero=True,
            overrides=STATE_COLOUR_OVERRIDES,
        ),
        line_panel(
            "Power by model",
            power,
            Query(f"topk(12, sum by (make, model) ({power.select(*MODEL_MATCHERS)}))", model),
            stacked=True,
            from_zero=True,
            description="The twelve models that draw most.",
        ),
        line_panel(
            "Efficiency by model",
            efficiency,
            Query(f"topk(12, avg by (make, model) ({efficiency.select(ALGORITHM_MATCHER, *MODEL_MATCHERS)}))", model),
            description="Lower is better; the twelve worst models.",
        ),
    ]


def _worst(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    ratio = metrics["rig:mining_hashrate:nameplate_ratio"]
    chip = metrics["rig:mining_hashboard_temperature_celsius:max"]
    rejected, stale = metrics["rig:mining_shares_rejected:ratio1h"], select("rig:mining_shares_stale:ratio1h")
    state, seen = metrics["mining_rig_state"], metrics["mining_rig_last_success_timestamp_seconds"]
    info = select("mining_rig_info", *MODEL_MATCHERS)
    ill = state.select('state=~"degraded|offline|locked|suspect"')
    keep = "on (job, instance, site, rig) group_left (make, model, address)"
    keys = [
        LabelColumn("site", "Site", width=110),
        LabelColumn("rig", "Rig", TO_RIG, width=150),
        LabelColumn("make", "Make", width=110),
        LabelColumn("model", "Model", width=130),
        LabelColumn("address", "Address", width=130),
        LabelColumn("state", "State", width=110, mappings=STATE_NAME_MAPPINGS),
    ]
    named = "site, rig, make, model, address, state"
    chosen = f"topk(100, ({ill} == 1) * {keep} {info})"
    rig = "{{rig}}"  # legend of bars that a click leads on from
    to_rig = series_link("Open the rig", "rig", "site", "rig")
    return [
        table_panel(
            "Degraded, offline, locked or suspect",
            keys,
            [
                ValueColumn(
                    "Since a good answer",
                    seen,
                    f"time() - max by ({named}) ({chosen} * 0 + "
                    f"on (job, instance, site, rig) group_left () {seen.select()})",
                    unit="s",
                    width=160,
                ),
                ValueColumn(
                    "Faults",
                    metrics["mining_rig_faults"],
                    f"max by ({named}) ({chosen} * on (job, instance, site, rig) "
                    f"group_left () {select('mining_rig_faults')})",
                    width=90,
                ),
            ],
            description="At most a hundred of them; a click leads to the rig.",
            sort="Since a good answer",
            height=10,
        ),
        bar_panel(
            "Furthest below nameplate",
            ratio,
            Query(
                f"bottomk(12, {ratio.select()} and on (site, rig) {select('mining_rig_info', ALGORITHM_MATCHER, *MODEL_MATCHERS)})",
                rig,
            ),
            unit="percentunit",
            levels=NAMEPLATE_RATIO_LEVELS,
            max_value=1,
            links=[to_rig],
            height=10,
            decimals=0,
        ),
        bar_panel(
            "Hottest chips",
            chip,
            Query(f"topk(12, {chip.select(*MODEL_MATCHERS)})", rig),
            links=[to_rig],
            height=10,
            min_value=30,
            max_value=110,
        ),
        bar_panel(
            "Most rejected and stale shares",
            rejected,
            Query(f"topk(12, ({rejected.select()} + {stale}) and on (site, rig) {info})", rig),
            unit="percentunit",
            levels=REJECTED_RATIO_LEVELS,
            links=[to_rig],
            height=10,
            decimals=2,
        ),
    ]


def _condition(metrics: MetricCatalogue) -> list[SizedPanel]:
    heat, shares = (
        metrics["model:mining_hashboard_temperature_celsius:bucket"],
        metrics["model:mining_rig_shares:rate5m"],
    )
    every = shares.select(*MODEL_MATCHERS)
    bad = shares.select(*MODEL_MATCHERS, 'result!="accepted"')
    return [
        heatmap_panel(
            "Hottest chip of each rig",
            heat,
            Query(f"sum by (le) ({heat.select(*MODEL_MATCHERS)})", "{{le}}"),
            description="How many rigs have their hottest chip in each band of five degrees.",
        ),
        line_panel(
            "Rejected and stale shares",
            shares,
            Query(f"sum by (result) ({bad}) / ignoring (result) group_left () sum({every})", "{{result}}"),
            unit="percentunit",
            from_zero=True,
            description="Part of all shares, over five minutes.",
        ),
    ]


def _mix(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    count, hashrate = metrics["model:mining_rig_up:count"], metrics["model:mining_rig_hashrate_hashes_per_second:sum"]
    up, plate = "model:mining_rig_up:sum", "model:mining_rig_nameplate_hashes_per_second:sum"
    watts = metrics["model:mining_rig_power_watts:sum"]
    efficiency = metrics["model:mining_rig_efficiency_joules_per_terahash:ratio"]
    active = metrics["site:mining_rig_pool_active:sum"]
    margin, firmware = metrics["model:mining_rig_margin_fiat_per_day:sum"], metrics["model:mining_rig_info:count"]

    def by_model(name: str) -> str:
        return f"sum by (make, model) ({select(name, ALGORITHM_MATCHER, *MODEL_MATCHERS)})"

    keys = [
        LabelColumn("make", "Make"),
        LabelColumn("model", "Model", cell_link("Only this model", "fleet", make="Make", model="Model")),
    ]
    return [
        table_panel(
            "Models",
            keys,
            [
                ValueColumn("Rigs", count, by_model(count.name)),
                ValueColumn("Away", count, f"{by_model(count.name)} - {by_model(up)}", levels=FLAG),
                ValueColumn("Hashrate", hashrate, by_model(hashrate.name)),
                ValueColumn(
                    "Of nameplate",
                    hashrate,
                    f"{by_model(hashrate.name)} / {by_model(plate)}",
                    unit="percentunit",
                    levels=NAMEPLATE_RATIO_LEVELS,
                    decimals=1,
                ),
                ValueColumn("Power", watts, by_model(watts.name)),
                ValueColumn(
                    "J/TH",
                    efficiency,
                    f"avg by (make, model) ({efficiency.select(ALGORITHM_MATCHER, *MODEL_MATCHERS)})",
                    unit="none",
                    decimals=1,
                ),
                ValueColumn("Margin per day", margin, by_model(margin.name), decimals=2),
            ],
            description="Every model of the chosen sites.",
            sort="Rigs",
            height=10,
        ),
        table_panel(
            "Firmware",
            [
                LabelColumn("firmware", "Firmware", width=110),
                LabelColumn("firmware_version", "Version"),
                LabelColumn("driver", "Driver", width=140),
            ],
            [
                ValueColumn(
                    "Rigs",
                    firmware,
                    f"sum by (firmware, firmware_version, driver) ({firmware.select(*MODEL_MATCHERS)})",
                    width=70,
                ),
            ],
            description="Which firmware runs on how many rigs.",
            sort="Rigs",
            width=12,
            height=9,
        ),
        table_panel(
            "Pools in use",
            [LabelColumn("site", "Site", width=110), LabelColumn("url", "Pool", TO_POOLS)],
            [
                ValueColumn("Rigs", active, f"sum by (site, url) ({active.select()}) > 0", width=70),
            ],
            description="By the URL in the active slot of the rigs.",
            sort="Rigs",
            width=12,
            height=9,
        ),
    ]
