"""Tests that no answer makes a web driver raise: dropped, renamed and retyped keys, random JSON, odd pages."""

import copy
import json
import os
import pathlib
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stratoscope.drivers import asic_rs, elphapex, epic, espminer, proto, sealminer
from stratoscope.drivers.driver import Fingerprint, Replies, WebPage
from stratoscope.reading import WINDOWS, Reading, as_json

ROOT = pathlib.Path(__file__).resolve().parents[3]
SHELF = pathlib.Path(os.environ.get("STRATOSCOPE_SHELF", ROOT.parent / "shared"))

FILES = {
    "asicrs-sealminer-v2025": (sealminer.DRIVER, {"system": "get_system_info"}),
    "asicrs-elphapex-v1": (elphapex.DRIVER, {"system": "get_system_info"}),
    "asicrs-bitaxe-v2_0_0": (espminer.DRIVER, {"info": "system_info"}),
    "espminer-openapi": (espminer.DRIVER, {"info": "api_system_info", "asic": "api_system_asic"}),
    "asicrs-epic-v1": (epic.DRIVER, {}),
    "asicrs-proto-v1": (proto.DRIVER, {"telemetry": "telemetry_full"}),
}
"""Capture → its driver, and the files whose name differs from the command's key."""

on_the_shelf = pytest.mark.skipif(
    not (SHELF / "captures").is_dir() and os.environ.get("CI") != "true", reason=f"no captures at {SHELF}"
)


def answers(capture):
    driver, named = FILES[capture]
    replies = Replies()
    for command in driver.commands:
        file = SHELF / "captures" / capture / f"{named.get(command.key, command.key)}.json"
        if file.exists():
            replies[command.key] = json.loads(file.read_text())
    return driver, replies


@on_the_shelf
@pytest.mark.shelf
@pytest.mark.parametrize("capture", [name for name in FILES if name != "espminer-openapi"])
def test_capture_decodes_to_the_expected_reading(capture, tmp_path):
    driver, replies = answers(capture)
    got = tmp_path / "reading.json"
    got.write_text(json.dumps(as_json(driver.decode(replies))))
    expected = SHELF / "captures" / capture / "reading.json"
    run = subprocess.run(
        [sys.executable, SHELF / "tools" / "compare.py", expected, got], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (0, "")


@on_the_shelf
@pytest.mark.shelf
@pytest.mark.parametrize("capture", FILES)
def test_capture_has_no_defect(capture):
    driver, replies = answers(capture)
    assert driver.decode(replies).defects == ()


def places(value, path=()):
    """Yield the path of every key and list member below `value`."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key)
        if not (isinstance(value, list) and key > 2):  # the first items represent a long list
            yield from places(inner, (*path, key))


def changed(replies, path, how):
    """Return a copy of `replies` with the member at `path` dropped, renamed or replaced by `how`."""
    copied = copy.deepcopy(dict(replies))
    holder = copied
    for key in path[:-1]:
        holder = holder[key]
    old = holder[path[-1]]
    if how == "drop":
        del holder[path[-1]]
    elif how == "rename" and isinstance(holder, dict):
        holder[f"{path[-1]}?"] = holder.pop(path[-1])
    else:
        holder[path[-1]] = {
            "text": "abc",
            "list": [old],
            "object": {"x": old},
            "null": None,
            "true": True,
            "huge": 10**400,
            "minus": -1,
            "number": 3.5,
            "rename": 0,
        }[how]
    return Replies(copied)


def assert_valid(reading):
    assert isinstance(reading, Reading)
    assert set(reading.hashrate) <= set(WINDOWS)
    assert all(isinstance(rate, float | int) and rate >= 0 for rate in reading.hashrate.values())
    json.dumps(as_json(reading), allow_nan=False)


@on_the_shelf
@pytest.mark.shelf
@pytest.mark.parametrize("capture", FILES)
def test_f13_changing_any_member_of_a_capture_never_raises(capture):
    driver, replies = answers(capture)
    for path in places({key: value for key, value in replies.items() if not key.startswith("chip_")}):
        for how in ("drop", "rename", "text", "list", "object", "null", "true", "huge", "minus", "number"):
            assert_valid(driver.decode(changed(replies, path, how)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
DRIVERS = (asic_rs.DRIVER, elphapex.DRIVER, epic.DRIVER, espminer.DRIVER, proto.DRIVER, sealminer.DRIVER)
KEYS = sorted({command.key for driver in DRIVERS for command in driver.commands} | {"miner"})
WORDS = (
    "SUMMARY",
    "STATS",
    "POOLS",
    "STATUS",
    "INFO",
    "chain",
    "temp_chip",
    "HBs",
    "Hashrate",
    "Data",
    "Index",
    "Session",
    "mining-status",
    "hashboards",
    "psus",
    "power",
    "pools",
    "stratum",
    "hashrateMonitor",
    "asics",
    "asicTemps",
    "hashRate",
    "fans",
    "device_info",
    "hashrate",
    "unit",
    "value",
    "rate_unit",
    "status",
    "0 Chip Count",
    "PSU Error",
)
KNOWN = st.recursive(
    JSON,
    lambda inner: st.dictionaries(st.sampled_from(WORDS), inner, max_size=6) | st.lists(inner, max_size=3),
    max_leaves=20,
)


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
@given(replies=st.dictionaries(st.sampled_from(KEYS), KNOWN, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_f13_random_json_decodes_to_a_valid_reading(driver, replies):
    assert_valid(driver.decode(Replies(replies)))


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
@given(answer=KNOWN, body=st.text(max_size=40))
@settings(max_examples=25, deadline=None)
def test_matches_never_raises(driver, answer, body):
    paths = ("/", "/summary", "/api/system/info", "/api/v1/system", "/cgi-bin/get_system_info.cgi")
    pages = {path: WebPage(200, {"server": body}, body, answer) for path in paths}
    fingerprint = Fingerprint(Replies(version=answer, stats=answer), pages, frozenset({80}))
    assert driver.matches(fingerprint) in (True, False)


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_empty_answers_decode_to_unknown_values(driver):
    got = driver.decode(Replies())
    assert (got.hashrate, got.hashing, got.power, got.boards, got.fans, got.pools) == ({}, None, None, (), (), ())
    assert (got.mac, got.uptime, got.faults, got.defects) == (None, None, None, ())
