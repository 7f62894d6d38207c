"""Tests unknown firmware on made-up answers in the layouts of cgminer, bfgminer and sgminer."""

from typing import Any

import pytest

from fakes import bitmain_answers as rig
from stratoscope.drivers import DRIVERS, generic_cgminer
from stratoscope.drivers.driver import Fingerprint, Replies
from stratoscope.reading import Fan, Reading


def read(description: str, devs: list[dict[str, Any]], totals: dict[str, Any], **more: Any) -> Reading:
    version = {"STATUS": rig.status(22, "versions", description), "VERSION": [{"CGMiner": "9.9", "API": "3.7"}]}
    return generic_cgminer.decode(
        Replies(
            {
                "summary": rig.summary(description, **totals),
                "devs": {"STATUS": rig.status(9, "devs", description), "DEVS": devs},
                "version": version,
            }
            | more
        )
    )


def test_cgminer_4_with_usb_sticks_is_decoded() -> None:
    devs = [
        {
            "ASC": n,
            "Name": "GSF",
            "ID": n,
            "Enabled": "Y",
            "Status": "Alive",
            "Temperature": 0.0,
            "MHS av": 410e3,
            "MHS 5s": 400e3 + n,
            "MHS 1m": 401e3,
            "MHS 5m": 402e3 + n,
            "MHS 15m": 403e3,
            "Hardware Errors": n,
        }
        for n in (0, 2)
    ]
    totals = {"MHS 5s": 800e3, "MHS 1m": 802e3, "MHS 5m": 804e3, "MHS 15m": 806e3, "MHS av": 820e3}
    reading = read("cgminer 4.12.1", devs, totals)
    assert (reading.firmware, reading.firmware_version) == ("cgminer", "4.12.1")
    assert (reading.make, reading.model) == (None, None)
    assert reading.hashrate == {"5s": 800e9, "1m": 802e9, "5m": 804e9, "15m": 806e9, "avg": 820e9}
    assert [(b.index, b.hashrate, b.temperature_board, b.hardware_errors) for b in reading.boards] == [
        (0, 402e9, None, 0),
        (2, pytest.approx(402.002e9), None, 2),
    ]
    assert reading.hashing is True
    assert reading.algorithm is None
    assert reading.defects == ()


def test_bfgminer_5_windows_of_20_s_and_rolling_are_realtime() -> None:
    devs = [
        {
            "PGA": 0,
            "Name": "ICA",
            "ID": 0,
            "Temperature": 41.5,
            "MHS av": 330.0,
            "MHS 20s": 333.0,
            "MHS rolling": 331.0,
            "Hardware Errors": 1,
        }
    ]
    coin = {"STATUS": rig.status(78, "coin", "bfgminer 5.5.0"), "COIN": [{"Hash Method": "sha256"}]}
    reading = read("bfgminer 5.5.0", devs, {"MHS av": 330.0, "MHS 20s": 333.0}, coin=coin)
    assert reading.hashrate == {"avg": 330e6, "realtime": 333e6}
    assert (reading.boards[0].hashrate, reading.boards[0].temperature_board) == (333e6, 41.5)
    assert (reading.firmware, reading.firmware_version, reading.algorithm) == ("bfgminer", "5.5.0", "sha256")
    assert reading.hashing is True


def test_sgminer_5_with_graphics_cards_is_decoded() -> None:
    devs = [
        {
            "GPU": 0,
            "Temperature": 67.0,
            "Fan Speed": 2710,
            "Fan Percent": 60,
            "GPU Clock": 1050,
            "GPU Voltage": 1.125,
            "KHS av": 550.5,
            "KHS 5s": 560.5,
            "Hardware Errors": 0,
        },
        {
            "GPU": 1,
            "Temperature": 0.0,
            "Fan Speed": -1,
            "GPU Clock": 0,
            "GPU Voltage": 0.0,
            "KHS av": 0.0,
            "KHS 5s": 0.0,
            "Hardware Errors": 0,
        },
    ]
    coin = {"STATUS": rig.status(78, "coin", "sgminer 5.0.0"), "COIN": [{"Hash Method": "scrypt"}]}
    reading = read("sgminer 5.0.0", devs, {"KHS av": 550.5, "KHS 5s": 560.5}, coin=coin)
    assert reading.hashrate == {"avg": 550.5e3, "5s": 560.5e3}
    first, second = reading.boards
    assert (first.frequency, first.voltage, first.temperature_board) == (1050e6, 1.125, 67)
    assert (second.hashrate, second.frequency, second.voltage, second.temperature_board) == (0, None, None, None)
    assert reading.fans == (Fan(index=0, rpm=2710),)
    assert reading.algorithm == "scrypt"


def test_mixed_kinds_are_numbered_by_position() -> None:
    devs = [{"GPU": 0, "MHS 5s": 1.0}, {"ASC": 0, "MHS 5s": 2.0}]
    assert [(b.index, b.hashrate) for b in read("cgminer 3.7.2", devs, {}).boards] == [(0, 1e6), (1, 2e6)]


def test_average_alone_does_not_prove_hashing_but_a_device_does() -> None:
    assert read("cgminer 2.11.4", [], {"MHS av": 2.95}).hashing is None
    assert read("cgminer 2.11.4", [{"CPU": 0, "MHS av": 2.9, "MHS 5s": 2.95}], {"MHS av": 2.95}).hashing is True
    assert read("cgminer 2.11.4", [{"CPU": 0, "MHS av": 2.9, "MHS 5s": 0.0}], {"MHS av": 2.95}).hashing is False


def test_overflowed_rates_of_an_old_miner_are_defects() -> None:
    devs = [{"CPU": 1, "MHS av": 1.29e181, "MHS 5s": 1.1e240}]
    reading = read("cgminer 2.11.4", devs, {"MHS av": 2.95})
    assert reading.boards[0].hashrate is None
    assert len(reading.defects) >= 2


def test_unnamed_descendant_with_bitmains_layout_has_boards_and_fans() -> None:
    stats = rig.stats("Wondermine W1", rig.s19j_pro_live())
    reading = read("cgminer 4.11.1", [], {"GHS 5s": 103900.5}, stats=stats)
    assert (len(reading.boards), len(reading.fans)) == (3, 4)
    assert (reading.make, reading.model) == (None, "Wondermine W1")


def test_known_brand_is_split_from_the_model() -> None:
    version = rig.version("Innosilicon T3+", "cgminer 4.11.1")
    reading = read("cgminer 4.11.1", [], {}, version=version)
    assert (reading.make, reading.model) == ("Innosilicon", "T3+")


def test_generic_driver_is_last_and_matches_any_cgminer_answer() -> None:
    assert DRIVERS[-1] is generic_cgminer.DRIVER
    denied = {"STATUS": [{"STATUS": "E", "Code": 45, "Msg": "Access denied: 'version' command"}], "id": 1}
    assert generic_cgminer.matches(Fingerprint(Replies(version=denied)))
    assert generic_cgminer.matches(Fingerprint(Replies(summary=rig.summary())))
    assert not generic_cgminer.matches(Fingerprint(Replies(version={"hello": 1})))
    assert not generic_cgminer.matches(Fingerprint(Replies()))
