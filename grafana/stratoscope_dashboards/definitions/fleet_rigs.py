"""Defines the rows of the Fleet dashboard about rigs needing attention and about models and firmware."""

from typing import Final

from stratoscope.metrics.metric import FLAG
from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.links import cell_link, series_link
from stratoscope_dashboards.mappings import STATE_NAME_MAPPINGS
from stratoscope_dashboards.panels import SizedPanel, bar_panel
from stratoscope_dashboards.queries import PanelQuery
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.thresholds import NAMEPLATE_RATIO_LEVELS, REJECTED_RATIO_LEVELS
from stratoscope_dashboards.variables import ALGORITHM_MATCHER, MODEL_MATCHERS

TO_RIG: Final = cell_link("Open the rig dashboard", "rig", site="Site", rig="Rig")
TO_POOLS: Final = cell_link("Open the pools dashboard", "pools", site="Site")


def attention_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return the panels about rigs needing attention."""
    select = metrics.select
    ratio = metrics["rig:mining_hashrate:nameplate_ratio"]
    chip = metrics["rig:mining_hashboard_temperature_celsius:max"]
    rejected, stale = metrics["rig:mining_shares_rejected:ratio1h"], select("rig:mining_shares_stale:ratio1h")
    state, last_success = metrics["mining_rig_state"], metrics["mining_rig_last_success_timestamp_seconds"]
    info = select("mining_rig_info", *MODEL_MATCHERS)
    info_of_algorithm = select("mining_rig_info", ALGORITHM_MATCHER, *MODEL_MATCHERS)
    needing_attention = state.select('state=~"degraded|offline|locked|suspect"')
    join_info = "on (job, instance, site, rig) group_left (make, model, address)"
    label_columns = [
        LabelColumn("site", "Site", width=110),
        LabelColumn("rig", "Rig", TO_RIG, width=150),
        LabelColumn("make", "Make", width=110),
        LabelColumn("model", "Model", width=130),
        LabelColumn("address", "Address", width=130),
        LabelColumn("state", "State", width=110, mappings=STATE_NAME_MAPPINGS),
    ]
    label_names = "site, rig, make, model, address, state"
    rigs = f"topk(100, ({needing_attention} == 1) * {join_info} {info})"
    rig_legend = "{{rig}}"
    to_rig = series_link("Open the rig dashboard", "rig", "site", "rig")
    return [
        table_panel(
            "Degraded, offline, locked or suspect rigs",
            label_columns,
            [
                ValueColumn(
                    "Since last response",
                    last_success,
                    f"time() - max by ({label_names}) ({rigs} * 0 + "
                    f"on (job, instance, site, rig) group_left () {last_success.select()})",
                    unit="s",
                    width=160,
                ),
                ValueColumn(
                    "Faults",
                    metrics["mining_rig_faults"],
                    f"max by ({label_names}) ({rigs} * on (job, instance, site, rig) "
                    f"group_left () {select('mining_rig_faults')})",
                    width=90,
                ),
            ],
            description="At most 100 rigs. Click a rig to open its dashboard.",
            sort="Since last response",
            height=10,
        ),
        bar_panel(
            "Lowest hashrate vs. nameplate",
            ratio,
            PanelQuery(
                f"bottomk(12, {ratio.select()} and on (site, rig) {info_of_algorithm})",
                rig_legend,
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
            PanelQuery(f"topk(12, {chip.select(*MODEL_MATCHERS)})", rig_legend),
            links=[to_rig],
            height=10,
            min_value=30,
            max_value=110,
        ),
        bar_panel(
            "Highest reject and stale rate",
            rejected,
            PanelQuery(f"topk(12, ({rejected.select()} + {stale}) and on (site, rig) {info})", rig_legend),
            unit="percentunit",
            levels=REJECTED_RATIO_LEVELS,
            links=[to_rig],
            height=10,
            decimals=2,
        ),
    ]


def model_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return the tables of models, firmware and active pools."""
    select = metrics.select
    count, hashrate = metrics["model:mining_rig_up:count"], metrics["model:mining_rig_hashrate_hashes_per_second:sum"]
    up, nameplate = "model:mining_rig_up:sum", "model:mining_rig_nameplate_hashes_per_second:sum"
    watts = metrics["model:mining_rig_power_watts:sum"]
    efficiency = metrics["model:mining_rig_efficiency_joules_per_terahash:ratio"]
    active = metrics["site:mining_rig_pool_active:sum"]
    margin, firmware = metrics["model:mining_rig_margin_fiat_per_day:sum"], metrics["model:mining_rig_info:count"]

    def by_model(name: str) -> str:
        return f"sum by (make, model) ({select(name, ALGORITHM_MATCHER, *MODEL_MATCHERS)})"

    label_columns = [
        LabelColumn("make", "Make"),
        LabelColumn("model", "Model", cell_link("Show only this model", "fleet", make="Make", model="Model")),
    ]
    return [
        table_panel(
            "Models",
            label_columns,
            [
                ValueColumn("Rigs", count, by_model(count.name)),
                ValueColumn("Offline", count, f"{by_model(count.name)} - {by_model(up)}", levels=FLAG),
                ValueColumn("Hashrate", hashrate, by_model(hashrate.name)),
                ValueColumn(
                    "Hashrate vs. nameplate",
                    hashrate,
                    f"{by_model(hashrate.name)} / {by_model(nameplate)}",
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
            description="All models at the selected sites.",
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
            description="Rigs by firmware and version.",
            sort="Rigs",
            width=12,
            height=9,
        ),
        table_panel(
            "Active pools",
            [LabelColumn("site", "Site", width=110), LabelColumn("url", "Pool", TO_POOLS)],
            [
                ValueColumn("Rigs", active, f"sum by (site, url) ({active.select()}) > 0", width=70),
            ],
            description="Rigs by URL of their active pool slot.",
            sort="Rigs",
            width=12,
            height=9,
        ),
    ]
