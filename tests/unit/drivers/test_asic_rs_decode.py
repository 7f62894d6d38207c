"""Tests the decoding of pyasic-rs records on made-up records with values calculated by hand."""

from stratoscope.drivers.asic_rs import DRIVER
from stratoscope.drivers.driver import Fingerprint, Replies, Via, WebPage
from stratoscope.reading import Fan, Hashboard

TH = "TH/s"
RECORD = {
    "mac": "62:F7:5E:00:00:01",
    "device_info": {"make": "Goldshell", "model": "SC5PRO", "firmware": "Goldshell Stock", "algo": "Blake2S256"},
    "hashrate": {"value": 9.5, "unit": TH},
    "expected_hashrate": {"value": 10.0, "unit": TH},
    "wattage": 1051.0,
    "uptime": 3453.0,
    "is_mining": True,
    "firmware_version": "2.2",
    "serial_number": "S1",
    "hostname": "gs",
    "hashboards": [
        {
            "position": 0,
            "hashrate": {"value": 4500, "unit": "GH/s"},
            "inlet_chip_temperature": 34.0,
            "voltage": 11.88,
            "outlet_chip_temperature": 47.0,
            "board_temperature": 40.5,
            "working_chips": 76,
            "frequency": 505.0,
        },
        {"position": 1, "hashrate": None, "expected_chips": 77, "active": True},
    ],
    "fans": [{"position": 0, "rpm": 1919.9999999999998}, {"position": 1, "rpm": None}],
    "pools": [
        {
            "pools": [
                {
                    "position": 0,
                    "url": "stratum+tcp://a:1",
                    "user": "u",
                    "alive": True,
                    "active": True,
                    "accepted_shares": 7,
                    "rejected_shares": 0,
                }
            ]
        },
        {"pools": [{"position": 2, "url": "stratum+tcp://b:2", "accepted_shares": 3, "rejected_shares": 1}]},
    ],
}


def test_record_is_decoded_to_si_units():
    got = DRIVER.decode(Replies(miner=RECORD))
    assert (got.make, got.model, got.firmware, got.algorithm) == ("Goldshell", "SC5PRO", "stock", "blake2s")
    assert (got.hashrate, got.hashrate_expected) == ({"realtime": 9.5e12}, 10e12)
    assert (got.power, got.power_source, got.uptime) == (1051, "reported", 3453)
    assert got.boards == (
        Hashboard(
            index=0,
            hashrate=4.5e12,
            temperature_board=40.5,
            temperature_chip=47,
            chips=76,
            frequency=505e6,
            voltage=11.88,
        ),
    )  # the library adds an empty second slot
    assert got.fans == (Fan(index=0, rpm=1920),)
    assert [(p.index, p.active, p.accepted) for p in got.pools] == [(0, True, 7), (2, None, 3)]
    assert (got.shares.accepted, got.shares.rejected) == (10, 1)
    assert (got.hashing, got.defects) == (True, ())


def test_is_mining_of_the_library_is_ignored():
    assert DRIVER.decode(Replies(miner=RECORD | {"hashrate": None})).hashing is None
    assert DRIVER.decode(Replies(miner=RECORD | {"hashrate": {"value": 0.0, "unit": TH}})).hashing is False


def test_only_the_operator_selects_this_driver():
    assert not DRIVER.matches(Fingerprint(Replies(miner=RECORD), {"/": WebPage(200, {}, "Goldshell")}))
    assert [(command.key, command.via) for command in DRIVER.commands] == [("miner", Via.ASIC_RS)]
