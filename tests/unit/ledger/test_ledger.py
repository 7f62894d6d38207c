"""The ledger on a real disk: acknowledged rows survive a restart, a damaged file is renamed and reported."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from stratoscope.errors import ConfigError
from stratoscope.events import Event
from stratoscope.fleet import Counters
from stratoscope.judgement.counters import Sample
from stratoscope.ledger import Ledger

SUMS = ("mac:AA", Counters(accepted=5, energy=2.5, resets=1), Sample((5, None, None, 2), 7.0, 1.0, 3000.0, 1e14, 9.0))


def events_of(directory: Path) -> list[Event]:
    """Return the events of a ledger as the table holds them."""
    with closing(sqlite3.connect(f"file:{directory / 'ledger.sqlite'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT * FROM event ORDER BY at DESC").fetchall()
    return [
        Event(event_id=i, at=at, kind=kind, rig=rig, text=text, details=json.loads(details))
        for i, at, kind, rig, text, details in rows
    ]


def fill(ledger: Ledger) -> None:
    ledger.keep_identities([("mac:AA", "AA", "10.0.0.1", 5.0)])
    ledger.checkpoint([SUMS])
    ledger.record(Event(kind="rig_up", at=1.0, rig="AA", text="AA is up", details={"n": 1}))


def test_written_rows_are_there_after_a_restart(tmp_path):
    ledger = Ledger(tmp_path)
    fill(ledger)
    ledger.close()

    again = Ledger(tmp_path)
    assert again.identities() == [("mac:AA", "AA", "10.0.0.1")]
    ((key, sums, sample),) = again.counters()
    assert (key, sums) == SUMS[:2]
    assert (sample.raw, sample.uptime, sample.time, sample.at) == ((5, None, None, 2), 7.0, 9.0, None)
    assert [(e.kind, e.rig, dict(e.details)) for e in events_of(tmp_path)] == [("rig_up", "AA", {"n": 1})]
    again.close()


def test_f56_a_state_directory_serves_one_agent(tmp_path):
    ledger = Ledger(tmp_path)
    with pytest.raises(ConfigError, match="in use by another agent"):
        Ledger(tmp_path)
    ledger.close()
    Ledger(tmp_path).close()


def test_s35_the_state_directory_is_private(tmp_path):
    ledger = Ledger(tmp_path / "state")
    ledger.close()

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "ledger.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", range(0, 12_000, 60))
def test_f44_a_damaged_file_never_prevents_the_agent_from_starting(tmp_path, place):
    ledger = Ledger(tmp_path)
    fill(ledger)
    ledger.close()
    path = tmp_path / "ledger.sqlite"
    content = bytearray(path.read_bytes())
    content[place : place + 40] = os.urandom(40)
    path.write_bytes(content)
    warnings: list[str] = []

    again = Ledger(tmp_path, warnings.append)

    aside = list(tmp_path.glob("ledger.sqlite.corrupt-*"))
    assert (again.quarantined == 1) == bool(aside) == bool(warnings)
    try:
        rows = again.identities()
    except sqlite3.DatabaseError:
        rows = None
    assert rows in ([], [("mac:AA", "AA", "10.0.0.1")], None) or not again.quarantined
    again.close()


def test_f50_a_newer_schema_is_rejected_and_the_file_not_changed(tmp_path):
    Ledger(tmp_path).close()
    path = tmp_path / "ledger.sqlite"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    before = path.read_bytes()

    with pytest.raises(ConfigError, match="newer Stratoscope"):
        Ledger(tmp_path)

    assert path.read_bytes() == before


def test_f43_a_disk_that_accepts_no_writes_degrades_the_ledger_and_it_recovers(tmp_path, monkeypatch):
    warnings: list[str] = []
    ledger = Ledger(tmp_path, warnings.append)
    blocker = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None, timeout=0)
    ledger._db.execute("PRAGMA busy_timeout=10")
    blocker.execute("BEGIN EXCLUSIVE")
    fill(ledger)
    wait_for(lambda: ledger.degraded is not None)
    assert len(warnings) == 1
    blocker.execute("COMMIT")
    wait_for(lambda: ledger.degraded is None and ledger.written == 3)
    assert ledger.lost == 0
    ledger.close()


def wait_for(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition was not met in time"
        threading.Event().wait(0.02)


WRITER = """
import sys
from pathlib import Path
from stratoscope.events import Event
from stratoscope.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
n = 0
while True:
    ledger.record(Event(kind="gap", at=float(n), text=str(n), event_id=str(n)))
    n += 1
    while ledger.written < n:
        pass
    print(n, flush=True)
"""


def test_f45_kill_9_loses_no_acknowledged_row(tmp_path):
    for _ in range(5):
        for leftover in tmp_path.iterdir():
            leftover.unlink()
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        assert process.stdout is not None
        acknowledged = 0
        for _ in range(30):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, process.stdout.read().split("\n")[:-1])])
        process.wait()
        ledger = Ledger(Path(tmp_path))
        assert len(events_of(tmp_path)) >= acknowledged
        assert ledger.quarantined == 0
        ledger.close()
