"""Tests the SealMiner driver on made-up answers with values calculated by hand."""

import pytest

from stratoscope.drivers.driver import Fingerprint, Replies, WebPage
from stratoscope.drivers.sealminer import DRIVER
from stratoscope.reading import Fan, Fault, Hashboard

STATUS = [{"STATUS": "S", "When": 1_700_000_100, "Code": 11, "Msg": "Summary", "Description": "bdminer 4.11.1"}]
SUMMARY = {
    "Elapsed": 600,
    "MHS 5s": 999e6,
    "MHS 1m": 190e6,
    "MHS 5m": 195e6,
    "MHS 15m": 150e6,
    "MHS av": 198.5e6,
    "Accepted": 12,
    "Rejected": 1,
    "Stale": 3,
    "Hardware Errors": 8,
}
STATS = {
    "Model": "A1",
    "MAC": "aa-bb-cc-dd-ee-0f",
    "Firmware": "2024110101",
    "Ctrl Board SN": "S9",
    "Board Count": 2,
    "MHS(Sample)": 201e6,
    "MHS(1m)": 202e6,
    "MHS(5m)": 203e6,
    "MHS(15m)": 140e6,
    "MHS(1h)": 35e6,
    "MHS(Avg)": 200e6,
    "MHS(Ideal)": 210e6,
    "PM State": "Running",
    "PSU Input Power": 3600,
    "PSU Error": "0x00000000",
    "Error Code": "",
    "0 Chip Count": 100,
    "0 Bad Chip Count": 3,
    "0 MHS(Sample)": 100.5e6,
    "0 Freq": 400,
    "0 Speed": 5000,
    "0 Temp 0": 60,
    "1 Chip Count": 100,
    "1 Bad Chip Count": 0,
    "1 MHS(Sample)": 100.5e6,
    "1 Freq": 401,
    "1 Speed": 5010,
    "2 Speed": 0,
}
POOL = {
    "POOL": 0,
    "URL": "stratum+tcp://p.example.org:3333",
    "User": "acct.w",
    "Status": "Alive",
    "Stratum Active": True,
    "Accepted": 10,
    "Rejected": 1,
    "Stale": 2,
    "Difficulty Accepted": 2_621_440.0,
    "Last Share Time": 1_700_000_088,
    "Current Block Height": 900_000,
}


def read(stats=None, summary=None, pools=None, **more):
    return DRIVER.decode(
        Replies(
            summary={"STATUS": STATUS, "SUMMARY": [SUMMARY if summary is None else summary]},
            stats={"STATUS": STATUS, "STATS": [STATS if stats is None else stats]},
            pools={"STATUS": STATUS, "POOLS": [POOL] if pools is None else pools},
            **more,
        )
    )


def test_running_rig_is_decoded_to_si_units():
    got = read()
    assert (got.make, got.model, got.firmware, got.firmware_version) == ("SealMiner", "A1", "stock", "2024110101")
    assert (got.mac, got.serial, got.algorithm, got.uptime) == ("AA:BB:CC:DD:EE:0F", "S9", "sha256", 600)
    assert got.hashrate == {"1m": 190e12, "5m": 195e12, "15m": 150e12, "avg": 198.5e12, "realtime": 201e12}
    assert (got.hashrate_expected, got.power, got.power_source) == (210e12, 3600, "measured")
    assert got.boards == (
        Hashboard(index=0, hashrate=100.5e12, chips=97, frequency=400e6),
        Hashboard(index=1, hashrate=100.5e12, chips=100, frequency=401e6),
    )
    assert got.fans == (Fan(index=0, rpm=5000), Fan(index=1, rpm=5010), Fan(index=2, rpm=0))
    assert (got.shares.accepted, got.shares.rejected, got.shares.stale, got.hardware_errors) == (12, 1, 3, 8)
    pool = got.pools[0]
    assert (pool.url, pool.alive, pool.active, pool.accepted) == ("stratum+tcp://p.example.org:3333", True, True, 10)
    assert (pool.difficulty_accepted, pool.last_share_seconds_ago, pool.tip_height) == (2_621_440.0, 12, 900_000)
    assert (got.hashing, got.faults, got.defects) == (True, (), ())


def test_sampled_windows_replace_missing_ones_once_the_uptime_fills_them():
    got = read(summary={"Elapsed": 600})
    assert got.hashrate == {"1m": 202e12, "5m": 203e12, "avg": 200e12, "realtime": 201e12}


def test_paused_rig_is_not_hashing_despite_its_averages():
    paused = read(STATS | {"MHS(Sample)": 0.0, "PM State": "Suspend"})
    assert paused.hashing is False
    assert read(STATS | {"PM State": "Raising"}).hashing is None
    assert read(stats={}, summary={"Elapsed": 5}).hashing is None


def test_faults_of_rig_and_supply_are_reported():
    got = read(STATS | {"Error Code": "E203", "Error Chip": "2-17", "PSU Error": "0x00000010"})
    assert got.faults == (Fault(code="E203", component="2-17"), Fault(code="0x00000010", component="psu"))
    assert read(stats={"Model": "A2"}).faults is None


def test_missing_supply_and_pool_without_shares_are_unknown_not_zero():
    got = read(STATS | {"PSU Input Power": 0}, pools=[POOL | {"Last Share Time": 0, "Current Block Height": 0}])
    assert (got.power, got.power_source, got.pools[0].last_share_seconds_ago) == (None, None, None)
    assert got.pools[0].tip_height is None


def test_identity_falls_back_to_the_web_page():
    system = {"miner_type": "A2", "macaddr": "50:d4:48:00:00:01", "firmware_version": "7", "crtl_sn": "S1"}
    got = read(stats={}, system=system)
    assert (got.model, got.mac, got.firmware_version, got.serial) == ("A2", "50:D4:48:00:00:01", "7", "S1")


@pytest.mark.parametrize("key", ["version", "stats"])
def test_recognized_by_bdminer(key):
    assert DRIVER.matches(Fingerprint(Replies({key: {"STATUS": STATUS}})))


def test_recognized_by_its_system_page_only():
    page = WebPage(200, {}, '{"brand": "Sealminer"}')
    assert DRIVER.matches(Fingerprint(Replies(), {"/cgi-bin/get_system_info.php": page}))
    assert not DRIVER.matches(Fingerprint(Replies(version={"VERSION": [{"CGMiner": "4.11.1"}]})))
