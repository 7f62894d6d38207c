"""Tests LuxOS on made-up answers."""

from typing import Any

from fakes import bitmain_answers as rig
from fakes.luxos_answers import replies, section
from stratoscope.drivers import luxos
from stratoscope.drivers.driver import Fingerprint, Replies
from stratoscope.reading import Fan, Reading


def read(**over: Any) -> Reading:
    return luxos.decode(Replies({k: v for k, v in (replies() | over).items() if v is not None}))


def test_every_window_and_identity_is_decoded() -> None:
    reading = read()
    assert reading.hashrate == {
        "5s": 99e12,
        "1m": 99.1e12,
        "5m": 99.2e12,
        "15m": 99.3e12,
        "30m": 99.4e12,
        "24h": 99.5e12,
        "avg": 98e12,
    }
    assert reading.window(luxos.DRIVER.window_order) == 99.2e12
    assert (reading.make, reading.model, reading.firmware) == ("Antminer", "S19 XP", "luxos")
    assert reading.firmware_version == "2024.9.1.100000"
    assert (reading.mac, reading.serial, reading.hostname) == ("02:AA:BB:CC:DD:EE", "SN1", "lux-1")
    assert reading.hashrate_expected == 100.5e12
    assert reading.hashing is True
    assert reading.defects == ()


def test_boards_are_matched_by_id_and_use_the_five_minute_rate() -> None:
    boards = read().boards
    assert [b.index for b in boards] == [0, 1, 2]
    assert [b.hashrate for b in boards] == [33.2e12, 33.200001e12, 33.200002e12]
    assert [b.chips for b in boards] == [110, 110, 110]
    assert [b.hardware_errors for b in boards] == [5, 6, 7]
    assert [b.voltage for b in boards] == [13.1, None, 13.3]
    assert [b.frequency for b in boards] == [500e6] * 3


def test_only_a_sensor_named_chip_is_a_chip_temperature() -> None:
    boards = read().boards
    assert [b.temperature_board for b in boards] == [61.0, 62.5, 63.0]
    assert [b.temperature_chip for b in boards] == [None, None, 80.5]


def test_metadata_label_identifies_a_chip_sensor() -> None:
    temps = section("TEMPS", {"ID": 0, "TEMP": 0, "TopLeft": 60.0, "TopRight": 77.0})
    temps["METADATA"] = [{"TopLeft": {"Label": "Board Exhaust"}, "TopRight": {"Label": "Chip Exhaust"}}]
    board = read(temps=temps).boards[0]
    assert (board.temperature_board, board.temperature_chip) == (60.0, 77.0)


def test_power_is_measured_only_with_a_metering_psu() -> None:
    assert (read().power, read().power_source) == (2150, "reported")
    assert read(power=section("POWER", {"PSU": True, "Watts": 2201})).power_source == "measured"
    assert read(power=None).power_source is None


def test_pool_without_shares_has_no_last_share() -> None:
    first, second = read().pools
    assert first.last_share_seconds_ago == 4
    assert (second.alive, second.last_share_seconds_ago) == (False, None)


def test_fans_use_their_id_and_immersion_has_none() -> None:
    assert read().fans == tuple(Fan(index=n, rpm=3000 + n) for n in range(4))
    still = section("FANS", *({"ID": n, "RPM": 0} for n in range(4)))
    assert len(read(fans=still).fans) == 4
    assert read(fans=still, config=section("CONFIG", {"ImmersionMode": True})).fans == ()


def test_devs_and_stats_replace_each_other_for_boards_and_expected_rate() -> None:
    boards = read(devs=None, temps=None).boards
    assert [(b.index, b.chips, b.hashrate, b.temperature_board) for b in boards] == [
        (0, 110, None, 61.0),
        (1, 110, None, 61.0),
        (2, 110, None, 61.0),
    ]
    assert read(stats=None).hashrate_expected == 100.5e12
    assert [b.index for b in read(stats=None).boards] == [0, 1, 2]


def test_recognized_by_luxminer() -> None:
    assert luxos.matches(Fingerprint(Replies(version=replies()["version"])))
    assert luxos.matches(Fingerprint(Replies(summary=replies()["summary"])))
    assert not luxos.matches(Fingerprint(Replies(version=rig.version("Antminer S19"))))
