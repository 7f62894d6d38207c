"""Sums rigs up to a site: every ratio of a fleet is a sum over a sum, never a mean of ratios.

A ratio takes only the rigs whose both sides are known, and says how many of all rigs those are: a gap in the
telemetry is a gap, not a zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from stratoscope.market.costs import gross_margin_ratio
from stratoscope.units import joules_per_terahash


@dataclass(frozen=True, slots=True, kw_only=True)
class RigMoney:
    """One rig's share in the sums; None is unknown. Revenue and cost are of the same time and in one currency."""

    hashrate: float | None = None  # H/s
    power: float | None = None  # W
    revenue: float | None = None  # per day, after the pool's fee
    cost: float | None = None  # per day
    hashing_seconds: float | None = None
    scheduled_seconds: float | None = None  # curtailed time is not scheduled


@dataclass(frozen=True, slots=True)
class Total:
    """A sum over the rigs that know their part: `value` is None when no rig does; `coverage` is their part of all."""

    value: float | None
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMoney:
    """A fleet's sums, and its ratios over the rigs that know both sides."""

    rigs: int
    hashrate: Total  # H/s
    power: Total  # W
    revenue: Total  # per day
    cost: Total  # per day
    efficiency: Total  # J/TH
    gross_margin: Total  # ratio
    uptime: Total  # ratio


def fleet_money(rigs: Iterable[RigMoney]) -> FleetMoney:
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
        efficiency=Total(
            joules_per_terahash(power, hashrate) if hashrate > 0 else None, _part(power_and_hashrate, every)
        ),
        gross_margin=Total(gross_margin_ratio(revenue, cost), _part(cost_and_revenue, every)),
        uptime=Total(hashing / scheduled if scheduled > 0 else None, _part(both_times, every)),
    )


def _sum(values: Iterable[float | None]) -> Total:
    every = list(values)
    known = [value for value in every if value is not None]
    return Total(sum(known) if known else None, _part(len(known), len(every)))


def _pairs(pairs: Iterable[tuple[float | None, float | None]]) -> tuple[float, float, int]:
    first = second = 0.0
    count = 0
    for one, other in pairs:
        if one is not None and other is not None:
            first, second, count = first + one, second + other, count + 1
    return first, second, count


def _part(count: int, every: int) -> float:
    return count / every if every else 0.0
