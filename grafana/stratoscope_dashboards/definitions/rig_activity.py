"""Defines the rows of the Rig dashboard about pools, shares, polls and money."""

from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.mappings import (
    ALARM_MAPPINGS,
    CURTAIL_MAPPINGS,
    STATE_MAPPINGS,
    YES_NO_MAPPINGS,
    state_number_query,
    value_mappings,
)
from stratoscope_dashboards.panels import DASHED, SizedPanel, line_panel, stat_panel, timeline_panel
from stratoscope_dashboards.queries import RATE_INTERVAL, PanelQuery
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.thresholds import REJECTED_RATIO_LEVELS
from stratoscope_dashboards.variables import RIG_MATCHER


def pool_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return pools, shares and the hashrate that the shares support."""
    active = metrics["mining_rig_pool_active"]
    alive = metrics["mining_rig_pool_alive"]
    shares = metrics["mining_rig_shares_total"]
    rate = f"rate({shares.select(RIG_MATCHER)}{RATE_INTERVAL})"
    rejected = "rate(" + shares.select(RIG_MATCHER, 'result!="accepted"') + RATE_INTERVAL + ")"
    flatline = metrics["mining_rig_flatline"]
    return [
        timeline_panel(
            "Active pool",
            active,
            PanelQuery(active.select(RIG_MATCHER) + " == 1", "{{slot}}: {{url}}"),
            width=12,
            height=6,
            mappings=value_mappings((1, "active", "green")),
            description="The pool slot that the rig works for.",
        ),
        timeline_panel(
            "Reachable pools",
            alive,
            PanelQuery(alive.select(RIG_MATCHER), "{{slot}}: {{url}}"),
            width=12,
            height=6,
            mappings=YES_NO_MAPPINGS,
            description="Pools that the rig reports as reachable.",
        ),
        line_panel(
            "Shares",
            shares,
            PanelQuery(rate + " * 60", "{{result}}"),
            width=16,
            unit="cpm",
            from_zero=True,
            description="Per minute.",
        ),
        stat_panel(
            "Reject and stale rate",
            shares,
            PanelQuery(f"sum({rejected}) / sum({rate})"),
            unit="percentunit",
            levels=REJECTED_RATIO_LEVELS,
            width=4,
            height=8,
            decimals=2,
            description="Fraction of all shares.",
        ),
        stat_panel(
            "Flatline",
            flatline,
            PanelQuery(f"max({flatline.select(RIG_MATCHER)})"),
            width=4,
            height=8,
            sparkline=False,
            mappings=ALARM_MAPPINGS,
        ),
        *_share_panels(metrics),
    ]


def _share_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    by_shares, bound = (
        metrics["mining_rig_share_hashrate_hashes_per_second"],
        "mining_rig_share_hashrate_bound_hashes_per_second",
    )
    reported, error = metrics["mining_rig_hashrate_hashes_per_second"], "mining_rig_unaccounted_standard_error_ratio"
    unaccounted, behind = metrics["mining_rig_unaccounted_ratio"], metrics["mining_rig_behind_tip_blocks"]
    return [
        line_panel(
            "Hashrate by accepted shares",
            by_shares,
            PanelQuery(by_shares.select(RIG_MATCHER), "from shares"),
            PanelQuery(metrics.select(bound, RIG_MATCHER), "95 %, {{bound}}"),
            PanelQuery(reported.select(RIG_MATCHER), "reported"),
            width=16,
            from_zero=True,
            overrides=[("^95 %.*", DASHED)],
            description="Reported hashrate and the hashrate that the accepted shares support, with its 95 % interval.",
        ),
        stat_panel(
            "Unaccounted hashrate",
            unaccounted,
            PanelQuery(f"max({unaccounted.select(RIG_MATCHER)})", "fraction"),
            PanelQuery(f"max({metrics.select(error, RIG_MATCHER)})", "standard error"),
            show_names=True,
            width=4,
            height=8,
            sparkline=False,
            decimals=1,
        ),
        stat_panel(
            "Blocks behind the tip",
            behind,
            PanelQuery(f"max({behind.select(RIG_MATCHER)})"),
            width=4,
            height=8,
            sparkline=False,
        ),
    ]


def poll_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return state, faults, polls and unreadable fields."""
    state = metrics["mining_rig_state"]
    polls = metrics["mining_rig_polls_total"]
    duration = metrics["mining_rig_poll_duration_seconds"]
    fault, defects = metrics["mining_rig_fault_info"], metrics["mining_rig_defects_total"]
    label_columns = [LabelColumn("component", "Component"), LabelColumn("code", "Code")]
    return [
        timeline_panel(
            "State",
            state,
            PanelQuery(state_number_query(state.select(RIG_MATCHER)), "{{rig}}"),
            mappings=STATE_MAPPINGS,
            height=4,
            description="State over time.",
        ),
        table_panel(
            "Current faults",
            label_columns,
            [ValueColumn("", fault, f"max by (component, code) ({fault.select(RIG_MATCHER)})")],
            description="Faults with the vendor's codes.",
            sort="Component",
            width=6,
            height=7,
            show_values=False,
        ),
        line_panel(
            "Polls",
            polls,
            PanelQuery(f"rate({polls.select(RIG_MATCHER)}{RATE_INTERVAL}) * 60 > 0", "{{outcome}}"),
            width=6,
            height=7,
            unit="cpm",
            from_zero=True,
            description="Per minute, by outcome.",
        ),
        line_panel(
            "Poll duration",
            duration,
            PanelQuery(duration.select(RIG_MATCHER), "last poll"),
            width=6,
            height=7,
            from_zero=True,
        ),
        line_panel(
            "Unreadable fields",
            defects,
            PanelQuery(f"increase({defects.select(RIG_MATCHER)}{RATE_INTERVAL})", "fields"),
            width=6,
            height=7,
            from_zero=True,
        ),
    ]


def money_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return curtailment advice, revenue, power cost and margin."""
    select = metrics.select
    money = {what: f"mining_rig_{what}_fiat_per_day" for what in ("revenue", "power_cost", "margin")}
    margin, ratio = metrics[money["margin"]], metrics["mining_rig_gross_margin_ratio"]
    advice, paid = metrics["mining_rig_curtail_advised"], metrics["mining_rig_power_cost_fiat_total"]
    price, earned = metrics["mining_rig_power_price_fiat_per_kwh"], metrics["mining_rig_revenue_fiat_total"]
    limits = ("breakeven_power_price", "strike_price")
    return [
        stat_panel(
            "Curtailment advice",
            advice,
            PanelQuery(f"max({advice.select(RIG_MATCHER)})"),
            mappings=CURTAIL_MAPPINGS,
            width=4,
            sparkline=False,
        ),
        stat_panel("Gross margin", ratio, PanelQuery(f"max({ratio.select(RIG_MATCHER)})"), width=4, decimals=1),
        stat_panel(
            "Margin",
            margin,
            PanelQuery(f"max by (currency) ({margin.select(RIG_MATCHER)})", "{{currency}} per day"),
            show_names=True,
            width=4,
            decimals=2,
        ),
        stat_panel(
            "Revenue in time range",
            earned,
            PanelQuery(f"sum by (currency) (increase({earned.select(RIG_MATCHER)}[$__range]))", "{{currency}}"),
            show_names=True,
            width=4,
            decimals=2,
            sparkline=False,
        ),
        stat_panel(
            "Power cost in time range",
            paid,
            PanelQuery(f"sum by (currency) (increase({paid.select(RIG_MATCHER)}[$__range]))", "{{currency}}"),
            show_names=True,
            width=4,
            decimals=2,
            sparkline=False,
        ),
        stat_panel(
            "Payback time",
            metrics["mining_rig_payback_seconds"],
            PanelQuery(f"min({select('mining_rig_payback_seconds', RIG_MATCHER)})"),
            width=4,
            sparkline=False,
            description="Empty if the rig never pays back.",
        ),
        line_panel(
            "Revenue, cost and margin per day",
            margin,
            *(
                PanelQuery(select(name, RIG_MATCHER), what.replace("_", " ") + ", {{currency}}")
                for what, name in money.items()
            ),
            show_thresholds=True,
        ),
        line_panel(
            "Power price, breakeven and strike price",
            price,
            PanelQuery(price.select(RIG_MATCHER), "price, {{currency}}/kWh"),
            *(
                PanelQuery(select(f"mining_rig_{what}_fiat_per_kwh", RIG_MATCHER), what.replace("_", " "))
                for what in limits
            ),
            overrides=[("^(breakeven|strike).*", DASHED)],
        ),
    ]
