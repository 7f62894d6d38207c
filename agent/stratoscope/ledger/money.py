"""Converts money days and demand peaks to ledger rows and back: integer satoshis and millionths, plus fractions."""

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
    f"SELECT {','.join(DAY_COLUMNS)} FROM money_day"  # noqa: S608 — the column names are constants
    " WHERE day >= (SELECT date(max(day), '-1 day') FROM money_day)"
)
NEWEST_PEAKS: Final = (
    "SELECT month, site, tariff, watts, at, called FROM demand_peak"
    " WHERE month >= (SELECT substr(max(month), 1, 4) FROM demand_peak)"
)


def row_of(day: Day) -> tuple[Any, ...]:
    """Return a day as a row of DAY_COLUMNS."""
    sat, sat_carry = _split(day.sat)
    revenue, revenue_carry = _split(day.revenue)
    cost, cost_carry = _split(day.cost)
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
    """Return the day of a row of DAY_COLUMNS."""
    values = dict(zip(DAY_COLUMNS, row, strict=True))
    return Day(
        day=values["day"],
        site=values["site"],
        rig=values["rig"],
        currency=values["currency"],
        sat=_join(values["earned_sat"], values["sat_carry"]),
        revenue=_join(values["revenue_micro"], values["revenue_carry"]),
        cost=_join(values["cost_micro"], values["cost_carry"]),
        energy=values["energy"],
        hashes=values["hashes"],
        revenue_seconds=values["revenue_seconds"],
        cost_seconds=values["cost_seconds"],
        scheduled_seconds=values["scheduled_seconds"],
        price=values["price"],
        difficulty=values["difficulty"],
        fees=values["fees_sat"],
        fee=values["fee_ratio"],
        basis_seconds=values["basis_seconds"],
        until=values["until"],
    )


def peak_of(row: tuple[Any, ...]) -> Peak:
    """Return the peak of a row of NEWEST_PEAKS."""
    month, site, tariff, watts, at, called = row
    return Peak(month, site, tariff, watts, at, bool(called))


def _split(value: float | None) -> tuple[int | None, float]:
    if value is None:
        return None, 0.0
    whole = math.floor(value)
    return whole, value - whole


def _join(whole: int | None, carry: float) -> float | None:
    return None if whole is None else whole + carry
