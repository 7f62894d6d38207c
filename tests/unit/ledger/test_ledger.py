"""The ledger on a real disk: what was acknowledged is there after a restart, damage is set aside, never hidden."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from stratoscope.errors import ConfigError
from stratoscope.events import Event
from stratoscope.fleet import Counters
from stratoscope.judgement.counters import Sample
from stratoscope.ledger import Ledger

SUMS = ("mac:AA", Counters(accepted=5, energy=2.5, resets=1), Sample((5, None, None, 2), 7.0, 1.0, 3000.0, 1e14, 9.0))


def fill(ledger: Ledger) -> None:
    ledger.saw([("mac:AA", "AA", "10.0.0.1", 5.0)])
    ledger.checkpoint([SUMS])
    ledger.record(Event(kind="rig_up", at=1.0, rig="AA", text="AA is up", details={"n": 1}))


def test_what_was_written_is_there_after_a_restart(tmp_path):
    ledger = Ledger(tmp_path)
    fill(ledger)
    ledger.close()

    again = Ledger(tmp_path)
    assert again.identities() == [("mac:AA", "AA", "10.0.0.1")]
    ((key, sums, sample),) = again.sums()
    assert (key, sums) == SUMS[:2]
    assert (sample.raw, sample.uptime, sample.time, sample.at) == ((5, None, None, 2), 7.0, 9.0, None)
    assert [(e.kind, e.rig, dict(e.details)) for e in again.events()] == [("rig_up", "AA", {"n": 1})]
    again.close()


def test_f56_a_state_directory_serves_one_agent(tmp_path):
    ledger = Ledger(tmp_path)
    with pytest.raises(ConfigError, match="in use by another agent"):
        Ledger(tmp_path)
    ledger.close()
    Ledger(tmp_path).close()


def test_s35_the_state_is_private(tmp_path):
    ledger = Ledger(tmp_path / "state")
    ledger.close()

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "ledger.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", range(0, 12_000, 60))
def test_f44_a_damaged_file_never_keeps_the_agent_from_starting(tmp_path, place):
    ledger = Ledger(tmp_path)
    fill(ledger)
    ledger.close()
    path = tmp_path / "ledger.sqlite"
    content = bytearray(path.read_bytes())
    content[place : place + 40] = os.urandom(40)
    path.write_bytes(content)
    said: list[str] = []

    again = Ledger(tmp_path, said.append)

    aside = list(tmp_path.glob("ledger.sqlite.corrupt-*"))
    assert (again.quarantined == 1) == bool(aside) == bool(said)
    try:
        rows = again.identities()
    except sqlite3.DatabaseError:
        rows = None
    assert rows in ([], [("mac:AA", "AA", "10.0.0.1")], None) or not again.quarantined
    again.close()


def test_f50_a_newer_schema_is_refused_and_not_touched(tmp_path):
    Ledger(tmp_path).close()
    path = tmp_path / "ledger.sqlite"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    before = path.read_bytes()

    with pytest.raises(ConfigError, match="newer Stratoscope"):
        Ledger(tmp_path)

    assert path.read_bytes() == before


def test_f43_a_disk_that_takes_nothing_degrades_the_ledger_and_it_recovers(tmp_path, monkeypatch):
    said: list[str] = []
    ledger = Ledger(tmp_path, said.append)
    blocker = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None, timeout=0)
    ledger._db.execute("PRAGMA busy_timeout=10")
    blocker.execute("BEGIN EXCLUSIVE")
    fill(ledger)
    wait_for(lambda: ledger.degraded is not None)
    assert len(said) == 1
    blocker.execute("COMMIT")
    wait_for(lambda: ledger.degraded is None and ledger.written == 3)
    assert ledger.lost == 0
    ledger.close()


def wait_for(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
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
        assert len(ledger.events(10_000)) >= acknowledged
        assert ledger.quarantined == 0
        ledger.close()
