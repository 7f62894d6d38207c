"""Tests Auradine Teraflux: CGMiner answers, and the web answers that require a login."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratoscope.drivers.auradine import DRIVER, decode, matches
from stratoscope.drivers.driver import Fingerprint, LoginScheme, Replies, Via
from stratoscope.reading import Reading
from unit.drivers.hostile import JSON, assert_valid, damaged


def section(name: str, *rows: dict[str, Any], sign: str = "FluxOS-2024-06.11-d37c5dd4") -> dict[str, Any]:
    return {"STATUS": [{"STATUS": "S", "When": 1700000000, "Code": 11, "Description": sign}], name: list(rows), "id": 1}


GOOD = {
    "summary": section(
        "SUMMARY",
        {
            "Elapsed": 3600,
            "MHS 5s": 151e6,
            "MHS 1m": 150.5e6,
            "MHS 5m": 150e6,
            "MHS 15m": 149.5e6,
            "MHS av": 149e6,
            "Accepted": 70,
            "Rejected": 2,
            "Hardware Errors": 5,
        },
    ),
    "devs": section(
        "DEVS",
        {"DEV": 1, "ID": 1, "MHS 5s": 50e6, "MHS 5m": 49.5e6, "Temperature": 30.5, "Status": "Alive"},
        {"DEV": 3, "ID": 3, "MHS 5s": 51e6, "Temperature": 31.25, "Status": "Alive"},
    ),
    "pools": section(
        "POOLS",
        {
            "POOL": 0,
            "URL": "stratum+tcp://p:3333",
            "User": "a.b",
            "Status": "Alive",
            "Stratum Active": True,
            "Accepted": 70,
            "Rejected": 2,
        },
    ),
    "devdetails": section("DEVDETAILS", {"DEVDETAILS": 0, "Driver": "FluxOS", "Model": "AT2880"}),
    "ipreport": section(
        "IPReport",
        {
            "SerialNo": "AU24",
            "hostname": "flux-9",
            "mac": "1c:00:00:0e:3b:2c",
            "model": "AT2880",
            "version": "2024-06.11",
        },
    ),
    "psu": section("PSU", {"PowerIn": "1640.50W", "PowerOut": "1500W"}, {"PowerIn": "1.65 kW"}),
    "mode": section("Mode", {"Mode": "turbo", "Sleep": "off", "Ths": 160}),
    "fan": section("Fan", {"ID": 1, "Speed": 7080, "Max": 7700}, {"ID": 3, "Speed": 0}),
    "temperature": section(
        "Temperature",
        {"ID": 0, "Name": "Control Board", "BoardTemp": [{"ID": 0, "Temperature": 90.0}], "ChipTemp": None},
        {
            "ID": 1,
            "Name": "Hash Board 1",
            "BoardTemp": [{"ID": 0, "Temperature": 21.5}, {"ID": 1, "Temperature": 41.5}],
            "ChipTemp": [{"ID": 0, "Temperature": 45.25}, {"ID": 1, "Temperature": 48.5}],
        },
        {"ID": 3, "Name": "Hash Board 3", "BoardTemp": None, "ChipTemp": [{"Temperature": "hot"}, {"Temperature": 51}]},
    ),
    "frequency": section(
        "Frequency",
        {"ID": 1, "Name": "Hash Board 1", "ChipFrequency": [{"Frequency": 300.0}, {"Frequency": 350.0}]},
    ),
}


def read(**changed: Any) -> Reading:
    return decode(Replies({**GOOD, **changed}))


def test_fluxos_is_decoded_to_si_units():
    reading = read()
    assert (reading.make, reading.model, reading.serial) == ("Auradine", "AT2880", "AU24")
    assert (reading.mac, reading.hostname) == ("1C:00:00:0E:3B:2C", "flux-9")
    assert reading.firmware_version == "2024-06.11"
    assert reading.hashrate == pytest.approx(
        {"5s": 151e12, "1m": 150.5e12, "5m": 150e12, "15m": 149.5e12, "avg": 149e12}
    )
    assert reading.hashrate_expected == pytest.approx(160e12)
    assert (reading.power, reading.power_source) == (pytest.approx(3290.5), "measured")
    assert (reading.shares.accepted, reading.shares.rejected, reading.hardware_errors) == (70, 2, 5)
    assert (reading.uptime, reading.hashing) == (3600, True)


def test_boards_are_numbered_from_one_and_matched_with_their_sensors():
    first, last = read().boards
    assert (first.index, last.index) == (0, 2)
    assert (first.hashrate, last.hashrate) == pytest.approx((49.5e12, 51e12))
    assert (first.temperature_board, first.temperature_chip) == (41.5, 48.5)
    assert (last.temperature_board, last.temperature_chip) == (31.25, 51.0)
    assert (first.frequency, last.frequency) == (325e6, None)


def test_bad_sensor_is_one_defect_with_its_path():
    assert [d.path for d in read().defects] == ["/temperature/Temperature/2/ChipTemp/0/Temperature"]


def test_fans_keep_their_numbers_and_a_stopped_one_is_zero():
    assert [(fan.index, fan.rpm) for fan in read().fans] == [(0, 7080), (2, 0)]


def test_without_a_login_only_cgminer_answers_are_used():
    reading = decode(Replies({key: GOOD[key] for key in ("summary", "devs", "pools", "devdetails")}))
    assert (reading.model, reading.firmware_version) == ("AT2880", "FluxOS-2024-06.11-d37c5dd4")
    assert (reading.power, reading.power_source, reading.mac, reading.fans) == (None, None, None, ())
    assert reading.boards[0].temperature_board == 30.5
    assert reading.hashing is True


@pytest.mark.parametrize(
    ("text", "watts", "defects"),
    [
        ("58.94W", 58.94, 0),
        (" 3.2 kW ", 3200.0, 0),
        ("900mW", 0.9, 0),
        (75, 75.0, 0),
        ("12", 12.0, 0),
        ("", None, 0),
        ("-5W", None, 1),
        ("12V", None, 1),
        ("W", None, 1),
        (True, None, 1),
        ({}, None, 1),
    ],
)
def test_power_with_its_unit(text, watts, defects):
    reading = decode(Replies(psu=section("PSU", {"PowerIn": text})))
    assert reading.power == (None if watts is None else pytest.approx(watts))
    assert len(reading.defects) == defects


def test_power_is_unknown_if_one_supply_does_not_report_it():
    assert read(psu=section("PSU", {"PowerIn": "1600W"}, {"Vin": "240V"})).power is None


def test_sleeping_rig_is_not_hashing_and_has_no_expected_rate():
    reading = read(mode=section("Mode", {"Mode": "eco", "Sleep": "on", "Ths": 100}))
    assert reading.hashing is False
    assert reading.hashrate_expected is None


def test_zero_rate_is_not_hashing():
    assert read(summary=section("SUMMARY", {"MHS 5s": 0, "MHS av": 5e6})).hashing is False


def test_web_answers_need_a_token_from_port_8080():
    web = [c for c in DRIVER.commands if c.via is Via.HTTP]
    assert {c.port for c in web} == {8080}
    assert not any(c.required for c in web)
    assert DRIVER.login is not None
    assert (DRIVER.login.scheme, DRIVER.login.path, DRIVER.login.port) == (LoginScheme.BEARER, "/token", 8080)


@pytest.mark.parametrize(
    ("replies", "known"),
    [
        ({"summary": GOOD["summary"]}, True),
        ({"version": section("VERSION", {"API": "1.0", "GCMiner": "0.5"}, sign="GCMiner-0.5")}, True),
        ({"devdetails": section("DEVDETAILS", {"Driver": "FluxOS"}, sign="x")}, True),
        ({"version": section("VERSION", {"API": "3.7", "CGMiner": "4.9"}, sign="cgminer 4.9.2")}, False),
        ({}, False),
    ],
)
def test_fluxos_is_recognized_by_its_signature(replies, known):
    assert matches(Fingerprint(Replies(replies))) is known


@settings(max_examples=120, deadline=None)
@given(damaged(GOOD))
def test_damaged_answers_decode_to_a_valid_reading(replies):
    assert_valid(decode(replies))
    assert matches(Fingerprint(replies)) in (True, False)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from([c.key for c in DRIVER.commands]), JSON))
def test_any_json_decodes_to_a_valid_reading(replies):
    assert_valid(decode(Replies(replies)))
    assert matches(Fingerprint(Replies(replies))) in (True, False)
