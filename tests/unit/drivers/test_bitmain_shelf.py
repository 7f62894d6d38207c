"""Tests the Bitmain-like drivers on recorded answers of real rigs, read from files."""

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from stratoscope.drivers import BY_NAME
from stratoscope.drivers.driver import Replies
from stratoscope.reading import as_json

ROOT = Path(__file__).parents[3]
SHELF = Path(os.environ.get("STRATOSCOPE_SHELF", ROOT.parent / "shared"))
pytestmark = [
    pytest.mark.shelf,
    pytest.mark.skipif(
        not (SHELF / "captures").is_dir() and os.environ.get("CI") != "true", reason=f"no recordings at {SHELF}"
    ),
]

CASES: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "asicrs-antminer-v2020": ("antminer-stock", {}),
    "protofleet-antminer-vnish": ("vnish", {}),
    "asicrs-luxminer-v1": ("luxos", {f"voltage_{n}": (f"voltageget_{n}",) for n in range(3)}),
    "asicrs-braiins-v26_04": (
        "braiins-rest",
        {
            "stats": ("miner_stats",),
            "details": ("miner_details",),
            "hashboards": ("miner_hw_hashboards",),
            "cooling": ("cooling_state",),
        },
    ),
    "asicrs-braiins-v21_09": (
        "braiins-graphql",
        {
            "identity": ("gql_system",),
            "uptime": ("gql_system",),
            "live": ("gql_system", "gql_boards"),
            "pools": ("gql_pools",),
            "network": ("web_net_conf",),
        },
    ),
    "pyasic-HammerD10": ("hammer", {"system_info": ("web_get_system_info",)}),
}


def merged(first: Any, second: Any) -> Any:
    if isinstance(first, dict) and isinstance(second, dict):
        return first | {key: merged(first.get(key), value) for key, value in second.items()}
    return second


def answers(folder: Path, name: str, files: dict[str, tuple[str, ...]]) -> Replies:
    """Return the recorded answers by command key, without refusals (STATUS E), like the wire."""
    replies = Replies()
    for command in BY_NAME[name].commands:
        answer: Any = None
        for stem in files.get(command.key, (command.key,)):
            path = folder / f"{stem}.json"
            answer = merged(answer, json.loads(path.read_text("utf-8"))) if path.exists() else answer
        status = answer.get("STATUS") if isinstance(answer, dict) else None
        if answer is not None and not (isinstance(status, list) and status[0].get("STATUS") == "E"):
            replies[command.key] = answer
    return replies


def comparison() -> Any:
    spec = importlib.util.spec_from_file_location("compare", SHELF / "tools" / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("device", CASES)
def test_recorded_rig_decodes_as_expected(device: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, files = CASES[device]
    folder = SHELF / "captures" / device
    reading = BY_NAME[name].decode(answers(folder, name, files))
    document = as_json(reading)
    hashrate = reading.window(BY_NAME[name].window_order)
    if reading.power is not None and hashrate:
        document["efficiency_joules_per_terahash"] = reading.power / (hashrate / 1e12)
    output = tmp_path / "reading.json"
    output.write_text(json.dumps(document))
    mismatches = comparison().main(["compare.py", str(folder / "reading.json"), str(output)])
    assert mismatches == 0, capsys.readouterr().out


@pytest.mark.parametrize("program", ["bfgminer-5.5.0", "cgminer-2.11.4"])
def test_recorded_answers_of_mining_programs_are_decoded(program: str) -> None:
    def answer(verb: str) -> Any:
        return json.loads((SHELF / "captures-raw" / program / f"{verb}.json.bin").read_bytes().rstrip(b"\0 \n"))

    verbs = ("summary", "devs", "stats", "pools", "version", "devdetails", "coin")
    replies = Replies({verb: got for verb in verbs if (got := answer(verb))["STATUS"][0]["STATUS"] != "E"})
    reading = BY_NAME["generic-cgminer"].decode(replies)
    assert (reading.firmware, reading.firmware_version) == tuple(program.split("-"))
    assert reading.hashing is True
    assert len(reading.pools) == 2
    assert reading.boards
