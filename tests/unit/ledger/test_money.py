"""Money in the ledger: it survives restarts and kills, is in whole satoshis, and is exported and backed up exactly."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stratoscope.app.money_service import in_currency
from stratoscope.cli import app
from stratoscope.economics.days import Day
from stratoscope.economics.demand import Peak
from stratoscope.events import Event
from stratoscope.fleet import Counters
from stratoscope.judgement.counters import Sample
from stratoscope.ledger import Ledger

SUMS = Counters(
    accepted=5,
    energy=2.5,
    revenue_sat=8457.125,
    revenue_micro=7.7e6,
    cost_micro=5.4e6,
    credit_micro=3.5,
    revenue_seconds=86000.0,
    cost_seconds=86100.0,
    currency="USD",
)
SAMPLE = Sample((5, None, None, 2), 7.0, 1.0, 3000.0, 1e14, 9.0)
DAY = Day(
    day="2026-01-12",
    site="north",
    rig="",
    currency="USD",
    sat=8457.125,
    revenue=7_706_543.5,
    cost=5_475_021.25,
    energy=3e8,
    hashes=1.7e19,
    revenue_seconds=43200.0,
    cost_seconds=86400.0,
    scheduled_seconds=86400.0,
    price=91_132.0,
    difficulty=146.48e12,
    fees=1_686_508.0,
    fee=0.02,
    basis_seconds=43200.0,
    until=1768262400.0,
)
PEAK = Peak("2026-01", "north", "default", 1.25e6, 1768200300.0)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    ledger = Ledger(tmp_path)
    rig = replace(DAY, rig="a", sat=None, revenue=None, price=None)
    ledger.checkpoint([("mac:AA", SUMS, SAMPLE)], [replace(DAY, day="2026-01-11"), DAY, rig], [PEAK])
    ledger.record(
        Event(kind="curtail_advice", at=1768200000.0, text="S21: advice is curtail", details={"now": "curtail"})
    )
    ledger.close()
    return tmp_path


def test_money_is_there_after_a_restart(kept):
    ledger = Ledger(kept)
    ((key, sums, sample),) = ledger.counters()
    assert (key, sums, sample.time) == ("mac:AA", SUMS, 9.0)
    assert DAY in ledger.money_days()
    assert ledger.demand_peaks() == [PEAK]
    ledger.close()


def test_money_is_kept_in_whole_satoshis_and_millionths(kept):
    db = sqlite3.connect(kept / "ledger.sqlite")
    row = db.execute(
        "SELECT earned_sat, revenue_micro, cost_micro FROM money_day WHERE day = '2026-01-12' AND rig = ''"
    )
    assert row.fetchone() == (8457, 7_706_543, 5_475_021)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE money_day SET earned_sat = 8457.5")
    db.close()


def test_a_ledger_of_an_earlier_schema_has_sums_without_money(tmp_path):
    Ledger(tmp_path).close()
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    db.execute(
        "INSERT INTO counters(key, accepted, energy, resets, time) VALUES('mac:AA', 5, 2.5, 1, 9.0)"
    )  # a row from before the money columns were added
    db.commit()
    db.close()
    ledger = Ledger(tmp_path)
    ((_, sums, _),) = ledger.counters()
    assert sums == Counters(accepted=5, energy=2.5, resets=1)
    ledger.close()


def test_fiat_amounts_in_another_currency_are_not_continued():
    rows = [("a", SUMS, SAMPLE), ("b", replace(SUMS, currency="EUR"), SAMPLE), ("c", Counters(accepted=1), SAMPLE)]
    kept = {key: sums for key, sums, _ in in_currency(rows, "USD")}
    assert kept["a"] == SUMS
    assert kept["b"] == Counters(accepted=5, energy=2.5, revenue_sat=8457.125)
    assert kept["c"] == Counters(accepted=1)


WRITER = """
import sys
from pathlib import Path
from stratoscope.economics.days import Day
from stratoscope.economics.demand import Peak
from stratoscope.fleet import Counters
from stratoscope.judgement.counters import Sample
from stratoscope.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
n = 0
while True:
    n += 1
    sums = Counters(revenue_sat=float(n), revenue_micro=2.0 * n, cost_micro=3.0 * n, currency="USD")
    rows = [Day(day="2026-01-12", site="s", rig=rig, currency="USD", sat=float(n), until=float(n)) for rig in ("", "a")]
    ledger.checkpoint([("mac:AA", sums, Sample(time=float(n)))], rows, [Peak("2026-01", "s", "default", float(n), 0.0)])
    while ledger.written < 4 * n:
        pass
    print(n, flush=True)
"""


def killed(tmp_path: Path, lines: int) -> int:
    """Run the writer, kill it after `lines` acknowledgements, and return how many there were."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert process.stdout is not None
    acknowledged = 0
    for _ in range(lines):
        acknowledged = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    acknowledged = max([acknowledged, *(int(line) for line in process.stdout.read().split("\n")[:-1])])
    process.wait()
    process.stdout.close()
    return acknowledged


ROUNDS = int(os.environ.get("STRATOSCOPE_KILLS", "8"))
"""How often the writer is killed; STRATOSCOPE_KILLS=100 takes about two minutes."""


def test_f45_kill_9_loses_no_acknowledged_money_and_keeps_sums_and_days_together(tmp_path):
    for turn in range(ROUNDS):
        for leftover in tmp_path.iterdir():
            leftover.unlink()
        acknowledged = killed(tmp_path, 3 + turn % 20)
        ledger = Ledger(tmp_path)
        ((_, sums, _),) = ledger.counters()
        assert ledger.quarantined == 0
        assert sums.revenue_sat >= acknowledged
        assert {row.sat for row in ledger.money_days()} == {sums.revenue_sat}
        assert [peak.watts for peak in ledger.demand_peaks()] == [sums.revenue_sat]
        ledger.close()


# -- export and backup -------------------------------------------------------


def call(*arguments: str):
    return CliRunner().invoke(app, ["ledger", *arguments])


def test_export_writes_days_as_csv_exact_to_the_millionth(kept):
    result = call("export", "--since", "2026-01-12", "--state-dir", str(kept))
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        (
            "day,site,rig,currency,earned_sat,revenue,power_cost,margin,energy_joules,hashes,revenue_coverage_ratio,"
            "cost_coverage_ratio,price,difficulty,fees_sat_per_block,fee_ratio"
        ),
        (
            "2026-01-12,north,,USD,8457,7.706543,5.475021,2.231522,300000000.0,1.7e+19,0.5,1.0,91132.0,146480000000000.0,"
            "1686508.0,0.02"
        ),
    ]


def test_export_writes_json_with_null_for_unknown_values(kept):
    result = call("export", "--since", "2026-01-01", "--format", "json", "--of", "rig-days", "--state-dir", str(kept))
    (row,) = json.loads(result.stdout)
    assert (row["rig"], row["earned_sat"], row["revenue"], row["margin"]) == ("a", None, None, None)
    assert (row["power_cost"], row["cost_coverage_ratio"]) == ("5.475021", 1.0)


def test_export_writes_peaks_and_events_too(kept):
    peaks = call("export", "--since", "2026-01-31", "--of", "peaks", "--state-dir", str(kept))
    assert peaks.stdout.splitlines()[1] == "2026-01,north,default,1250000.0,month,2026-01-12T06:45:00+00:00"
    events = call("export", "--since", "2026-01-12", "--of", "events", "--format", "json", "--state-dir", str(kept))
    (event,) = json.loads(events.stdout)
    assert (event["kind"], event["at"]) == ("curtail_advice", "2026-01-12T06:40:00+00:00")
    assert call("export", "--since", "2026-01-13", "--of", "events", "--state-dir", str(kept)).stdout == ""


def test_the_ledger_is_found_by_the_config_and_read_while_an_agent_runs(kept, tmp_path_factory):
    config = tmp_path_factory.mktemp("etc") / "stratoscope.yaml"
    config.write_text(f"state_dir: {kept}\n")
    ledger = Ledger(kept)
    result = call("export", "--since", "2026-01-11", "--config", str(config))
    assert len(result.stdout.splitlines()) == 3
    ledger.checkpoint([], [replace(DAY, day="2026-01-13")])
    ledger.close()
    assert len(call("export", "--since", "2026-01-11", "--config", str(config)).stdout.splitlines()) == 4


def test_a_backup_is_a_complete_private_ledger_made_while_the_agent_writes(kept, tmp_path_factory):
    ledger, place = Ledger(kept), tmp_path_factory.mktemp("backup")
    copy = place / "ledger.sqlite"
    result = call("backup", str(copy), "--state-dir", str(kept))
    ledger.close()
    assert (result.exit_code, result.stdout) == (0, "")
    assert copy.stat().st_mode & 0o777 == 0o600
    again = Ledger(place)
    assert DAY in again.money_days()
    assert again.counters()[0][1] == SUMS
    again.close()
    assert "cannot be created: file exists" in call("backup", str(copy), "--state-dir", str(kept)).stderr


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("export", "--since", "2026-01-12"), "either --config FILE or --state-dir DIRECTORY"),
        (("export", "--since", "12.1.2026", "--state-dir", "."), "write one such as 2026-01-12"),
        (("export", "--since", "2026-01-12", "--state-dir", "/nonexistent"), "there is no ledger at"),
    ],
)
def test_a_wrong_command_line_names_the_remedy(arguments, remedy):
    result = call(*arguments)
    assert result.exit_code == 2
    assert remedy in result.stderr
    assert "Traceback" not in result.stderr


def test_a_ledger_with_another_schema_is_rejected_with_the_remedy(kept):
    db = sqlite3.connect(kept / "ledger.sqlite")
    db.execute("PRAGMA user_version=2")
    db.close()
    result = call("export", "--since", "2026-01-12", "--state-dir", str(kept))
    assert result.exit_code == 2
    assert "start the agent once" in result.stderr
