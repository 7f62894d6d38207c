"""Holds the rows of the metric table that describe a rig's money: sums since it was first seen, and rates now."""

import math
from collections.abc import Iterable
from typing import Final

from stratoscope.fleet import Counters, RigEconomics
from stratoscope.metrics.metric import FLAG, Family, Kind, Labels, Levels, Metric, Subject
from stratoscope.metrics.unit import Unit
from stratoscope.units import MICRO

FEES: Final = "after the fees of pool and firmware"
LOSS: Final = Levels(bad=0, falling=True)
THIN: Final = Levels(attention=0.1, bad=0, falling=True)
"""Of a gross margin."""
EXPECTED: Final = (
    "At the reported hashrate and the hashprice by difficulty, or the configured price of another algorithm: what an "
    "FPPS pool should credit, not what it paid"
)


def _sums(subject: Subject) -> Iterable[tuple[Labels, Counters]]:
    """Yield the sums, without a label; they stay known while prices are not."""
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


EARNED: Family[Subject, Counters] = Family("money of a rig: satoshis and time", _sums, (
    Metric("rig_revenue", Unit.SATOSHIS, f"Satoshis earned since the rig was first seen, {FEES}: each moment's "
           "hashrate at its own difficulty and reward. Nothing is added over gaps, from an expired difficulty, or "
           "while accepted shares stand still.", _satoshis, Kind.COUNTER),
    Metric("rig_revenue_known", Unit.SECONDS, "Time for which the rig's revenue in fiat is known and counted; the rest "
           "is a gap, not a zero.", lambda c: c.revenue_seconds, Kind.COUNTER),
    Metric("rig_power_cost_known", Unit.SECONDS, "Time for which the rig's power cost is known and counted.",
           lambda c: c.cost_seconds, Kind.COUNTER),
))  # fmt: skip

RATES: Family[Subject, RigEconomics] = Family("money of a rig: rates now", _fiat_now, (
    Metric("rig_revenue", Unit.FIAT_PER_DAY, f"What the rig earns per day now, {FEES}. {EXPECTED}.",
           lambda e: e.revenue_per_day),
    Metric("rig_power_cost", Unit.FIAT_PER_DAY, "What the rig's power costs per day now, at the meter and the average "
           "cost of a kWh.", lambda e: e.power_cost_per_day),
    Metric("rig_margin", Unit.FIAT_PER_DAY, "Revenue less power cost, per day.", lambda e: e.margin_per_day,
           levels=LOSS),
    Metric("rig_power_price", Unit.FIAT_PER_KWH, "Average cost of a kWh at the meter now, everything included.",
           lambda e: e.power_price),
    Metric("rig_breakeven_power_price", Unit.FIAT_PER_KWH, "Power price at which the rig earns what its power costs.",
           lambda e: e.breakeven_power_price),
    Metric("rig_strike_price", Unit.FIAT_PER_KWH, "Power price above which the rig's model does not earn the wanted "
           "margin; held against the marginal price.", lambda e: e.strike),
    Metric("rig_hashcost", Unit.FIAT_PER_PH_DAY, "Cost of the power behind a PH/s for a day.", lambda e: e.hashcost),
    Metric("rig_breakeven_hashprice", Unit.FIAT_PER_PH_DAY, "Hashprice, before fees, at which the rig earns what its "
           "power costs.", lambda e: e.breakeven_hashprice),
    Metric("rig_revenue", Unit.FIAT_PER_MWH, f"What the rig earns from a MWh, {FEES}.", lambda e: e.revenue_per_mwh),
    Metric("rig_power_cost", Unit.FIAT_PER_BTC, "Cost of the power that mines one bitcoin.", lambda e: e.cost_per_btc),
), ("currency",))  # fmt: skip

RATIOS: Family[Subject, RigEconomics] = Family("money of a rig: satoshis, ratios and advice now", _now, (
    Metric("rig_revenue", Unit.SATOSHIS_PER_DAY, f"Satoshis the rig earns per day now, {FEES}.",
           lambda e: e.revenue_sat_per_day),
    Metric("rig_gross_margin", Unit.RATIO, "1 - power cost / revenue; absent without revenue.",
           lambda e: e.gross_margin_ratio, levels=THIN),
    Metric("rig_breakeven_efficiency", Unit.JOULES_PER_TERAHASH, "Efficiency at the meter above which a rig loses "
           "money now; absent while power is free or better.", lambda e: e.breakeven_efficiency),
    Metric("rig_payback", Unit.SECONDS, "Time until revenue less power cost, as now, has paid the configured price of "
           "the rig; absent while it never does.", lambda e: e.payback),
    Metric("rig_curtail_advised", Unit.NONE, "1 while it is advised to curtail the rig's model, 0 while it is advised "
           "to run it; absent while unknown, as when the power price is stale. Nothing is switched.", _advised,
           levels=FLAG),
))  # fmt: skip

SPENT: Family[Subject, Counters] = Family("money of a rig: fiat sums", _fiat_sums, (
    Metric("rig_revenue", Unit.FIAT, "What the satoshis (or the other algorithm's hashes) were worth when they were "
           "earned. Nothing is added from an expired price.", lambda c: _fiat(c.revenue_micro), Kind.COUNTER),
    Metric("rig_power_cost", Unit.FIAT, "Cost of the rig's power since it was first seen, each moment at its own "
           "price, while that is above zero.", lambda c: _fiat(c.cost_micro), Kind.COUNTER),
    Metric("rig_power_credit", Unit.FIAT, "Received for the rig's power while its price was below zero.",
           lambda c: _fiat(c.credit_micro), Kind.COUNTER),
), ("currency",))  # fmt: skip
