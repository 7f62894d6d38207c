"""Holds the rows of the metric table that describe the site's money and its tariffs."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from stratoscope.economics.site import SiteMoney, TariffNow
from stratoscope.market.costs import KWH_PER_MWH
from stratoscope.metrics.metric import FLAG, Family, Kind, Labels, Metric, one
from stratoscope.metrics.money import LOSS, THIN
from stratoscope.metrics.unit import Unit

WHERE: Final = "summed over the rigs that mining_site_money_coverage_ratio counts"


class Priced(NamedTuple):
    """One price of a tariff."""

    value: float | None


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


def _prices(money: SiteMoney) -> Iterable[tuple[Labels, Priced]]:
    for name, tariff in money.tariffs.items():
        yield (name, "average", money.currency), Priced(tariff.average)
        yield (name, "marginal", money.currency), Priced(tariff.marginal)


def _tariffs(money: SiteMoney) -> Iterable[tuple[Labels, TariffNow]]:
    return (((name,), tariff) for name, tariff in money.tariffs.items())


def _charges(money: SiteMoney) -> Iterable[tuple[Labels, TariffNow]]:
    return (((name, money.currency), tariff) for name, tariff in money.tariffs.items())


def _sources(money: SiteMoney) -> Iterable[tuple[Labels, TariffNow]]:
    return (((name, tariff.source), tariff) for name, tariff in money.tariffs.items() if tariff.source is not None)


RATES: Family[SiteMoney, SiteMoney] = Family("site: money", _fiat, (
    Metric("site_revenue", Unit.FIAT_PER_DAY, f"mining_rig_revenue_fiat_per_day {WHERE}.",
           lambda m: m.sums.revenue.value),
    Metric("site_power_cost", Unit.FIAT_PER_DAY, f"mining_rig_power_cost_fiat_per_day {WHERE}.",
           lambda m: m.sums.cost.value),
    Metric("site_margin", Unit.FIAT_PER_DAY, "Revenue less power cost per day, over the rigs that know both.",
           lambda m: m.margin_per_day, levels=LOSS),
    Metric("site_power_price", Unit.FIAT_PER_KWH, "Power cost over metered energy: the average cost of a kWh.",
           lambda m: m.power_price),
    Metric("site_revenue", Unit.FIAT_PER_EH_DAY, "Revenue per EH/s and day of the own fleet, after fees.",
           lambda m: m.revenue_per_eh_day),
    Metric("site_gross_profit", Unit.FIAT_PER_EH_DAY, "Revenue less power cost per EH/s and day of the own fleet.",
           lambda m: m.gross_profit_per_eh_day, levels=LOSS),
    Metric("site_network_gross_profit", Unit.FIAT_PER_EH_DAY, "JPMorgan's daily gross profit per EH/s, with the site's "
           "efficiency and power price: mining_hashprice_observed_fiat_per_eh_day less 24 x J/TH x price per MWh.",
           lambda m: m.network_gross_profit_per_eh_day),
    Metric("site_hashcost", Unit.FIAT_PER_PH_DAY, "Power cost over hashrate of Bitcoin's rigs that know both: cost of "
           "the power behind a PH/s for a day.", lambda m: m.hashcost),
    Metric("site_breakeven_hashprice", Unit.FIAT_PER_PH_DAY, "Hashprice, before fees, at which Bitcoin's rigs together "
           "earn what their power costs.", lambda m: m.breakeven_hashprice),
    Metric("site_breakeven_power_price", Unit.FIAT_PER_KWH, "Revenue over metered energy of the rigs that know both: "
           "the power price at which they earn what it costs.", lambda m: m.breakeven_power_price),
    Metric("site_revenue", Unit.FIAT_PER_MWH, "The same for a MWh: what the site earns from one.",
           lambda m: None if m.breakeven_power_price is None else m.breakeven_power_price * KWH_PER_MWH),
    Metric("site_power_cost", Unit.FIAT_PER_BTC, "Power cost over bitcoin mined, of the rigs that know both.",
           lambda m: m.cost_per_btc),
    Metric("site_margin", Unit.FIAT_PER_MWH, "What a MWh leaves after it is paid: mining net of power.",
           lambda m: m.net_per_mwh, levels=LOSS),
    Metric("site_hosting_opportunity", Unit.FIAT_PER_MW_YEAR, "By how much the configured hosting price is above "
           "mining net of power; below zero where mining earns more. A figure, not advice: the capital behind the two "
           "differs by about ten times.", lambda m: m.hosting_opportunity),
    Metric("site_hosting_breakeven_hashprice", Unit.FIAT_PER_PH_DAY, "Hashprice, before fees, at which mining net of "
           "power equals the configured hosting price.", lambda m: m.hosting_breakeven),
), ("currency",))  # fmt: skip

RATIOS: Family[SiteMoney, SiteMoney] = Family("site: satoshis and ratios", _whole, (
    Metric("site_revenue", Unit.SATOSHIS_PER_DAY, "mining_rig_revenue_satoshis_per_day summed over the rigs that know "
           "it.", lambda m: m.sat_per_day),
    Metric("site_gross_margin", Unit.RATIO, "1 - power cost / revenue, a sum over a sum.",
           lambda m: m.sums.gross_margin.value, levels=THIN),
    Metric("site_metered_power", Unit.WATTS, "Power at the meter: the rigs' power with the site's overhead.",
           lambda m: m.sums.power.value),
    Metric("site_metered_efficiency", Unit.JOULES_PER_TERAHASH, "Metered power over hashrate of Bitcoin's rigs, a sum "
           "over a sum.", lambda m: m.efficiency),
    Metric("site_breakeven_efficiency", Unit.JOULES_PER_TERAHASH, "Efficiency at the meter above which a rig loses "
           "money at the site's average power price; absent while power is free or better.",
           lambda m: m.breakeven_efficiency),
    Metric("site_payback", Unit.SECONDS, "Time until revenue less power cost, as now, has paid the rigs that have a "
           "configured price; absent while it never does.", lambda m: m.payback),
))  # fmt: skip

SHARES: Family[SiteMoney, float] = Family("site: share of the network", _shares, (
    Metric("site_network_share", Unit.RATIO, "Hashrate of the site's Bitcoin rigs over the network's: as observed over "
           "the longest window, or as implied by difficulty.", lambda s: s),
), ("by",))  # fmt: skip

COVERAGE: Family[SiteMoney, float] = Family("site: coverage of money", _coverage, (
    Metric("site_money_coverage", Unit.RATIO, "Part of all rigs that the sum or ratio stands for.", lambda c: c),
), ("of",))  # fmt: skip

PRICES: Family[SiteMoney, Priced] = Family("tariff: prices", _prices, (
    Metric("tariff_price", Unit.FIAT_PER_KWH, "Price of a kWh at the meter: the average cost goes into margins, the "
           "marginal price decides about curtailment.", lambda p: p.value),
), ("tariff", "kind", "currency"))  # fmt: skip

TARIFFS: Family[SiteMoney, TariffNow] = Family("tariff", _tariffs, (
    Metric("tariff_price_age", Unit.SECONDS, "Age of the newest external price of power.", lambda t: t.age),
    Metric("tariff_price_stale", Unit.NONE, "1 while the external price is too old or was never had, so that a "
           "fallback or nothing stands in, else 0; absent where no price is external.",
           lambda t: None if t.stale is None else int(t.stale), levels=FLAG),
    Metric("tariff_power", Unit.WATTS, "Power at the meter of the tariff's rigs that are heard.", lambda t: t.load),
    Metric("tariff_peak_power", Unit.WATTS, "Highest mean over a quarter of an hour of this month so far.",
           lambda t: t.peak),
    Metric("tariff_curtail_called", Unit.NONE, "1 while the grid calls for less load (demand response, coincident "
           "peak), else 0; absent where its source is silent or none is configured.",
           lambda t: None if t.called is None else int(t.called)),
    Metric("tariff_curtail_call_age", Unit.SECONDS, "Age of the newest word whether the grid calls.",
           lambda t: t.call_age),
    Metric("tariff_curtail_call_stale", Unit.NONE, "1 while that word is too old or never came, so that nothing is "
           "advised to run, else 0; absent where no source is configured.",
           lambda t: None if t.call_stale is None else int(t.call_stale)),
    Metric("tariff_coincident_power", Unit.WATTS, "Highest mean over a quarter of an hour of this month in which the "
           "grid called.", lambda t: t.called_peak),
), ("tariff",))  # fmt: skip

CHARGES: Family[SiteMoney, TariffNow] = Family("tariff: charges", _charges, (
    Metric("tariff_demand_charge", Unit.FIAT, "Demand charge of this month so far; in no margin and no price per kWh.",
           lambda t: t.demand_charge),
    Metric("tariff_coincident_charge", Unit.FIAT, "Coincident-peak charge of this year so far, were the system's peak "
           "of each month the highest load in a call; in no margin and no price per kWh.", lambda t: t.cp_charge),
), ("tariff", "currency"))  # fmt: skip

SOURCES: Family[SiteMoney, TariffNow] = Family("tariff: source of the price", _sources, (
    Metric("tariff_price_source", Unit.NONE, "Where the price of energy comes from now: fixed, zone, external, or the "
           "fallbacks last and default; value 1.", one, Kind.INFO),
), ("tariff", "source"))  # fmt: skip
