"""Tests the ePIC driver on made-up answers with values calculated by hand."""

import pytest

from stratoscope.drivers.driver import Fingerprint, Replies, WebPage
from stratoscope.drivers.epic import DRIVER
from stratoscope.reading import Fan, Fault

SUMMARY = {
    "Status": {"Operating State": "Mining", "Last Error": "old trouble"},
    "Hostname": "rack-7",
    "Software": "PowerPlay-BM v1.7.2",
    "Mining": {"Coin": "BTC", "Algorithm": "SHA-256"},
    "Session": {"Uptime": 500, "Average MHs": 60e6, "Accepted": 44, "Rejected": 4, "Last Accepted Share Timer": 9},
    "HBs": [
        {"Index": 0, "Hashrate": [30e6, 100.0, 0.5], "Core Clock Avg": 600.0, "Input Voltage": 14.5, "Temperature": 61},
        {
            "Index": 2,
            "Hashrate": [36e6, 90.0, 0.5],
            "Core Clock Avg": 610.0,
            "Input Voltage": 14.4,
            "Temperature": 50.5,
        },
    ],
    "Fans Rpm": {"Fans Speed 1": 5000, "Fans Speed 2": 0, "Fans Speed 3": None},
    "Power Supply Stats": {"Input Power": 2500.0, "Input Current": 11.0, "Input Voltage": 228.0},
    "Stratum": {"Config Id": 1, "Current User": "acct.w-1a2b", "IsPoolConnected": True},
    "StratumConfigs": [
        {"pool": "stratum+tcp://a:1", "login": "acct.w", "password": "hush"},
        {"pool": "stratum+tcp://b:2", "login": "acct.w", "password": "hush"},
    ],
}
MORE = {
    "capabilities": {"Model": "Antminer S17 Pro"},
    "network": {"static": {"address": "10.0.0.9", "mac_address": "e6:d4:41:00:00:02"}},
    "temps": [{"Index": 0, "Data": [60.0, 64.5]}, {"Index": 2, "Data": [49.0, 50.0]}],
    "chip_temps": [{"Index": 0, "Data": [70.0, 81.5, 0.0]}, {"Index": 2, "Data": [0.0, 0.0, 0.0]}],
    "chip_hashrates": [
        {"Index": 0, "Data": [[10e6, 99, 1], [20e6, 99, 1], [0.0, 0, 0]]},
        {"Index": 2, "Data": [[1.0], "broken"]},
    ],
}


def read(**changes):
    return DRIVER.decode(Replies({**MORE, "summary": {**SUMMARY, **changes}}))


def test_mining_rig_is_decoded_to_si_units():
    got = read()
    assert (got.make, got.model, got.firmware, got.firmware_version) == ("Antminer", "S17 Pro", "epic", "1.7.2")
    assert (got.mac, got.hostname, got.algorithm, got.uptime) == ("E6:D4:41:00:00:02", "rack-7", "sha256", 500)
    assert got.hashrate == {"realtime": 66e12, "avg": 60e12}
    assert got.hashrate_expected == pytest.approx(30e12 + 40e12)  # 36 TH/s is 90 % of 40
    assert (got.power, got.power_source) == (2500, "measured")
    first, second = got.boards
    assert (first.index, first.hashrate, first.frequency, first.voltage) == (0, 30e12, 600e6, 14.5)
    assert (first.temperature_board, first.temperature_chip, first.chips) == (64.5, 81.5, 2)
    assert (second.index, second.temperature_board, second.temperature_chip, second.chips) == (2, 50.5, None, None)
    assert got.fans == (Fan(index=0, rpm=5000), Fan(index=1, rpm=0))
    assert (got.shares.accepted, got.shares.rejected) == (44, 4)
    assert (got.hashing, got.faults, got.defects) == (True, (), ())


def test_counters_belong_to_the_pool_in_use_and_passwords_are_never_read():
    got = read()
    spare, used = got.pools
    assert (spare.active, spare.alive, spare.accepted, spare.user) == (False, None, None, "acct.w")
    assert (used.active, used.alive, used.accepted, used.rejected) == (True, True, 44, 4)
    assert (used.user, used.last_share_seconds_ago) == ("acct.w-1a2b", 9)
    assert "hush" not in str(got)


@pytest.mark.parametrize(
    ("state", "boards", "expected"),
    [
        ("Mining", SUMMARY["HBs"], True),
        ("mining", [], True),
        ("Mining", [{"Index": 0, "Hashrate": [0.0, 0.0, 0.0]}], False),
        ("Idling", SUMMARY["HBs"], False),
        ("Stopped", [], False),
        ("AdjustingVoltage", [], None),
        ("Tuning", SUMMARY["HBs"], True),
    ],
)
def test_hashing_requires_evidence(state, boards, expected):
    assert read(Status={"Operating State": state}, HBs=boards).hashing is expected


def test_power_without_current_is_calculated_and_zero_is_unknown():
    supply = {"Input Power": 2100.0, "Input Current": 0.0, "Input Voltage": 0.0}
    assert read(**{"Power Supply Stats": supply}).power_source == "reported"
    assert read(**{"Power Supply Stats": {"Input Power": 0.0}}).power is None


def test_unknown_board_makes_the_sum_unknown():
    got = read(HBs=[*SUMMARY["HBs"], {"Index": 3}])
    assert "realtime" not in got.hashrate
    assert got.hashrate_expected is None
    assert got.hashrate["avg"] == 60e12


def test_last_error_is_a_fault_only_while_not_mining():
    got = read(Status={"Operating State": "Idling", "Last Error": "PSU lost"})
    assert got.faults == (Fault(code="last_error", message="PSU lost"),)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AntMiner S19 XP", ("Antminer", "S19 XP")),
        ("ANTMINER S19J PRO DUAL", ("Antminer", "S19J PRO DUAL")),
        ("S19J Pro", ("Antminer", "S19J Pro")),
        ("BlockMiner 520i", ("ePIC", "BlockMiner 520i")),
        ("Whatever 9000", (None, "Whatever 9000")),
        (None, (None, None)),
    ],
)
def test_make_and_model_come_from_the_capabilities(name, expected):
    got = DRIVER.decode(Replies(summary=SUMMARY, capabilities={"Model": name}))
    assert (got.make, got.model) == expected


def test_recognized_by_landing_page_or_summary():
    assert DRIVER.matches(Fingerprint(Replies(), {"/": WebPage(200, {}, "<title>Miner Web Dashboard</title>")}))
    assert DRIVER.matches(Fingerprint(Replies(), {"/summary": WebPage(200, {}, "", SUMMARY)}))
    assert not DRIVER.matches(Fingerprint(Replies(), {"/summary": WebPage(200, {}, "", {"status": "ok"})}))
    assert {command.port for command in DRIVER.commands} == {4028}
