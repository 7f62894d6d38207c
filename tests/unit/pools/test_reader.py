"""Tests reading numbers, amounts, times and units in the formats of pools."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.pools.reader import AnswerReader, parse_day, parse_satoshis, parse_suffixed, parse_time, refusal_error


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("85.4T", 8.54e13),
        ("0", 0.0),
        (0, 0.0),
        ("4.57G", 4.57e9),
        ("360P", 3.6e17),
        ("1.2E", 1.2e18),
        ("3k", 3e3),
        ("3K", 3e3),
        ("148 TH/s", 1.48e14),
        ("3.92e3", 3.92e3),
        (1e18, 1e18),
        ("457835490067496409.00000000", 4.578354900674964e17),
        (True, None),
        (None, None),
        ("-1", None),
        ("nan", None),
        ("1_000", None),
        ("T", None),
        ("1,000", None),
        ([], None),
        (10**400, None),
        (float("inf"), None),
    ],
)
def test_parses_numbers_with_an_si_suffix(value, expected):
    assert parse_suffixed(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.00061081", 61_081),
        (0.00061081, 61_081),
        (1e-05, 1_000),
        ("0.000166667", 16_667),
        ("0.000000005", 0),
        ("0.000000015", 2),
        (4.5036645168645e-05, 4_504),
        ("21000000", 2_100_000_000_000_000),
        ("21000001", None),
        (0, 0),
        ("-0.1", None),
        (True, None),
        ("1e400", None),
        ("NaN", None),
        ("", None),
        (0.1 + 0.2, 30_000_000),
    ],
)
def test_parses_bitcoin_as_whole_satoshis(value, expected):
    assert parse_satoshis(value) == expected


@given(st.integers(0, 2_100_000_000_000_000))
def test_every_amount_as_text_is_exact_to_the_satoshi(sat):
    assert parse_satoshis(str(Decimal(sat) / 100_000_000)) == sat


@given(st.integers(0, 9_000_000_000))
def test_an_amount_as_a_json_number_is_exact_up_to_ninety_bitcoin(sat):
    assert parse_satoshis(float(Decimal(sat) / 100_000_000)) == sat


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_750_000_000, 1.75e9),
        ("1750000000", 1.75e9),
        (1_750_000_000_123, 1_750_000_000.123),
        ("1750000000123", 1_750_000_000.123),
        ("2025-06-15T12:00:00Z", 1_749_988_800.0),
        ("2025-06-15T12:00:00.000Z", 1_749_988_800.0),
        ("2025-06-15T20:00:00+08:00", 1_749_988_800.0),
        ("2025-06-15T12:00:00", 1_749_988_800.0),
        ("2025-06-15", 1_749_945_600.0),
        ("2 minutes ago", None),
        ("string", None),
        (True, None),
        (12, None),
        (-5, None),
        (1e30, None),
        (float("nan"), None),
        ("9" * 30, None),
    ],
)
def test_parses_times_in_seconds_milliseconds_and_iso_8601(value, expected):
    assert parse_time(value) == expected


def test_a_day_in_beijing_starts_eight_hours_earlier():
    assert parse_day("2018-10-05") == (1_538_697_600.0, 1_538_784_000.0)
    assert parse_day("2018-10-05", 8 * 3600.0) == (1_538_668_800.0, 1_538_755_200.0)
    assert parse_day("2018-13-45") is None
    assert parse_day(20181005) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("permission denied: x", "auth"),
        ("Invalid X-API-KEY", "auth"),
        ("IP not in whitelist", "auth"),
        ("signature error", "auth"),
        ("Too many requests", "rate_limited"),
        ("API rate limit exceeded", "rate_limited"),
        ("request too frequent", "rate_limited"),
        ("coin not supported", "refused"),
        (None, "refused"),
        ({}, "refused"),
    ],
)
def test_the_text_of_a_refusal_decides_its_reason(text, reason):
    assert refusal_error(5, text).reason == reason


def test_an_unknown_unit_is_a_defect_and_yields_no_hashrates():
    reader = AnswerReader({"unit": "parsec/s", "rate": 5})
    assert reader.rates({60.0: "rate"}, scale=reader.unit("unit")) == {}
    assert reader.defect_texts() == ("unit: not a unit of hashrate",)
    for word, factor in (("Gh/s", 1e9), ("h/s", 1.0), ("P", 1e15), ("TH", 1e12), ("MH/s", 1e6)):
        assert AnswerReader({"unit": word}).unit("unit") == factor


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_no_reader_method_raises_for_any_value(value):
    reader = AnswerReader({"a": value})
    reader.require("a", "b")
    for read in (
        reader.sat,
        reader.rate,
        reader.time,
        reader.unit,
        reader.rows,
        reader.named_rows,
        reader.number,
        reader.integer,
        reader.text,
    ):
        read("a")
    assert all(isinstance(line, str) for line in reader.defect_texts())
    assert parse_suffixed(value) is None or parse_suffixed(value) >= 0
    assert parse_time(value) is None or parse_time(value) > 0
    parse_day(value)
    refusal_error(value, value)
