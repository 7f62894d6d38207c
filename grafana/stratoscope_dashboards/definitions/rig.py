"""Defines the Rig dashboard: hashrate, hashboards, fans, pools, faults, polls and margin of one rig."""

from typing import Any, Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.definitions.rig_activity import money_panels, poll_panels, pool_panels
from stratoscope_dashboards.layout import PanelRow, build_dashboard
from stratoscope_dashboards.links import cell_link
from stratoscope_dashboards.mappings import STATE_MAPPINGS, state_number_query
from stratoscope_dashboards.panels import DASHED, SizedPanel, line_panel, stat_panel
from stratoscope_dashboards.queries import RATE_INTERVAL, PanelQuery
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.thresholds import NAMEPLATE_RATIO_LEVELS
from stratoscope_dashboards.variables import MAKE, MODEL, RIG, RIG_MATCHER, SITE

CHIP: Final = 'sensor="chip"'
BOARD: Final = 'sensor="board"'


def rig(metrics: MetricCatalogue) -> Dashboard:
    """Return the Rig dashboard."""
    rows = [
        PanelRow("$rig", [*_now(metrics), *_identity(metrics)]),
        PanelRow("Hashrate and power", _output(metrics)),
        PanelRow("Hashboards and fans", _parts(metrics)),
        PanelRow("Pools and shares", pool_panels(metrics)),
        PanelRow("Faults and polls", poll_panels(metrics)),
        PanelRow("Revenue and power cost", money_panels(metrics)),
    ]
    description = "One rig: hashrate, hashboards, fans, pools, faults, polls, revenue and power cost."
    return build_dashboard("rig", "Rig", description, (SITE, MAKE, MODEL, RIG), rows)


def _now(metrics: MetricCatalogue) -> list[SizedPanel]:
    def newest(title: str, name: str, **options: Any) -> SizedPanel:
        return stat_panel(
            title, metrics[name], PanelQuery(f"max({metrics.select(name, RIG_MATCHER)})"), width=3, **options
        )

    hashrate, nameplate = metrics["mining_rig_hashrate_hashes_per_second"], "mining_rig_nameplate_hashes_per_second"
    chip, last_success = (
        metrics["mining_hashboard_temperature_celsius"],
        metrics["mining_rig_last_success_timestamp_seconds"],
    )
    state = metrics["mining_rig_state"]
    return [
        stat_panel(
            "State",
            state,
            PanelQuery(state_number_query(state.select(RIG_MATCHER))),
            mappings=STATE_MAPPINGS,
            width=3,
            sparkline=False,
            description="Current state.",
        ),
        newest("Hashrate", hashrate.name),
        stat_panel(
            "Hashrate vs. nameplate",
            hashrate,
            PanelQuery(f"max({hashrate.select(RIG_MATCHER)}) / max({metrics.select(nameplate, RIG_MATCHER)})"),
            unit="percentunit",
            levels=NAMEPLATE_RATIO_LEVELS,
            width=3,
            decimals=1,
            description="Hashrate / nameplate hashrate.",
        ),
        newest("Power", "mining_rig_power_watts"),
        newest("Efficiency", "mining_rig_efficiency_joules_per_terahash", decimals=1),
        stat_panel("Hottest chip", chip, PanelQuery(f"max({chip.select(RIG_MATCHER, CHIP)})"), width=3),
        newest("Uptime", "mining_rig_uptime_seconds", sparkline=False),
        stat_panel(
            "Last response",
            last_success,
            PanelQuery(f"max({last_success.select(RIG_MATCHER)}) * 1000"),
            width=3,
            sparkline=False,
        ),
    ]


def _identity(metrics: MetricCatalogue) -> list[SizedPanel]:
    info = metrics["mining_rig_info"]
    to_model = cell_link("Show the fleet's rigs of this model", "fleet", model="Model")
    label_columns = [
        LabelColumn("make", "Make"),
        LabelColumn("model", "Model", to_model),
        LabelColumn("firmware", "Firmware"),
        LabelColumn("firmware_version", "Version"),
        LabelColumn("algorithm", "Algorithm"),
        LabelColumn("driver", "Driver"),
        LabelColumn("address", "Address"),
        LabelColumn("site", "Site"),
    ]
    labels = ", ".join(key.label for key in label_columns)
    value = ValueColumn("", info, f"max by ({labels}) ({info.select(RIG_MATCHER)})")
    return [
        table_panel(
            "Identity",
            label_columns,
            [value],
            description="Make, model, firmware and address.",
            sort="Make",
            height=4,
            show_values=False,
        )
    ]


def _output(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    hashrate, power = metrics["mining_rig_hashrate_hashes_per_second"], metrics["mining_rig_power_watts"]
    efficiency = metrics["mining_rig_efficiency_joules_per_terahash"]
    board = metrics["mining_hashboard_hashrate_hashes_per_second"]
    return [
        line_panel(
            "Hashrate",
            hashrate,
            PanelQuery(hashrate.select(RIG_MATCHER), "reported"),
            PanelQuery(select("mining_rig_expected_hashes_per_second", RIG_MATCHER), "expected by the firmware"),
            PanelQuery(select("mining_rig_nameplate_hashes_per_second", RIG_MATCHER), "nameplate"),
            from_zero=True,
            overrides=[("^(nameplate|expected.*)$", DASHED)],
        ),
        line_panel(
            "Hashrate by hashboard",
            board,
            PanelQuery(board.select(RIG_MATCHER), "board {{board}}"),
            stacked=True,
            from_zero=True,
        ),
        line_panel("Power", power, PanelQuery(power.select(RIG_MATCHER), "power"), from_zero=True),
        line_panel(
            "Efficiency",
            efficiency,
            PanelQuery(efficiency.select(RIG_MATCHER), "efficiency"),
            description="Lower is better.",
        ),
    ]


def _parts(metrics: MetricCatalogue) -> list[SizedPanel]:
    def of_boards(title: str, name: str, description: str = "") -> SizedPanel:
        return line_panel(
            title,
            metrics[name],
            PanelQuery(metrics.select(name, RIG_MATCHER), "board {{board}}"),
            description=description,
            width=6,
            height=7,
        )

    select = metrics.select
    heat = metrics["mining_hashboard_temperature_celsius"]
    fans = metrics["mining_fan_speed_rpm"]
    air = "mining_rig_temperature_celsius"
    errors = metrics["mining_hashboard_hardware_errors_total"]
    return [
        line_panel(
            "Chip temperatures",
            heat,
            PanelQuery(heat.select(RIG_MATCHER, CHIP), "board {{board}}"),
            show_thresholds=True,
            width=8,
            description="Hottest chip of each hashboard.",
        ),
        line_panel(
            "Board and air temperatures",
            heat,
            PanelQuery(heat.select(RIG_MATCHER, BOARD), "board {{board}}"),
            PanelQuery(select(air, RIG_MATCHER), "{{sensor}}"),
            width=8,
            description="Hottest sensor of each hashboard; inlet and outlet air or coolant.",
        ),
        line_panel("Fans", fans, PanelQuery(fans.select(RIG_MATCHER), "fan {{fan}}"), from_zero=True, width=8),
        of_boards("Responding chips", "mining_hashboard_chips"),
        of_boards("Frequency", "mining_hashboard_frequency_hertz"),
        of_boards("Voltage", "mining_hashboard_voltage_volts"),
        line_panel(
            "Hardware errors",
            errors,
            PanelQuery(f"rate({errors.select(RIG_MATCHER)}{RATE_INTERVAL})", "board {{board}}"),
            width=6,
            height=7,
            unit="cps",
            from_zero=True,
            description="Per second.",
        ),
    ]
