"""Keeps identities, counters, days, events and unsent messages in one SQLite file, and returns them at the next start.

The file is in the state directory; one thread writes it with synchronous=FULL, so that acknowledged rows survive a
power cut. A damaged file is renamed and a new one started. A full disk degrades the ledger, never the polling.
"""

import fcntl
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import orjson

from stratoscope.economics.days import Day
from stratoscope.economics.demand import Peak
from stratoscope.errors import ConfigError
from stratoscope.events import Event
from stratoscope.fleet import Counters
from stratoscope.judgement.counters import Sample
from stratoscope.ledger import clean_shutdown, money, pool_days
from stratoscope.ledger.pool_days import PoolTestState
from stratoscope.ledger.schema import VERSION, migrate
from stratoscope.market.history import DayPoint
from stratoscope.reconcile.waterfall import PoolDay
from stratoscope.tamper.detector import Pin

MAX_PLAUSIBLE_VERSION: Final = 1000
"""No release will reach this schema version: a higher one means that the header is damaged."""

MAX_QUEUED_JOBS: Final = 10_000
"""Jobs kept in memory while the disk accepts none; further jobs are lost and counted in `lost`."""

MAX_STATEMENTS: Final = 500
"""Most statements in one transaction."""

COUNTER_FIELDS: Final = tuple(field.name for field in fields(Counters))
counter_values: Final = attrgetter(*COUNTER_FIELDS)  # astuple would copy deeply
SAMPLE_COLUMNS: Final = ("raw_accepted", "raw_rejected", "raw_stale", "raw_hardware_errors", "uptime", "time")
COUNTER_COLUMNS: Final = ("key", *COUNTER_FIELDS, *SAMPLE_COLUMNS)
KEEP_COUNTERS: Final = (
    f"INSERT OR REPLACE INTO counters({','.join(COUNTER_COLUMNS)}) VALUES({','.join('?' * len(COUNTER_COLUMNS))})"
)

Job = Sequence[tuple[str, Sequence[Sequence[Any]]]]
"""Statements with their rows, for one transaction."""


@dataclass(slots=True)
class LedgerStatus:
    """The state of the ledger, for the agent's metrics."""

    degraded: str | None = None  # why nothing can be written now; None: it works
    lost: int = 0  # rows that could not be written
    written: int = 0
    quarantined: int = 0  # damaged files renamed at this start


class Ledger(LedgerStatus):
    """The agent's persistent state. Writing methods only queue, and return at once; `close` writes the queue."""

    def __init__(self, directory: Path, warn: Callable[[str], None] = lambda _: None) -> None:
        """Open or create the ledger in `directory`; raises ConfigError when it cannot be used at all."""
        super().__init__()
        self.path = directory / "ledger.sqlite"
        self._warn = warn
        self._lock = self._claim(directory)
        self.unclean_shutdown = clean_shutdown.begin_run(self.path, warn)
        self._db = self._open()
        self._jobs: queue.Queue[Job | None] = queue.Queue(MAX_QUEUED_JOBS)
        self._thread = threading.Thread(target=self._write_all, name="ledger", daemon=True)
        self._thread.start()

    def _claim(self, directory: Path) -> int:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            message = f"state_dir {directory}: {error.strerror}. Give a directory that the agent's user can write."
            raise ConfigError(message) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            message = f"state_dir {directory} is in use by another agent. Give each agent its own state_dir."
            raise ConfigError(message) from error
        return lock

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # damage may reach the text of the error
            if isinstance(error, sqlite3.OperationalError) and self._healthy_file():
                raise ConfigError(f"{self.path}: {error}. Check the disk and the permissions.") from error
            aside = self.path.with_name(f"{self.path.name}.corrupt-{int(time.time())}")
            self.path.rename(aside)
            for leftover in ("-wal", "-shm"):
                self.path.with_name(self.path.name + leftover).unlink(missing_ok=True)
            self.quarantined += 1
            self._warn(f"{self.path} is damaged: {error} (it is kept as {aside.name}, a new ledger is started)")
            return self._connect()

    def _healthy_file(self) -> bool:
        try:
            return self.path.open("rb").read(16) in (b"", b"SQLite format 3\0")
        except OSError:
            return True

    def _connect(self) -> sqlite3.Connection:
        old_mask = os.umask(0o077)
        try:
            db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=5)
        finally:
            os.umask(old_mask)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        (check,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if check != "ok":
            db.close()
            raise sqlite3.DatabaseError(check)
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if not 0 <= version <= MAX_PLAUSIBLE_VERSION:
            db.close()
            raise sqlite3.DatabaseError(f"schema version {version}")
        if version > VERSION:
            db.close()
            message = f"{self.path} was written by a newer Stratoscope (schema {version}, this one supports {VERSION})."
            raise ConfigError(f"{message} Upgrade Stratoscope, or give another state_dir.")
        migrate(db, self.path, version)
        return db

    # -- read at start ------------------------------------------------------
    def identities(self) -> list[tuple[str, str, str]]:
        """Return (key, rig, address) of every known machine, the most recently seen last."""
        return list(self._db.execute("SELECT key, rig, address FROM identity ORDER BY last_seen"))

    def counters(self) -> list[tuple[str, Counters, Sample]]:
        """Return the counters of every machine, with the sample they were last advanced with."""
        rows = self._db.execute(f"SELECT {','.join(COUNTER_COLUMNS)} FROM counters")  # noqa: S608 — the column names are constants
        found = []
        for key, *values in rows:
            *raw, uptime, at = values[len(COUNTER_FIELDS) :]
            counters = Counters(**dict(zip(COUNTER_FIELDS, values[: len(COUNTER_FIELDS)], strict=True)))
            found.append((key, counters, Sample(raw=(raw[0], raw[1], raw[2], raw[3]), uptime=uptime, time=at)))
        return found

    def money_days(self) -> list[Day]:
        """Return the rows of the newest day and the one before, of every site and rig."""
        return [money.day_of(row) for row in self._db.execute(money.NEWEST_DAYS)]

    def demand_peaks(self) -> list[Peak]:
        """Return the demand peaks of the newest year."""
        return [money.peak_of(row) for row in self._db.execute(money.NEWEST_PEAKS)]

    def pool_days(self) -> list[PoolDay]:
        """Return the pool days of the newest week."""
        return [pool_days.day_of(row) for row in self._db.execute(pool_days.NEWEST_DAYS)]

    def pool_tests(self, site: str) -> dict[str, list[list[float]]]:
        """Return the states of the shortfall tests of a site's pools."""
        rows = self._db.execute("SELECT pool, state FROM pool_test WHERE site = ?", (site,))
        return dict(pool_days.decode_test_state(pool, state) for pool, state in rows)

    def market_days(self) -> list[DayPoint]:
        """Return the market days, oldest first."""
        rows = self._db.execute("SELECT day, at, price, reward_sat, difficulty, currency FROM market_day ORDER BY day")
        return [DayPoint(*row) for row in rows]

    def pins(self) -> list[Pin]:
        """Return the pins of tamper detection, oldest first."""
        return [Pin(*row) for row in self._db.execute("SELECT subject, value, at FROM pin ORDER BY at")]

    # -- write --------------------------------------------------------------
    def keep_identities(self, rows: Sequence[tuple[str, str, str, float]]) -> None:
        """Keep which machine was seen where: (key, rig, address, UTC s)."""
        self._put(
            "INSERT INTO identity VALUES(?1, ?2, ?3, ?4, ?4) ON CONFLICT(key) DO UPDATE SET"
            " rig=?2, address=?3, last_seen=?4",
            rows,
        )

    def checkpoint(
        self, rows: Sequence[tuple[str, Counters, Sample]], days: Sequence[Day] = (), peaks: Sequence[Peak] = ()
    ) -> None:
        """Keep the counters of machines and the days and peaks that belong to them, in one transaction."""
        flat = [
            (key, *counter_values(counters), *sample.raw, sample.uptime, sample.time) for key, counters, sample in rows
        ]
        statement = KEEP_COUNTERS
        self._queue(
            [(statement, flat), (money.KEEP_DAYS, [money.row_of(day) for day in days]), (money.KEEP_PEAKS, peaks)]
        )

    def keep_pools(self, site: str, days: Sequence[PoolDay], tests: Sequence[PoolTestState]) -> None:
        """Keep pool days and the states of the tests, in one transaction: each depends on the other."""
        self._queue(
            [
                (pool_days.KEEP_DAYS, [pool_days.row_of(day) for day in days]),
                (pool_days.KEEP_TESTS, [pool_days.row_of_test(site, test) for test in tests]),
            ]
        )

    def keep_market_days(self, points: Sequence[DayPoint]) -> None:
        """Keep market days; a later point replaces an earlier one of the same day."""
        self._put("INSERT OR REPLACE INTO market_day VALUES(?,?,?,?,?,?)", [astuple(point) for point in points])

    def keep_pins(self, pins: Sequence[Pin]) -> None:
        """Keep pins of tamper detection."""
        self._put("INSERT OR REPLACE INTO pin(subject, value, at) VALUES(?,?,?)", pins)

    def record(self, event: Event) -> None:
        """Keep an event."""
        row = (event.event_id, event.at, event.kind, event.rig, event.text, orjson.dumps(event.details).decode())
        self._put("INSERT OR IGNORE INTO event VALUES(?,?,?,?,?,?)", [row])

    def queue_statement(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Queue a statement of the outbox with each of `rows`."""
        self._put(statement, rows)

    def read_rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows for the outbox, without waiting for the writer; [] while the file cannot be read."""
        try:
            with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=1)) as reader:
                return reader.execute(statement, values).fetchall()
        except sqlite3.Error:
            return []

    def _put(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self._queue([(statement, rows)])

    def _queue(self, job: Job) -> None:
        job = [(statement, rows) for statement, rows in job if rows]
        if not job:
            return
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self.lost += _rows(job)

    def _write_all(self) -> None:
        while (job := self._jobs.get()) is not None:
            together = list(job)
            while len(together) < MAX_STATEMENTS:  # one sync for all queued jobs: ten thousand rigs may go down at once
                try:
                    more = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._write(together)
                    return
                together += more
            self._write(together)

    def _write(self, job: Job) -> None:
        for pause in (0.0, 1.0, 5.0, 20.0, 60.0):
            time.sleep(pause)
            try:
                self._db.execute("BEGIN IMMEDIATE")
                for statement, rows in job:
                    self._db.executemany(statement, rows)
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.rollback()
                if self.degraded is None:
                    self._warn(f"{self.path} cannot be written: {error} (polling continues, the ledger retries)")
                self.degraded = str(error)
            else:
                self.degraded = None
                self.written += _rows(job)
                return
        self.lost += _rows(job)

    def close(self, timeout_s: float = 5.0) -> None:
        """Write the queue, for at most `timeout_s` seconds, and release the state directory."""
        self._jobs.put(None)
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._db.close()
            if self.degraded is None:
                clean_shutdown.end_run(self.path)
        os.close(self._lock)


def _rows(job: Job) -> int:
    return sum(len(rows) for _, rows in job)
