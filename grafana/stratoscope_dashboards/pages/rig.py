"""Lays out the page of one rig: what it does, per hashboard and fan, its pools, faults, polls and money."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.layout import Row, build_dashboard
from stratoscope_dashboards.links import cell_link
from stratoscope_dashboards.mappings import (
    ALARM_MAPPINGS,
    CURTAIL_MAPPINGS,
    STATE_MAPPINGS,
    YES_NO_MAPPINGS,
    state_number_query,
    value_mappings,
)
from stratoscope_dashboards.panels import DASHED, SizedPanel, line_panel, stat_panel, timeline_panel
from stratoscope_dashboards.queries import RATE_INTERVAL, Query
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.thresholds import NAMEPLATE_RATIO_LEVELS, REJECTED_RATIO_LEVELS
from stratoscope_dashboards.variables import MAKE, MODEL, RIG, RIG_MATCHER, SITE

CHIP: Final = 'sensor="chip"'
BOARD: Final = 'sensor="board"'


def rig(metrics: MetricCatalogue) -> Dashboard:
    """Return the dashboard."""
    rows = [
        Row("$rig", [*_now(metrics), *_who(metrics)]),
        Row("Output and power", _output(metrics)),
        Row("Hashboards and fans", _parts(metrics)),
        Row("Pools and shares", _pools(metrics)),
        Row("Faults and polls", _polls(metrics)),
        Row("Money", _money(metrics)),
    ]
    text = "Everything of one rig: hashboards, fans, pools, faults, polls and money."
    return build_dashboard("rig", "Rig", text, (SITE, MAKE, MODEL, RIG), rows)


def _now(metrics: MetricCatalogue) -> list[SizedPanel]:
    def one(title: str, name: str, **options: object) -> SizedPanel:
        return stat_panel(title, metrics[name], Query(f"max({metrics.select(name, RIG_MATCHER)})"), width=3, **options)  # type: ignore[arg-type]

    hashrate, plate = metrics["mining_rig_hashrate_hashes_per_second"], "mining_rig_nameplate_hashes_per_second"
    chip, seen = metrics["mining_hashboard_temperature_celsius"], metrics["mining_rig_last_success_timestamp_seconds"]
    state = metrics["mining_rig_state"]
    return [
        stat_panel(
            "State",
            state,
            Query(state_number_query(state.select(RIG_MATCHER))),
            mappings=STATE_MAPPINGS,
            width=3,
            sparkline=False,
            description="The state the rig is in now.",
        ),
        one("Hashrate", hashrate.name),
        stat_panel(
            "Of nameplate",
            hashrate,
            Query(f"max({hashrate.select(RIG_MATCHER)}) / max({metrics.select(plate, RIG_MATCHER)})"),
            unit="percentunit",
            levels=NAMEPLATE_RATIO_LEVELS,
            width=3,
            decimals=1,
            description="Hashrate by the data sheet's.",
        ),
        one("Power", "mining_rig_power_watts"),
        one("Efficiency", "mining_rig_efficiency_joules_per_terahash", decimals=1),
        stat_panel("Hottest chip", chip, Query(f"max({chip.select(RIG_MATCHER, CHIP)})"), width=3),
        one("Uptime", "mining_rig_uptime_seconds", sparkline=False),
        stat_panel("Good answer", seen, Query(f"max({seen.select(RIG_MATCHER)}) * 1000"), width=3, sparkline=False),
    ]


def _who(metrics: MetricCatalogue) -> list[SizedPanel]:
    info = metrics["mining_rig_info"]
    to_model = cell_link("The fleet's rigs of this model", "fleet", model="Model")
    keys = [
        LabelColumn("make", "Make"),
        LabelColumn("model", "Model", to_model),
        LabelColumn("firmware", "Firmware"),
        LabelColumn("firmware_version", "Version"),
        LabelColumn("algorithm", "Algorithm"),
        LabelColumn("driver", "Driver"),
        LabelColumn("address", "Address"),
        LabelColumn("site", "Site"),
    ]
    labels = ", ".join(key.label for key in keys)
    value = ValueColumn("", info, f"max by ({labels}) ({info.select(RIG_MATCHER)})")
    return [
        table_panel("Identity", keys, [value], description="Who the rig is.", sort="Make", height=4, show_values=False)
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
            Query(hashrate.select(RIG_MATCHER), "reported"),
            Query(select("mining_rig_expected_hashes_per_second", RIG_MATCHER), "expected by the firmware"),
            Query(select("mining_rig_nameplate_hashes_per_second", RIG_MATCHER), "nameplate"),
            from_zero=True,
            overrides=[("^(nameplate|expected.*)$", DASHED)],
        ),
        line_panel(
            "Hashrate by hashboard",
            board,
            Query(board.select(RIG_MATCHER), "board {{board}}"),
            stacked=True,
            from_zero=True,
        ),
        line_panel("Power", power, Query(power.select(RIG_MATCHER), "power"), from_zero=True),
        line_panel(
            "Efficiency",
            efficiency,
            Query(efficiency.select(RIG_MATCHER), "efficiency"),
            description="Lower is better.",
        ),
    ]


def _parts(metrics: MetricCatalogue) -> list[SizedPanel]:
    def of_boards(title: str, name: str, text: str = "") -> SizedPanel:
        return line_panel(
            title,
            metrics[name],
            Query(metrics.select(name, RIG_MATCHER), "board {{board}}"),
            description=text,
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
            "Chips",
            heat,
            Query(heat.select(RIG_MATCHER, CHIP), "board {{board}}"),
            show_thresholds=True,
            width=8,
            description="Hottest chip of each hashboard.",
        ),
        line_panel(
            "Boards and air",
            heat,
            Query(heat.select(RIG_MATCHER, BOARD), "board {{board}}"),
            Query(select(air, RIG_MATCHER), "{{sensor}}"),
            width=8,
            description="Hottest sensor of each board, and the air or coolant that enters and leaves.",
        ),
        line_panel("Fans", fans, Query(fans.select(RIG_MATCHER), "fan {{fan}}"), from_zero=True, width=8),
        of_boards("Chips that answer", "mining_hashboard_chips"),
        of_boards("Frequency", "mining_hashboard_frequency_hertz"),
        of_boards("Voltage", "mining_hashboard_voltage_volts"),
        line_panel(
            "Hardware errors",
            errors,
            Query(f"rate({errors.select(RIG_MATCHER)}{RATE_INTERVAL})", "board {{board}}"),
            width=6,
            height=7,
            unit="cps",
            from_zero=True,
            description="Per second.",
        ),
    ]


def _pools(metrics: MetricCatalogue) -> list[SizedPanel]:
    active = metrics["mining_rig_pool_active"]
    alive = metrics["mining_rig_pool_alive"]
    shares = metrics["mining_rig_shares_total"]
    rate = f"rate({shares.select(RIG_MATCHER)}{RATE_INTERVAL})"
    bad = "rate(" + shares.select(RIG_MATCHER, 'result!="accepted"') + RATE_INTERVAL + ")"
    flat = metrics["mining_rig_flatline"]
    return [
        timeline_panel(
            "Pool in use",
            active,
            Query(active.select(RIG_MATCHER) + " == 1", "{{slot}}: {{url}}"),
            width=12,
            height=6,
            mappings=value_mappings((1, "in use", "green")),
            description="Which pool slot the rig works for.",
        ),
        timeline_panel(
            "Pools reachable",
            alive,
            Query(alive.select(RIG_MATCHER), "{{slot}}: {{url}}"),
            width=12,
            height=6,
            mappings=YES_NO_MAPPINGS,
            description="Which pools the rig finds reachable.",
        ),
        line_panel(
            "Shares",
            shares,
            Query(rate + " * 60", "{{result}}"),
            width=16,
            unit="cpm",
            from_zero=True,
            description="Per minute.",
        ),
        stat_panel(
            "Rejected and stale",
            shares,
            Query(f"sum({bad}) / sum({rate})"),
            unit="percentunit",
            levels=REJECTED_RATIO_LEVELS,
            width=4,
            height=8,
            decimals=2,
            description="Part of all shares.",
        ),
        stat_panel(
            "Flatline",
            flat,
            Query(f"max({flat.select(RIG_MATCHER)})"),
            width=4,
            height=8,
            sparkline=False,
            mappings=ALARM_MAPPINGS,
        ),
        *_proof(metrics),
    ]


def _proof(metrics: MetricCatalogue) -> list[SizedPanel]:
    proved, bound = (
        metrics["mining_rig_share_hashrate_hashes_per_second"],
        "mining_rig_share_hashrate_bound_hashes_per_second",
    )
    told, error = metrics["mining_rig_hashrate_hashes_per_second"], "mining_rig_unaccounted_standard_error_ratio"
    lost, behind = metrics["mining_rig_unaccounted_ratio"], metrics["mining_rig_behind_tip_blocks"]
    return [
        line_panel(
            "What its shares prove",
            proved,
            Query(proved.select(RIG_MATCHER), "by shares"),
            Query(metrics.select(bound, RIG_MATCHER), "95 %, {{bound}}"),
            Query(told.select(RIG_MATCHER), "reported"),
            width=16,
            from_zero=True,
            overrides=[("^95 %.*", DASHED)],
            description="Reported hashrate beside what accepted shares stand for.",
        ),
        stat_panel(
            "Unaccounted work",
            lost,
            Query(f"max({lost.select(RIG_MATCHER)})", "part"),
            Query(f"max({metrics.select(error, RIG_MATCHER)})", "standard error"),
            show_names=True,
            width=4,
            height=8,
            sparkline=False,
            decimals=1,
        ),
        stat_panel(
            "Blocks behind the tip",
            behind,
            Query(f"max({behind.select(RIG_MATCHER)})"),
            width=4,
            height=8,
            sparkline=False,
        ),
    ]


def _polls(metrics: MetricCatalogue) -> list[SizedPanel]:
    state = metrics["mining_rig_state"]
    polls = metrics["mining_rig_polls_total"]
    took = metrics["mining_rig_poll_duration_seconds"]
    fault, defects = metrics["mining_rig_fault_info"], metrics["mining_rig_defects_total"]
    keys = [LabelColumn("component", "Component"), LabelColumn("code", "Code")]
    return [
        timeline_panel(
            "State",
            state,
            Query(state_number_query(state.select(RIG_MATCHER)), "{{rig}}"),
            mappings=STATE_MAPPINGS,
            height=4,
            description="The state the rig was in.",
        ),
        table_panel(
            "Faults reported now",
            keys,
            [ValueColumn("", fault, f"max by (component, code) ({fault.select(RIG_MATCHER)})")],
            description="With the vendor's own codes.",
            sort="Component",
            width=6,
            height=7,
            show_values=False,
        ),
        line_panel(
            "Polls",
            polls,
            Query(f"rate({polls.select(RIG_MATCHER)}{RATE_INTERVAL}) * 60 > 0", "{{outcome}}"),
            width=6,
            height=7,
            unit="cpm",
            from_zero=True,
            description="Per minute, by outcome.",
        ),
        line_panel(
            "Duration of a poll", took, Query(took.select(RIG_MATCHER), "last poll"), width=6, height=7, from_zero=True
        ),
        line_panel(
            "Unreadable fields",
            defects,
            Query(f"increase({defects.select(RIG_MATCHER)}{RATE_INTERVAL})", "fields"),
            width=6,
            height=7,
            from_zero=True,
        ),
    ]


def _money(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    money = {what: f"mining_rig_{what}_fiat_per_day" for what in ("revenue", "power_cost", "margin")}
    margin, ratio = metrics[money["margin"]], metrics["mining_rig_gross_margin_ratio"]
    advice, paid = metrics["mining_rig_curtail_advised"], metrics["mining_rig_power_cost_fiat_total"]
    price, earned = metrics["mining_rig_power_price_fiat_per_kwh"], metrics["mining_rig_revenue_fiat_total"]
    limits = ("breakeven_power_price", "strike_price")
    return [
        stat_panel(
            "Advice",
            advice,
            Query(f"max({advice.select(RIG_MATCHER)})"),
            mappings=CURTAIL_MAPPINGS,
            width=4,
            sparkline=False,
        ),
        stat_panel("Gross margin", ratio, Query(f"max({ratio.select(RIG_MATCHER)})"), width=4, decimals=1),
        stat_panel(
            "Margin",
            margin,
            Query(f"max by (currency) ({margin.select(RIG_MATCHER)})", "{{currency}} per day"),
            show_names=True,
            width=4,
            decimals=2,
        ),
        stat_panel(
            "Earned in this time",
            earned,
            Query(f"sum by (currency) (increase({earned.select(RIG_MATCHER)}[$__range]))", "{{currency}}"),
            show_names=True,
            width=4,
            decimals=2,
            sparkline=False,
        ),
        stat_panel(
            "Power paid in this time",
            paid,
            Query(f"sum by (currency) (increase({paid.select(RIG_MATCHER)}[$__range]))", "{{currency}}"),
            show_names=True,
            width=4,
            decimals=2,
            sparkline=False,
        ),
        stat_panel(
            "Paid back in",
            metrics["mining_rig_payback_seconds"],
            Query(f"min({select('mining_rig_payback_seconds', RIG_MATCHER)})"),
            width=4,
            sparkline=False,
            description="Empty while the rig never pays itself back.",
        ),
        line_panel(
            "Per day",
            margin,
            *(
                Query(select(name, RIG_MATCHER), what.replace("_", " ") + ", {{currency}}")
                for what, name in money.items()
            ),
            show_thresholds=True,
        ),
        line_panel(
            "Price of power, and where it stops paying",
            price,
            Query(price.select(RIG_MATCHER), "price, {{currency}}/kWh"),
            *(Query(select(f"mining_rig_{what}_fiat_per_kwh", RIG_MATCHER), what.replace("_", " ")) for what in limits),
            overrides=[("^(breakeven|strike).*", DASHED)],
        ),
    ]
