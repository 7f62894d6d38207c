"""Spells the ledger's rows of money: integer satoshis and millionths of fiat, with the fraction carried beside."""

import math
from typing import Any, Final

from stratoscope.economics.days import Day
from stratoscope.economics.demand import Peak

DAY_COLUMNS: Final = (
    "day",
    "site",
    "rig",
    "currency",
    "earned_sat",
    "revenue_micro",
    "cost_micro",
    "sat_carry",
    "revenue_carry",
    "cost_carry",
    "energy",
    "hashes",
    "revenue_seconds",
    "cost_seconds",
    "scheduled_seconds",
    "price",
    "difficulty",
    "fees_sat",
    "fee_ratio",
    "basis_seconds",
    "until",
)

KEEP_DAYS: Final = (
    f"INSERT OR REPLACE INTO money_day({','.join(DAY_COLUMNS)}) VALUES({','.join('?' * len(DAY_COLUMNS))})"
)
KEEP_PEAKS: Final = "INSERT OR REPLACE INTO demand_peak(month, site, tariff, watts, at, called) VALUES(?,?,?,?,?,?)"

NEWEST_DAYS: Final = (
    f"SELECT {','.join(DAY_COLUMNS)} FROM money_day"  # noqa: S608 — the names are our own
    " WHERE day >= (SELECT date(max(day), '-1 day') FROM money_day)"
)
NEWEST_PEAKS: Final = (
    "SELECT month, site, tariff, watts, at, called FROM demand_peak"
    " WHERE month >= (SELECT substr(max(month), 1, 4) FROM demand_peak)"
)


def row_of(day: Day) -> tuple[Any, ...]:
    """Return a day as the table holds it."""
    sat, sat_carry = _whole(day.sat)
    revenue, revenue_carry = _whole(day.revenue)
    cost, cost_carry = _whole(day.cost)
    return (
        day.day,
        day.site,
        day.rig,
        day.currency,
        sat,
        revenue,
        cost,
        sat_carry,
        revenue_carry,
        cost_carry,
        day.energy,
        day.hashes,
        day.revenue_seconds,
        day.cost_seconds,
        day.scheduled_seconds,
        day.price,
        day.difficulty,
        day.fees,
        day.fee,
        day.basis_seconds,
        day.until,
    )


def day_of(row: tuple[Any, ...]) -> Day:
    """Return the day that a row of DAY_COLUMNS holds."""
    held = dict(zip(DAY_COLUMNS, row, strict=True))
    return Day(
        day=held["day"],
        site=held["site"],
        rig=held["rig"],
        currency=held["currency"],
        sat=_joined(held["earned_sat"], held["sat_carry"]),
        revenue=_joined(held["revenue_micro"], held["revenue_carry"]),
        cost=_joined(held["cost_micro"], held["cost_carry"]),
        energy=held["energy"],
        hashes=held["hashes"],
        revenue_seconds=held["revenue_seconds"],
        cost_seconds=held["cost_seconds"],
        scheduled_seconds=held["scheduled_seconds"],
        price=held["price"],
        difficulty=held["difficulty"],
        fees=held["fees_sat"],
        fee=held["fee_ratio"],
        basis_seconds=held["basis_seconds"],
        until=held["until"],
    )


def peak_of(row: tuple[Any, ...]) -> Peak:
    """Return the peak that a row holds."""
    month, site, tariff, watts, at, called = row
    return Peak(month, site, tariff, watts, at, bool(called))


def _whole(value: float | None) -> tuple[int | None, float]:
    if value is None:
        return None, 0.0
    whole = math.floor(value)
    return whole, value - whole


def _joined(whole: int | None, carry: float) -> float | None:
    return None if whole is None else whole + carry
