"""Formatting for people: one spelling per value on the status page and the terminal."""

import pytest

from stratoscope.text import quantities


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0 H/s"),
        (999.96e12, "1.00 PH/s"),
        (999.4e12, "999.4 TH/s"),
        (1_000e12, "1.00 PH/s"),
        (95.5e12, "95.5 TH/s"),
        (500e9, "500.0 GH/s"),
    ],
)
def test_hashrate_uses_the_largest_readable_unit(value, text):
    assert quantities.hashrate(value) == text


def test_unknown_is_a_dash_and_zero_is_zero():
    assert quantities.with_unit(None, "W") == "–"
    assert quantities.with_unit(0.0, "W") == "0 W"
    assert quantities.with_unit(1234.5, "W", 1) == "1,234.5 W"


def test_truncates_long_text_with_an_ellipsis():
    assert quantities.truncate("abcdef", 4) == "abc…"
    assert quantities.truncate("abcd", 4) == "abcd"
