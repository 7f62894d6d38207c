"""Defines the Economics dashboard: hashprice, revenue, power cost, breakeven of each model, hosting."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import FLAG, Levels
from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.definitions.hashprice import cause_panels, current_panels, forecast_panels, history_panels
from stratoscope_dashboards.layout import PanelRow, build_dashboard
from stratoscope_dashboards.links import cell_link
from stratoscope_dashboards.panels import DASHED, SizedPanel, line_panel, stat_panel
from stratoscope_dashboards.queries import PanelQuery
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.variables import CURRENCY, CURRENCY_MATCHER, MAKE, MODEL, MODEL_MATCHERS, SITE


def economics(metrics: MetricCatalogue) -> Dashboard:
    """Return the Economics dashboard."""
    rows = [
        PanelRow("Hashprice", [*current_panels(metrics), *history_panels(metrics)]),
        PanelRow("Hashprice: causes of change and forecast", [*cause_panels(metrics), *forecast_panels(metrics)]),
        PanelRow("Fleet revenue and margin", [*_fleet_now(metrics), *_fleet(metrics)]),
        PanelRow("Models", _models(metrics)),
        PanelRow("Power", _power(metrics)),
        PanelRow("Mining compared with hosting", _hosting(metrics)),
    ]
    description = "Hashprice now and forecast, revenue, power cost and margin of the fleet, breakeven of each model."
    return build_dashboard("economics", "Economics", description, (SITE, CURRENCY, MAKE, MODEL), rows, since="now-24h")


def _fleet_now(metrics: MetricCatalogue) -> list[SizedPanel]:
    def per_day(title: str, name: str) -> SizedPanel:
        query = PanelQuery(f"sum by (currency) ({metrics.select(name, CURRENCY_MATCHER)})", "{{currency}} per day")
        return stat_panel(title, metrics[name], query, show_names=True, width=4)

    select = metrics.select
    margin, coverage = metrics["mining_site_gross_margin_ratio"], metrics["mining_site_money_coverage_ratio"]
    cost, revenue = (
        select("mining_site_power_cost_fiat_per_day", CURRENCY_MATCHER),
        select("mining_site_revenue_fiat_per_day", CURRENCY_MATCHER),
    )
    sat = metrics["mining_site_revenue_satoshis_per_day"]
    return [
        per_day("Revenue", "mining_site_revenue_fiat_per_day"),
        stat_panel(
            "Revenue in satoshis", sat, PanelQuery(f"sum({sat.select()})", "sat per day"), show_names=True, width=4
        ),
        per_day("Power cost", "mining_site_power_cost_fiat_per_day"),
        per_day("Margin", "mining_site_margin_fiat_per_day"),
        stat_panel("Gross margin", margin, PanelQuery(f"1 - sum({cost}) / sum({revenue})"), width=4, decimals=1),
        stat_panel(
            "Site coverage",
            coverage,
            PanelQuery(f"min({coverage.select()})"),
            width=4,
            sparkline=False,
            decimals=0,
            levels=Levels(attention=0.98, bad=0.9, falling=True),
            description="Fraction of all rigs that these sums include; the lowest of them.",
        ),
    ]


def _fleet(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    names = {what: f"mining_site_{what}_fiat_per_day" for what in ("revenue", "power_cost", "margin")}
    own, profit = metrics["mining_site_revenue_fiat_per_eh_day"], "mining_site_gross_profit_fiat_per_eh_day"
    network, gross = "mining_hashprice_observed_fiat_per_eh_day", "mining_site_network_gross_profit_fiat_per_eh_day"
    margin = metrics[names["margin"]]
    return [
        line_panel(
            "Revenue, cost and margin",
            margin,
            *(
                PanelQuery(
                    f"sum by (currency) ({select(name, CURRENCY_MATCHER)})", what.replace("_", " ") + ", {{currency}}"
                )
                for what, name in names.items()
            ),
            show_thresholds=True,
            description="Per day.",
        ),
        line_panel(
            "Fleet compared with the network",
            own,
            PanelQuery(f"avg by (currency) ({own.select(CURRENCY_MATCHER)})", "fleet revenue, {{currency}}"),
            PanelQuery(f"avg by (currency) ({select(profit, CURRENCY_MATCHER)})", "fleet gross profit, {{currency}}"),
            PanelQuery(
                f"avg by (currency) ({select(network, CURRENCY_MATCHER)})",
                "network: daily block reward revenue, {{currency}}",
            ),
            PanelQuery(
                f"avg by (currency) ({select(gross, CURRENCY_MATCHER)})", "network: daily gross profit, {{currency}}"
            ),
            overrides=[("^network.*", DASHED)],
            description="Fiat per EH/s and day. The network lines are JPMorgan's two measures; gross profit uses the "
            "efficiency and power price of the site.",
        ),
    ]


def _models(metrics: MetricCatalogue) -> list[SizedPanel]:
    def by_model(name: str, how: str = "avg", *matchers: str) -> str:
        return f"{how} by (make, model) ({metrics.select(name, *MODEL_MATCHERS, *matchers)})"

    rigs, efficiency = (
        metrics["model:mining_rig_up:count"],
        metrics["model:mining_rig_efficiency_joules_per_terahash:ratio"],
    )
    price, hashprice = (
        metrics[f"model:mining_rig_breakeven_{what}:avg"]
        for what in ("power_price_fiat_per_kwh", "hashprice_fiat_per_ph_day")
    )
    margin, advised = (
        metrics["model:mining_rig_margin_fiat_per_day:sum"],
        metrics["model:mining_rig_curtail_advised:sum"],
    )
    revenue, cost = (metrics[f"model:mining_rig_{what}_fiat_per_day:sum"] for what in ("revenue", "power_cost"))
    label_columns = [
        LabelColumn("make", "Make"),
        LabelColumn("model", "Model", cell_link("Show the rigs of this model", "fleet", make="Make", model="Model")),
    ]
    return [
        table_panel(
            "Breakeven by model",
            label_columns,
            [
                ValueColumn("Rigs", rigs, by_model(rigs.name, "sum"), width=80),
                ValueColumn("J/TH", efficiency, by_model(efficiency.name), unit="none", decimals=1),
                ValueColumn("Breakeven power price", price, by_model(price.name, "avg", CURRENCY_MATCHER), decimals=4),
                ValueColumn(
                    "Breakeven hashprice", hashprice, by_model(hashprice.name, "avg", CURRENCY_MATCHER), decimals=2
                ),
                ValueColumn("Revenue per day", revenue, by_model(revenue.name, "sum", CURRENCY_MATCHER), decimals=2),
                ValueColumn("Power cost per day", cost, by_model(cost.name, "sum", CURRENCY_MATCHER), decimals=2),
                ValueColumn("Margin per day", margin, by_model(margin.name, "sum", CURRENCY_MATCHER), decimals=2),
                ValueColumn("Curtailment advised", advised, by_model(advised.name, "sum"), levels=FLAG),
            ],
            description="Power price per kWh, and hashprice per PH/s and day, at which revenue equals power cost.",
            sort="Margin per day",
            height=10,
        ),
    ]


def _power(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    price, advised = metrics["mining_tariff_price_fiat_per_kwh"], metrics["model:mining_rig_curtail_advised:sum"]
    breakeven = "mining_site_breakeven_power_price_fiat_per_kwh"
    power = metrics["mining_tariff_power_watts"]
    peak = "mining_tariff_peak_power_watts"
    charge = metrics["mining_tariff_demand_charge_fiat"]
    per_tariff = "avg by (tariff, kind, currency)"
    return [
        line_panel(
            "Power price",
            price,
            PanelQuery(f"{per_tariff} ({price.select(CURRENCY_MATCHER)})", "{{tariff}} {{kind}}, {{currency}}/kWh"),
            PanelQuery(
                f"avg by (currency) ({select(breakeven, CURRENCY_MATCHER)})", "breakeven of the site, {{currency}}/kWh"
            ),
            overrides=[("^breakeven.*", DASHED)],
            description="Margins use the average price, curtailment advice uses the marginal price.",
        ),
        line_panel(
            "Curtailment advised",
            advised,
            PanelQuery(f"sum by (make, model) ({advised.select(*MODEL_MATCHERS)}) > 0", "{{make}} {{model}}"),
            stacked=True,
            from_zero=True,
            description="Rigs by model. Stratoscope does not switch any rig.",
        ),
        line_panel(
            "Metered power",
            power,
            PanelQuery(f"sum by (tariff) ({power.select()})", "{{tariff}} now"),
            PanelQuery(f"sum by (tariff) ({select(peak)})", "{{tariff}} peak of the month"),
            from_zero=True,
            overrides=[(".*peak of the month$", DASHED)],
        ),
        stat_panel(
            "Demand charge",
            charge,
            PanelQuery(f"sum by (currency) ({charge.select(CURRENCY_MATCHER)})", "{{currency}} this month"),
            show_names=True,
            width=6,
            height=8,
        ),
        table_panel(
            "Source of the power price",
            [LabelColumn("tariff", "Tariff"), LabelColumn("source", "Source")],
            [
                ValueColumn(
                    "",
                    metrics["mining_tariff_price_source_info"],
                    f"max by (tariff, source) ({select('mining_tariff_price_source_info')})",
                ),
            ],
            description="Fixed, zone, external, or a fallback.",
            sort="Tariff",
            width=6,
            height=8,
            show_values=False,
        ),
    ]


def _hosting(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    net, advantage = (
        metrics["mining_site_margin_fiat_per_mwh"],
        metrics["mining_site_hosting_opportunity_fiat_per_mw_year"],
    )
    needed, now = "mining_site_hosting_breakeven_hashprice_fiat_per_ph_day", metrics["mining_hashprice_fiat_per_ph_day"]
    return [
        stat_panel(
            "Hosting advantage over mining",
            advantage,
            PanelQuery(f"avg by (currency) ({advantage.select(CURRENCY_MATCHER)})", "{{currency}} per MW and year"),
            show_names=True,
            width=8,
            height=8,
        ),
        line_panel(
            "Mining revenue less power cost",
            net,
            PanelQuery(f"avg by (currency) ({net.select(CURRENCY_MATCHER)})", "{{currency}} per MWh"),
            show_thresholds=True,
            width=8,
        ),
        line_panel(
            "Hashprice needed to match hosting",
            now,
            PanelQuery(f"avg by (currency) ({now.select(CURRENCY_MATCHER)})", "hashprice, {{currency}}"),
            PanelQuery(f"avg by (currency) ({select(needed, CURRENCY_MATCHER)})", "needed, {{currency}}"),
            width=8,
            from_zero=True,
            overrides=[("^needed.*", DASHED)],
        ),
    ]
