"""Defines the metrics of a rig's money: totals since it was first seen, and current rates."""

import math
from collections.abc import Iterable
from typing import Final

from stratoscope.fleet import Counters, RigEconomics
from stratoscope.metrics.metric import FLAG, Labels, Levels, MetricFamily, MetricsOf, Subject
from stratoscope.metrics.unit import Unit
from stratoscope.units import MICRO

FEES: Final = "after pool and firmware fees"
LOSS: Final = Levels(bad=0, falling=True)
THIN: Final = Levels(attention=0.1, bad=0, falling=True)
"""For a gross margin."""
EXPECTED: Final = (
    "Based on the reported hashrate and the hashprice by difficulty, or the configured price of another algorithm: "
    "what an FPPS pool should credit, not what it paid"
)


def _sums(subject: Subject) -> Iterable[tuple[Labels, Counters]]:
    """Return the totals without a label; they stay known while prices are unknown."""
    snapshot = subject.snapshot
    if snapshot.reading is None or snapshot.economics is None or snapshot.counters.currency is None:
        return ()
    return (((), snapshot.counters),)


def _fiat_sums(subject: Subject) -> Iterable[tuple[Labels, Counters]]:
    return (((sums.currency or "",), sums) for _, sums in _sums(subject))


def _now(subject: Subject) -> Iterable[tuple[Labels, RigEconomics]]:
    own = subject.snapshot.economics
    return (((), own),) if own is not None and subject.snapshot.reading is not None else ()


def _fiat_now(subject: Subject) -> Iterable[tuple[Labels, RigEconomics]]:
    return (((own.currency,), own) for _, own in _now(subject))


def _satoshis(sums: Counters) -> float | None:
    return None if sums.revenue_sat is None else math.floor(sums.revenue_sat)


def _fiat(micro: float | None) -> float | None:
    return None if micro is None else micro * MICRO


def _advised(own: RigEconomics) -> float | None:
    return {"curtail": 1, "run": 0}.get(own.advice or "")


per_rig_counters = MetricsOf[Counters]()
per_rig_economics = MetricsOf[RigEconomics]()

EARNED: MetricFamily[Subject, Counters] = MetricFamily("rig: revenue in satoshis and covered time", _sums).with_metrics(
    per_rig_counters.counter("rig_revenue", Unit.SATOSHIS, _satoshis).means(
        f"Satoshis earned since the rig was first seen, {FEES}: the hashrate at each moment, at the difficulty and "
        "block reward of that moment. Nothing is added during gaps, with an expired difficulty, or while accepted "
        "shares do not increase."
    ),
    per_rig_counters.counter("rig_revenue_known", Unit.SECONDS, lambda c: c.revenue_seconds).means(
        "Time for which the rig's fiat revenue is known and counted. The rest of the time is a gap, not zero revenue."
    ),
    per_rig_counters.counter("rig_power_cost_known", Unit.SECONDS, lambda c: c.cost_seconds).means(
        "Time for which the rig's power cost is known and counted."
    ),
)

RATES: MetricFamily[Subject, RigEconomics] = MetricFamily(
    "rig: current revenue, cost and margin", _fiat_now, ("currency",)
).with_metrics(
    per_rig_economics.gauge("rig_revenue", Unit.FIAT_PER_DAY, lambda e: e.revenue_per_day).means(
        f"Current revenue of the rig per day, {FEES}. {EXPECTED}."
    ),
    per_rig_economics.gauge("rig_power_cost", Unit.FIAT_PER_DAY, lambda e: e.power_cost_per_day).means(
        "Current power cost of the rig per day: metered power at the average price per kWh."
    ),
    per_rig_economics.gauge("rig_margin", Unit.FIAT_PER_DAY, lambda e: e.margin_per_day, levels=LOSS).means(
        "Revenue minus power cost, per day."
    ),
    per_rig_economics.gauge("rig_power_price", Unit.FIAT_PER_KWH, lambda e: e.power_price).means(
        "Current average price of a metered kWh, with all charges."
    ),
    per_rig_economics.gauge("rig_breakeven_power_price", Unit.FIAT_PER_KWH, lambda e: e.breakeven_power_price).means(
        "Power price at which the rig's revenue equals its power cost."
    ),
    per_rig_economics.gauge("rig_strike_price", Unit.FIAT_PER_KWH, lambda e: e.strike).means(
        "Power price above which the rig's model does not earn the configured margin. Curtailment compares it with the "
        "marginal price."
    ),
    per_rig_economics.gauge("rig_hashcost", Unit.FIAT_PER_PH_DAY, lambda e: e.hashcost).means(
        "Power cost of 1 PH/s for one day."
    ),
    per_rig_economics.gauge("rig_breakeven_hashprice", Unit.FIAT_PER_PH_DAY, lambda e: e.breakeven_hashprice).means(
        "Hashprice, before fees, at which the rig's revenue equals its power cost."
    ),
    per_rig_economics.gauge("rig_revenue", Unit.FIAT_PER_MWH, lambda e: e.revenue_per_mwh).means(
        f"Revenue of the rig per MWh, {FEES}."
    ),
    per_rig_economics.gauge("rig_power_cost", Unit.FIAT_PER_BTC, lambda e: e.cost_per_btc).means(
        "Power cost of mining one bitcoin."
    ),
)

RATIOS: MetricFamily[Subject, RigEconomics] = MetricFamily(
    "rig: satoshis, ratios and curtailment advice", _now
).with_metrics(
    per_rig_economics.gauge("rig_revenue", Unit.SATOSHIS_PER_DAY, lambda e: e.revenue_sat_per_day).means(
        f"Current revenue of the rig per day in satoshis, {FEES}."
    ),
    per_rig_economics.gauge("rig_gross_margin", Unit.RATIO, lambda e: e.gross_margin_ratio, levels=THIN).means(
        "1 - power cost / revenue; absent without revenue."
    ),
    per_rig_economics.gauge(
        "rig_breakeven_efficiency", Unit.JOULES_PER_TERAHASH, lambda e: e.breakeven_efficiency
    ).means(
        "Efficiency at the meter above which the rig currently loses money; absent while the power price is zero or "
        "negative."
    ),
    per_rig_economics.gauge("rig_payback", Unit.SECONDS, lambda e: e.payback).means(
        "Time until the current margin has paid the configured price of the rig; absent while the margin never pays it."
    ),
    per_rig_economics.gauge("rig_curtail_advised", Unit.NONE, _advised, levels=FLAG).means(
        "1 while curtailment of the rig's model is advised, 0 while running it is advised; absent while unknown, for "
        "example with a stale power price. The agent never switches a rig."
    ),
)

SPENT: MetricFamily[Subject, Counters] = MetricFamily("rig: fiat totals", _fiat_sums, ("currency",)).with_metrics(
    per_rig_counters.counter("rig_revenue", Unit.FIAT, lambda c: _fiat(c.revenue_micro)).means(
        "Fiat value of the satoshis (or of the other algorithm's hashes) at the time they were earned. Nothing is "
        "added while the price is expired."
    ),
    per_rig_counters.counter("rig_power_cost", Unit.FIAT, lambda c: _fiat(c.cost_micro)).means(
        "Power cost of the rig since it was first seen, at the price of each moment while that price is positive."
    ),
    per_rig_counters.counter("rig_power_credit", Unit.FIAT, lambda c: _fiat(c.credit_micro)).means(
        "Credit for the rig's power while the power price was negative."
    ),
)
