"""Tests WhatsMiner's error codes: every shape of the list, and the meaning of known codes."""

from typing import Any

import pytest

from stratoscope.drivers import whatsminer_codes
from stratoscope.drivers.driver import Replies
from stratoscope.drivers.whatsminer_btminer import decode
from stratoscope.reading import Reading


def read(error_code: Any) -> Reading:
    answer = {"STATUS": "S", "When": 1700000000, "Code": 131, "Msg": {"error_code": error_code}, "Description": ""}
    return decode(Replies(get_error_code=answer))


@pytest.mark.parametrize(
    ("listed", "codes"),
    [
        ([{"218": "2024-06-15 10:30:00"}, {"110": "t"}], [218, 110]),
        ({"218": "t", "110": "t"}, [218, 110]),  # 2.0.4's list-shaped object after the JSON repair
        (["329", "540"], [329, 540]),
        ([329, 329], [329]),
        ([{}], []),
        ([], []),
    ],
)
def test_every_shape_of_the_error_list_is_decoded(listed, codes):
    assert [f.code for f in read(listed).faults] == codes


def test_invalid_error_list_is_a_defect_without_faults():
    reading = read("broken")
    assert reading.faults is None
    assert [d.path for d in reading.defects] == ["/get_error_code/Msg/error_code"]
    assert len(read([True, "x"]).defects) == 2


def test_known_codes_have_component_and_meaning_and_unknown_codes_neither():
    assert whatsminer_codes.fault(110).component == "fan in"
    assert whatsminer_codes.fault(352).message == "temperature protection"
    assert whatsminer_codes.fault(352).component == "hashboard 2"
    assert whatsminer_codes.fault(5111).component == "hashboard 1"
    assert whatsminer_codes.fault(329).component == "control board"
    assert whatsminer_codes.fault(304).component is None
    assert whatsminer_codes.fault(77777, "as sent").message == "as sent"
