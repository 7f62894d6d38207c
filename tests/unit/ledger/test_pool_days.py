"""Pool days and shortfall tests in the ledger: they survive a restart and are exported for an accountant."""

import csv
import json
import sqlite3
from dataclasses import replace
from io import StringIO

import pytest
from typer.testing import CliRunner

from stratoscope.cli import app
from stratoscope.ledger import Ledger
from stratoscope.ledger.pool_days import decode_test_state
from stratoscope.reconcile.evidence import Detector
from stratoscope.reconcile.waterfall import PoolDay
from stratoscope.units import DAY, PH

ROW = PoolDay(
    day="2026-01-12",
    site="north",
    pool="p",
    scheme="fpps",
    fee=0.02,
    reported_hashes=PH * DAY,
    valued_hashes=PH * DAY,
    reported_sat=43_000.5,
    subsidy_sat=42_500.25,
    watched_seconds=DAY,
    rig_seconds=DAY,
    heard_seconds=DAY,
    hashing_seconds=DAY,
    accepted=11_500.0,
    rejected=12.0,
    stale=3.0,
    compared_hashes=PH * DAY,
    credited_hashes=0.97 * PH * DAY,
    compared_shares=11_500.0,
    matched=1.0,
    listed=1.0,
    earned_sat=40_876,
    rate_ratio=1.01,
    until=1768262400.0,
)


@pytest.fixture
def kept(tmp_path):
    ledger = Ledger(tmp_path)
    detector = Detector(0.01)
    detector.add(1000, 960, start=1.0)
    ledger.keep_pools("north", [ROW, replace(ROW, day="2026-01-01", earned_sat=None)], [("p", [detector.state(), []])])
    ledger.keep_pools("north", [replace(ROW, day="2026-01-11")], [])
    ledger.close()
    return tmp_path


def export(kept, *more: str) -> str:
    result = CliRunner().invoke(
        app, ["ledger", "export", "--since", "2026-01-12", "--of", "pool-days", "--state-dir", str(kept), *more]
    )
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_days_of_the_newest_week_and_the_tests_are_there_after_a_restart(kept):
    ledger = Ledger(kept)
    assert sorted(ledger.pool_days(), key=lambda row: row.day) == [replace(ROW, day="2026-01-11"), ROW]
    (state, _) = ledger.pool_tests("north")["p"]
    detector = Detector(0.01)
    detector.resume(state)
    assert detector.state() == state
    assert ledger.pool_tests("south") == {}
    ledger.close()


@pytest.mark.parametrize("state", ["", "[", "{}", "[1]", '[["a"]]', "[[null]]", "[[1e999]]"])
def test_an_unreadable_state_is_empty(state):
    assert decode_test_state("p", state) == ("p", [])


def test_the_export_has_every_factor_and_cost(kept):
    (row,) = csv.DictReader(StringIO(export(kept)))
    assert (row["day"], row["site"], row["pool"], row["scheme"]) == ("2026-01-12", "north", "p", "fpps")
    assert (row["theoretical_sat"], row["realised_sat"], row["account_earned_sat"]) == ("43000", "40876", "40876")
    assert float(row["acceptance_ratio"]) == pytest.approx(0.97)
    assert float(row["rate_method_ratio"]) == pytest.approx(1.01 * 42_500.25 / 43_000.5)
    product = 1.0
    for name in ("uptime_ratio", "acceptance_ratio", "rate_method_ratio", "pool_fee_factor", "residual_ratio"):
        product *= float(row[name])
    assert product == pytest.approx(float(row["realised_ratio"]))
    assert row["luck_ratio"] == ""
    assert int(row["cost_uncredited_sat"]) == pytest.approx(43_000 * 0.03, abs=60)
    assert float(row["realised_hashprice_btc_per_ph_day"]) == pytest.approx(40_876e-8 / 0.97)


def test_the_json_export_has_null_for_unknown_values(kept):
    rows = json.loads(export(kept, "--format", "json"))
    assert rows[0]["luck_ratio"] is None
    assert rows[0]["account_earned_sat"] == 40_876


def test_satoshis_of_a_pool_are_whole(kept):
    db = sqlite3.connect(kept / "ledger.sqlite")
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE pool_day SET earned_sat = 1.5")
    db.close()
