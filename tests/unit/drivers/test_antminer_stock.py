"""Tests Bitmain's own firmware from 2015 to today on made-up answers."""

from typing import Any

import pytest

from fakes import bitmain_answers as rig
from stratoscope.drivers import antminer_stock
from stratoscope.drivers.driver import Fingerprint, Replies, WebPage
from stratoscope.reading import Fan, Reading


def read(stats: dict[str, Any], summary: dict[str, Any], **more: Any) -> Reading:
    return antminer_stock.decode(Replies(stats=stats, summary=summary, **more))


def s19j_pro() -> dict[str, Any]:
    return {
        "stats": rig.stats("Antminer S19j Pro", rig.s19j_pro_live()),
        "summary": rig.summary(**{"GHS 5s": 103900.5, "GHS av": 103500.25, "GHS 30m": 103700.75}),
        "pools": rig.pools(),
        "version": rig.version("Antminer S19j Pro"),
        "system_info": {
            "minertype": "Antminer S19j Pro",
            "hostname": "shed-7",
            "macaddr": "02:AB:10:20:30:4f",
            "serinum": "SMTTXXBBDJAAI0001",
            "system_filesystem_version": "Mon Jan  8 10:00:00 CST 2024",
        },
    }


def test_firmware_from_2020_is_decoded_to_si_units() -> None:
    reading = read(**s19j_pro())
    assert (reading.make, reading.model, reading.firmware) == ("Antminer", "S19j Pro", "stock")
    assert reading.firmware_version == "Mon Jan  8 10:00:00 CST 2024"
    assert (reading.mac, reading.serial, reading.hostname) == ("02:AB:10:20:30:4F", "SMTTXXBBDJAAI0001", "shed-7")
    assert reading.algorithm == "sha256"
    assert reading.uptime == 7200
    assert reading.hashing is True
    assert reading.hashrate == {"5s": 103.9005e12, "avg": 103.50025e12, "30m": 103.70075e12}
    assert reading.hashrate_expected == 104e12
    assert (reading.power, reading.power_source) == (None, None)
    assert reading.hardware_errors == 41
    assert (reading.shares.accepted, reading.shares.rejected, reading.shares.stale) == (363, 9, 3)
    assert reading.faults is None
    assert reading.defects == ()


def test_board_values_are_the_hottest_sensors_and_the_boards_own_counters() -> None:
    first, second, third = read(**s19j_pro()).boards
    assert (first.index, second.index, third.index) == (0, 1, 2)
    assert first.hashrate == 34.70025e12
    assert (first.temperature_board, first.temperature_chip) == (
        62.0,
        72.0,
    )  # hotter than temp1, temp2_1
    assert (second.temperature_board, second.temperature_chip) == (52.0, 63.0)
    assert (first.chips, first.hardware_errors, first.frequency, first.voltage) == (126, 11, 545e6, None)


def test_stopped_fan_is_zero_rpm() -> None:
    fans = read(**s19j_pro()).fans
    assert fans == (Fan(index=0, rpm=5640), Fan(index=1, rpm=0), Fan(index=2, rpm=4410), Fan(index=3, rpm=4380))


def test_pools_have_the_age_of_the_last_share() -> None:
    first, second, _ = read(**s19j_pro()).pools
    assert (first.index, first.url, first.user) == (0, "stratum+tcp://pool0.example:3333", "account.rig0")
    assert (first.alive, first.active, first.accepted, first.rejected, first.stale) == (True, True, 120, 3, 1)
    assert (first.difficulty_accepted, first.last_share_seconds_ago) == (7864320.0, 7.0)
    assert second.active is False


def test_s9_of_2017_has_boards_on_connectors_6_to_8_and_fans_on_3_and_6() -> None:
    reading = read(
        rig.stats("Antminer S9", rig.s9_live(), named={"BMMiner": "2.0.0", "Miner": "16.8.1.3", "Type": "Antminer S9"}),
        rig.summary("bmminer 1.0.0", **{"GHS 5s": "13610.55", "GHS av": 13588.1}),
    )
    assert reading.hashrate == {"5s": 13.61055e12, "avg": 13.5881e12}
    assert [board.index for board in reading.boards] == [0, 1, 2]
    assert [board.hashrate for board in reading.boards] == [4560.5e9, 4570.5e9, 4580.5e9]
    assert [board.temperature_board for board in reading.boards] == [56, 57, 58]
    assert [board.temperature_chip for board in reading.boards] == [66, 67, 68]
    assert [board.chips for board in reading.boards] == [63, 63, 63]
    assert reading.boards[0].frequency == 637.5e6
    assert reading.fans == (Fan(index=0, rpm=4560), Fan(index=1, rpm=5880))
    assert reading.hashrate_expected == pytest.approx(13.6044e12)
    assert reading.defects == ()


def test_s9_keeps_its_slots_without_the_first_board() -> None:
    live = rig.s9_live() | {"chain_acn6": 0, "chain_rate6": ""}
    assert [b.index for b in read(rig.stats("Antminer S9", live), rig.summary()).boards] == [1, 2]


def test_s9_with_a_stopped_front_fan_reports_it_in_its_slot() -> None:
    live = rig.s9_live() | {"fan3": 0}
    assert read(rig.stats("Antminer S9", live), rig.summary()).fans == (Fan(index=0, rpm=0), Fan(index=1, rpm=5880))


def test_l7_rates_are_megahashes_despite_ghs_keys() -> None:
    reading = read(
        rig.stats("Antminer L7", rig.l7_live()),
        rig.summary(**{"GHS 5s": 9501.5, "GHS av": 9488.0, "GHS 30m": 9490.0}),
    )
    assert reading.algorithm == "scrypt"
    assert reading.hashrate == {"5s": 9501.5e6, "avg": 9488e6, "30m": 9490e6}
    assert reading.hashrate_expected == 9500e6
    assert [board.hashrate for board in reading.boards] == [2375.25e6] * 4


def test_l3_plus_rates_use_their_mhs_keys() -> None:
    live = {
        "MHS 5s": "504.25",
        "MHS av": 503.5,
        "fan_num": 2,
        "fan1": 3060,
        "fan2": 3120,
        "frequency": "384",
        "temp1": 44,
        "temp2_1": 52,
        "chain_acn1": 72,
        "chain_rate1": "126.25",
        "chain_hw1": 2,
    }
    reading = read(rig.stats("Antminer L3+", live), rig.summary(**{"MHS 5s": "504.25", "MHS av": 503.5}))
    assert reading.hashrate == {"5s": 504.25e6, "avg": 503.5e6}
    assert reading.boards[0].hashrate == 126.25e6
    assert reading.boards[0].frequency == 384e6


@pytest.mark.parametrize(
    ("kind", "sent", "meant", "algorithm"),
    [
        ("Antminer D3", "16346.5", 16346.5e6, "x11"),
        ("Antminer E3", "190.5", 190.5e6, "other"),
        ("Antminer Z9 Mini", "10.5", 10.5e3, "equihash"),
        ("Antminer S9", "13500.5", 13500.5e9, "sha256"),
    ],
)
def test_old_firmware_of_other_algorithms_uses_its_own_unit_under_ghs(
    kind: str, sent: str, meant: float, algorithm: str
) -> None:
    live = {"GHS 5s": sent, "chain_acn1": 60, "chain_rate1": sent}
    reading = read(rig.stats(kind, live), rig.summary(**{"GHS 5s": sent}))
    assert reading.hashrate == {"5s": pytest.approx(meant)}
    assert reading.boards[0].hashrate == pytest.approx(meant)
    assert reading.algorithm == algorithm


def test_patched_d3_keeps_its_model_and_has_the_patched_firmware() -> None:
    reading = read(rig.stats("Antminer D3 Blissz v2.06 beta", {"GHS 5s": "16346.64"}), rig.summary())
    assert (reading.model, reading.firmware, reading.firmware_version) == ("D3", "blissz", "2.06")


@pytest.mark.parametrize(("rate", "state"), [(103900.5, True), (0, False), (0.0, False), ("0.00", False), (None, None)])
def test_hashing_requires_a_recent_rate_above_zero(rate: Any, state: bool | None) -> None:
    live = rig.s19j_pro_live() | {"GHS 5s": rate}
    reading = read(rig.stats("Antminer S19j Pro", live), rig.summary(**{"GHS 5s": rate, "GHS av": 103500.25}))
    assert reading.hashing is state


def test_sleeping_rig_keeps_its_boards_and_reports_zero_rates() -> None:
    live = rig.s19j_pro_live() | {"GHS 5s": 0, "chain_rate1": "0.00", "fan1": 0, "fan3": 0, "fan4": 0}
    reading = read(rig.stats("Antminer S19j Pro", live), rig.summary(**{"GHS 5s": 0}))
    assert reading.boards[0].hashrate == 0
    assert [fan.rpm for fan in reading.fans] == [0, 0, 0, 0]


def test_hydro_rig_has_no_fans() -> None:
    live = {"GHS 5s": 250000.5, "rate_unit": "GH", "fan_num": 0, "fan1": 0, "fan2": 0, "fan3": 0, "fan4": 0}
    assert read(rig.stats("Antminer S19 XP Hyd.", live), rig.summary()).fans == ()


def test_negative_temperatures_of_a_cold_start_are_decoded() -> None:
    live = rig.s19j_pro_live() | {"temp1": -7, "temp_pcb1": "-5--12-0--8", "temp2_1": 0, "temp_chip1": "-3-4--1-0"}
    board = read(rig.stats("Antminer S19j Pro", live), rig.summary()).boards[0]
    assert (board.temperature_board, board.temperature_chip) == (-5.0, 4.0)


def test_redacted_mac_is_none_and_a_defect() -> None:
    reading = read(**(s19j_pro() | {"system_info": {"macaddr": "02:55:97:22:3M:72"}}))
    assert reading.mac is None
    assert [(d.path, d.value) for d in reading.defects] == [("/system_info/macaddr", "02:55:97:22:3M:72")]


def test_bad_field_affects_only_itself() -> None:
    live = rig.s19j_pro_live() | {"chain_rate2": "11500 M..", "fan3": "fast", "temp_pcb1": "hot"}
    reading = read(rig.stats("Antminer S19j Pro", live), s19j_pro()["summary"])
    assert reading.boards[1].hashrate is None
    assert reading.boards[1].chips == 126
    assert reading.boards[0].temperature_board == 61
    assert reading.hashrate["5s"] == 103.9005e12
    assert {d.path.rsplit("/", 1)[1] for d in reading.defects} >= {"chain_rate2", "fan3", "temp_pcb1"}


def test_faults_come_from_the_web_summary() -> None:
    def health(*rows: dict[str, Any]) -> dict[str, Any]:
        return {"STATUS": {"STATUS": "S", "api_version": "1.0.0"}, "SUMMARY": [{"elapsed": 9, "status": list(rows)}]}

    fine = {"type": "rate", "status": "s", "code": 0, "msg": ""}
    bad = {"type": "fans", "status": "e", "code": 5, "msg": "fan lost"}
    assert read(**s19j_pro(), health=health(fine)).faults == ()
    (fault,) = read(**s19j_pro(), health=health(fine, bad)).faults or ()
    assert (fault.code, fault.component, fault.message) == (5, "fans", "fan lost")


def test_missing_answers_decode_to_an_empty_reading_not_zeros() -> None:
    reading = antminer_stock.decode(Replies())
    assert reading == Reading(driver="antminer-stock", firmware="stock")


def test_recognized_by_product_name_program_or_web_realm() -> None:
    def seen(**replies: Any) -> Fingerprint:
        return Fingerprint(Replies(**replies))

    realm = WebPage(401, {"www-authenticate": 'Digest realm="antMiner Configuration", qop="auth"'}, "")
    assert antminer_stock.matches(seen(version=rig.version("Antminer S19j Pro")))
    assert antminer_stock.matches(seen(stats=rig.stats("Antminer S9", rig.s9_live())))
    assert antminer_stock.matches(Fingerprint(Replies(), {"/": realm}))
    assert not antminer_stock.matches(seen(version=rig.version("Antminer S19 (Vnish 1.2.6)")))
    assert not antminer_stock.matches(seen(version=rig.version("Hammer D10", "ccminer 2.3.3")))
    assert not antminer_stock.matches(seen())
