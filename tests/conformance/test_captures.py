"""Tests that every recorded rig, served over real sockets, decodes to its expected reading."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.shelf import PORTS, Replayed, ReplayServer, recordings
from stratoscope.clock import SystemClock
from stratoscope.discover.read_once import read_once
from stratoscope.judgement.judge import Nameplate, judge
from stratoscope.reading import as_json
from stratoscope.wire.client import Wire
from stratoscope.wire.target import Target

ROOT = Path(__file__).resolve().parents[2]
SHELF = Path(os.environ.get("STRATOSCOPE_SHELF", ROOT.parent / "shared"))
DEVICES = recordings(SHELF) if SHELF.is_dir() else []

pytestmark = pytest.mark.shelf


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    devices = [{"dir": str(d.folder), "host": d.host, **({"variant": d.variant} if d.variant else {})} for d in DEVICES]
    replay = ReplayServer(SHELF, devices, tmp_path_factory.mktemp("replay"))
    yield replay
    replay.stop()


def test_shelf_has_recordings(shelf):
    assert len(DEVICES) >= 15


@pytest.mark.parametrize("device", DEVICES, ids=lambda d: d.name + (f"-{d.variant}" if d.variant else ""))
async def test_recorded_rig_decodes_as_expected(server: ReplayServer, device: Replayed, tmp_path: Path):
    wire = Wire(clock=SystemClock())
    try:
        once = await read_once(wire, Target(device.host, PORTS))
    finally:
        await wire.close()
    verdict = judge(once.driver, once.reading, Nameplate())
    reading = as_json(verdict.reading)
    if verdict.judged.efficiency is not None:
        reading["efficiency_joules_per_terahash"] = verdict.judged.efficiency
    output = tmp_path / "output.json"
    output.write_text(json.dumps(reading))
    if device.expected is None:
        assert reading["hashrate"], "a device without an expected reading must at least show a hashrate"
        return
    compare = [sys.executable, str(SHELF / "tools" / "compare.py"), str(device.expected), str(output)]
    result = subprocess.run(compare, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


def test_s01_only_read_requests_were_sent(server: ReplayServer):
    requests = server.requests()

    assert [r for r in requests if r["privileged"]] == []
    assert [r for r in requests if r.get("method", "GET") != "GET" and not r.get("login")] == []
