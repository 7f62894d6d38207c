"""Tests recorded answers of real rigs against their expected readings."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from stratoscope.drivers import BY_NAME, DRIVERS
from stratoscope.drivers.driver import Fingerprint, Replies
from stratoscope.reading import as_json

ROOT = pathlib.Path(__file__).parents[3]
SHELF = pathlib.Path(os.environ.get("STRATOSCOPE_SHELF", ROOT.parent / "shared"))

V3_FILES = {
    "get.device.info": "get_device_info",
    "summary": "get_miner_status_summary",
    "edevs": "get_miner_status_edevs",
    "pools": "get_miner_status_pools",
}
CASES = [
    ("asicrs-whatsminer-v2", "", "whatsminer"),
    ("asicrs-whatsminer-v2", "with_errors", "whatsminer"),
    ("asicrs-whatsminer-v3", "", "whatsminer-v3"),
    ("asicrs-whatsminer-v3", "with_errors", "whatsminer-v3"),
    ("asicrs-avalonminer-avalon_a", "", "avalon"),
    ("asicrs-auradine-v1", "", "auradine"),
]


def answers(folder: pathlib.Path, variant: str, driver: str) -> Replies:
    replies = Replies()
    for command in BY_NAME[driver].commands:
        name = V3_FILES[command.key] if driver == "whatsminer-v3" else command.key
        for path in (folder / f"{name}_{variant}.json", folder / f"{name}.json"):
            if path.exists():
                replies[command.key] = json.loads(path.read_text())
                break
    return replies


@pytest.mark.shelf
@pytest.mark.skipif(
    not SHELF.exists() and os.environ.get("CI") != "true", reason="the shelf of recorded answers is not there"
)
@pytest.mark.parametrize(("name", "variant", "driver"), CASES)
def test_capture_decodes_as_expected(name, variant, driver, tmp_path):
    folder = SHELF / "captures" / name
    replies = answers(folder, variant, driver)
    reading = BY_NAME[driver].decode(replies)
    got = tmp_path / "reading.json"
    got.write_text(json.dumps(as_json(reading)))
    expected = folder / (f"reading.{variant}.json" if variant else "reading.json")
    compare = [sys.executable, str(SHELF / "tools" / "compare.py"), str(expected), str(got)]
    answer = subprocess.run(compare, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (0, "")
    assert reading.defects == ()
    assert next(d.name for d in DRIVERS if d.matches(Fingerprint(replies))) == driver
