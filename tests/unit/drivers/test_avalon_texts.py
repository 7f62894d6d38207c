"""Tests the splitting of Avalon's bracket strings, and the model name in its version text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratoscope.drivers.avalon import model_name
from stratoscope.drivers.avalon_brackets import brackets, hashboard_blocks


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("1246-83-21072802_4ec6bb0_211fc46", "1246"),
        ("15-194-24102401_25462b2_9ddf522", "15-194"),
        ("8411803-14b0f10", "841"),
        ("9211809-9a8f3a0", "921"),
        ("1126Pro-S-64-21072800", "1126Pro"),
        ("A1346", "1346"),
        ("nano3", "Nano 3"),
        ("Mini3-25022401_cb28ba7", "Mini 3"),
        ("Q-25052801_14a19a2", "Q"),
        ("", None),
    ],
)
def test_model_comes_from_the_start_of_the_version(text, model):
    assert model_name(text) == model


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A[1] B[2 3]C[] D[x y: z]", {"A": "1", "B": "2 3", "C": "", "D": "x y: z"}),
        ("'STATS':{Ver[Q-1] LVer[2]} 'HB0':{T[3]}", {"Ver": "Q-1", "LVer": "2", "T": "3"}),
        ("A:[7],B[8]", {"A": "7", "B": "8"}),
        ("A[1] A[2]", {"A": "1"}),
        ("Nonce Mask[25] Fan\u00e9[1]", {"Mask": "25", "Fan\u00e9": "1"}),
        ("A[1] B[2", {"A": "1"}),
        ("[1] ]] [[ A [2] " + "n" * 40 + "[3]", {}),
        ("", {}),
    ],
)
def test_bracket_strings_are_split(text, found):
    assert brackets(text) == found


def test_hashboard_blocks_are_separate():
    assert hashboard_blocks("'HB0':{T0[1 2] M0[3]} 'HB1':{T0[4]}") == [{"T0": "1 2", "M0": "3"}, {"T0": "4"}]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="aB0[]{}:' \t,%é", max_size=80))
def test_any_text_splits_into_fields_it_contains(text):
    for name, value in brackets(text).items():
        assert f"{name}[{value}]" in text or f"{name}:[{value}]" in text
        assert "]" not in value


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_]{1,12}[0-9]?", fullmatch=True), st.from_regex(r"[-0-9. %]{0,20}", fullmatch=True)
    )
)
def test_vendor_format_round_trips(fields):
    assert brackets(" ".join(f"{name}[{value}]" for name, value in fields.items())) == fields
