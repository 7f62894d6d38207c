"""Tests WhatsMiner API v1 and v2: every known shape of an answer, with values checked by hand."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratoscope.drivers.driver import Fingerprint, Replies
from stratoscope.drivers.whatsminer_btminer import DRIVER, decode, is_liquid_cooled, matches
from stratoscope.reading import Reading
from unit.drivers.hostile import JSON, assert_valid, damaged


def flat(msg: Any, status: str = "S", code: int = 131) -> dict[str, Any]:
    return {"STATUS": status, "When": 1700000000, "Code": code, "Msg": msg, "Description": ""}


def section(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"STATUS": [{"STATUS": "S", "When": 1700000000, "Code": 11, "Description": "btminer"}], name: rows, "id": 1}


# M30S++ on an H6 control board, firmware of 2021: summary has errors, version and the supply's input meter
M30S = {
    "summary": section(
        "SUMMARY",
        [
            {
                "Elapsed": 86400,
                "MHS av": 110500000.5,
                "MHS 5s": 112000000.0,
                "MHS 1m": 111000000.0,
                "MHS 5m": 110800000.0,
                "MHS 15m": 110600000.0,
                "HS RT": 110800000.0,
                "Accepted": 5000,
                "Rejected": 12,
                "Stale": 3,
                "Hardware Errors": 7,
                "Temperature": 79.0,
                "Fan Speed In": 4710,
                "Fan Speed Out": 4800,
                "Power": 3460,
                "Power_RT": 3455,
                "Power Voltage Input": 231.0,
                "Power Current Input": 15.0,
                "Env Temp": 24.5,
                "Factory GHS": 112300,
                "Error Code 0": 540,
                "Error Code 1": 2320,
                "Error Code 2": 999,
                "Error Code Count": 2,
                "Firmware Version": "'20210322.22.REL'",
                "MAC": "c4:11:04:01:3b:75",
                "Liquid Cooling": False,
            }
        ],
    ),
    "devs": section(
        "DEVS",
        [
            {
                "ASC": 0,
                "Slot": 0,
                "Temperature": 76.5,
                "Chip Frequency": 603,
                "MHS av": 36900000.0,
                "MHS 5m": 37000000.0,
                "Hardware Errors": 4,
                "Effective Chips": 111,
                "Chip Temp Max": 93.25,
            },
            {
                "ASC": 1,
                "Slot": 2,
                "Temperature": 77.0,
                "Chip Frequency": 610,
                "MHS av": 37100000.0,
                "MHS 5m": 0.0,
                "Hardware Errors": 3,
                "Effective Chips": 110,
                "Chip Temp Max": 92.0,
            },
        ],
    ),
    "pools": section(
        "POOLS",
        [
            {
                "POOL": 1,
                "URL": "stratum+tcp://pool.example:3333",
                "Status": "Alive",
                "User": "acct.m30s",
                "Accepted": 5000,
                "Rejected": 12,
                "Stale": 3,
                "Last Share Time": 1699999990,
                "Difficulty Accepted": 1.5e9,
                "Stratum Active": True,
            },
            {"POOL": 2, "URL": "", "Status": "Dead", "User": "", "Stratum Active": False},
            {
                "POOL": 3,
                "URL": "stratum+tcp://spare.example:443",
                "Status": "Disabled",
                "User": "acct.m30s",
                "Last Share Time": 0,
                "Stratum Active": False,
            },
        ],
    ),
    "devdetails": section("DEVDETAILS", [{"DEVDETAILS": 0, "Name": "SM", "Driver": "bitmicro", "Model": "M30S++V20"}]),
    "get_version": flat("whatsminer v1.3"),
}

# M63-class hydro rig, firmware of 2025: every answer in the flat shape
M63 = {
    "summary": flat(
        {
            "Elapsed": 238.35,
            "MHS av": 347052288,
            "MHS 1m": 346799104,
            "MHS 15m": 347052288,
            "HS RT": 346799104,
            "Power": 6199.66,
            "Env Temp": 37.625,
            "Fan Speed In": 0,
            "Fan Speed Out": 0,
            "Factory GHS": 400332,
        }
    ),
    "devs": flat([{"ASC": 0, "Slot": 0, "Temperature": 60, "Chip Temp Max": 63.85, "MHS av": 115684096}]),
    "pools": flat([{"POOL": 1, "URL": "stratum+tcp://p:1", "Status": "Alive", "User": "a.b", "Accepted": 10}]),
    "devdetails": flat([{"Name": "SM", "Model": "M63S_VK30"}]),
    "get_version": flat({"api_ver": "2.0.7", "fw_ver": "20250611.12.Rel", "platform": "H616"}),
    "get_miner_info": flat({"hostname": "hydro-7", "mac": "CA:02:14:00:7C:11", "minersn": "HTM63SF3"}),
    "status": flat({"mineroff": "false", "FirmwareVersion": "old"}),
    "get_error_code": flat({"error_code": []}),
}


def read(replies: dict[str, Any], **changed: Any) -> Reading:
    return decode(Replies({**replies, **changed}))


def summary(**fields: Any) -> Reading:
    return decode(Replies(summary=section("SUMMARY", [fields])))


def test_m30s_of_2021_is_decoded_to_si_units():
    reading = read(M30S)
    assert (reading.make, reading.model, reading.firmware, reading.algorithm) == (
        "WhatsMiner",
        "M30S++V20",
        "stock",
        "sha256",
    )
    assert (reading.mac, reading.firmware_version) == ("C4:11:04:01:3B:75", "20210322.22.REL")
    assert reading.hashrate["5m"] == pytest.approx(110.8e12)
    assert reading.hashrate["realtime"] == pytest.approx(110.8e12)
    assert reading.hashrate_expected == pytest.approx(112.3e12)
    assert (reading.shares.accepted, reading.shares.rejected, reading.shares.stale) == (5000, 12, 3)
    assert (reading.hardware_errors, reading.uptime, reading.temperature_inlet) == (7, 86400, 24.5)
    assert [(fan.index, fan.rpm) for fan in reading.fans] == [(0, 4710), (1, 4800)]
    assert reading.hashing is True
    assert reading.defects == ()


def test_boards_keep_their_slots_and_a_dead_board_has_zero_rate():
    first, last = read(M30S).boards
    assert (first.index, last.index) == (0, 2)
    assert (first.hashrate, last.hashrate) == (37.0e12, 0.0)
    assert (first.temperature_board, first.temperature_chip, first.chips) == (76.5, 93.25, 111)
    assert (first.frequency, first.hardware_errors) == (603e6, 4)


def test_pools_are_numbered_from_one_and_unconfigured_slots_are_skipped():
    first, last = read(M30S).pools
    assert (first.index, first.alive, first.active, first.accepted, first.stale) == (0, True, True, 5000, 3)
    assert (first.last_share_seconds_ago, first.difficulty_accepted) == (10.0, 1.5e9)
    assert (last.index, last.alive, last.active, last.last_share_seconds_ago) == (2, None, False, None)


def test_power_is_measured_only_if_volts_times_amperes_agree():
    assert (read(M30S).power, read(M30S).power_source) == (3460, "measured")
    assert summary(Power=3460).power_source == "reported"
    assert (
        summary(**{"Power": 3460, "Power Voltage Input": 231.0, "Power Current Input": 1.5}).power_source == "reported"
    )
    assert summary().power_source is None


def test_v1_error_codes_come_from_the_summary_up_to_their_count():
    assert [(f.code, f.component) for f in read(M30S).faults] == [(540, "hashboard 0"), (2320, "hashrate")]
    assert summary(**{"Error Code Count": 0}).faults == ()
    assert summary().faults is None


def test_flat_answers_of_2025_firmware_decode_like_the_old_shape():
    reading = read(M63)
    assert reading.model == "M63S_VK30"
    assert (reading.firmware_version, reading.serial, reading.hostname) == ("20250611.12.Rel", "HTM63SF3", "hydro-7")
    assert reading.hashrate["1m"] == pytest.approx(346.799104e12)
    assert (reading.power, reading.uptime) == (6199.66, 238.35)
    assert [b.temperature_chip for b in reading.boards] == [63.85]
    assert reading.pools[0].accepted == 10
    assert reading.faults == ()


def test_hydro_rig_has_no_fans_but_a_stopped_fan_of_an_air_cooled_one_is_zero():
    assert read(M63).fans == ()
    air = flat([{"Model": "M60S_VK40"}])
    assert [fan.rpm for fan in read(M63, devdetails=air).fans] == [0, 0]
    assert [name for name in ("M33S++", "M53_VH30", "M56S", "M66S+", "M36") if not is_liquid_cooled(name)] == []
    assert [name for name in ("M30S++", "M50", "M60S+_VL10", "M20S", "M31S", None) if is_liquid_cooled(name)] == []


@pytest.mark.parametrize("key", ["mineroff", "btmineroff"])
def test_miner_switched_off_is_not_hashing_whatever_the_average_says(key):
    assert read(M63, status=flat({key: "true"})).hashing is False


def test_zero_realtime_rate_is_not_hashing_and_an_average_alone_is_ignored():
    assert summary(**{"HS RT": 0, "MHS av": 1e8}).hashing is False
    assert summary(**{"MHS av": 1e8}).hashing is None
    assert summary(**{"MHS av": 0}).hashing is False
    assert summary().hashing is None


def test_realtime_rate_in_another_unit_is_a_defect_not_a_number():
    reading = summary(**{"HS RT": 110.52, "MHS av": 110520000})
    assert "realtime" not in reading.hashrate
    assert [d.path for d in reading.defects] == ["/summary/SUMMARY/0/HS RT"]


@pytest.mark.parametrize(("value", "defects"), [(-3, 1), (0, 0), ("x", 1)])
def test_expected_rate_of_an_unknown_model_is_unknown(value, defects):
    reading = summary(**{"Factory GHS": value})
    assert reading.hashrate_expected is None
    assert len(reading.defects) == defects


def test_expected_rate_is_summed_from_the_boards_if_the_summary_has_none():
    devs = section("DEVS", [{"Slot": 0, "Factory GHS": 42000}, {"Slot": 1, "Factory GHS": 41000}])
    assert read({}, devs=devs).hashrate_expected == pytest.approx(83e12)


def test_two_rows_of_one_slot_are_one_board_and_a_defect():
    reading = read({}, devs=section("DEVS", [{"Slot": 1, "MHS av": 1}, {"Slot": 1, "MHS av": 2}]))
    assert [board.index for board in reading.boards] == [1]
    assert len(reading.defects) == 1


def test_numbers_sent_as_text_are_decoded():
    assert summary(**{"Power": "3400", "MHS 1m": " 86000000.5 ", "Elapsed": "12"}).hashrate == {"1m": 86000000.5e6}


@pytest.mark.parametrize(
    ("replies", "known"),
    [
        (M30S, True),
        ({"get_version": M63["get_version"]}, True),
        ({"get_version": flat("invalid cmd", "E", 14)}, True),  # only BTMiner answers flat
        ({"devdetails": M30S["devdetails"]}, True),
        ({"summary": M63["summary"]}, True),
        ({"devdetails": section("DEVDETAILS", [{"Driver": "bitmain", "Model": "Antminer S19"}])}, False),
        ({"summary": section("SUMMARY", [{"GHS 5s": 95000, "MHS av": 1}])}, False),
        ({"get_version": {"STATUS": [{"STATUS": "E", "Code": 14}]}}, False),
        ({}, False),
    ],
)
def test_btminer_is_recognized_by_its_own_answers(replies, known):
    assert matches(Fingerprint(Replies(replies))) is known


@settings(max_examples=120, deadline=None)
@given(damaged(M30S) | damaged(M63))
def test_damaged_answers_decode_to_a_valid_reading(replies):
    assert_valid(decode(replies))
    assert matches(Fingerprint(replies)) in (True, False)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from([c.key for c in DRIVER.commands]), JSON))
def test_any_json_decodes_to_a_valid_reading(replies):
    assert_valid(decode(Replies(replies)))
    assert matches(Fingerprint(Replies(replies))) in (True, False)


def test_only_verbs_that_btminer_accepts_joined_are_joined():
    assert {c.key for c in DRIVER.commands if c.joins} == {"summary", "devs", "pools", "devdetails"}
    assert all(math.isfinite(c.every) and c.every >= 1 for c in DRIVER.commands)
