"""Every rig under tests/rigs still decodes to its checked reading: to add a rig, add a folder, not a test.

`stratoscope record HOST -o tests/rigs/NAME` writes such a folder. A person must have checked its reading.json against
the answers and the rig's own web page. Every driver has at least one folder.
"""

import json
from pathlib import Path

import orjson
import pytest

from stratoscope import drivers
from stratoscope.drivers import BY_NAME, DRIVERS
from stratoscope.drivers.driver import Replies
from stratoscope.judgement.judge import Nameplate, judge
from stratoscope.reading import as_json
from stratoscope.wire import repair

RIGS = sorted(path.parent for path in (Path(__file__).parents[2] / "rigs").glob("*/reading.json"))
DRIVER_FILES = [
    path
    for path in sorted(Path(drivers.__file__).parent.glob("*.py"))
    if "\nDRIVER: Final = Driver(" in path.read_text()
]


def meta(folder: Path) -> dict:
    return json.loads((folder / "meta.json").read_text())


def replies(folder: Path) -> Replies:
    paths = ((key, folder / f"{key}.json") for key in meta(folder)["commands"])
    return Replies({key: orjson.loads(path.read_bytes()) for key, path in paths if path.exists()})


@pytest.mark.parametrize("folder", RIGS, ids=lambda path: path.name)
def test_recorded_rig_decodes_to_its_checked_reading(folder: Path):
    driver = BY_NAME[meta(folder)["driver"]]
    expected = json.loads((folder / "reading.json").read_text())

    verdict = judge(driver, driver.decode(replies(folder)), Nameplate())

    reading = as_json(verdict.reading)
    assert {key: value for key, value in expected.items() if key in reading} == reading
    assert set(expected) - set(reading) <= {"efficiency_joules_per_terahash", "doubts"}
    if "efficiency_joules_per_terahash" in expected:
        assert verdict.judged.efficiency == pytest.approx(expected["efficiency_joules_per_terahash"])


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_every_driver_has_a_recorded_rig(driver):
    recorded = {meta(folder)["driver"] for folder in RIGS}

    assert driver.name in recorded, (
        f"driver {driver.name} has no answer: add tests/rigs/NAME/ with "
        f"`stratoscope record HOST --driver {driver.name} -o tests/rigs/NAME`, then check its reading.json by hand "
        "against the answers"
    )


@pytest.mark.parametrize("path", DRIVER_FILES, ids=lambda path: path.stem)
def test_every_driver_file_is_listed(path: Path):
    module = getattr(drivers, path.stem, None)

    assert getattr(module, "DRIVER", None) in DRIVERS, (
        f"drivers/{path.name} defines a DRIVER that is not listed: "
        f'add "{path.stem}" to MODULES in drivers/__init__.py, before the generic driver'
    )


def test_recorded_rigs_are_found():
    assert len(RIGS) >= 20


def test_driver_names_are_unique():
    assert len(BY_NAME) == len(DRIVERS) == len(DRIVER_FILES)


@pytest.mark.parametrize("path", sorted((RIGS[0].parent if RIGS else Path()).glob("*/*.bin")), ids=lambda p: p.stem)
def test_received_bytes_parse_to_the_recorded_answer(path: Path):
    answer = repair.parse(path.read_bytes().rstrip(b"\0"))
    single = answer[path.stem][0] if path.stem in answer else answer  # one of a joined answer

    assert single == json.loads(path.with_suffix(".json").read_text())
