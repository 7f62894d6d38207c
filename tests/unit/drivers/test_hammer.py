"""Tests Hammer on made-up answers."""

from fakes import bitmain_answers as rig
from stratoscope.drivers import hammer
from stratoscope.drivers.driver import Fingerprint, Replies


def test_rates_sent_as_text_are_megahashes() -> None:
    live = {
        "MHS 5s": "5010.25",
        "MHS av": "4990.5",
        "frequency": "800",
        "fan_num": 2,
        "fan1": 4000,
        "fan2": 4100,
        "temp1": 44,
        "temp2": 41,
        "temp4": 0,
        "temp_max": 52,
        "chain_acn1": 108,
        "chain_acn2": 108,
        "chain_acn4": 0,
        "chain_rate1": "2500.125",
        "chain_rate2": "2510.125",
        "chain_rate4": "",
        "chain_hw1": 4,
        "chain_hw2": 5,
    }
    reading = hammer.decode(
        Replies(
            stats=rig.stats("Hammer D10", live, "ccminer 2.3.3", named={"CGMiner": "2.3.3", "Type": "Hammer D10"}),
            summary=rig.summary(
                "ccminer 2.3.3", Accepted="156.0000", Rejected="2.0000", **{"MHS 5s": "5010.25", "MHS av": "4990.5"}
            ),
            system_info={"minertype": "Hammer D10", "macaddr": "12:34:56:78:90:ab", "hostname": "Hammer"},
        )
    )
    assert (reading.make, reading.model, reading.algorithm) == ("Hammer", "D10", "scrypt")
    assert reading.hashrate == {"5s": 5010.25e6, "avg": 4990.5e6}
    assert [b.hashrate for b in reading.boards] == [2500.125e6, 2510.125e6]
    assert [b.temperature_board for b in reading.boards] == [44, 41]
    assert [b.temperature_chip for b in reading.boards] == [None, None]
    assert [b.frequency for b in reading.boards] == [800e6, 800e6]
    assert (reading.shares.accepted, reading.shares.rejected) == (156, 2)
    assert reading.mac == "12:34:56:78:90:AB"
    assert reading.defects == ()


def test_recognized_by_product_name() -> None:
    assert hammer.matches(Fingerprint(Replies(version=rig.version("Hammer D10", "ccminer 2.3.3"))))
    assert not hammer.matches(Fingerprint(Replies(version=rig.version("Antminer L3+"))))
