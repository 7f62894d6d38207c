"""Tests the Proto driver on made-up answers with values calculated by hand."""

import pytest

from stratoscope.drivers.driver import Fingerprint, Replies, WebPage
from stratoscope.drivers.proto import DRIVER
from stratoscope.reading import Fan, Fault, Hashboard

MINING = {
    "status": "Mining",
    "hashrate_ghs": 700_000.0,
    "average_hashrate_ghs": 690_000.0,
    "ideal_hashrate_ghs": 720_000,
    "mining_uptime_s": 90,
    "reboot_uptime_s": 300,
    "hw_errors": 4,
    "power_usage_watts": 9000.5,
}
TELEMETRY = {
    "miner": {"hashrate": {"unit": "TH/s", "value": 699.0}},
    "hashboards": [
        {
            "index": 0,
            "serial_number": "HB0",
            "hashrate": {"unit": "TH/s", "value": 80.5},
            "voltage": {"unit": "V", "value": 14.25},
        },
        {"index": 4, "serial_number": "HB4", "hashrate": {"unit": "furlong", "value": 1}},
    ],
    "psus": [{"index": 0, "power": {"input": 4600.25, "output": 4300}}, {"index": 1, "power": {"input": 4500.5}}],
}
POOLS = [
    {
        "id": 0,
        "status": "Active",
        "url": "stratum+tcp://a:1",
        "user": "u",
        "accepted": 70,
        "rejected": 2,
        "difficulty_accepted_shares": 9_000_000,
    },
    {"id": 1, "status": "Idle", "url": "stratum+tcp://b:2", "user": "u", "accepted": 5, "rejected": 0},
    {"id": 2, "status": "Dead", "url": "stratum+tcp://c:3", "user": "u", "accepted": 0, "rejected": 0},
]
ANSWERS = {
    "mining": {"mining-status": MINING},
    "telemetry": TELEMETRY,
    "pools": {"pools": POOLS},
    "errors": [],
    "cooling": {"cooling-status": {"fans": [{"slot": 1, "rpm": 4000}, {"slot": 2, "rpm": 0}]}},
    "hardware": {"hardware-info": {"hashboards-info": [{"hb_sn": "HB0", "mining_asic_count": 128}]}},
    "system": {
        "system-info": {"product_name": "Proto Rig", "cb_sn": "CB7", "os": {"version": "1.9.2"}, "uptime_seconds": 290}
    },
    "network": {"network-info": {"mac": "82:11:d2:00:00:01", "hostname": "proto-1"}},
}


def read(**changes):
    return DRIVER.decode(Replies({**ANSWERS, **changes}))


def test_mining_rig_is_decoded_to_si_units():
    got = read()
    assert (got.make, got.model, got.firmware, got.firmware_version) == ("Proto", "Rig", "stock", "1.9.2")
    assert (got.mac, got.serial, got.hostname, got.uptime) == ("82:11:D2:00:00:01", "CB7", "proto-1", 90)
    assert got.hashrate == {"realtime": 700e12, "avg": 690e12}
    assert got.hashrate_expected == 720e12
    assert (got.power, got.power_source) == (9100.75, "measured")  # both supplies' inputs
    assert got.boards == (Hashboard(index=0, hashrate=80.5e12, chips=128, voltage=14.25), Hashboard(index=4))
    assert got.fans == (Fan(index=0, rpm=4000), Fan(index=1, rpm=0))
    assert [(p.index, p.alive, p.active) for p in got.pools] == [(0, True, True), (1, True, False), (2, False, False)]
    assert got.pools[0].difficulty_accepted == 9_000_000
    assert (got.shares.accepted, got.shares.rejected, got.hardware_errors) == (75, 2, 4)
    assert (got.hashing, got.faults) == (True, ())
    assert [defect.path for defect in got.defects] == ["/telemetry/hashboards/1/hashrate/unit"]


def test_miners_own_power_is_used_if_one_supply_does_not_report():
    got = read(telemetry=TELEMETRY | {"psus": [{"power": {"input": 4600.0}}, {"power": {}}]})
    assert (got.power, got.power_source) == (9000.5, "reported")


@pytest.mark.parametrize(
    ("state", "rate", "expected"),
    [
        ("Mining", 1.0, True),
        ("DegradedMining", 1.0, True),
        ("Mining", 0, False),
        ("Curtailed", 1.0, False),
        ("NoPools", None, False),
        ("PoweringOn", None, False),
        ("Mining", None, True),
        (None, 5.0, True),
        ("Dreaming", None, None),
    ],
)
def test_hashing_requires_evidence(state, rate, expected):
    got = read(mining={"mining-status": {"status": state, "hashrate_ghs": rate}}, telemetry={})
    assert got.hashing is expected


def test_active_pool_is_unknown_if_all_are_active():
    got = read(pools={"pools": [pool | {"status": "Active"} for pool in POOLS]})
    assert [p.active for p in got.pools] == [None, None, None]
    assert [p.alive for p in got.pools] == [True, True, True]


def test_early_firmware_numbers_fans_from_zero_and_pools_without_counters_have_no_sum():
    got = read(
        cooling={"cooling-status": {"fans": [{"id": 0, "rpm": 3000}, {"id": 1, "rpm": 3100}]}},
        pools={"pools": [POOLS[0], {"id": 1, "status": "Idle", "url": "b:2"}]},
    )
    assert got.fans == (Fan(index=0, rpm=3000), Fan(index=1, rpm=3100))
    assert got.shares.accepted is None


def test_errors_are_faults_and_a_missing_list_is_unknown():
    row = {"error_code": "FanSlow", "source": "fan", "slot": 3, "message": "Fan 3 has stalled."}
    assert read(errors=[row]).faults == (Fault(code="FanSlow", component="fan 3", message="Fan 3 has stalled."),)
    assert read(errors=None).faults is None


def test_recognized_by_landing_page_or_system_page():
    assert DRIVER.matches(Fingerprint(Replies(), {"/": WebPage(200, {}, "<title>Proto OS</title>")}))
    assert DRIVER.matches(Fingerprint(Replies(), {"/api/v1/system": WebPage(200, {}, "", ANSWERS["system"])}))
    assert not DRIVER.matches(Fingerprint(Replies(), {"/api/v1/system": WebPage(200, {}, "", ["system-info"])}))
