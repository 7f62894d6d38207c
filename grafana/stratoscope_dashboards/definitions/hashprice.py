"""Defines the rows of the Economics dashboard about the hashprice and its forecast."""

from typing import Final

from stratoscope_dashboards.catalogue import MetricCatalogue, matcher
from stratoscope_dashboards.panels import DASHED, TIMESTAMP, SizedPanel, bar_panel, line_panel, stat_panel
from stratoscope_dashboards.queries import PanelQuery
from stratoscope_dashboards.tables import LabelColumn, ValueColumn, table_panel
from stratoscope_dashboards.thresholds import LOSS_LEVELS
from stratoscope_dashboards.variables import CURRENCY_MATCHER

HORIZONS: Final = {"144": "a day", "1008": "a week", "2016": "two weeks"}
"""Forecast horizons in blocks, and their duration at ten minutes per block."""


def current_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return the current hashprice and what it depends on."""
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
            PanelQuery(f"avg by (currency) ({fiat.select(CURRENCY_MATCHER)})", "{{currency}}/PH/day"),
            show_names=True,
            width=3,
            decimals=2,
        ),
        stat_panel(
            "Hashprice in satoshis",
            sats,
            PanelQuery(f"avg({sats.select()})", "sat/TH/day"),
            show_names=True,
            width=3,
            decimals=1,
        ),
        stat_panel(
            "Bitcoin price",
            price,
            PanelQuery(f"avg by (currency) ({price.select(CURRENCY_MATCHER)})", "{{currency}}"),
            show_names=True,
            width=3,
            unit="locale",
            decimals=0,
        ),
        stat_panel("Network difficulty", difficulty, PanelQuery(f"max({difficulty.select()})"), width=3, decimals=1),
        stat_panel(
            "Next difficulty change",
            change,
            PanelQuery(f"avg({change.select()})"),
            width=3,
            decimals=1,
            description="Estimate.",
        ),
        stat_panel(
            "Adjustment due", due, PanelQuery(f"avg({due.select()}) * 1000"), unit=TIMESTAMP, width=3, sparkline=False
        ),
        stat_panel(
            "Fees per block",
            fee,
            PanelQuery(f"avg({fee.select()}) / 1e8", "BTC"),
            show_names=True,
            width=3,
            unit="short",
        ),
        stat_panel(
            "Halving in",
            halving,
            PanelQuery(f"min({halving.select()})", "blocks"),
            show_names=True,
            width=3,
            sparkline=False,
            unit="locale",
        ),
    ]


def history_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return hashprice and network hashrate over time."""
    select = metrics.select
    fiat, observed = metrics["mining_hashprice_fiat_per_ph_day"], "mining_hashprice_observed_fiat_per_ph_day"
    template, network = (
        "mining_hashprice_template_fiat_per_ph_day",
        metrics["mining_network_hashrate_hashes_per_second"],
    )
    implied = "mining_network_hashrate_implied_hashes_per_second"
    return [
        line_panel(
            "Hashprice by definition",
            fiat,
            PanelQuery(
                f"avg by (currency) ({fiat.select(CURRENCY_MATCHER)})",
                "by difficulty (what FPPS credits), {{currency}}",
            ),
            PanelQuery(
                f"avg by (currency) ({select(observed, CURRENCY_MATCHER)})",
                "by observed hashrate (JPMorgan), {{currency}}",
            ),
            PanelQuery(
                f"avg by (currency) ({select(template, CURRENCY_MATCHER)})", "by the newest stratum job, {{currency}}"
            ),
            overrides=[("^by the newest.*", DASHED)],
            description="Fiat per PH/s and day, before fees.",
        ),
        line_panel(
            "Network hashrate",
            network,
            PanelQuery(f"avg by (blocks) ({network.select()})", "over {{blocks}} blocks"),
            PanelQuery(f"avg({select(implied)})", "implied by difficulty"),
            overrides=[("^implied.*", DASHED)],
        ),
    ]


def cause_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return how much each cause changed the hashprice."""
    causes, change = metrics["mining_hashprice_change_log_ratio"], metrics["mining_hashprice_change_ratio"]
    year = 'days="365"'
    return [
        bar_panel(
            "Hashprice change in one year by cause",
            causes,
            PanelQuery(f"exp(avg by (part) ({causes.select(CURRENCY_MATCHER, year)})) - 1", "{{part}}"),
            unit="percentunit",
            levels=LOSS_LEVELS,
            min_value=-1,
            max_value=1,
            decimals=1,
            width=10,
            height=7,
            description="Change from each cause alone. The product of the factors is the total change.",
        ),
        table_panel(
            "Hashprice change",
            [LabelColumn("days", "Days", number=True)],
            [
                ValueColumn(
                    "Total",
                    change,
                    f"avg by (days) ({change.select(CURRENCY_MATCHER)})",
                    unit="percentunit",
                    levels=LOSS_LEVELS,
                    decimals=1,
                ),
                *(
                    ValueColumn(
                        part.capitalize(),
                        causes,
                        f"exp(avg by (days) ({causes.select(CURRENCY_MATCHER, matcher('part', part))})) - 1",
                        unit="percentunit",
                        levels=LOSS_LEVELS,
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


def forecast_panels(metrics: MetricCatalogue) -> list[SizedPanel]:
    """Return the hashprice forecast."""
    select = metrics.select
    forecast, error = (
        metrics["mining_hashprice_forward_fiat_per_ph_day"],
        "mining_hashprice_forward_standard_error_ratio",
    )
    two_weeks = 'blocks="2016"'
    mean, spread = (
        f"avg({forecast.select(CURRENCY_MATCHER, two_weeks)})",
        f"avg({select(error, CURRENCY_MATCHER, two_weeks)})",
    )
    queries = [
        PanelQuery(f"avg({forecast.select(CURRENCY_MATCHER, matcher('blocks', blocks))})", f"mean of {name}")
        for blocks, name in HORIZONS.items()
    ]
    band = [
        PanelQuery(f"{mean} * (1 {sign} {spread})", f"{word}, two weeks")
        for sign, word in (("-", "lower bound"), ("+", "upper bound"))
    ]
    return [
        table_panel(
            "Hashprice forecast",
            [LabelColumn("blocks", "Blocks", number=True)],
            [
                ValueColumn("Mean", forecast, f"avg by (blocks) ({forecast.select(CURRENCY_MATCHER)})", decimals=3),
                ValueColumn(
                    "± one standard error",
                    forecast,
                    f"avg by (blocks) ({select(error, CURRENCY_MATCHER)})",
                    unit="percentunit",
                    decimals=2,
                ),
            ],
            description="Fiat per PH/s and day at today's price and fees, over a day, a week and two weeks of blocks.",
            sort="Blocks",
            descending=False,
            width=8,
        ),
        line_panel(
            "Hashprice forecast over time",
            forecast,
            *queries,
            *band,
            width=16,
            height=9,
            overrides=[
                (
                    "^upper bound.*",
                    {
                        **DASHED,
                        "custom.fillBelowTo": "lower bound, two weeks",
                        "custom.fillOpacity": 15,
                        "color": {"mode": "fixed", "fixedColor": "blue"},
                    },
                ),
                ("^lower bound.*", {**DASHED, "color": {"mode": "fixed", "fixedColor": "blue"}}),
            ],
            description="Fiat per PH/s and day at today's price and fees. The band is one standard error of the "
            "difficulty adjustment.",
        ),
    ]
