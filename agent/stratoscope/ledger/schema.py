"""Makes the ledger's tables and brings older ones up to date, one version at a time."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

Step = Callable[[sqlite3.Connection], None]


def _first(db: sqlite3.Connection) -> None:
    """Identities, sums and events."""
    db.execute(
        "CREATE TABLE identity(key TEXT PRIMARY KEY, rig TEXT NOT NULL, address TEXT NOT NULL,"
        " first_seen REAL NOT NULL, last_seen REAL NOT NULL) STRICT"
    )
    db.execute(
        "CREATE TABLE counters(key TEXT PRIMARY KEY,"
        " accepted INTEGER, rejected INTEGER, stale INTEGER, hardware_errors INTEGER,"
        " energy REAL, hashes REAL, resets INTEGER NOT NULL,"
        " raw_accepted INTEGER, raw_rejected INTEGER, raw_stale INTEGER, raw_hardware_errors INTEGER,"
        " uptime REAL, time REAL NOT NULL) STRICT"
    )
    db.execute(
        "CREATE TABLE event(id TEXT PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, rig TEXT, text TEXT NOT NULL,"
        " details TEXT NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX event_at ON event(at)")


def _market_days(db: sqlite3.Connection) -> None:
    """The market's factors, the last ones seen on each UTC day; `at` says when."""
    db.execute(
        "CREATE TABLE market_day(day TEXT PRIMARY KEY, at REAL NOT NULL, price REAL, reward_sat INTEGER,"
        " difficulty REAL, currency TEXT NOT NULL) STRICT"
    )


STEPS: Final[tuple[Step, ...]] = (_first, _market_days)
"""What leads from schema version n to n + 1, by n; a released step is never changed."""

VERSION: Final = len(STEPS)


def bring_up_to_date(db: sqlite3.Connection, path: Path, version: int) -> None:
    """Lead the tables from `version` to VERSION in one transaction; a file with rows in it is copied aside first."""
    if version == VERSION:
        return
    if version > 0:
        _copy(db, path.with_name(f"{path.name}.schema-{version}"))
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in STEPS[version:]:
            step(db)
        db.execute(f"PRAGMA user_version={VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


def _copy(db: sqlite3.Connection, aside: Path) -> None:
    """Copy the whole ledger; a copy that a crash left half-made is replaced."""
    half = aside.with_name(f"{aside.name}.half")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)  # VACUUM INTO takes an empty file, and leaves its mode
    db.execute("VACUUM INTO ?", (str(half),))
    half.replace(aside)
