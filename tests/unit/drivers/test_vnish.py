"""Tests VNish on S19 and L7: mining, tuning and stopped, on made-up answers."""

from typing import Any

import pytest

from fakes import bitmain_answers as rig
from stratoscope.drivers import vnish
from stratoscope.drivers.driver import Fingerprint, Replies, WebPage
from stratoscope.reading import Reading

KIND = "Antminer S19 (Vnish 1.2.6)"
INFO = {
    "miner": "Antminer S19",
    "model": "s19",
    "fw_name": "Vnish",
    "fw_version": "1.2.6",
    "algorithm": "sha256d",
    "hr_measure": "GH/s",
    "serial": "N/A",
    "system": {"network_status": {"mac": "02:11:22:33:44:55", "hostname": "hall-2"}},
}
WEB = {
    "miner": {
        "miner_status": {"miner_state": "mining", "miner_state_time": 60},
        "miner_type": KIND,
        "power_consumption": 3100,
        "cooling": {"fan_num": 4, "settings": {"mode": {"name": "auto"}}},
    }
}


def stats(kind: str = KIND, **over: Any) -> dict[str, Any]:
    state = over.pop("state", "mining")
    named = {"Type": kind, "Miner": "0.0.0", "Cgminer": "1.2.6", "CompileTime": "2024-05-01 10:00:00"}
    return rig.stats(kind, rig.vnish_live(state) | over, "cgminer 4.11.1", named)


def read(stats_answer: dict[str, Any] | None = None, **more: Any) -> Reading:
    totals = rig.summary("cgminer 4.11.1", **{"GHS 5s": 96500.5, "GHS av": 96010.0, "GHS 30m": 96010.0})
    return vnish.decode(Replies({"stats": stats_answer or stats(), "summary": totals} | more))


def test_model_and_firmware_come_from_the_product_name() -> None:
    reading = read(web_info=INFO, pools=rig.pools())
    assert (reading.make, reading.model) == ("Antminer", "S19")
    assert (reading.firmware, reading.firmware_version) == ("vnish", "1.2.6")
    assert (reading.mac, reading.hostname, reading.serial) == ("02:11:22:33:44:55", "hall-2", None)
    assert reading.algorithm == "sha256"
    assert reading.hashrate == {"5s": 96.5005e12, "avg": 96.01e12, "30m": 96.01e12}
    assert reading.hashrate_expected == 98e12
    assert reading.uptime == 7200
    assert len(reading.pools) == 3
    assert reading.defects == ()


def test_boards_have_volts_and_the_hottest_sensors() -> None:
    board = read().boards[1]
    assert (board.index, board.chips, board.hardware_errors) == (1, 76, 2)
    assert board.hashrate == 32002e9
    assert (board.temperature_board, board.temperature_chip) == (57.0, 72.0)
    assert (board.frequency, board.voltage) == (650.5e6, pytest.approx(13.7))


def test_power_is_the_boards_estimate_and_not_from_an_older_web_page() -> None:
    reading = read(web_summary=WEB)
    assert (reading.power, reading.power_source) == (3006.0, "reported")


def test_power_comes_from_web_page_or_text_if_boards_do_not_report_it() -> None:
    none = dict.fromkeys(("chain_consumption1", "chain_consumption2", "chain_consumption3"))
    assert read(stats(**none), web_summary=WEB).power == 3100
    assert read(stats(**none, chain_power="1350 W (AVG)")).power == 1350
    assert read(stats(**none)).power is None
    assert read(stats(**none)).power_source is None


@pytest.mark.parametrize(
    ("state", "hashing"),
    [
        ("mining", True),
        ("auto-tuning", True),
        ("stopped", False),
        ("failure", False),
        ("initializing", False),
        ("shutting-down", False),
    ],
)
def test_state_overrides_a_stale_rate(state: str, hashing: bool) -> None:
    assert read(stats(state=state)).hashing is hashing


def test_mining_state_without_a_rate_is_not_hashing() -> None:
    still = rig.summary("cgminer 4.11.1", **{"GHS 5s": 0.0, "GHS av": 96010.0})
    assert read(stats(**{"GHS 5s": "0.00"}), summary=still).hashing is False


def test_stopped_rig_without_boards_is_not_hashing() -> None:
    live = {
        "Elapsed": 30,
        "GHS 5s": "0.00",
        "GHS av": 0.0,
        "state": "stopped",
        "fan_num": 4,
        "fan1": 0,
        "fan2": 0,
        "fan3": 0,
        "fan4": 0,
        "total_rateideal": 0.0,
    }
    answer = rig.stats(KIND, live, named={"Type": KIND})
    reading = read(answer, summary=rig.summary(**{"GHS 5s": 0.0, "GHS av": 0.0}))
    assert reading.hashing is False
    assert reading.boards == ()
    assert [fan.rpm for fan in reading.fans] == [0, 0, 0, 0]
    assert reading.hashrate_expected is None


@pytest.mark.parametrize("web", [{}, {"web_info": INFO | {"hr_measure": "MH/s"}}])
def test_l7_rates_are_megahashes_with_and_without_the_web_api(web: dict[str, Any]) -> None:
    live = rig.l7_live()
    del live["rate_unit"]
    answer = rig.stats("Antminer L7 (Vnish 1.2.4)", live, named={"Type": "Antminer L7 (Vnish 1.2.4)"})
    reading = read(answer, summary=rig.summary(**{"GHS 5s": 9501.5, "GHS av": 9488.0}), **web)
    assert reading.hashrate["5s"] == 9501.5e6
    assert reading.boards[0].hashrate == 2375.25e6
    assert reading.algorithm == "scrypt"


def test_web_api_alone_is_enough_for_a_reading() -> None:
    def chain(number: int) -> dict[str, Any]:
        return {
            "id": number,
            "frequency": 650.5,
            "voltage": 13700,
            "hashrate_rt": 32000.0 + number,
            "hw_errors": number,
            "pcb_temp": {"min": 40, "max": 56},
            "chip_temp": {"min": 60, "max": 72},
            "chip_statuses": {"red": 1, "orange": 5, "grey": 70},
        }

    def pool(number: int, status: str) -> dict[str, Any]:
        return {
            "id": number,
            "url": f"pool{number}:3333",
            "user": "u",
            "status": status,
            "accepted": 10,
            "rejected": 1,
            "stale": 0,
            "diffa": 655360.0,
        }

    miner = WEB["miner"] | {
        "hr_realtime": 96000.5,
        "hr_average": 95000.5,
        "hr_nominal": 98000.0,
        "hw_errors": 6,
        "power_usage": 32.3,
        "chains": [chain(1), chain(3)],
        "pools": [pool(0, "active"), pool(1, "working"), pool(2, "offline")],
        "cooling": {"fans": [{"id": 0, "rpm": 5000, "status": "ok"}, {"id": 1, "rpm": 0, "status": "lost"}]},
    }
    reading = vnish.decode(Replies(web_info=INFO, web_summary={"miner": miner}))
    assert (reading.make, reading.model, reading.firmware_version) == ("Antminer", "S19", "1.2.6")
    assert reading.hashrate == {"5s": 96000.5e9, "avg": 95000.5e9}
    assert (reading.hashrate_expected, reading.hashing, reading.power) == (98e12, True, 3100)
    first, second = reading.boards
    assert (first.index, first.hashrate, first.chips, first.hardware_errors) == (0, 32001e9, 76, 1)
    assert (first.temperature_board, first.temperature_chip) == (56, 72)
    assert (first.frequency, first.voltage, second.index) == (650.5e6, pytest.approx(13.7), 2)
    assert [(p.alive, p.active) for p in reading.pools] == [(True, True), (True, False), (False, False)]
    assert (reading.shares.accepted, reading.shares.rejected, reading.shares.stale) == (30, 3, 0)
    assert [fan.rpm for fan in reading.fans] == [5000, 0]
    assert reading.uptime is None
    assert reading.defects == ()


def test_web_summary_without_miner_reports_nothing() -> None:
    reading = vnish.decode(Replies(web_info=INFO, web_summary={"miner": None}))
    assert (reading.hashing, reading.hashrate, reading.boards, reading.power) == (None, {}, (), None)


def test_faults_of_boards_and_miner_are_reported() -> None:
    assert read().faults == ()
    failed = {"miner": {"miner_status": {"miner_state": "failure", "failure_code": 12, "description": "no chips"}}}
    board, miner = read(stats(chain_fault2="EEPROM error"), web_summary=failed).faults or ()
    assert (board.code, board.component, board.message) == ("EEPROM error", "hashboard 1", "EEPROM error")
    assert (miner.code, miner.component, miner.message) == (12, None, "no chips")


def test_immersion_ignores_fans_at_zero() -> None:
    tub = {"miner": {"cooling": {"settings": {"mode": {"name": "immersion"}}}}}
    still = {f"fan{n}": 0 for n in range(1, 5)}
    assert len(read(stats(**still)).fans) == 4
    assert read(stats(**still), web_summary=tub).fans == ()


def test_recognized_by_product_name_web_api_or_landing_page() -> None:
    refused = {"STATUS": [{"STATUS": "E", "Code": 0, "Msg": "Invalid command", "Description": "cgminer 4.11.1"}]}
    assert vnish.matches(Fingerprint(Replies(version=refused, stats=stats())))
    assert vnish.matches(Fingerprint(Replies(), {"/api/v1/info": WebPage(200, {}, "", INFO)}))
    assert vnish.matches(Fingerprint(Replies(), {"/": WebPage(200, {}, "<title>AnthillOS</title>")}))
    assert not vnish.matches(Fingerprint(Replies(version=rig.version("Antminer S19"))))
