"""Tests the cursor over untrusted JSON: it never raises, never guesses, and records what it cannot read."""

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.fields import MAX_DEFECTS, Fields, clean_text, mac_address
from stratoscope.units import GH

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (12, 12.0),
        (12.5, 12.5),
        (0, 0.0),
        ("37603.30", 37603.3),
        (" 41.0000", 41.0),
        ("1,234.5", 1234.5),
        ("12,345,678", 12345678.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        (-0.0, 0.0),
    ],
)
def test_numbers_are_parsed_in_every_firmware_format(value, read):
    fields = Fields({"x": value})

    assert fields.number("x") == read
    assert fields.defects == []


@pytest.mark.parametrize("value", [None, "", " ", "-", "N/A", "null"])
def test_unreported_value_is_none_without_a_defect(value):
    fields = Fields({"x": value})

    assert fields.number("x") is None
    assert fields.integer("x") is None
    assert fields.defects == []


@pytest.mark.parametrize(
    "value",
    ["nan", "inf", "-inf", "1_000", "0x10", "12 TH/s", "12,34", "1" * 65, True, [], {}, 10**400, 1e300, math.nan, -1],
)
def test_f10_f11_invalid_number_is_none_and_a_defect(value):
    fields = Fields({"x": value}, "/summary")

    assert fields.number("x") is None
    assert [d.path for d in fields.defects] == ["/summary/x"]
    assert len(fields.defects[0].value) <= 80


def test_first_present_key_wins_and_scale_is_applied_once():
    fields = Fields({"MHS 5s": 7, "GHS 5s": 5})

    assert fields.number("GHS 5s", "MHS 5s", scale=GH) == 5e9


def test_integers_may_be_sent_as_whole_floats_and_strings_but_not_as_fractions():
    fields = Fields({"a": "156.0000", "b": 3.0, "c": 3.5, "d": 2**80, "e": True})

    assert (fields.integer("a"), fields.integer("b")) == (156, 3)
    assert [fields.integer(key) for key in "cde"] == [None, None, None]
    assert [d.path for d in fields.defects] == ["/c", "/d", "/e"]


def test_flags_accept_every_firmware_spelling():
    fields = Fields({"a": "Alive", "b": "N", "c": 1, "d": False, "e": "maybe"})

    assert [fields.flag(key) for key in "abcd"] == [True, False, True, False]
    assert fields.flag("e") is None
    assert len(fields.defects) == 1


def test_text_is_clean_short_and_never_empty():
    fields = Fields({"a": " S19\x00\x1b[31m ", "b": "x" * 500, "c": "\ud800", "d": "", "e": [1]})

    assert fields.text("a") == "S19[31m"
    assert len(fields.text("b") or "") == 128
    assert (fields.text("c") or "").encode()
    assert fields.text("d") is None
    assert fields.text("e") is None
    assert [d.path for d in fields.defects] == ["/e"]


@given(JSON)
def test_cursor_never_raises(value):
    for fields in (Fields(value, "/x"), Fields({"k": value}, "/x")):
        fields.number("k"), fields.integer("k"), fields.text("k"), fields.flag("k")
        fields.child("k").number("k")
        fields.numbers("k")
        for row in fields.items("k"):
            row.number("k")
        assert len(fields.defects) <= MAX_DEFECTS
        orjson.dumps([[d.path, d.value, d.reason] for d in fields.defects])


@given(st.text(max_size=300))
def test_clean_text_is_always_printable_utf8_on_one_line(text):
    clean = clean_text(text)

    clean.encode()
    assert len(clean) <= 128
    assert clean == clean_text(clean)
    assert not any(c in clean for c in "\n\r\t\x00\x1b")


def test_mac_address_is_normalized_and_an_invalid_one_is_none():
    assert mac_address("02:8f:77:ec:e7:e0") == "02:8F:77:EC:E7:E0"
    assert mac_address("028F77ECE7E0") == "02:8F:77:EC:E7:E0"
    assert mac_address("02-8f-77-ec-e7-e0") == "02:8F:77:EC:E7:E0"
    for wrong in (None, "", "02:55:97:22:3M:72", "00:00:00:00:00:00", "FF:FF:FF:FF:FF:FF", "02:8f:77"):
        assert mac_address(wrong) is None
