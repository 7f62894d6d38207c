"""Tests ESP-Miner and its forks on made-up answers of several firmware versions, with values calculated by hand."""

import pytest

from stratoscope.drivers.driver import Fingerprint, Replies, WebPage
from stratoscope.drivers.espminer import DRIVER
from stratoscope.drivers.espminer_models import identify, meters_input_power
from stratoscope.reading import Fan, PoolSlot

OLD = {
    "ASICModel": "BM1366",
    "boardVersion": "204",
    "asicCount": 1,
    "smallCoreCount": 894,
    "frequency": 485,
    "hashRate": 437.5,
    "power": 11.25,
    "temp": 55.5,
    "vrTemp": 61,
    "fanrpm": 4321,
    "bestDiff": "12.3M",
    "coreVoltageActual": 1195,
    "hostname": "shelf-1",
    "macAddr": "a0:b1:c2:d3:e4:f5",
    "uptimeSeconds": 7200,
    "sharesAccepted": 41,
    "sharesRejected": 2,
    "version": "v2.3.0",
    "overheat_mode": 0,
    "stratumURL": "pool.example.org",
    "stratumPort": 3333,
    "stratumUser": "bc1qx.shelf",
    "fallbackStratumURL": "second.example.org",
    "fallbackStratumPort": 21496,
    "fallbackStratumUser": "bc1qx",
    "isUsingFallbackStratum": 1,
}

NEW = OLD | {
    "ASICModel": "BM1370",
    "boardVersion": "801",
    "frequency": 525,
    "actualFrequency": 523.5,
    "temp2": 63.25,
    "hashRate": 2100.0,
    "hashRate_1m": 2110.5,
    "hashRate_10m": 2090.0,
    "hashRate_1h": 0.0,
    "expectedHashrate": 2142.0,
    "fan2rpm": 3000,
    "miningPaused": False,
    "bestDiff": 123456789.0,
    "isUsingFallbackStratum": 0,
    "hashrateMonitor": {"asics": [{"total": 1050.0, "errorCount": 7}, {"total": 0.0, "errorCount": 5}]},
    "primaryPoolIndex": 1,
    "secondaryPoolIndex": 0,
    "pools": [
        {"id": 0, "stratumURL": "a.example.org", "stratumPort": 1, "stratumUser": "u0", "stratumPassword": "hush"},
        {"id": 1, "stratumURL": "b.example.org", "stratumPort": 2, "stratumUser": "u1"},
        {"id": 2, "stratumURL": "", "stratumPort": 0},
    ],
}
del NEW["asicCount"]

NERD = {
    "ASICModel": "BM1370",
    "deviceModel": "NerdQAxe++",
    "asicCount": 4,
    "smallCoreCount": 2040,
    "frequency": 600,
    "hashRate": 4800.25,
    "hashRate_1m": 4790.0,
    "hashRate_1h": 4811.0,
    "hashRate_1d": 4805.0,
    "power": 76.5,
    "temp": 0,
    "asicTemps": [51.5, 54.25, 0, 53.0],
    "fanrpm": 2400,
    "fanrpm2": 0,
    "fanCount": 2,
    "shutdown": False,
    "version": "v1.0.36",
    "uptimeSeconds": 90000,
    "sharesAccepted": 900,
    "sharesRejected": 3,
    "stratumURL": "p.example.org",
    "stratumPort": 4444,
    "stratumUser": "w1",
    "fallbackStratumURL": "f.example.org",
    "fallbackStratumPort": 5555,
    "fallbackStratumUser": "w2",
    "stratum": {
        "activePoolMode": 0,
        "usingFallback": False,
        "pools": [{"connected": True, "accepted": 899, "rejected": 3}, {"connected": False, "accepted": 1}],
    },
}


def read(info, asic=None):
    return DRIVER.decode(Replies({"info": info} if asic is None else {"info": info, "asic": asic}))


def test_old_firmware_is_decoded_to_si_units():
    got = read(OLD)
    assert (got.make, got.model, got.firmware, got.firmware_version) == ("Bitaxe", "Ultra", "esp-miner", "v2.3.0")
    assert got.hashrate == {"realtime": 437.5e9}
    assert got.hashrate_expected == 485e6 * 894  # 433.59 GH/s: as the firmware's own page calculates
    assert (got.power, got.power_source) == (11.25, "measured")  # board 204 has an INA260
    assert (got.mac, got.hostname, got.uptime) == ("A0:B1:C2:D3:E4:F5", "shelf-1", 7200)
    assert (got.shares.accepted, got.shares.rejected, got.shares.stale) == (41, 2, None)
    board = got.boards[0]
    assert (board.hashrate, board.frequency, board.chips) == (437.5e9, 485e6, 1)
    assert (board.temperature_chip, board.temperature_board) == (55.5, None)
    assert board.voltage == pytest.approx(1.195)
    assert got.fans == (Fan(index=0, rpm=4321),)
    assert got.pools == (
        PoolSlot(index=0, url="pool.example.org:3333", user="bc1qx.shelf", active=False),
        PoolSlot(index=1, url="second.example.org:21496", user="bc1qx", active=True),
    )
    assert (got.hashing, got.faults, got.defects) == (True, (), ())


def test_new_firmware_reports_windows_each_asic_and_a_list_of_pools():
    got = read(NEW, {"deviceModel": "GammaTurbo", "asicCount": 2})
    assert (got.make, got.model) == ("Bitaxe", "Gamma Turbo")
    assert got.hashrate == {
        "realtime": 2100e9,
        "1m": 2110.5e9,
    }  # 1h is not filled yet, a reading has no 10m
    assert got.hashrate_expected == 2142e9
    assert got.power_source == "reported"  # board 801 adds a constant to the regulator's output
    assert got.boards[0].chips == 1  # one of the two ASICs is not hashing
    assert (got.hardware_errors, got.boards[0].hardware_errors) == (12, 12)
    assert (got.boards[0].temperature_chip, got.boards[0].frequency) == (63.25, 523.5e6)
    assert [fan.rpm for fan in got.fans] == [4321, 3000]
    assert [(p.index, p.url, p.user, p.active) for p in got.pools] == [
        (0, "a.example.org:1", "u0", False),
        (1, "b.example.org:2", "u1", True),
    ]
    assert "hush" not in str(got)


def test_nerdqaxe_reports_each_pool_state_and_the_hottest_of_four_asics():
    got = read(NERD)
    assert (got.make, got.model, got.power_source) == ("NerdAxe", "NerdQAxe++", "measured")
    assert got.hashrate == {"realtime": 4800.25e9, "1m": 4790e9, "1h": 4811e9, "24h": 4805e9}
    assert got.hashrate_expected == 600e6 * 2040 * 4
    assert (got.boards[0].chips, got.boards[0].temperature_chip) == (4, 54.25)
    assert [fan.rpm for fan in got.fans] == [2400, 0]  # two fans fitted, one stopped
    assert [(p.alive, p.active, p.accepted, p.rejected) for p in got.pools] == [
        (True, True, 899, 3),
        (False, False, 1, None),
    ]
    assert got.faults is None  # this fork does not report faults


def test_single_pool_state_belongs_to_the_pool_in_use():
    got = read(NERD | {"stratum": {"usingFallback": True, "pools": [{"connected": True, "accepted": 5}]}})
    assert [(p.active, p.alive, p.accepted) for p in got.pools] == [(False, None, None), (True, True, 5)]


def test_both_pools_are_active_in_dual_mode():
    states = [{"connected": True}, {"connected": True}]
    got = read(NERD | {"stratum": {"activePoolMode": 1, "pools": states}})
    assert [p.active for p in got.pools] == [True, True]


@pytest.mark.parametrize("switch", [{"overheat_mode": 1}, {"miningPaused": True}, {"shutdown": True}])
def test_f14_stale_rate_with_the_asic_off_is_not_hashing(switch):
    got = read(OLD | switch)
    assert got.hashing is False
    assert got.hashrate["realtime"] == 437.5e9


def test_hashing_is_unknown_without_a_rate_and_false_at_zero():
    assert read({key: value for key, value in OLD.items() if key != "hashRate"}).hashing is None
    assert read(OLD | {"hashRate": 0}).hashing is False


def test_faults_of_the_firmware_are_reported():
    got = read(OLD | {"overheat_mode": 1, "power_fault": "Vout undervoltage"})
    assert [(f.code, f.component) for f in got.faults] == [
        ("overheat_mode", "asic"),
        ("power_fault", "voltage regulator"),
    ]
    assert got.faults[1].message == "Vout undervoltage"


def test_placeholder_numbers_for_unmeasured_values_are_ignored():
    got = read(OLD | {"temp": -1, "fan2rpm": 0, "power": 0})
    assert got.boards[0].temperature_chip is None
    assert len(got.fans) == 1
    assert (got.power, got.power_source) == (None, None)


@pytest.mark.parametrize(
    ("device", "board", "expected"),
    [
        (None, "2.2", ("Bitaxe", "Max")),
        (None, "0.11", ("Bitaxe", "Ultra")),
        (None, "303", ("Bitaxe", "Hex")),
        (None, "403", ("Bitaxe", "Supra")),
        (None, "601", ("Bitaxe", "Gamma")),
        (None, "650", ("Bitaxe", "Gamma Duo")),
        (None, "702", ("Bitaxe", "Supra Hex")),
        (None, "9999", (None, None)),
        (None, None, (None, None)),
        ("gamma", "601", ("Bitaxe", "Gamma")),
        ("SupraHex", "701", ("Bitaxe", "Supra Hex")),
        ("NerdAxe", None, ("NerdAxe", "NerdAxe")),
        ("NerdOCTAXE-γ", None, ("NerdAxe", "NerdOCTAXE-γ")),
        ("LV07", None, ("LuckyMiner", "LV07")),
        (None, "LV08", ("LuckyMiner", "LV08")),
        ("LuckyMiner LV06", None, ("LuckyMiner", "LV06")),
        ("BITFORGE_NANO", None, ("BitForge", "Nano")),
        ("SomethingNew", "601", (None, "SomethingNew")),
    ],
)
def test_make_and_model_come_from_device_name_or_board(device, board, expected):
    assert identify(device, board) == expected


def test_power_is_measured_only_on_metering_boards():
    assert meters_input_power("Bitaxe", "401")
    assert not meters_input_power("Bitaxe", "601")
    assert not meters_input_power("LuckyMiner", "204")


def test_recognized_by_landing_page_or_info():
    assert DRIVER.matches(Fingerprint(Replies(), {"/": WebPage(200, {}, "<title>AxeOS</title>")}))
    assert DRIVER.matches(Fingerprint(Replies(), {"/api/system/info": WebPage(200, {}, "", OLD)}))
    assert not DRIVER.matches(Fingerprint(Replies(), {"/": WebPage(200, {}, "<title>Proto OS</title>")}))
    assert not DRIVER.matches(Fingerprint(Replies(), {"/api/system/info": WebPage(200, {}, "[]", [])}))
    assert DRIVER.min_interval >= 15
