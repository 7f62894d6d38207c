"""Tests WhatsMiner API v3: identity, faults, boards and pools from `get.device.info` and `get.miner.status`."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratoscope.drivers.driver import Fingerprint, Replies
from stratoscope.drivers.whatsminer_v3 import DRIVER, INFO, decode, matches
from stratoscope.reading import Reading
from unit.drivers.hostile import JSON, assert_valid, damaged


def answer(msg: Any, desc: str = "get.miner.status") -> dict[str, Any]:
    return {"code": 0, "when": 1760000100, "msg": msg, "desc": desc}


def info(miner: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return answer(
        {
            "network": {"mac": "ca:01:14:00:04:eb", "hostname": "row-3"},
            "miner": {"working": "true", "type": "M60S++_VL30", "miner-sn": "HTM60X", **(miner or {})},
            "system": {"api": "3.0.1", "fwversion": "20250214.16.Rel", "platform": "H616"},
            "power": {"type": "P221C", "fanspeed": 6100},
            "salt": "x",
            **more,
        },
        INFO,
    )


GOOD = {
    INFO: info(),
    "summary": answer(
        {
            "summary": {
                "elapsed": 7200,
                "bootup-time": 7300,
                "hash-average": 219.5,
                "hash-1min": 220.25,
                "hash-15min": 221.0,
                "hash-realtime": 222.125,
                "factory-hash": 226.0,
                "power-realtime": 3601.5,
                "power-5min": 3590,
                "environment-temperature": 21.5,
                "board-temperature": [60.5, 61.0, 62.5],
                "fan-speed-in": 5010,
                "fan-speed-out": 5100,
                "power-limit": 3800,
            }
        }
    ),
    "edevs": answer(
        {
            "edevs": [
                {"id": 0, "slot": 0, "hash-average": 73.1, "freq": 650.0, "effective-chips": 99, "chip-temp-max": 81.5},
                {
                    "id": 1,
                    "slot": 2,
                    "hash-average": 72.0,
                    "hash-realtime": 0.0,
                    "freq": 640.0,
                    "effective-chips": 98,
                    "chip-temp-max": 84.0,
                },
            ]
        }
    ),
    "pools": answer(
        {
            "pools": [
                {
                    "id": 1,
                    "url": "stratum+tcp://p:3333",
                    "account": "acct.v3",
                    "status": "alive",
                    "stratum-active": True,
                    "last-share-time": 1760000088,
                },
                {
                    "id": 2,
                    "url": "stratum+tcp://q:3333",
                    "account": "acct.v3",
                    "status": "dead",
                    "stratum-active": False,
                },
                {"id": 3, "url": "", "account": "", "status": "dead", "stratum-active": False},
            ]
        }
    ),
}


def read(**changed: Any) -> Reading:
    names = {"info": INFO}
    return decode(Replies({**GOOD, **{names.get(key, key): value for key, value in changed.items()}}))


def changed_summary(**fields: Any) -> Reading:
    rows = {**GOOD["summary"]["msg"]["summary"], **{key.replace("_", "-"): value for key, value in fields.items()}}
    return read(summary=answer({"summary": rows}))


def test_v3_is_decoded_to_si_units():
    reading = read()
    assert (reading.make, reading.model, reading.serial) == ("WhatsMiner", "M60S++_VL30", "HTM60X")
    assert (reading.mac, reading.hostname) == ("CA:01:14:00:04:EB", "row-3")
    assert (reading.firmware, reading.firmware_version) == ("stock", "20250214.16.Rel")
    assert reading.hashrate == pytest.approx({"realtime": 222.125e12, "1m": 220.25e12, "15m": 221e12, "avg": 219.5e12})
    assert reading.hashrate_expected == pytest.approx(226e12)
    assert (reading.power, reading.power_source) == (3601.5, "reported")
    assert (reading.uptime, reading.temperature_inlet) == (7200, 21.5)
    assert [fan.rpm for fan in reading.fans] == [5010, 5100]
    assert reading.hashing is True
    assert reading.faults == ()
    assert reading.defects == ()


def test_missing_board_leaves_its_slot_and_sensor_unused():
    first, last = read().boards
    assert (first.index, first.temperature_board, first.hashrate) == (0, 60.5, 73.1e12)
    assert (last.index, last.temperature_board, last.hashrate) == (2, 62.5, 0.0)
    assert (first.chips, first.frequency, first.temperature_chip) == (99, 650e6, 81.5)


def test_one_sensor_per_fitted_board_is_matched_in_order():
    boards = changed_summary(board_temperature=[60.5, 62.5]).boards
    assert [board.temperature_board for board in boards] == [60.5, 62.5]


def test_without_edevs_only_the_board_sensors_remain():
    reading = decode(Replies({key: GOOD[key] for key in (INFO, "summary")}))
    assert [(b.index, b.temperature_board, b.hashrate) for b in reading.boards] == [
        (0, 60.5, None),
        (1, 61.0, None),
        (2, 62.5, None),
    ]


def test_pools_are_numbered_from_one_and_empty_slots_are_skipped():
    first, last = read().pools
    assert (first.index, first.alive, first.active, first.last_share_seconds_ago) == (0, True, True, 12.0)
    assert (last.index, last.alive, last.active, last.last_share_seconds_ago) == (1, False, False, None)


def test_pools_without_numbers_are_in_order():
    rows = [{"url": "a", "account": "u"}, {"url": "b", "account": "u"}]
    assert [pool.index for pool in read(pools=answer({"pools": rows})).pools] == [0, 1]


def test_working_false_is_not_hashing():
    assert read(info=info({"working": "false"})).hashing is False
    assert changed_summary(hash_realtime=0.0).hashing is False
    assert decode(Replies({INFO: info()})).hashing is None


def test_text_answer_of_a_stopped_miner_program_keeps_the_identity():
    reading = read(summary=answer("btminer process is down err"), edevs=answer("btminer process is down err"))
    assert reading.hashrate == {}
    assert reading.boards == ()
    assert reading.model == "M60S++_VL30"


def test_faults_have_the_firmwares_own_reason():
    codes = [{"264": "2026-05-23 09:19:10", "reason": "Power xfer error"}, {"531": "t"}, {"77777": "t"}]
    faults = read(info=info(**{"error-code": codes})).faults
    assert [(f.code, f.component, f.message) for f in faults] == [
        (264, "psu", "Power xfer error"),
        (531, "hashboard 1", "not found"),
        (77777, None, None),
    ]


def test_liquid_cooled_rig_has_no_fans():
    zero = {"fan-speed-in": 0, "fan-speed-out": 0}
    cold = answer({"summary": {**GOOD["summary"]["msg"]["summary"], **zero}})
    assert read(info=info({"type": "M63S+_VL50"}), summary=cold).fans == ()
    assert [fan.rpm for fan in read(summary=cold).fans] == [0, 0]


@pytest.mark.parametrize(
    ("replies", "ports", "known"),
    [
        ({INFO: info()}, {4433}, True),
        ({INFO: info()}, set(), True),
        ({INFO: {"code": -2, "msg": "invalid command", "desc": INFO}}, {4433}, False),
        ({"get_version": {"STATUS": "S", "Code": 131, "Msg": {"api_ver": "3.0.0"}}}, {4028, 4433}, True),
        ({"get_version": {"STATUS": "S", "Code": 131, "Msg": {"api_ver": "2.0.5"}}}, {4028}, False),
        ({}, {4433}, False),
    ],
)
def test_v3_is_recognized_by_its_answer_or_by_a_btminer_with_the_port_open(replies, ports, known):
    assert matches(Fingerprint(Replies(replies), ports=frozenset(ports))) is known


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
