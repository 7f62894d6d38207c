"""Sums rigs up to a fleet: every ratio is a sum over a sum, never a mean of ratios.

A ratio uses only the rigs with both values, and its coverage is the share of those rigs: a gap in the telemetry lowers
the coverage and does not count as zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from stratoscope.market.costs import gross_margin_ratio
from stratoscope.units import joules_per_terahash


@dataclass(frozen=True, slots=True, kw_only=True)
class RigMoney:
    """The values of one rig; None is unknown. Revenue and cost are of the same time and in the same currency."""

    hashrate: float | None = None  # H/s
    power: float | None = None  # W
    revenue: float | None = None  # per day, after the pool's fee
    cost: float | None = None  # per day
    hashing_seconds: float | None = None
    scheduled_seconds: float | None = None  # without curtailed time


@dataclass(frozen=True, slots=True)
class CoveredValue:
    """A sum or ratio over the rigs that have the values; None if no rig does. `coverage` is their share of all rigs."""

    value: float | None
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMoney:
    """The sums and ratios of a fleet."""

    rigs: int
    hashrate: CoveredValue  # H/s
    power: CoveredValue  # W
    revenue: CoveredValue  # per day
    cost: CoveredValue  # per day
    efficiency: CoveredValue  # J/TH
    gross_margin: CoveredValue  # ratio
    uptime: CoveredValue  # ratio


def sum_fleet(rigs: Iterable[RigMoney]) -> FleetMoney:
    """Return the sums of `rigs`."""
    rows = list(rigs)
    power, hashrate, power_and_hashrate = _pairs((rig.power, rig.hashrate) for rig in rows)
    cost, revenue, cost_and_revenue = _pairs((rig.cost, rig.revenue) for rig in rows)
    hashing, scheduled, both_times = _pairs((rig.hashing_seconds, rig.scheduled_seconds) for rig in rows)
    every = len(rows)
    return FleetMoney(
        rigs=every,
        hashrate=_sum(rig.hashrate for rig in rows),
        power=_sum(rig.power for rig in rows),
        revenue=_sum(rig.revenue for rig in rows),
        cost=_sum(rig.cost for rig in rows),
        efficiency=CoveredValue(
            joules_per_terahash(power, hashrate) if hashrate > 0 else None, _coverage(power_and_hashrate, every)
        ),
        gross_margin=CoveredValue(gross_margin_ratio(revenue, cost), _coverage(cost_and_revenue, every)),
        uptime=CoveredValue(hashing / scheduled if scheduled > 0 else None, _coverage(both_times, every)),
    )


def _sum(values: Iterable[float | None]) -> CoveredValue:
    every = list(values)
    known = [value for value in every if value is not None]
    return CoveredValue(sum(known) if known else None, _coverage(len(known), len(every)))


def _pairs(pairs: Iterable[tuple[float | None, float | None]]) -> tuple[float, float, int]:
    first = second = 0.0
    count = 0
    for one, other in pairs:
        if one is not None and other is not None:
            first, second, count = first + one, second + other, count + 1
    return first, second, count


def _coverage(count: int, every: int) -> float:
    return count / every if every else 0.0
