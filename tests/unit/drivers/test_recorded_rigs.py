"""Every rig recorded under tests/rigs reads as it was read when it was recorded: add a folder, not a test.

A folder is what `stratoscope record HOST -o tests/rigs/NAME` writes; its reading.json must have been checked by a
person against the rig's own page.
"""

import json
from pathlib import Path

import orjson
import pytest

from stratoscope.drivers import BY_NAME
from stratoscope.drivers.driver import Replies
from stratoscope.judgement.judge import Nameplate, judge
from stratoscope.reading import as_json
from stratoscope.wire import repair

RIGS = sorted(path.parent for path in (Path(__file__).parents[2] / "rigs").glob("*/reading.json"))


def replies(folder: Path) -> Replies:
    meta = json.loads((folder / "meta.json").read_text())
    paths = ((key, folder / f"{key}.json") for key in meta["commands"])
    return Replies({key: orjson.loads(path.read_bytes()) for key, path in paths if path.exists()})


@pytest.mark.parametrize("folder", RIGS, ids=lambda path: path.name)
def test_a_recorded_rig_reads_as_when_it_was_recorded(folder: Path):
    driver = BY_NAME[json.loads((folder / "meta.json").read_text())["driver"]]
    expected = json.loads((folder / "reading.json").read_text())

    verdict = judge(driver, driver.decode(replies(folder)), Nameplate())

    told = as_json(verdict.reading)
    assert {key: value for key, value in expected.items() if key in told} == told
    assert set(expected) - set(told) <= {"efficiency_joules_per_terahash", "doubts"}
    if "efficiency_joules_per_terahash" in expected:
        assert verdict.judged.efficiency == pytest.approx(expected["efficiency_joules_per_terahash"])


def test_there_are_recorded_rigs():
    assert len(RIGS) >= 15


@pytest.mark.parametrize("path", sorted((RIGS[0].parent if RIGS else Path()).glob("*/*.bin")), ids=lambda p: p.stem)
def test_the_bytes_as_received_mean_what_was_recorded(path: Path):
    answer = repair.parse(path.read_bytes().rstrip(b"\0"))
    single = answer[path.stem][0] if path.stem in answer else answer  # one of a joined answer

    assert single == json.loads(path.with_suffix(".json").read_text())
