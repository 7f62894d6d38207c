"""Defines the metrics of the site's money and its tariffs."""

from collections.abc import Iterable
from typing import Final

from stratoscope.economics.site import SiteMoney, TariffState
from stratoscope.market.costs import KWH_PER_MWH
from stratoscope.metrics.metric import FLAG, Labels, MetricFamily, MetricsOf, gauge, info
from stratoscope.metrics.money import LOSS, THIN
from stratoscope.metrics.unit import Unit

WHERE: Final = "over the rigs counted in mining_site_money_coverage_ratio"


def _whole(money: SiteMoney) -> Iterable[tuple[Labels, SiteMoney]]:
    return (((), money),)


def _fiat(money: SiteMoney) -> Iterable[tuple[Labels, SiteMoney]]:
    return (((money.currency,), money),)


def _coverage(money: SiteMoney) -> Iterable[tuple[Labels, float]]:
    sums = money.sums
    if not sums.rigs:
        return ()
    return (
        (("revenue",), sums.revenue.coverage),
        (("power_cost",), sums.cost.coverage),
        (("gross_margin",), sums.gross_margin.coverage),
        (("efficiency",), sums.efficiency.coverage),
    )


def _shares(money: SiteMoney) -> Iterable[tuple[Labels, float]]:
    return (((by,), share) for by, share in money.network_share.items())


def _prices(money: SiteMoney) -> Iterable[tuple[Labels, float | None]]:
    for name, tariff in money.tariffs.items():
        yield (name, "average", money.currency), tariff.average
        yield (name, "marginal", money.currency), tariff.marginal


def _tariffs(money: SiteMoney) -> Iterable[tuple[Labels, TariffState]]:
    return (((name,), tariff) for name, tariff in money.tariffs.items())


def _charges(money: SiteMoney) -> Iterable[tuple[Labels, TariffState]]:
    return (((name, money.currency), tariff) for name, tariff in money.tariffs.items())


def _sources(money: SiteMoney) -> Iterable[tuple[Labels, TariffState]]:
    return (((name, tariff.source), tariff) for name, tariff in money.tariffs.items() if tariff.source is not None)


per_site = MetricsOf[SiteMoney]()
per_tariff = MetricsOf[TariffState]()

RATES: MetricFamily[SiteMoney, SiteMoney] = MetricFamily("site: money", _fiat, ("currency",)).with_metrics(
    per_site.gauge("site_revenue", Unit.FIAT_PER_DAY, lambda m: m.sums.revenue.value).means(
        f"Sum of mining_rig_revenue_fiat_per_day {WHERE}."
    ),
    per_site.gauge("site_power_cost", Unit.FIAT_PER_DAY, lambda m: m.sums.cost.value).means(
        f"Sum of mining_rig_power_cost_fiat_per_day {WHERE}."
    ),
    per_site.gauge("site_margin", Unit.FIAT_PER_DAY, lambda m: m.margin_per_day, levels=LOSS).means(
        "Revenue minus power cost per day, over the rigs for which both are known."
    ),
    per_site.gauge("site_power_price", Unit.FIAT_PER_KWH, lambda m: m.power_price).means(
        "Power cost divided by metered energy: the average price of a kWh."
    ),
    per_site.gauge("site_revenue", Unit.FIAT_PER_EH_DAY, lambda m: m.revenue_per_eh_day).means(
        "Revenue per EH/s per day of this fleet, after fees."
    ),
    per_site.gauge("site_gross_profit", Unit.FIAT_PER_EH_DAY, lambda m: m.gross_profit_per_eh_day, levels=LOSS).means(
        "Revenue minus power cost per EH/s per day of this fleet."
    ),
    per_site.gauge(
        "site_network_gross_profit", Unit.FIAT_PER_EH_DAY, lambda m: m.network_gross_profit_per_eh_day
    ).means(
        "JPMorgan's daily gross profit per EH/s, with the site's efficiency and power price: "
        "mining_hashprice_observed_fiat_per_eh_day minus 24 x J/TH x price per MWh."
    ),
    per_site.gauge("site_hashcost", Unit.FIAT_PER_PH_DAY, lambda m: m.hashcost).means(
        "Power cost of 1 PH/s for one day, over the Bitcoin rigs for which power cost and hashrate are known."
    ),
    per_site.gauge("site_breakeven_hashprice", Unit.FIAT_PER_PH_DAY, lambda m: m.breakeven_hashprice).means(
        "Hashprice, before fees, at which the revenue of all Bitcoin rigs equals their power cost."
    ),
    per_site.gauge("site_breakeven_power_price", Unit.FIAT_PER_KWH, lambda m: m.breakeven_power_price).means(
        "Power price at which the revenue equals the power cost, over the rigs for which both are known."
    ),
    per_site.gauge(
        "site_revenue",
        Unit.FIAT_PER_MWH,
        lambda m: None if m.breakeven_power_price is None else m.breakeven_power_price * KWH_PER_MWH,
    ).means("Revenue per metered MWh: mining_site_breakeven_power_price_fiat_per_kwh x 1000."),
    per_site.gauge("site_power_cost", Unit.FIAT_PER_BTC, lambda m: m.cost_per_btc).means(
        "Power cost per bitcoin mined, over the rigs for which both are known."
    ),
    per_site.gauge("site_margin", Unit.FIAT_PER_MWH, lambda m: m.net_per_mwh, levels=LOSS).means(
        "Revenue minus power cost per MWh."
    ),
    per_site.gauge("site_hosting_opportunity", Unit.FIAT_PER_MW_YEAR, lambda m: m.hosting_opportunity).means(
        "Configured hosting price minus the margin of mining; negative while mining earns more. A comparison, not "
        "advice: the capital cost of the two differs by a factor of about ten."
    ),
    per_site.gauge("site_hosting_breakeven_hashprice", Unit.FIAT_PER_PH_DAY, lambda m: m.hosting_breakeven).means(
        "Hashprice, before fees, at which the margin of mining equals the configured hosting price."
    ),
)

RATIOS: MetricFamily[SiteMoney, SiteMoney] = MetricFamily("site: satoshis and ratios", _whole).with_metrics(
    per_site.gauge("site_revenue", Unit.SATOSHIS_PER_DAY, lambda m: m.sat_per_day).means(
        "Sum of mining_rig_revenue_satoshis_per_day over the rigs for which it is known."
    ),
    per_site.gauge("site_gross_margin", Unit.RATIO, lambda m: m.sums.gross_margin.value, levels=THIN).means(
        "1 - power cost / revenue, from the site's totals."
    ),
    per_site.gauge("site_metered_power", Unit.WATTS, lambda m: m.sums.power.value).means(
        "Power at the meter: power of the rigs plus the site's overhead."
    ),
    per_site.gauge("site_metered_efficiency", Unit.JOULES_PER_TERAHASH, lambda m: m.efficiency).means(
        "Metered power divided by hashrate, from the totals of the Bitcoin rigs."
    ),
    per_site.gauge("site_breakeven_efficiency", Unit.JOULES_PER_TERAHASH, lambda m: m.breakeven_efficiency).means(
        "Efficiency at the meter above which a rig loses money at the site's average power price; absent while that "
        "price is zero or negative."
    ),
    per_site.gauge("site_payback", Unit.SECONDS, lambda m: m.payback).means(
        "Time until the current margin has paid the rigs that have a configured price; absent while the margin never "
        "pays them."
    ),
)

SHARES: MetricFamily[SiteMoney, float] = MetricFamily("site: share of the network", _shares, ("by",)).with_metrics(
    gauge("site_network_share", Unit.RATIO).means(
        "Hashrate of the site's Bitcoin rigs divided by the network's: observed over the longest window, or implied by "
        "difficulty."
    ),
)

COVERAGE: MetricFamily[SiteMoney, float] = MetricFamily(
    "site: coverage of the money totals", _coverage, ("quantity",)
).with_metrics(
    gauge("site_money_coverage", Unit.RATIO).means(
        "Share of all rigs that is included in the sum or ratio named by the label `quantity`."
    ),
)

PRICES: MetricFamily[SiteMoney, float | None] = MetricFamily(
    "tariff: prices", _prices, ("tariff", "kind", "currency")
).with_metrics(
    gauge("tariff_price", Unit.FIAT_PER_KWH).means(
        "Price of a metered kWh. Margins use the average price, curtailment advice uses the marginal price."
    ),
)

TARIFFS: MetricFamily[SiteMoney, TariffState] = MetricFamily("tariff", _tariffs, ("tariff",)).with_metrics(
    per_tariff.gauge("tariff_price_age", Unit.SECONDS, lambda t: t.age).means(
        "Age of the newest external power price."
    ),
    per_tariff.gauge(
        "tariff_price_stale", Unit.NONE, lambda t: None if t.stale is None else int(t.stale), levels=FLAG
    ).means(
        "1 while the external price is too old or missing, so that a fallback price or none is used, else 0; absent "
        "without an external price."
    ),
    per_tariff.gauge("tariff_power", Unit.WATTS, lambda t: t.load).means(
        "Metered power of the tariff's rigs that have a fresh reading."
    ),
    per_tariff.gauge("tariff_peak_power", Unit.WATTS, lambda t: t.peak).means(
        "Highest 15-minute average of the metered power this month."
    ),
    per_tariff.gauge("tariff_curtail_called", Unit.NONE, lambda t: None if t.called is None else int(t.called)).means(
        "1 while the grid requests less load (demand response, coincident peak), else 0; absent if no source is "
        "configured or the source gives no answer."
    ),
    per_tariff.gauge("tariff_curtail_call_age", Unit.SECONDS, lambda t: t.call_age).means(
        "Age of the newest answer on whether the grid requests less load."
    ),
    per_tariff.gauge(
        "tariff_curtail_call_stale", Unit.NONE, lambda t: None if t.call_stale is None else int(t.call_stale)
    ).means(
        "1 while that answer is too old or missing, so that running is not advised, else 0; absent if no source is "
        "configured."
    ),
    per_tariff.gauge("tariff_coincident_power", Unit.WATTS, lambda t: t.called_peak).means(
        "Highest 15-minute average of the metered power this month during a request of the grid for less load."
    ),
)

CHARGES: MetricFamily[SiteMoney, TariffState] = MetricFamily(
    "tariff: charges", _charges, ("tariff", "currency")
).with_metrics(
    per_tariff.gauge("tariff_demand_charge", Unit.FIAT, lambda t: t.demand_charge).means(
        "Demand charge of this month so far. Not included in margins or in prices per kWh."
    ),
    per_tariff.gauge("tariff_coincident_charge", Unit.FIAT, lambda t: t.cp_charge).means(
        "Coincident-peak charge of this year so far, assuming that the system peak of each month was at the highest "
        "load during a request. Not included in margins or in prices per kWh."
    ),
)

SOURCES: MetricFamily[SiteMoney, TariffState] = MetricFamily(
    "tariff: source of the price", _sources, ("tariff", "source")
).with_metrics(
    info("tariff_price_source").means(
        "Current source of the energy price: fixed, zone, external, or the fallbacks last and default; value 1."
    ),
)
