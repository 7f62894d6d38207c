"""Creates the ledger's tables and migrates older ones, one version at a time."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

Step = Callable[[sqlite3.Connection], None]


def _identities_counters_events(db: sqlite3.Connection) -> None:
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
    """The last market values of each UTC day; `at` is their time (UTC s)."""
    db.execute(
        "CREATE TABLE market_day(day TEXT PRIMARY KEY, at REAL NOT NULL, price REAL, reward_sat INTEGER,"
        " difficulty REAL, currency TEXT NOT NULL) STRICT"
    )


def _money(db: sqlite3.Connection) -> None:
    """Money in the counters, the days of the site and its rigs, and each month's demand peaks.

    `rig` is empty for the whole site. Satoshis and millionths of `currency` are integers; the carry columns hold the
    fractions. The basis (price to fee_ratio) is a mean over basis_seconds.
    """
    for column in ("revenue_sat", "revenue_micro", "cost_micro", "credit_micro"):
        db.execute(f"ALTER TABLE counters ADD COLUMN {column} REAL")
    for column in ("revenue_seconds", "cost_seconds"):
        db.execute(f"ALTER TABLE counters ADD COLUMN {column} REAL NOT NULL DEFAULT 0.0")
    db.execute("ALTER TABLE counters ADD COLUMN currency TEXT")
    db.execute(
        "CREATE TABLE money_day(day TEXT NOT NULL, site TEXT NOT NULL, rig TEXT NOT NULL, currency TEXT NOT NULL,"
        " earned_sat INTEGER, revenue_micro INTEGER, cost_micro INTEGER,"
        " sat_carry REAL NOT NULL, revenue_carry REAL NOT NULL, cost_carry REAL NOT NULL, energy REAL, hashes REAL,"
        " revenue_seconds REAL NOT NULL, cost_seconds REAL NOT NULL, scheduled_seconds REAL NOT NULL,"
        " price REAL, difficulty REAL, fees_sat REAL, fee_ratio REAL, basis_seconds REAL NOT NULL, until REAL NOT NULL,"
        " PRIMARY KEY(day, site, rig, currency)) STRICT"
    )
    db.execute(
        "CREATE TABLE demand_peak(month TEXT NOT NULL, site TEXT NOT NULL, tariff TEXT NOT NULL, watts REAL NOT NULL,"
        " at REAL NOT NULL, PRIMARY KEY(month, site, tariff)) STRICT"
    )


def _called_peaks(db: sqlite3.Connection) -> None:
    """Demand peaks during grid calls, in addition to those of the whole month."""
    db.execute("ALTER TABLE demand_peak RENAME TO demand_peak_before")
    db.execute(
        "CREATE TABLE demand_peak(month TEXT NOT NULL, site TEXT NOT NULL, tariff TEXT NOT NULL, watts REAL NOT NULL,"
        " at REAL NOT NULL, called INTEGER NOT NULL, PRIMARY KEY(month, site, tariff, called)) STRICT"
    )
    db.execute("INSERT INTO demand_peak SELECT month, site, tariff, watts, at, 0 FROM demand_peak_before")
    db.execute("DROP TABLE demand_peak_before")


def _pins(db: sqlite3.Connection) -> None:
    """What tamper detection has learned as the operator's own: endpoints, accounts, payout addresses; `at` is UTC s."""
    db.execute(
        "CREATE TABLE pin(subject TEXT NOT NULL, value TEXT NOT NULL, at REAL NOT NULL,"
        " PRIMARY KEY(subject, value)) STRICT"
    )


def _outbox(db: sqlite3.Connection) -> None:
    """Messages that a broker has not acknowledged yet."""
    db.execute("CREATE TABLE outbox(number INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL) STRICT")


def _pools(db: sqlite3.Connection) -> None:
    """The sums of each UTC day at each pool (reconcile/waterfall.py), and the state of its shortfall test (JSON)."""
    db.execute(
        "CREATE TABLE pool_day(day TEXT NOT NULL, site TEXT NOT NULL, pool TEXT NOT NULL, scheme TEXT, fee REAL,"
        " firmware_fee REAL NOT NULL, reported_hashes REAL NOT NULL, reported_sat REAL, subsidy_sat REAL,"
        " valued_hashes REAL NOT NULL, watched_seconds REAL NOT NULL, rig_seconds REAL NOT NULL,"
        " heard_seconds REAL NOT NULL, hashing_seconds REAL NOT NULL, curtailed_seconds REAL NOT NULL,"
        " accepted REAL NOT NULL, rejected REAL NOT NULL, stale REAL NOT NULL, compared_hashes REAL NOT NULL,"
        " credited_hashes REAL NOT NULL, compared_shares REAL NOT NULL, matched REAL NOT NULL, listed REAL NOT NULL,"
        " earned_sat INTEGER, pool_fee_sat INTEGER, rate_ratio REAL, stated_hashes REAL, until REAL NOT NULL,"
        " PRIMARY KEY(day, site, pool)) STRICT"
    )
    db.execute(
        "CREATE TABLE pool_test(site TEXT NOT NULL, pool TEXT NOT NULL, state TEXT NOT NULL,"
        " PRIMARY KEY(site, pool)) STRICT"
    )


STEPS: Final[tuple[Step, ...]] = (
    _identities_counters_events,
    _market_days,
    _money,
    _called_peaks,
    _pins,
    _outbox,
    _pools,
)
"""Step n migrates from schema version n to n + 1; a released step is never changed."""

VERSION: Final = len(STEPS)


def migrate(db: sqlite3.Connection, path: Path, version: int) -> None:
    """Migrate the tables from `version` to VERSION in one transaction; an existing ledger is backed up first."""
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
    """Back up the ledger; an incomplete copy that a crash left behind is replaced."""
    half = aside.with_name(f"{aside.name}.half")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)  # VACUUM INTO takes an empty file, and leaves its mode
    db.execute("VACUUM INTO ?", (str(half),))
    half.replace(aside)
