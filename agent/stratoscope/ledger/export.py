"""Exports a ledger while an agent may use it: days, peaks, pins and events as plain rows, and a backup of the file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from stratoscope.errors import UsageError
from stratoscope.ledger import pool_days
from stratoscope.ledger.schema import VERSION

Table = Literal["days", "rig-days", "pool-days", "peaks", "pins", "events"]

MICRO: Final = Decimal("0.000001")

DAYS: Final = (
    "SELECT day, site, rig, currency, earned_sat, revenue_micro, cost_micro, energy, hashes, revenue_seconds,"
    " cost_seconds, scheduled_seconds, price, difficulty, fees_sat, fee_ratio FROM money_day"
    " WHERE day >= ? AND (rig = '') = ? ORDER BY day, site, rig, currency"
)

POOL_DAYS: Final = (
    f"SELECT {','.join(pool_days.DAY_COLUMNS)} FROM pool_day"  # noqa: S608 — the column names are constants
    " WHERE day >= ? ORDER BY day, site, pool"
)


@contextmanager
def open_ledger(state_dir: Path) -> Iterator[sqlite3.Connection]:
    """Open the ledger of a state directory read-only; raises UsageError with the remedy."""
    path = state_dir / "ledger.sqlite"
    if not path.is_file():
        raise UsageError(
            f"there is no ledger at {path}: give the agent's state_dir with --state-dir or its config with --config"
        )
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                older = "start the agent once to migrate the ledger"
                remedy = older if version < VERSION else "upgrade Stratoscope"
                raise UsageError(f"{path} has schema {version}, this Stratoscope needs {VERSION}: {remedy}")
            db.row_factory = sqlite3.Row
            yield db
    except sqlite3.Error as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def export_rows(db: sqlite3.Connection, table: Table, since: str) -> list[dict[str, Any]]:
    """Return the rows since UTC day `since` (2026-01-12), oldest first; None is unknown."""
    if table == "events":
        start = datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp()
        return [_event(row) for row in db.execute("SELECT * FROM event WHERE at >= ? ORDER BY at", (start,))]
    if table == "peaks":
        rows = db.execute(
            "SELECT * FROM demand_peak WHERE month >= ? ORDER BY month, site, tariff, called", (since[:7],)
        )
        return [_peak(row) for row in rows]
    if table == "pins":
        start = datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp()
        rows = db.execute("SELECT subject, value, at FROM pin WHERE at >= ? ORDER BY at", (start,))
        return [{"subject": row["subject"], "value": row["value"], "since": _moment(row["at"])} for row in rows]
    if table == "pool-days":
        rows = db.execute(POOL_DAYS, (since,))
        return [pool_days.export_row(pool_days.day_of(tuple(row))) for row in rows]
    return [_day(row) for row in db.execute(DAYS, (since, table == "days"))]


def backup(db: sqlite3.Connection, file: Path) -> None:
    """Copy the ledger into a new `file` with mode 0600; the agent may keep running. Raises UsageError."""
    try:
        file.touch(mode=0o600, exist_ok=False)  # VACUUM INTO accepts an empty file and keeps its mode
    except OSError as error:
        reason = (error.strerror or "error").lower()
        raise UsageError(f"{file} cannot be created: {reason}. Give a new file in an existing directory.") from error
    try:
        db.execute("VACUUM INTO ?", (str(file),))
    except sqlite3.Error as error:
        file.unlink(missing_ok=True)
        raise UsageError(f"{file}: {error}") from error


def _day(row: sqlite3.Row) -> dict[str, Any]:
    revenue, cost = _fiat(row["revenue_micro"]), _fiat(row["cost_micro"])
    scheduled = row["scheduled_seconds"]
    return {
        "day": row["day"],
        "site": row["site"],
        "rig": row["rig"] or None,
        "currency": row["currency"],
        "earned_sat": row["earned_sat"],
        "revenue": revenue,
        "power_cost": cost,
        "margin": None if revenue is None or cost is None else revenue - cost,
        "energy_joules": row["energy"],
        "hashes": row["hashes"],
        "revenue_coverage_ratio": row["revenue_seconds"] / scheduled if scheduled else None,
        "cost_coverage_ratio": row["cost_seconds"] / scheduled if scheduled else None,
        "price": row["price"],
        "difficulty": row["difficulty"],
        "fees_sat_per_block": row["fees_sat"],
        "fee_ratio": row["fee_ratio"],
    }


def _peak(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "month": row["month"],
        "site": row["site"],
        "tariff": row["tariff"],
        "peak_watts": row["watts"],
        "of": "calls" if row["called"] else "month",
        "at": _moment(row["at"]),
    }


def _event(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "at": _moment(row["at"]),
        "kind": row["kind"],
        "rig": row["rig"],
        "text": row["text"],
        "details": row["details"],
        "id": row["id"],
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _fiat(micro: int | None) -> Decimal | None:
    return None if micro is None else micro * MICRO
