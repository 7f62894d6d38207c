"""Tests the Elphapex driver on made-up answers with values calculated by hand."""

from stratoscope.drivers.driver import Fingerprint, Replies, WebPage
from stratoscope.drivers.elphapex import DRIVER
from stratoscope.reading import Fan, Fault, Hashboard

INFO = {"type": "DG1+", "miner_version": "DG1+_SW_V1.0.4", "dev_sn": "28HY0001"}


def chain(index, chips=204, **more):
    return {
        "index": index,
        "asic_num": chips,
        "sn": "13HY" if chips else "",
        "rate_real": 3500.5,
        "hashrate": 3400,
        "temp_chip": ["50125", "51250", "", ""],
        "temp_pcb": [47, 46, 67, 66],
        "hw": chips,
        "freq_avg": 62000,
    } | more


SUMMARY = {
    "elapsed": 3600,
    "rate_5s": 14_100.5,
    "rate_15m": 14_000,
    "rate_30m": 0,
    "rate_avg": 13_950.25,
    "rate_unit": "MH/s",
    "rate_ideal": 14_229,
    "hw_all": 13_950.25,
    "status": [
        {"type": "rate", "status": "s", "code": 0, "msg": ""},
        {"type": "fans", "status": "", "code": 0, "msg": ""},
    ],
}
STATS = {
    "elapsed": 3590,
    "rate_unit": "MH/s",
    "rate_ideal": 14_229,
    "chain": [chain(0), chain(1, chips=0), chain(2, chips=203)],
    "fan": ["5400", "0"],
}
POOLS = [
    {
        "index": 0,
        "url": "stratum+tcp://a:1",
        "user": "w",
        "status": "Alive",
        "accepted": 5,
        "rejected": 1,
        "stale": 0,
        "diffa": 524_288,
    },
    {
        "index": 1,
        "url": "stratum+tcp://b:2",
        "user": "w",
        "status": "Unreachable",
        "accepted": 0,
        "rejected": 0,
        "stale": 0,
    },
    {"index": 2, "url": "", "user": "", "status": ""},
]
SYSTEM = {"macaddr": "b8:4c:87:00:00:01", "hostname": "dg", "minertype": "DG1+", "Algorithm": "Scrypt"}


def read(summary=SUMMARY, stats=STATS, **more):
    return DRIVER.decode(
        Replies(
            summary={"INFO": INFO, "SUMMARY": [summary]},
            stats={"INFO": INFO, "STATS": [stats]},
            pools={"POOLS": POOLS},
            system=SYSTEM,
            **more,
        )
    )


def test_running_rig_is_decoded_to_si_units():
    got = read()
    assert (got.make, got.model, got.firmware, got.firmware_version) == ("Elphapex", "DG1+", "stock", "1.0.4")
    assert (got.mac, got.serial, got.hostname) == ("B8:4C:87:00:00:01", "28HY0001", "dg")
    assert (got.algorithm, got.uptime, got.hashing) == ("scrypt", 3600, True)
    assert got.hashrate == {"5s": 14_100.5e6, "15m": 14_000e6, "avg": 13_950.25e6}  # the firmware never fills 30m
    assert got.hashrate_expected == 14_229e6
    assert got.boards == (
        Hashboard(index=0, hashrate=3500.5e6, temperature_chip=51.25, chips=204),
        Hashboard(index=2, hashrate=3500.5e6, temperature_chip=51.25, chips=203),
    )
    assert got.fans == (Fan(index=0, rpm=5400), Fan(index=1, rpm=0))
    assert [(p.index, p.alive, p.accepted, p.difficulty_accepted) for p in got.pools] == [
        (0, True, 5, None),
        (1, False, 0, None),
    ]
    assert (got.hardware_errors, got.power, got.faults, got.defects) == (None, None, (), ())


def test_gigahash_unit_is_used_and_an_unknown_unit_is_a_defect():
    assert read(SUMMARY | {"rate_unit": "GH/s", "rate_5s": 20.5}).hashrate["5s"] == 20.5e9
    got = read(SUMMARY | {"rate_unit": "parsec"}, STATS | {"rate_unit": "parsec"})
    assert got.hashrate == {}
    assert got.hashing is None
    assert "unknown hashrate unit" in {defect.reason for defect in got.defects}


def test_stopped_rig_is_not_hashing():
    still = {"rate_unit": "MH/s", "rate_5s": 0, "rate_15m": 0, "rate_30m": 0, "rate_avg": 9000}
    assert read(SUMMARY | still).hashing is False
    assert read(SUMMARY | still | {"rate_15m": 5}).hashing is None  # just stopped, or a short gap


def test_whole_degrees_are_not_divided():
    got = read(stats=STATS | {"chain": [chain(0, temp_chip=["61", "63"])]})
    assert got.boards[0].temperature_chip == 63


def test_faults_have_the_vendors_code_and_component():
    rows = [
        {"type": "fans", "status": "e", "code": 2201, "msg": "fan lost"},
        {"type": "temp", "status": "s", "code": 0, "msg": ""},
    ]
    assert read(SUMMARY | {"status": rows}).faults == (Fault(code=2201, component="fans", message="fan lost"),)


def test_recognized_by_realm_or_model():
    realm = WebPage(401, {"www-authenticate": 'Digest realm="Daoge Miner", qop="auth"'}, "")
    assert DRIVER.matches(Fingerprint(Replies(), {"/": realm}))
    assert DRIVER.matches(Fingerprint(Replies(), {"/cgi-bin/get_system_info.cgi": WebPage(200, {}, "", SYSTEM)}))
    assert DRIVER.matches(Fingerprint(Replies(), {"/cgi-bin/summary.cgi": WebPage(200, {}, "", {"INFO": INFO})}))
    antminer = WebPage(401, {"www-authenticate": 'Digest realm="antMiner Configuration"'}, "")
    assert not DRIVER.matches(Fingerprint(Replies(), {"/": antminer}))
    assert not DRIVER.matches(
        Fingerprint(Replies(), {"/cgi-bin/get_system_info.cgi": WebPage(200, {}, "", {"minertype": 7})})
    )
