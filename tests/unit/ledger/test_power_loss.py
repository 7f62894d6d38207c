"""A power cut at any moment loses no acknowledged row of the ledger, although it loses or tears unsynced writes.

A recording VFS records every write and sync under the ledger's own schema, statements and settings. Crash states are
built from the record: synced data is complete; of each later write all, no or some sectors are there.
"""

import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import apsw
import pytest

from stratoscope.economics.days import Day
from stratoscope.ledger import VERSION, Ledger, money
from stratoscope.ledger.schema import STEPS

SECTOR = 512
ACKNOWLEDGED = 60
STATES = int(os.environ.get("STRATOSCOPE_POWER_CUTS", "250"))
"""How many crash states are tried; STRATOSCOPE_POWER_CUTS=1000 takes about half a minute."""


@dataclass
class Record:
    """What happened to the files, in order: (what, file, offset or size, bytes)."""

    events: list[tuple[str, str, int, bytes]] = field(default_factory=list)

    def note(self, what: str, file: str = "", at: int = 0, data: bytes = b"") -> None:
        self.events.append((what, file, at, data))


class File(apsw.VFSFile):
    def __init__(self, record: Record, base: str, name, flags) -> None:
        super().__init__(base, name, flags)
        self.record, self.file = record, Path(name.filename() if isinstance(name, apsw.URIFilename) else name).name

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 — apsw calls this name
        super().xWrite(data, offset)
        self.record.note("write", self.file, offset, bytes(data))

    def xTruncate(self, size: int) -> None:  # noqa: N802 — apsw calls this name
        super().xTruncate(size)
        self.record.note("truncate", self.file, size)

    def xSync(self, flags: int) -> None:  # noqa: N802 — apsw calls this name
        super().xSync(flags)
        self.record.note("sync", self.file)


class Recorder(apsw.VFS):
    def __init__(self, record: Record) -> None:
        self.record = record
        super().__init__("recorder", "")

    def xOpen(self, name, flags) -> apsw.VFSFile:  # noqa: N802 — apsw calls this name
        return super().xOpen(name, flags) if name is None else File(self.record, "", name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802 — apsw calls this name
        super().xDelete(name, syncdir)
        self.record.note("delete", Path(name).name)


def settings(directory: Path) -> tuple[str, int]:
    """Return journal mode and synchronous of a real ledger's connection."""
    ledger = Ledger(directory)
    found = [ledger._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    ledger.close()
    return found[0], found[1]


@pytest.fixture(scope="module")
def record(tmp_path_factory) -> Record:
    """Run the ledger's work under the recorder, acknowledging each transaction."""
    mode, synchronous = settings(tmp_path_factory.mktemp("real"))
    assert (mode, synchronous) == ("wal", 2)
    found = Record()
    vfs = Recorder(found)
    db = apsw.Connection(str(tmp_path_factory.mktemp("recorded") / "ledger.sqlite"), vfs="recorder")
    for pragma in (f"journal_mode={mode}", f"synchronous={synchronous}", "wal_autocheckpoint=25"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    db.execute("BEGIN IMMEDIATE")
    for step in STEPS:
        step(db)
    db.execute(f"PRAGMA user_version={VERSION}")
    db.execute("COMMIT")
    for number in range(1, ACKNOWLEDGED + 1):
        day = Day(day="2026-01-12", site="s", rig="", currency="USD", sat=float(number), until=float(number))
        db.execute("BEGIN IMMEDIATE")
        db.executemany(money.KEEP_DAYS, [money.row_of(day)])
        db.executemany("INSERT INTO event VALUES(?,?,?,?,?,?)", [(f"{number}", number, "gap", None, "x" * 900, "{}")])
        db.execute("COMMIT")
        found.note("acknowledged", at=number)
    db.close()
    vfs.unregister()
    return found


def crash(record: Record, moment: int, chance: Random) -> tuple[dict[str, bytes], int]:
    """Return the files after a power cut at `moment` of the record, and the last acknowledged transaction."""
    events = record.events[:moment]
    synced = {file: at for at, (what, file, _, _) in enumerate(events) if what == "sync"}
    # SQLite syncs the directory with the first sync of a new file: files deleted before stay deleted.
    of_directory = next((at for at, (what, file, _, _) in enumerate(events) if what == "sync" and "-wal" in file), -1)
    files: dict[str, bytearray] = {}
    for at, (what, file, where, data) in enumerate(events):
        kept = at <= synced.get(file, -1)
        content = files.setdefault(file, bytearray()) if file else bytearray()
        if what == "write":
            for start in range(0, len(data), SECTOR):
                if kept or chance.random() < 0.5:
                    piece = data[start : start + SECTOR]
                    content.extend(bytes(max(0, where + start + len(piece) - len(content))))
                    content[where + start : where + start + len(piece)] = piece
        elif what == "truncate" and (kept or chance.random() < 0.5):
            del content[where:]
        elif what == "delete" and (at < of_directory or chance.random() < 0.5):
            files.pop(file, None)
    acknowledged = max((where for what, _, where, _ in events if what == "acknowledged"), default=0)
    return {file: bytes(content) for file, content in files.items()}, acknowledged


def test_f46_a_power_cut_loses_no_acknowledged_row(record, tmp_path):
    chance = Random(46)
    begun = next(at for at, event in enumerate(record.events) if event[0] == "acknowledged")
    assert sum(event[0] == "sync" for event in record.events) > ACKNOWLEDGED
    states = set()
    while len(states) < STATES:
        moment = chance.randrange(begun, len(record.events) + 1)
        files, acknowledged = crash(record, moment, chance)
        states.add((moment, hash(tuple(sorted(files.items())))))
        for leftover in tmp_path.iterdir():
            leftover.unlink()
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        db = sqlite3.connect(tmp_path / "ledger.sqlite")
        assert db.execute("PRAGMA quick_check").fetchone() == ("ok",), moment
        (last,) = db.execute("SELECT max(earned_sat) FROM money_day").fetchone()
        rows = {int(name) for (name,) in db.execute("SELECT id FROM event")}
        db.close()
        assert last >= acknowledged
        assert rows == set(range(1, last + 1))  # a transaction is complete or absent


def test_f46_the_ledger_opens_after_a_power_cut_and_is_not_damaged(record, tmp_path):
    chance = Random(64)
    for turn in range(20):
        files, acknowledged = crash(record, chance.randrange(len(record.events) // 2, len(record.events)), chance)
        place = tmp_path / f"{turn}"
        place.mkdir()
        for name, content in files.items():
            (place / name).write_bytes(content)
        ledger = Ledger(place)
        assert ledger.quarantined == 0
        assert next(row.sat for row in ledger.money_days()) >= acknowledged
        ledger.close()


def test_f46_the_replay_detects_a_ledger_that_does_not_sync(record):
    """Without the syncs the same replay loses rows, so the tests above can fail."""
    without_syncs = Record([event for event in record.events if event[0] != "sync"])
    chance, lost = Random(1), 0
    for _ in range(20):
        files, acknowledged = crash(without_syncs, len(without_syncs.events), chance)
        try:
            db = sqlite3.connect(":memory:")
            db.deserialize(files.get("ledger.sqlite", b""))
            lost += (db.execute("SELECT max(earned_sat) FROM money_day").fetchone()[0] or 0) < acknowledged
        except sqlite3.DatabaseError:
            lost += 1
    assert lost == 20
