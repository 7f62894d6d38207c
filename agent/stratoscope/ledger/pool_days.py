"""Converts pool days and the states of the shortfall tests to ledger rows, and pool days to rows for export."""

import math
from dataclasses import fields
from typing import Any, Final, get_args

import orjson

from stratoscope.pools.report import Scheme
from stratoscope.reconcile.waterfall import PoolDay, waterfall

DAY_COLUMNS: Final = tuple(field.name for field in fields(PoolDay))
KEEP_DAYS: Final = (
    f"INSERT OR REPLACE INTO pool_day({','.join(DAY_COLUMNS)}) VALUES({','.join('?' * len(DAY_COLUMNS))})"
)
KEEP_TESTS: Final = "INSERT OR REPLACE INTO pool_test(site, pool, state) VALUES(?,?,?)"
NEWEST_DAYS: Final = (
    f"SELECT {','.join(DAY_COLUMNS)} FROM pool_day"  # noqa: S608 — the column names are constants
    " WHERE day >= (SELECT date(max(day), '-7 day') FROM pool_day)"
)
SCHEMES: Final = get_args(Scheme)

PoolTestState = tuple[str, list[list[float]]]
"""A pool and the state of its shortfall test."""


def row_of(day: PoolDay) -> tuple[Any, ...]:
    """Return a day as a row of DAY_COLUMNS."""
    return tuple(getattr(day, name) for name in DAY_COLUMNS)


def day_of(row: tuple[Any, ...]) -> PoolDay:
    """Return the day of a row of DAY_COLUMNS."""
    return PoolDay(**dict(zip(DAY_COLUMNS, row, strict=True)))


def row_of_test(site: str, test: PoolTestState) -> tuple[str, str, str]:
    """Return the state of a test as a row of the table pool_test."""
    return site, test[0], orjson.dumps(test[1]).decode()


def decode_test_state(pool: str, state: str) -> PoolTestState:
    """Return the state of a test; an empty one where it cannot be read."""
    try:
        rows = orjson.loads(state)
    except orjson.JSONDecodeError:
        return pool, []
    table = isinstance(rows, list) and all(isinstance(row, list) for row in rows)
    numbers = table and all(isinstance(value, int | float) and math.isfinite(value) for row in rows for value in row)
    return pool, rows if numbers else []


def export_row(day: PoolDay) -> dict[str, Any]:
    """Return a day for export: whole satoshis, the factors of the waterfall, the hashprices; None is unknown."""
    fall = waterfall(day)
    factors = fall.factors if fall is not None else {}
    return {
        "day": day.day,
        "site": day.site,
        "pool": day.pool,
        "scheme": day.scheme,
        "theoretical_sat": _rounded(None if fall is None else fall.theoretical),
        "expected_sat": _rounded(None if fall is None else fall.expected),
        "realised_sat": _rounded(None if fall is None else fall.realised),
        "account_earned_sat": day.earned_sat,
        "realised_ratio": None if fall is None else fall.ratio,
        "uptime_ratio": factors.get("uptime"),
        "acceptance_ratio": factors.get("acceptance"),
        "rate_method_ratio": factors.get("rate_method"),
        "pool_fee_factor": factors.get("pool_fee"),
        "luck_ratio": factors.get("luck"),
        "residual_ratio": factors.get("residual"),
        **{
            f"cost_{cause}_sat": _rounded(cost)
            for cause, cost in (fall.costs if fall is not None else NO_COSTS).items()
        },
        "reported_hashes": day.reported_hashes,
        "compared_hashes": day.compared_hashes,
        "credited_hashes": day.credited_hashes,
        "compared_shares": day.compared_shares,
        "coverage_ratio": day.coverage,
        "matched_ratio": day.matched_ratio,
        "market_hashprice_btc_per_ph_day": None if fall is None else fall.hashprice,
        "realised_hashprice_btc_per_ph_day": None if fall is None else fall.realised_hashprice,
    }


NO_COSTS: Final[dict[str, float | None]] = dict.fromkeys(
    ("downtime", "firmware_fee", "rejected", "stale", "uncredited", "pool_fee")
)


def _rounded(satoshis: float | None) -> int | None:
    return None if satoshis is None else round(satoshis)
