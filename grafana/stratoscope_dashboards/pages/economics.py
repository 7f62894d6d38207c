"""Lays out the page of money: what hashes are worth now and next, what the fleet earns of it, what its power costs."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import FLAG, Levels
from stratoscope_dashboards.catalogue import MetricCatalogue, matcher
from stratoscope_dashboards.layout import Row, build_dashboard
from stratoscope_dashboards.links import cell_link
from stratoscope_dashboards.panels import DASHED, TIMESTAMP, SizedPanel, bar_panel, line_panel, stat_panel
from stratoscope_dashboards.queries import Query
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.variables import CURRENCY, CURRENCY_MATCHER, MAKE, MODEL, MODEL_MATCHERS, SITE

LOSS: Final = Levels(bad=0, falling=True)
SHARE: Final = "percentunit"
AHEAD: Final = {"144": "a day", "1008": "a week", "2016": "two weeks"}
"""Blocks ahead, and how long they take at ten minutes each."""


def economics(metrics: MetricCatalogue) -> Dashboard:
    """Return the dashboard."""
    rows = [
        Row("Hashprice", [*_now(metrics), *_hashprice(metrics)]),
        Row("What moved it, and what comes", [*_attribution(metrics), *_forward(metrics)]),
        Row("The own fleet", [*_fleet_now(metrics), *_fleet(metrics)]),
        Row("Models", _models(metrics)),
        Row("Power", _power(metrics)),
        Row("The other use of the power", _hosting(metrics)),
    ]
    text = "What hashes are worth now and next, what the fleet earns, what its power costs, and where it stops paying."
    return build_dashboard("economics", "Economics", text, (SITE, CURRENCY, MAKE, MODEL), rows, since="now-24h")


def _now(metrics: MetricCatalogue) -> list[SizedPanel]:
    price, fiat = metrics["mining_btc_price"], metrics["mining_hashprice_fiat_per_ph_day"]
    sats, difficulty = metrics["mining_hashprice_sats_per_th_day"], metrics["mining_network_difficulty"]
    fee, halving = metrics["mining_block_fees_satoshis"], metrics["mining_halving_remaining_blocks"]
    change, due = (
        metrics["mining_difficulty_adjustment_ratio"],
        metrics["mining_difficulty_adjustment_due_timestamp_seconds"],
    )
    return [
        stat_panel(
            "Hashprice",
            fiat,
            Query(f"avg by (currency) ({fiat.select(CURRENCY_MATCHER)})", "{{currency}}/PH/day"),
            show_names=True,
            width=3,
            decimals=2,
        ),
        stat_panel(
            "In satoshis", sats, Query(f"avg({sats.select()})", "sat/TH/day"), show_names=True, width=3, decimals=1
        ),
        stat_panel(
            "Bitcoin",
            price,
            Query(f"avg by (currency) ({price.select(CURRENCY_MATCHER)})", "{{currency}}"),
            show_names=True,
            width=3,
            unit="locale",
            decimals=0,
        ),
        stat_panel("Difficulty", difficulty, Query(f"max({difficulty.select()})"), width=3, decimals=1),
        stat_panel(
            "Next adjustment", change, Query(f"avg({change.select()})"), width=3, decimals=1, description="Estimated."
        ),
        stat_panel("Due", due, Query(f"avg({due.select()}) * 1000"), unit=TIMESTAMP, width=3, sparkline=False),
        stat_panel(
            "Fees of a block", fee, Query(f"avg({fee.select()}) / 1e8", "BTC"), show_names=True, width=3, unit="short"
        ),
        stat_panel(
            "Halving in",
            halving,
            Query(f"min({halving.select()})", "blocks"),
            show_names=True,
            width=3,
            sparkline=False,
            unit="locale",
        ),
    ]


def _hashprice(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    fiat, observed = metrics["mining_hashprice_fiat_per_ph_day"], "mining_hashprice_observed_fiat_per_ph_day"
    template, network = (
        "mining_hashprice_template_fiat_per_ph_day",
        metrics["mining_network_hashrate_hashes_per_second"],
    )
    implied = "mining_network_hashrate_implied_hashes_per_second"
    return [
        line_panel(
            "Hashprice by each definition",
            fiat,
            Query(
                f"avg by (currency) ({fiat.select(CURRENCY_MATCHER)})", "by difficulty: what FPPS credits, {{currency}}"
            ),
            Query(
                f"avg by (currency) ({select(observed, CURRENCY_MATCHER)})",
                "by observed hashrate: JPMorgan's, {{currency}}",
            ),
            Query(
                f"avg by (currency) ({select(template, CURRENCY_MATCHER)})", "by the newest stratum job, {{currency}}"
            ),
            overrides=[("^by the newest.*", DASHED)],
            description="Fiat per PH/s and day, before fees.",
        ),
        line_panel(
            "Hashrate of the network",
            network,
            Query(f"avg by (blocks) ({network.select()})", "over {{blocks}} blocks"),
            Query(f"avg({select(implied)})", "at which blocks come every ten minutes"),
            overrides=[("^at which.*", DASHED)],
        ),
    ]


def _attribution(metrics: MetricCatalogue) -> list[SizedPanel]:
    parts, change = metrics["mining_hashprice_change_log_ratio"], metrics["mining_hashprice_change_ratio"]
    year = 'days="365"'
    return [
        bar_panel(
            "What moved it in a year",
            parts,
            Query(f"exp(avg by (part) ({parts.select(CURRENCY_MATCHER, year)})) - 1", "{{part}}"),
            unit=SHARE,
            levels=LOSS,
            min_value=-1,
            max_value=1,
            decimals=1,
            width=10,
            height=7,
            description="What each cause alone did to the hashprice since a year ago; their factors multiply to the whole.",
        ),
        table_panel(
            "Change of the hashprice",
            [LabelColumn("days", "Days", number=True)],
            [
                ValueColumn(
                    "Whole",
                    change,
                    f"avg by (days) ({change.select(CURRENCY_MATCHER)})",
                    unit=SHARE,
                    levels=LOSS,
                    decimals=1,
                ),
                *(
                    ValueColumn(
                        part.capitalize(),
                        parts,
                        f"exp(avg by (days) ({parts.select(CURRENCY_MATCHER, matcher('part', part))})) - 1",
                        unit=SHARE,
                        levels=LOSS,
                        decimals=1,
                    )
                    for part in ("price", "reward", "difficulty")
                ),
            ],
            description="By cause, over a day, a week, a month and a year.",
            sort="Days",
            descending=False,
            width=14,
            height=7,
        ),
    ]


def _forward(metrics: MetricCatalogue) -> list[SizedPanel]:
    select = metrics.select
    ahead, error = metrics["mining_hashprice_forward_fiat_per_ph_day"], "mining_hashprice_forward_standard_error_ratio"
    far = 'blocks="2016"'
    mean, spread = f"avg({ahead.select(CURRENCY_MATCHER, far)})", f"avg({select(error, CURRENCY_MATCHER, far)})"
    queries = [
        Query(f"avg({ahead.select(CURRENCY_MATCHER, matcher('blocks', blocks))})", f"mean of {name}")
        for blocks, name in AHEAD.items()
    ]
    band = [
        Query(f"{mean} * (1 {sign} {spread})", f"{word} of two weeks")
        for sign, word in (("-", "lower"), ("+", "upper"))
    ]
    return [
        table_panel(
            "Hashprice ahead",
            [LabelColumn("blocks", "Blocks", number=True)],
            [
                ValueColumn("Mean", ahead, f"avg by (blocks) ({ahead.select(CURRENCY_MATCHER)})", decimals=3),
                ValueColumn(
                    "± one standard error",
                    ahead,
                    f"avg by (blocks) ({select(error, CURRENCY_MATCHER)})",
                    unit=SHARE,
                    decimals=2,
                ),
            ],
            description="Fiat per PH/s and day at today's price and fees, over a day, a week and two weeks of blocks.",
            sort="Blocks",
            descending=False,
            width=8,
        ),
        line_panel(
            "Hashprice ahead, as it was expected",
            ahead,
            *queries,
            *band,
            width=16,
            height=9,
            overrides=[
                (
                    "^upper of.*",
                    {
                        **DASHED,
                        "custom.fillBelowTo": "lower of two weeks",
                        "custom.fillOpacity": 15,
                        "color": {"mode": "fixed", "fixedColor": "blue"},
                    },
                ),
                ("^lower of.*", {**DASHED, "color": {"mode": "fixed", "fixedColor": "blue"}}),
            ],
            description="Fiat per PH/s and day at today's price and fees; the band is one standard error of the adjustment.",
        ),
    ]


def _fleet_now(metrics: MetricCatalogue) -> list[SizedPanel]:
    def per_day(title: str, name: str, unit: str = "per day", **options: object) -> SizedPanel:
        query = Query(f"sum by (currency) ({metrics.select(name, CURRENCY_MATCHER)})", f"{{{{currency}}}} {unit}")
        return stat_panel(title, metrics[name], query, show_names=True, width=4, **options)  # type: ignore[arg-type]

    select = metrics.select
    margin, part = metrics["mining_site_gross_margin_ratio"], metrics["mining_site_money_coverage_ratio"]
    cost, revenue = (
        select("mining_site_power_cost_fiat_per_day", CURRENCY_MATCHER),
        select("mining_site_revenue_fiat_per_day", CURRENCY_MATCHER),
    )
    sat = metrics["mining_site_revenue_satoshis_per_day"]
    return [
        per_day("Revenue", "mining_site_revenue_fiat_per_day"),
        stat_panel("Revenue in satoshis", sat, Query(f"sum({sat.select()})", "sat per day"), show_names=True, width=4),
        per_day("Power cost", "mining_site_power_cost_fiat_per_day"),
        per_day("Margin", "mining_site_margin_fiat_per_day"),
        stat_panel("Gross margin", margin, Query(f"1 - sum({cost}) / sum({revenue})"), width=4, decimals=1),
        stat_panel(
            "Stands for",
            part,
            Query(f"min({part.select()})"),
            width=4,
            sparkline=False,
            decimals=0,
            levels=Levels(attention=0.98, bad=0.9, falling=True),
            description="Smallest part of the rigs that any of these sums stands for.",
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
                Query(
                    f"sum by (currency) ({select(name, CURRENCY_MATCHER)})", what.replace("_", " ") + ", {{currency}}"
                )
                for what, name in names.items()
            ),
            show_thresholds=True,
            description="Per day.",
        ),
        line_panel(
            "The own fleet beside the network",
            own,
            Query(f"avg by (currency) ({own.select(CURRENCY_MATCHER)})", "own revenue, {{currency}}"),
            Query(f"avg by (currency) ({select(profit, CURRENCY_MATCHER)})", "own gross profit, {{currency}}"),
            Query(
                f"avg by (currency) ({select(network, CURRENCY_MATCHER)})",
                "network: daily block reward revenue, {{currency}}",
            ),
            Query(
                f"avg by (currency) ({select(gross, CURRENCY_MATCHER)})", "network: daily gross profit, {{currency}}"
            ),
            overrides=[("^network.*", DASHED)],
            description="Fiat per EH/s and day; JPMorgan's two measures of the network, "
            "the second at the site's own efficiency and price of power.",
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
    keys = [
        LabelColumn("make", "Make"),
        LabelColumn("model", "Model", cell_link("The rigs of this model", "fleet", make="Make", model="Model")),
    ]
    return [
        table_panel(
            "Where each model stops paying",
            keys,
            [
                ValueColumn("Rigs", rigs, by_model(rigs.name, "sum"), width=80),
                ValueColumn("J/TH", efficiency, by_model(efficiency.name), unit="none", decimals=1),
                ValueColumn("Breakeven per kWh", price, by_model(price.name, "avg", CURRENCY_MATCHER), decimals=4),
                ValueColumn(
                    "Breakeven hashprice", hashprice, by_model(hashprice.name, "avg", CURRENCY_MATCHER), decimals=2
                ),
                ValueColumn("Revenue per day", revenue, by_model(revenue.name, "sum", CURRENCY_MATCHER), decimals=2),
                ValueColumn("Power per day", cost, by_model(cost.name, "sum", CURRENCY_MATCHER), decimals=2),
                ValueColumn("Margin per day", margin, by_model(margin.name, "sum", CURRENCY_MATCHER), decimals=2),
                ValueColumn("Advised to curtail", advised, by_model(advised.name, "sum"), levels=FLAG),
            ],
            description="Price of power per kWh and hashprice per PH/s and day at which a model earns what its power costs.",
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
    per = "avg by (tariff, kind, currency)"
    return [
        line_panel(
            "Price of power",
            price,
            Query(f"{per} ({price.select(CURRENCY_MATCHER)})", "{{tariff}} {{kind}}, {{currency}}/kWh"),
            Query(
                f"avg by (currency) ({select(breakeven, CURRENCY_MATCHER)})", "breakeven of the site, {{currency}}/kWh"
            ),
            overrides=[("^breakeven.*", DASHED)],
            description="The average goes into margins, the marginal price decides about curtailment.",
        ),
        line_panel(
            "Advised to curtail",
            advised,
            Query(f"sum by (make, model) ({advised.select(*MODEL_MATCHERS)}) > 0", "{{make}} {{model}}"),
            stacked=True,
            from_zero=True,
            description="Rigs by model. Nothing is switched.",
        ),
        line_panel(
            "Power at the meter",
            power,
            Query(f"sum by (tariff) ({power.select()})", "{{tariff}} now"),
            Query(f"sum by (tariff) ({select(peak)})", "{{tariff}} peak of the month"),
            from_zero=True,
            overrides=[(".*peak of the month$", DASHED)],
        ),
        stat_panel(
            "Demand charge",
            charge,
            Query(f"sum by (currency) ({charge.select(CURRENCY_MATCHER)})", "{{currency}} this month"),
            show_names=True,
            width=6,
            height=8,
        ),
        table_panel(
            "Where the price comes from",
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
    net, more = metrics["mining_site_margin_fiat_per_mwh"], metrics["mining_site_hosting_opportunity_fiat_per_mw_year"]
    needed, now = "mining_site_hosting_breakeven_hashprice_fiat_per_ph_day", metrics["mining_hashprice_fiat_per_ph_day"]
    return [
        stat_panel(
            "Hosting would bring more by",
            more,
            Query(f"avg by (currency) ({more.select(CURRENCY_MATCHER)})", "{{currency}} per MW and year"),
            show_names=True,
            width=8,
            height=8,
        ),
        line_panel(
            "Mining net of power",
            net,
            Query(f"avg by (currency) ({net.select(CURRENCY_MATCHER)})", "{{currency}} per MWh"),
            show_thresholds=True,
            width=8,
        ),
        line_panel(
            "Hashprice at which mining equals hosting",
            now,
            Query(f"avg by (currency) ({now.select(CURRENCY_MATCHER)})", "hashprice, {{currency}}"),
            Query(f"avg by (currency) ({select(needed, CURRENCY_MATCHER)})", "needed, {{currency}}"),
            width=8,
            from_zero=True,
            overrides=[("^needed.*", DASHED)],
        ),
    ]
