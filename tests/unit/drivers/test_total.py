"""Tests that no answer makes a driver raise, and that a bad field affects only itself."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import bitmain_answers as rig
from fakes import braiins_answers, luxos_answers
from stratoscope.drivers import BY_NAME
from stratoscope.drivers.driver import Driver, Fingerprint, Replies, WebPage
from stratoscope.reading import Reading, as_json

FAMILY = (
    "antminer-stock",
    "vnish",
    "luxos",
    "braiins-rest",
    "braiins-graphql",
    "braiins-cgminer",
    "hammer",
    "generic-cgminer",
)
DROP, RENAME = object(), object()
WRONG: tuple[Any, ...] = (
    None,
    "",
    "nan",
    "inf",
    "1_000",
    "11500 M..",
    "ÿ\x00\n}{",
    True,
    -5,
    10**400,
    1e308,
    -0.0,
    [],
    {},
    [None],
    [[[]]],
    {"a": {"b": 1}},
    "9" * 5000,
)


def bitmain(kind: str, live: dict[str, Any]) -> dict[str, Any]:
    return {
        "stats": rig.stats(kind, live),
        "summary": rig.summary(**{"GHS 5s": live.get("GHS 5s"), "GHS av": 1.5, "GHS 30m": 2.5}),
        "pools": rig.pools(),
        "version": rig.version(kind),
        "system_info": {"minertype": kind, "hostname": "h", "macaddr": "02:AB:10:20:30:4f", "serinum": "S"},
        "health": {"SUMMARY": [{"status": [{"type": "fans", "status": "e", "code": 5, "msg": "fan lost"}]}]},
        "web_info": {"fw_name": "Vnish", "hr_measure": "GH/s", "system": {"network_status": {"mac": "020000000001"}}},
        "web_summary": {"miner": {"miner_status": {"failure_code": 3, "description": "x"}, "power_consumption": 9}},
        "devs": {
            "STATUS": rig.status(9, "devs", "cgminer 4.11.1"),
            "DEVS": [{"ASC": 0, "MHS 5s": 1.0, "Fan Speed": 9}],
        },
        "devdetails": {"DEVDETAILS": [{"ID": 0, "Model": "Antminer S9", "Chips": 63, "Frequency": 650}]},
        "coin": {"COIN": [{"Hash Method": "sha256"}]},
    }


SHAPES: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "stock 2020": ("antminer-stock", lambda: bitmain("Antminer S19j Pro", rig.s19j_pro_live())),
    "stock 2017": ("antminer-stock", lambda: bitmain("Antminer S9", rig.s9_live())),
    "stock scrypt": ("antminer-stock", lambda: bitmain("Antminer L7", rig.l7_live())),
    "hammer": ("hammer", lambda: bitmain("Hammer D10", rig.s9_live())),
    "vnish": ("vnish", lambda: bitmain("Antminer S19 (Vnish 1.2.6)", rig.vnish_live())),
    "generic": ("generic-cgminer", lambda: bitmain("Wonder W1", {})),
    "luxos": ("luxos", luxos_answers.replies),
    "braiins-rest": ("braiins-rest", braiins_answers.rest),
    "braiins-graphql": ("braiins-graphql", braiins_answers.graphql),
    "braiins-cgminer": ("braiins-cgminer", braiins_answers.bosminer),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every member of every object and list within `value`."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in pairs:
        yield (*path, key)
        yield from places(member, (*path, key))


def holder(answers: dict[str, Any], path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        answers = answers[key]
    return answers


def changed(value: Any, path: tuple[Any, ...], was: Any, wrong: Any) -> Any:
    """Return a copy of `value` with the member at `path` dropped, renamed or replaced."""
    copied = value.copy()
    if len(path) > 1:
        copied[path[0]] = changed(copied[path[0]], path[1:], was, wrong)
    elif wrong is DROP or wrong is RENAME:
        del copied[path[0]]
        if wrong is RENAME and isinstance(copied, dict):
            copied["Renamed"] = was
    else:
        copied[path[0]] = wrong
    return copied


def assert_valid(reading: Reading) -> None:
    """Assert what is true of every reading: right types, finite numbers, printable text."""
    assert isinstance(reading, Reading)
    page = orjson.dumps(as_json(reading))  # rejects unknown types, lone surrogates, huge integers
    document = orjson.loads(page)
    assert all(holder(document, path)[path[-1]] is not None for path in places(document))
    assert all(type(rate) is float or type(rate) is int for rate in reading.hashrate.values())
    indices = [board.index for board in reading.boards]
    assert len(set(indices)) == len(indices)
    assert len({slot.index for slot in reading.pools}) == len(reading.pools)
    assert len({fan.index for fan in reading.fans}) == len(reading.fans)
    assert (reading.power is None) is (reading.power_source is None)


def leaves(reading: Reading) -> set[tuple[Any, ...]]:
    document = as_json(reading)
    document.pop("defects", None)
    return {path for path in places(document) if not isinstance(holder(document, path)[path[-1]], dict | list)}


@pytest.mark.parametrize("shape", SHAPES)
def test_f15_dropping_renaming_or_retyping_a_key_affects_only_itself(shape: str) -> None:
    name, compose = SHAPES[shape]
    driver = BY_NAME[name]
    whole = compose()
    reported = leaves(driver.decode(Replies(whole)))
    assert len(reported) > 15
    for at, path in enumerate(places(whole)):
        was = holder(whole, path)[path[-1]]
        inner = not isinstance(was, dict | list) and isinstance(path[-1], str)
        for wrong in (DROP, RENAME, *(WRONG[(at + turn) % len(WRONG)] for turn in range(0, len(WRONG), 3))):
            reading = driver.decode(Replies(changed(whole, path, was, wrong)))
            assert_valid(reading)
            if inner:  # the largest loss: a pool slot without its URL, ten values
                assert len(reported - leaves(reading)) <= 10, (path, wrong)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "STATUS",
                    "STATS",
                    "SUMMARY",
                    "POOLS",
                    "DEVS",
                    "data",
                    "miner",
                    "fans",
                    "GHS 5s",
                    "ID",
                    "Type",
                    "chain_acn1",
                    "chain_rate1",
                    "temp_pcb1",
                    "fan1",
                    "rate_unit",
                    "Last Share Time",
                    "status",
                ]
            )
            | st.text(max_size=6),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("name", FAMILY)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_f08_any_json_decodes_to_a_valid_reading(name: str, data: st.DataObject) -> None:
    driver: Driver = BY_NAME[name]
    replies = Replies({command.key: data.draw(JSON) for command in driver.commands})
    assert_valid(driver.decode(replies))


@settings(max_examples=100, deadline=None)
@given(
    answers=st.dictionaries(st.sampled_from(["version", "stats", "devdetails", "summary"]), JSON),
    page=JSON,
    status=st.integers(),
)
def test_matches_never_raises(answers: dict[str, Any], page: Any, status: int) -> None:
    paths = ("/", "/api/v1/info", "/graphql?query={bos}", "/api/v1/miner/details", "/api/v1/version")
    seen = Fingerprint(Replies(answers), {path: WebPage(status, {}, str(page)[:99], page) for path in paths})
    for name in FAMILY:
        assert BY_NAME[name].matches(seen) in (True, False)


@pytest.mark.parametrize("shape", SHAPES)
def test_synthetic_rigs_decode_without_defects(shape: str) -> None:
    name, compose = SHAPES[shape]
    reading = BY_NAME[name].decode(Replies(compose()))
    assert reading.driver == name
    assert [d for d in reading.defects if not d.path.startswith(("/web_info", "/devs"))] == []


def test_every_command_only_reads_and_has_its_own_key() -> None:
    for name in FAMILY:
        commands = BY_NAME[name].commands
        assert len({command.key for command in commands}) == len(commands)
        assert any(command.required for command in commands) or name == "vnish"  # either of its two APIs may be closed
        assert all("set" not in command.request or command.request == "voltageget" for command in commands), name
