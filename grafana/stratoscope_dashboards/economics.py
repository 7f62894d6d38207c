"""Lays out the page of money: what hashes are worth now and next, what the fleet earns of it, what its power costs."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import FLAG, Levels
from stratoscope_dashboards.catalogue import Catalogue, only
from stratoscope_dashboards.choosers import CURRENCY, MAKE, MODEL, MODELS, SITE
from stratoscope_dashboards.page import Row, cell_link, page
from stratoscope_dashboards.panels import DASHED, TIMESTAMP, Placed, Query, bars, lines, stat_of
from stratoscope_dashboards.tables import Key, Value, table_of

IN: Final = 'currency=~"$currency"'
LOSS: Final = Levels(bad=0, falling=True)
SHARE: Final = "percentunit"
AHEAD: Final = {"144": "a day", "1008": "a week", "2016": "two weeks"}
"""Blocks ahead, and how long they take at ten minutes each."""


def economics(book: Catalogue) -> Dashboard:
    """Return the dashboard."""
    rows = [
        Row("Hashprice", [*_now(book), *_hashprice(book)]),
        Row("What moved it, and what comes", [*_attribution(book), *_forward(book)]),
        Row("The own fleet", [*_fleet_now(book), *_fleet(book)]),
        Row("Models", _models(book)),
        Row("Power", _power(book)),
        Row("The other use of the power", _hosting(book)),
    ]
    text = "What hashes are worth now and next, what the fleet earns, what its power costs, and where it stops paying."
    return page("economics", "Economics", text, (SITE, CURRENCY, MAKE, MODEL), rows, since="now-24h")


def _now(book: Catalogue) -> list[Placed]:
    price, fiat = book["mining_btc_price"], book["mining_hashprice_fiat_per_ph_day"]
    sats, difficulty = book["mining_hashprice_sats_per_th_day"], book["mining_network_difficulty"]
    fee, halving = book["mining_block_fees_satoshis"], book["mining_halving_remaining_blocks"]
    change, due = book["mining_difficulty_adjustment_ratio"], book["mining_difficulty_adjustment_due_timestamp_seconds"]
    return [
        stat_of("Hashprice", fiat, Query(f"avg by (currency) ({fiat.of(IN)})", "{{currency}}/PH/day"),
                names=True, width=3, decimals=2),
        stat_of("In satoshis", sats, Query(f"avg({sats.of()})", "sat/TH/day"), names=True, width=3,
                decimals=1),
        stat_of("Bitcoin", price, Query(f"avg by (currency) ({price.of(IN)})", "{{currency}}"), names=True,
                width=3, unit="locale", decimals=0),
        stat_of("Difficulty", difficulty, Query(f"max({difficulty.of()})"), width=3, decimals=1),
        stat_of("Next adjustment", change, Query(f"avg({change.of()})"), width=3, decimals=1, text="Estimated."),
        stat_of("Due", due, Query(f"avg({due.of()}) * 1000"), unit=TIMESTAMP, width=3, graph=False),
        stat_of("Fees of a block", fee, Query(f"avg({fee.of()}) / 1e8", "BTC"), names=True, width=3, unit="short"),
        stat_of("Halving in", halving, Query(f"min({halving.of()})", "blocks"), names=True, width=3, graph=False,
                unit="locale"),
    ]  # fmt: skip


def _hashprice(book: Catalogue) -> list[Placed]:
    select = book.select
    fiat, observed = book["mining_hashprice_fiat_per_ph_day"], "mining_hashprice_observed_fiat_per_ph_day"
    template, network = "mining_hashprice_template_fiat_per_ph_day", book["mining_network_hashrate_hashes_per_second"]
    implied = "mining_network_hashrate_implied_hashes_per_second"
    return [
        lines("Hashprice by each definition", fiat,
              Query(f"avg by (currency) ({fiat.of(IN)})", "by difficulty: what FPPS credits, {{currency}}"),
              Query(f"avg by (currency) ({select(observed, IN)})", "by observed hashrate: JPMorgan's, {{currency}}"),
              Query(f"avg by (currency) ({select(template, IN)})", "by the newest stratum job, {{currency}}"),
              overrides=[("^by the newest.*", DASHED)], text="Fiat per PH/s and day, before fees."),
        lines("Hashrate of the network", network,
              Query(f"avg by (blocks) ({network.of()})", "over {{blocks}} blocks"),
              Query(f"avg({select(implied)})", "at which blocks come every ten minutes"),
              overrides=[("^at which.*", DASHED)]),
    ]  # fmt: skip


def _attribution(book: Catalogue) -> list[Placed]:
    parts, change = book["mining_hashprice_change_log_ratio"], book["mining_hashprice_change_ratio"]
    year = 'days="365"'
    return [
        bars("What moved it in a year", parts, Query(f"exp(avg by (part) ({parts.of(IN, year)})) - 1", "{{part}}"),
             unit=SHARE, levels=LOSS, lowest=-1, highest=1, decimals=1, width=10, height=7,
             text="What each cause alone did to the hashprice since a year ago; their factors multiply to the whole."),
        table_of("Change of the hashprice", [Key("days", "Days", number=True)], [
            Value("Whole", change, f"avg by (days) ({change.of(IN)})", unit=SHARE, levels=LOSS, decimals=1),
            *(Value(part.capitalize(), parts,
                    f"exp(avg by (days) ({parts.of(IN, only('part', part))})) - 1",
                    unit=SHARE, levels=LOSS, decimals=1) for part in ("price", "reward", "difficulty")),
        ], text="By cause, over a day, a week, a month and a year.", sort="Days", falling=False, width=14, height=7),
    ]  # fmt: skip


def _forward(book: Catalogue) -> list[Placed]:
    select = book.select
    ahead, error = book["mining_hashprice_forward_fiat_per_ph_day"], "mining_hashprice_forward_standard_error_ratio"
    far = 'blocks="2016"'
    mean, spread = f"avg({ahead.of(IN, far)})", f"avg({select(error, IN, far)})"
    queries = [Query(f"avg({ahead.of(IN, only('blocks', blocks))})", f"mean of {name}")
               for blocks, name in AHEAD.items()]  # fmt: skip
    band = [
        Query(f"{mean} * (1 {sign} {spread})", f"{word} of two weeks")
        for sign, word in (("-", "lower"), ("+", "upper"))
    ]
    return [
        table_of("Hashprice ahead", [Key("blocks", "Blocks", number=True)], [
            Value("Mean", ahead, f"avg by (blocks) ({ahead.of(IN)})", decimals=3),
            Value("± one standard error", ahead, f"avg by (blocks) ({select(error, IN)})", unit=SHARE, decimals=2),
        ], text="Fiat per PH/s and day at today's price and fees, over a day, a week and two weeks of blocks.",
           sort="Blocks", falling=False, width=8),
        lines("Hashprice ahead, as it was expected", ahead, *queries, *band, width=16, height=9, overrides=[
            ("^upper of.*", {**DASHED, "custom.fillBelowTo": "lower of two weeks", "custom.fillOpacity": 15,
                           "color": {"mode": "fixed", "fixedColor": "blue"}}),
            ("^lower of.*", {**DASHED, "color": {"mode": "fixed", "fixedColor": "blue"}}),
        ], text="Fiat per PH/s and day at today's price and fees; the band is one standard error of the adjustment."),
    ]  # fmt: skip


def _fleet_now(book: Catalogue) -> list[Placed]:
    def per_day(title: str, name: str, unit: str = "per day", **options: object) -> Placed:
        query = Query(f"sum by (currency) ({book.select(name, IN)})", f"{{{{currency}}}} {unit}")
        return stat_of(title, book[name], query, names=True, width=4, **options)  # type: ignore[arg-type]

    select = book.select
    margin, part = book["mining_site_gross_margin_ratio"], book["mining_site_money_coverage_ratio"]
    cost, revenue = select("mining_site_power_cost_fiat_per_day", IN), select("mining_site_revenue_fiat_per_day", IN)
    sat = book["mining_site_revenue_satoshis_per_day"]
    return [
        per_day("Revenue", "mining_site_revenue_fiat_per_day"),
        stat_of("Revenue in satoshis", sat, Query(f"sum({sat.of()})", "sat per day"), names=True, width=4),
        per_day("Power cost", "mining_site_power_cost_fiat_per_day"),
        per_day("Margin", "mining_site_margin_fiat_per_day"),
        stat_of("Gross margin", margin, Query(f"1 - sum({cost}) / sum({revenue})"), width=4, decimals=1),
        stat_of("Stands for", part, Query(f"min({part.of()})"), width=4, graph=False, decimals=0,
                levels=Levels(attention=0.98, bad=0.9, falling=True),
                text="Smallest part of the rigs that any of these sums stands for."),
    ]  # fmt: skip


def _fleet(book: Catalogue) -> list[Placed]:
    select = book.select
    names = {what: f"mining_site_{what}_fiat_per_day" for what in ("revenue", "power_cost", "margin")}
    own, profit = book["mining_site_revenue_fiat_per_eh_day"], "mining_site_gross_profit_fiat_per_eh_day"
    network, gross = "mining_hashprice_observed_fiat_per_eh_day", "mining_site_network_gross_profit_fiat_per_eh_day"
    margin = book[names["margin"]]
    return [
        lines("Revenue, cost and margin", margin, *(
            Query(f"sum by (currency) ({select(name, IN)})", what.replace("_", " ") + ", {{currency}}")
            for what, name in names.items()
        ), marks=True, text="Per day."),
        lines("The own fleet beside the network", own,
              Query(f"avg by (currency) ({own.of(IN)})", "own revenue, {{currency}}"),
              Query(f"avg by (currency) ({select(profit, IN)})", "own gross profit, {{currency}}"),
              Query(f"avg by (currency) ({select(network, IN)})",
                    "network: daily block reward revenue, {{currency}}"),
              Query(f"avg by (currency) ({select(gross, IN)})", "network: daily gross profit, {{currency}}"),
              overrides=[("^network.*", DASHED)], text="Fiat per EH/s and day; JPMorgan's two measures of the network, "
              "the second at the site's own efficiency and price of power."),
    ]  # fmt: skip


def _models(book: Catalogue) -> list[Placed]:
    def by_model(name: str, how: str = "avg", *matchers: str) -> str:
        return f"{how} by (make, model) ({book.select(name, *MODELS, *matchers)})"

    rigs, efficiency = book["model:mining_rig_up:count"], book["model:mining_rig_efficiency_joules_per_terahash:ratio"]
    price, hashprice = (
        book[f"model:mining_rig_breakeven_{what}:avg"]
        for what in ("power_price_fiat_per_kwh", "hashprice_fiat_per_ph_day")
    )
    margin, advised = book["model:mining_rig_margin_fiat_per_day:sum"], book["model:mining_rig_curtail_advised:sum"]
    revenue, cost = (book[f"model:mining_rig_{what}_fiat_per_day:sum"] for what in ("revenue", "power_cost"))
    keys = [
        Key("make", "Make"),
        Key("model", "Model", cell_link("The rigs of this model", "fleet", "make=Make", "model=Model")),
    ]
    return [
        table_of("Where each model stops paying", keys, [
            Value("Rigs", rigs, by_model(rigs.name, "sum"), width=80),
            Value("J/TH", efficiency, by_model(efficiency.name), unit="none", decimals=1),
            Value("Breakeven per kWh", price, by_model(price.name, "avg", IN), decimals=4),
            Value("Breakeven hashprice", hashprice, by_model(hashprice.name, "avg", IN), decimals=2),
            Value("Revenue per day", revenue, by_model(revenue.name, "sum", IN), decimals=2),
            Value("Power per day", cost, by_model(cost.name, "sum", IN), decimals=2),
            Value("Margin per day", margin, by_model(margin.name, "sum", IN), decimals=2),
            Value("Advised to curtail", advised, by_model(advised.name, "sum"), levels=FLAG),
        ], text="Price of power per kWh and hashprice per PH/s and day at which a model earns what its power costs.",
           sort="Margin per day", height=10),
    ]  # fmt: skip


def _power(book: Catalogue) -> list[Placed]:
    select = book.select
    price, advised = book["mining_tariff_price_fiat_per_kwh"], book["model:mining_rig_curtail_advised:sum"]
    breakeven = "mining_site_breakeven_power_price_fiat_per_kwh"
    power = book["mining_tariff_power_watts"]
    peak = "mining_tariff_peak_power_watts"
    charge = book["mining_tariff_demand_charge_fiat"]
    per = "avg by (tariff, kind, currency)"
    return [
        lines("Price of power", price, Query(f"{per} ({price.of(IN)})", "{{tariff}} {{kind}}, {{currency}}/kWh"),
              Query(f"avg by (currency) ({select(breakeven, IN)})", "breakeven of the site, {{currency}}/kWh"),
              overrides=[("^breakeven.*", DASHED)], text="The average goes into margins, the marginal price decides "
              "about curtailment."),
        lines("Advised to curtail", advised,
              Query(f"sum by (make, model) ({advised.of(*MODELS)}) > 0", "{{make}} {{model}}"),
              stack=True, zero=True, text="Rigs by model. Nothing is switched."),
        lines("Power at the meter", power, Query(f"sum by (tariff) ({power.of()})", "{{tariff}} now"),
              Query(f"sum by (tariff) ({select(peak)})", "{{tariff}} peak of the month"), zero=True,
              overrides=[(".*peak of the month$", DASHED)]),
        stat_of("Demand charge", charge, Query(f"sum by (currency) ({charge.of(IN)})", "{{currency}} this month"),
                names=True, width=6, height=8),
        table_of("Where the price comes from", [Key("tariff", "Tariff"), Key("source", "Source")], [
            Value("", book["mining_tariff_price_source_info"],
                  f"max by (tariff, source) ({select('mining_tariff_price_source_info')})"),
        ], text="Fixed, zone, external, or a fallback.", sort="Tariff", width=6, height=8, figures=False),
    ]  # fmt: skip


def _hosting(book: Catalogue) -> list[Placed]:
    select = book.select
    net, more = book["mining_site_margin_fiat_per_mwh"], book["mining_site_hosting_opportunity_fiat_per_mw_year"]
    needed, now = "mining_site_hosting_breakeven_hashprice_fiat_per_ph_day", book["mining_hashprice_fiat_per_ph_day"]
    return [
        stat_of("Hosting would bring more by", more,
                Query(f"avg by (currency) ({more.of(IN)})", "{{currency}} per MW and year"),
                names=True, width=8, height=8),
        lines("Mining net of power", net, Query(f"avg by (currency) ({net.of(IN)})", "{{currency}} per MWh"),
              marks=True, width=8),
        lines("Hashprice at which mining equals hosting", now,
              Query(f"avg by (currency) ({now.of(IN)})", "hashprice, {{currency}}"),
              Query(f"avg by (currency) ({select(needed, IN)})", "needed, {{currency}}"), width=8, zero=True,
              overrides=[("^needed.*", DASHED)]),
    ]  # fmt: skip
