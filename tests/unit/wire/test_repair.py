"""Tests the JSON repair: known defects are fixed, strings are unchanged, and no input makes it slow or raise."""

import contextlib
import json
import sys

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stratoscope.errors import Garbled
from stratoscope.wire import repair

FIXED = {
    "Antminer S9 omits the comma between objects": (
        b'{"STATUS":[{"STATUS":"S"}],"STATS":[{"CGMiner":"4.9"}{"STATS":0,"fan1":4200}],"id":1}',
        {"STATUS": [{"STATUS": "S"}], "STATS": [{"CGMiner": "4.9"}, {"STATS": 0, "fan1": 4200}], "id": 1},
    ),
    "Volc omits the comma before the next row": (
        b'{"STATS":[{"Type":"D1"}{"STATS":0}],"id":1}',
        {"STATS": [{"Type": "D1"}, {"STATS": 0}], "id": 1},
    ),
    "a comma is missing before a key": (b'{"a":{"b":1}"KEY":[1]"k":2}', {"a": {"b": 1}, "KEY": [1], "k": 2}),
    "BTMiner v1 has a trailing comma": (b'{"SUMMARY":[{"Elapsed":5,}],}', {"SUMMARY": [{"Elapsed": 5}]}),
    "a comma leads an array": (b'{"DEVS":[,{"ASC":0}]}', {"DEVS": [{"ASC": 0}]}),
    "commas are doubled": (b'{"a":1,,"b":[2,,,3]}', {"a": 1, "b": [2, 3]}),
    "BTMiner v1 breaks a line inside a string": (
        b'{"VERSION":[{"Miner":"1.0\n","API":"3.7"}]}',
        {"VERSION": [{"Miner": "1.0\n", "API": "3.7"}]},
    ),
    "BTMiner 2023-01-06 doubles a quote": (b'{"a":"",""temp0":41.5,""t1":"x"}', {"a": "", "temp0": 41.5, "t1": "x"}),
    "Avalon sends only the end": (b',"id":1}', {"id": 1}),
    "a member after the end": (b'{"SUMMARY":[{"Elapsed":5}]},"id":1}', {"SUMMARY": [{"Elapsed": 5}], "id": 1}),
    "WhatsMiner 2.0.4 writes an object as a list": (
        b'{"STATUS":"S","Msg":{"error_code":["206":"2022-01-01 00:00:00","329":"[x]"],"none":[]}}',
        {"STATUS": "S", "Msg": {"error_code": {"206": "2022-01-01 00:00:00", "329": "[x]"}, "none": []}},
    ),
    "F10 bare words that are not numbers become text": (
        b'{"MHS av":nan,"MHS 5s":-inf,"x":NaN,"y":Infinity,"z":1e400,"o":007,"n":-nan}',
        {"MHS av": "nan", "MHS 5s": "-inf", "x": "NaN", "y": "Infinity", "z": "1e400", "o": "007", "n": "-nan"},
    ),
    "a value is missing": (b'{"a":,"b":}', {"a": None, "b": None}),
    "a worker name with a single backslash": (rb'{"User":"DOMAIN\worker","n":1}', {"User": r"DOMAIN\worker", "n": 1}),
    "a lone surrogate is escaped": (rb'{"User":"a\ud800b"}', {"User": "a\ufffdb"}),
    "invalid UTF-8": (b'{"User":"\xff\xfeok"}', {"User": "\ufffd\ufffdok"}),
    "a byte order mark": (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    "control characters outside strings": (b'{"a":\x01 1,\x02"b":2}', {"a": 1, "b": 2}),
}


@pytest.mark.parametrize("defect", FIXED)
def test_f13_known_defect_is_fixed(defect):
    broken, wanted = FIXED[defect]
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(broken)
    assert repair.parse(broken) == wanted


@pytest.mark.parametrize("defect", FIXED)
def test_f13_strings_that_look_like_defects_are_unchanged(defect):
    text = FIXED[defect][0].decode("utf-8", "replace")
    value = {"worker": text, "}{": "},{,},]", '""temp0': ',"id":1}', "nan": "nan", "t": "a,,b", "k": "\\u0041 \\\\"}
    strict = orjson.dumps(value)
    assert repair.parse(strict[:-1] + b",}") == value
    assert repair.parse(strict[:-1] + b',"x":[{}{}]}') == value | {"x": [{}, {}]}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "decode"),
        (b" \r\n\0", "decode"),
        (b"{", "decode"),
        (b"5", "decode"),
        (b'"text"', "decode"),
        (b"null", "decode"),
        (b'{"a":1', "truncated"),
        (b'{"a":"b', "truncated"),
        (b'{"a":"b\\', "truncated"),
        (b'{"a":[{"b":1}', "truncated"),
        (b'{"a":1]', "decode"),
        (b'{"a":1}}', "decode"),
        (b'{"a":1}{"b":2}', "decode"),
        (b'{"a" 1}', "decode"),
        (b'{"a":1 2}', "decode"),
        (b"<html>", "not_json"),
        (b"HTTP/1.1 400 X", "not_json"),
    ],
)
def test_unfixable_json_has_its_reason(raw, reason):
    with pytest.raises(Garbled) as caught:
        repair.parse(raw)
    assert caught.value.reason == reason


def test_f09_nesting_over_64_levels_is_refused_fixed_or_not():
    deep = lambda n: b'{"a":' * n + b"1" + b"}" * n  # noqa: E731 — used in this test only
    assert repair.parse(deep(64))
    assert repair.parse(b'{"x":1,,"y":' + deep(63) + b"}")
    for raw in (deep(65), deep(900), deep(100_000), b"[" * 100_000, b'{"x":1,,"y":' + deep(64) + b"}"):
        with pytest.raises(Garbled):
            repair.parse(raw)


def test_f11_integers_of_any_length_are_safe():
    long = "9" * 5000
    assert repair.parse(f'{{"a":{long},"b":-{long},"c":18446744073709551616,"d":-0}}'.encode())["d"] == 0


def test_f12_last_duplicate_key_wins_fixed_or_not():
    assert repair.parse(b'{"a":1,"a":2}') == {"a": 2}
    assert repair.parse(b'{"a":1,"a":2,}') == {"a": 2}


# Properties

KEYS = st.text(min_size=1).filter(lambda key: key.isprintable())
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text()
NESTED = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=25
)
OBJECTS = st.dictionaries(KEYS, NESTED, min_size=1, max_size=5)


class Spoiler:
    """Writes JSON with random firmware defects."""

    def __init__(self, chance):
        self.flip = lambda: chance.random() < 0.25

    def text(self, value):
        out = orjson.dumps(value.encode("utf-8", "replace").decode()).decode()
        if self.flip():
            out = out.replace("\\n", "\n").replace("\\t", "\t")
        return out

    def key(self, value):
        out = self.text(value)
        return '"' + out if self.flip() and value[0].isascii() and value[0].isalpha() else out

    def joined(self, parts):
        out = "," if self.flip() else ""
        for at, part in enumerate(parts):
            if at:
                droppable = (out[-1] in "}]" and part[0] in '{["') or (out[-1] == '"' and part[0] == '"')
                out += "" if droppable and self.flip() else ",," if self.flip() else ","
            out += (" \r\n" if self.flip() else "") + part
        return out + ("," if parts and self.flip() else "")

    def write(self, value):
        if isinstance(value, dict):
            body = self.joined([f"{self.key(k)}:{self.write(v)}" for k, v in value.items()])
            listed = value and body.startswith('"') and self.flip()
            return f"[{body}]" if listed else f"{{{body}}}"
        if isinstance(value, list):
            return f"[{self.joined([self.write(v) for v in value])}]"
        return self.text(value) if isinstance(value, str) else json.dumps(value)


@given(OBJECTS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_f13_any_value_written_with_defects_parses_to_the_original(value, chance):
    spoiler = Spoiler(chance)
    body = spoiler.joined([f"{spoiler.key(k)}:{spoiler.write(v)}" for k, v in value.items()])
    assert repair.parse(f"{{{body}}}".encode("utf-8", "replace")) == orjson.loads(
        json.dumps(value).encode() if json.dumps(value).isascii() else orjson.dumps(value)
    )


JUNK = st.text(alphabet='{}[]":,\\ \n019.-eaNnu\x00\ud800', max_size=200)


@given(st.binary(max_size=400) | JUNK.map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b'{"a":"\\')
@example(b'{""""""}')
@example(b"{\x01:\x01}")
@settings(max_examples=1500, deadline=None)
def test_f08_any_bytes_parse_or_raise_garbled(raw):
    try:
        value = repair.parse(raw)
    except Garbled as failure:
        assert failure.reason in {"decode", "truncated", "not_json"}  # noqa: PT017 — an error and a value are both valid
    else:
        assert isinstance(value, dict | list)
        orjson.dumps(value)  # only what strict JSON allows: no NaN, no lone surrogate


@given(OBJECTS)
@settings(max_examples=50, deadline=None)
def test_f06_prefix_of_an_object_never_parses(value):
    raw = orjson.dumps(value)
    for cut in range(len(raw)):
        with pytest.raises(Garbled):
            repair.parse(raw[:cut])


def steps(raw):
    """Count the Python lines that run while `raw` is parsed."""
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        repair.parse(raw)
    except Garbled:
        pass
    finally:
        sys.settrace(None)
    return count


ROW = b'{"STATS":0,"ID":"BC50","x":nan,"Wait":66.8,}'


def test_f13_ten_times_the_bytes_take_at_most_twelve_times_the_steps():
    small = steps(b'{"a":[' + ROW * 100 + b"]}")
    large = steps(b'{"a":[' + ROW * 1000 + b"]}")
    assert large <= 12 * small


@pytest.mark.parametrize(
    "unit",
    [
        b'"',
        b'\\"',
        b'"\\',
        b'""',
        b"{",
        b"}{",
        b",",
        b" ",
        b", ",
        b'" ',
        b"nan ",
        b"9",
        b"-",
        b":",
        b'{"a":',
        b"[[]",
        b'"\\u',
        b"\x00",
        b"\xff",
        b'["x":',
        b"a",
        b'{"k":""t',
    ],
    ids=repr,
)
@pytest.mark.timeout(60)
def test_s27_mebibyte_of_hostile_input_is_parsed_in_linear_time(unit):
    """Quadratic time would be 10^12 steps, more than an hour; the timeout is far from both."""
    for head in (b"{", b'{"a":', b'{"a":"'):
        with contextlib.suppress(Garbled):
            repair.parse(head + unit * ((1 << 20) // len(unit)))
