"""Numbers, amounts, times and units as pools write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.pools.reader import Said, day_of, moment, refusal, satoshis, suffixed


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
def test_a_number_may_have_a_letter_behind_it(value, expected):
    assert suffixed(value) == expected


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
def test_bitcoin_becomes_whole_satoshis(value, expected):
    assert satoshis(value) == expected


@given(st.integers(0, 2_100_000_000_000_000))
def test_every_amount_comes_back_to_the_satoshi(sat):
    assert satoshis(str(Decimal(sat) / 100_000_000)) == sat


@given(st.integers(0, 9_000_000_000))
def test_an_amount_as_a_json_number_is_exact_up_to_ninety_bitcoin(sat):
    assert satoshis(float(Decimal(sat) / 100_000_000)) == sat


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
def test_a_time_may_be_seconds_milliseconds_or_iso(value, expected):
    assert moment(value) == expected


def test_a_day_of_beijing_begins_eight_hours_earlier():
    assert day_of("2018-10-05") == (1_538_697_600.0, 1_538_784_000.0)
    assert day_of("2018-10-05", 8 * 3600.0) == (1_538_668_800.0, 1_538_755_200.0)
    assert day_of("2018-13-45") is None
    assert day_of(20181005) is None


@pytest.mark.parametrize(
    ("said", "reason"),
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
def test_a_refusal_in_a_good_answer_has_the_reason_that_its_words_mean(said, reason):
    assert refusal(5, said).reason == reason


def test_an_unknown_unit_leaves_hashrates_out_and_is_told():
    said = Said({"unit": "parsec/s", "rate": 5})
    assert said.rates({60.0: "rate"}, scale=said.unit("unit")) == {}
    assert said.wrong() == ("unit: not a unit of hashrate",)
    for word, factor in (("Gh/s", 1e9), ("h/s", 1.0), ("P", 1e15), ("TH", 1e12), ("MH/s", 1e6)):
        assert Said({"unit": word}).unit("unit") == factor


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_nothing_raises_on_any_value(value):
    said = Said({"a": value})
    said.need("a", "b")
    for read in (
        said.sat,
        said.rate,
        said.time,
        said.unit,
        said.rows,
        said.named,
        said.number,
        said.integer,
        said.text,
    ):
        read("a")
    assert all(isinstance(line, str) for line in said.wrong())
    assert suffixed(value) is None or suffixed(value) >= 0
    assert moment(value) is None or moment(value) > 0
    day_of(value)
    refusal(value, value)
