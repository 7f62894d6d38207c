"""Older ledgers are migrated completely or not at all, with a backup of the old file."""

import sqlite3

import pytest

from stratoscope.ledger import VERSION, Ledger
from stratoscope.ledger.schema import STEPS, migrate
from stratoscope.market.history import DayPoint

FIRST = """
CREATE TABLE identity(
    key TEXT PRIMARY KEY, rig TEXT NOT NULL, address TEXT NOT NULL, first_seen REAL NOT NULL, last_seen REAL NOT NULL
) STRICT;
CREATE TABLE counters(
    key TEXT PRIMARY KEY,
    accepted INTEGER, rejected INTEGER, stale INTEGER, hardware_errors INTEGER,
    energy REAL, hashes REAL, resets INTEGER NOT NULL,
    raw_accepted INTEGER, raw_rejected INTEGER, raw_stale INTEGER, raw_hardware_errors INTEGER,
    uptime REAL, time REAL NOT NULL
) STRICT;
CREATE TABLE event(
    id TEXT PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, rig TEXT, text TEXT NOT NULL, details TEXT NOT NULL
) STRICT;
CREATE INDEX event_at ON event(at);
INSERT INTO identity VALUES('mac:AA', 'AA', '10.0.0.1', 1.0, 2.0);
PRAGMA user_version=1;
"""


def opened(path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def tables(db: sqlite3.Connection) -> dict[str, str]:
    return {
        name: "".join(sql.split()) for name, sql in db.execute("SELECT name, sql FROM sqlite_master WHERE sql > ''")
    }


@pytest.fixture
def first(tmp_path):
    """A ledger as version 0.1.0 created it."""
    db = opened(tmp_path / "ledger.sqlite")
    db.executescript(FIRST)
    db.close()
    return tmp_path


def test_f50_a_ledger_with_the_first_schema_is_migrated_and_backed_up(first):
    ledger = Ledger(first)
    assert ledger.identities() == [("mac:AA", "AA", "10.0.0.1")]
    ledger.close()

    copy = opened(first / "ledger.sqlite.schema-1")
    assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    assert copy.execute("SELECT rig FROM identity").fetchall() == [("AA",)]
    copy.close()
    assert (first / "ledger.sqlite.schema-1").stat().st_mode & 0o077 == 0


def test_f50_a_migrated_ledger_has_the_same_tables_as_a_fresh_one(first, tmp_path_factory):
    Ledger(first).close()
    fresh = tmp_path_factory.mktemp("fresh")
    Ledger(fresh).close()
    made = [opened(place / "ledger.sqlite") for place in (first, fresh)]
    assert tables(made[0]) == tables(made[1])
    assert [db.execute("PRAGMA user_version").fetchone() for db in made] == [(VERSION,)] * 2
    assert not list(fresh.glob("*.schema-*"))
    for db in made:
        db.close()


@pytest.mark.parametrize("failing", range(1, len(STEPS)))
def test_f50_a_failed_step_leaves_the_ledger_unchanged(first, monkeypatch, failing):
    def fails(db):
        db.execute("CREATE TABLE half(a)")
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("stratoscope.ledger.schema.STEPS", (*STEPS[:failing], fails, *STEPS[failing + 1 :]))
    db = opened(first / "ledger.sqlite")
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, first / "ledger.sqlite", 1)
    assert set(tables(db)) == {"identity", "counters", "event", "event_at"}
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    db.close()
    monkeypatch.undo()
    Ledger(first).close()  # the leftovers of the failed migration do not prevent the next one


def test_every_table_is_strict(tmp_path):
    Ledger(tmp_path).close()
    db = opened(tmp_path / "ledger.sqlite")
    assert all(sql.endswith("STRICT") for sql in tables(db).values() if sql.startswith("CREATETABLE"))
    db.close()


def test_market_days_survive_a_restart_and_the_last_value_of_a_day_wins(tmp_path):
    early = DayPoint("2026-01-12", 1768200000.0, 91_000.0, 317_000_000, 1.4647e14, "USD")
    late = DayPoint("2026-01-12", 1768240000.0, None, 316_000_000, 1.4647e14, "USD")
    before = DayPoint("2026-01-11", 1768100000.0, 90_000.0, None, None, "USD")
    ledger = Ledger(tmp_path)
    ledger.keep_market_days([early, before])
    ledger.keep_market_days([late])
    ledger.close()

    again = Ledger(tmp_path)
    assert again.market_days() == [before, late]
    again.close()
