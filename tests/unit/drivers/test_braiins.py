"""Tests the three APIs of Braiins OS on made-up answers."""

from typing import Any

import pytest

from fakes import bitmain_answers as rig
from fakes import braiins_answers as answers
from stratoscope.drivers import braiins_cgminer, braiins_graphql, braiins_rest
from stratoscope.drivers.driver import Fingerprint, Replies, WebPage
from stratoscope.reading import Fan, Reading

BOSER = "BOSer boser-openwrt 0.1.0-11012d53"


# --- REST -------------------------------------------------------------------------------------------------------
def rest(**over: Any) -> Reading:
    return braiins_rest.decode(Replies({k: v for k, v in (answers.rest() | over).items() if v is not None}))


def test_rest_units_are_used() -> None:
    reading = rest()
    assert reading.hashrate == {"5s": 200.5e12, "1m": 201e12, "5m": 201.5e12, "24h": 199e12, "avg": 200e12}
    assert reading.hashrate_expected == 205e12
    assert (reading.power, reading.power_source) == (3490, "reported")
    assert (reading.make, reading.model, reading.firmware) == ("Antminer", "S21", "braiins")
    assert (reading.mac, reading.serial, reading.hostname) == ("02:00:00:AA:BB:CC", "SER", "bos-1")
    assert reading.uptime == 600
    assert reading.hashing is True
    assert (reading.shares.accepted, reading.shares.rejected, reading.shares.stale) == (900, 2, 1)
    assert reading.defects == ()


def test_rest_boards_pools_and_stopped_fan_are_decoded() -> None:
    reading = rest()
    assert [(b.index, b.hashrate, b.temperature_board, b.temperature_chip) for b in reading.boards] == [
        (0, 66e12, 51.5, 71.25),
        (1, 67e12, 52.5, 72.25),
        (2, 68e12, 53.5, 73.25),
    ]
    assert (reading.boards[0].chips, reading.boards[0].frequency, reading.boards[0].voltage) == (108, 5e8, 13.5)
    assert reading.fans[2] == Fan(index=2, rpm=0)  # an S21 has four fans
    assert [(p.index, p.url, p.alive, p.active, p.accepted) for p in reading.pools] == [
        (0, "stratum+tcp://a:1", True, True, 900),
        (1, "stratum+tcp://b:2", False, False, None),
    ]


@pytest.mark.parametrize("status", [3, "3", "MINER_STATUS_PAUSED", "MINER_STATUS_SUSPENDED", 1])
def test_rest_paused_or_suspended_is_not_hashing(status: Any) -> None:
    assert rest(details={"status": status}).hashing is False


def test_rest_without_stats_reports_nothing() -> None:
    reading = rest(stats=None, hashboards=None, cooling=None, pools=None)
    assert (reading.hashrate, reading.hashing, reading.power, reading.boards, reading.fans) == ({}, None, None, (), ())


def test_rest_is_recognized_by_its_pages_except_locked_rigs_with_port_4028() -> None:
    version = WebPage(200, {}, "", {"major": 1, "minor": 3, "patch": 0})
    locked, landing = WebPage(401, {}, "", {"error": "unauthorized"}), WebPage(200, {}, "<title>Braiins OS</title>")
    details = "/api/v1/miner/details"
    assert braiins_rest.matches(Fingerprint(Replies(), {"/api/v1/version/": version}))
    assert braiins_rest.matches(Fingerprint(Replies(), {details: WebPage(200, {}, "", {"bos_version": {}})}))
    assert braiins_rest.matches(Fingerprint(Replies(), {details: locked, "/": landing}))
    bare = Replies(version=rig.version("", BOSER, BOSer="boser 0.1.0"))
    telling = Replies(bare, summary={"STATUS": [{"STATUS": "S"}], "SUMMARY": [{"Elapsed": 60}]})
    pages = {details: locked, "/": landing}
    assert not braiins_rest.matches(Fingerprint(telling, pages))
    assert braiins_cgminer.matches(Fingerprint(telling, pages))
    assert braiins_rest.matches(Fingerprint(telling, pages, login=True))
    assert braiins_rest.matches(Fingerprint(bare, pages))
    assert not braiins_cgminer.matches(Fingerprint(bare, pages))
    assert not braiins_rest.matches(Fingerprint(Replies(), {"/": landing}))


# --- GraphQL ----------------------------------------------------------------------------------------------------
def graphql(**over: Any) -> Reading:
    return braiins_graphql.decode(Replies({k: v for k, v in (answers.graphql() | over).items() if v is not None}))


def test_graphql_reads_an_s9_with_a_missing_board() -> None:
    reading = graphql()
    assert (reading.make, reading.model, reading.hostname) == ("Antminer", "S9", "miner-1")
    assert reading.firmware_version == "2022-09-13-aa-22.08-plus"
    assert reading.mac == "02:00:00:00:00:09"
    assert reading.hashrate == {"5s": 13.5e12, "15m": 13.6e12, "avg": 13.4e12}
    assert reading.hashrate_expected == 13.8e12
    assert (reading.power, reading.power_source, reading.uptime) == (1280, "reported", 1189)
    assert [(b.index, b.hashrate, b.temperature_board, b.temperature_chip) for b in reading.boards] == [
        (0, 4.5e12, 66.5, 81),
        (2, 4.5e12, 66.5, 81),
    ]
    assert (reading.boards[0].frequency, reading.boards[0].voltage) == (650.5e6, 8.9)
    assert reading.fans == (Fan(index=0, rpm=4080), Fan(index=1, rpm=0))  # an S9 uses two of the four connectors
    assert [(p.index, p.alive, p.accepted) for p in reading.pools] == [(0, True, 31), (1, False, 9)]
    assert (reading.shares.accepted, reading.shares.rejected, reading.shares.stale) == (40, 1, None)
    assert reading.defects == ()


def test_graphql_without_live_values_keeps_the_identity() -> None:
    stopped = {"data": None, "errors": [{"message": "UNAVAILABLE"}]}
    reading = graphql(live=stopped)
    assert reading.hostname == "miner-1"
    assert (reading.hashing, reading.hashrate, reading.fans) == (None, {}, ())


@pytest.mark.parametrize("answer", ["<html>login</html>", "[" * 5000, [], None, 7, {"macaddr": "junk"}])
def test_graphql_mac_page_without_an_interface_list_has_no_mac(answer: Any) -> None:
    assert graphql(network=answer).mac is None


def test_graphql_mac_page_as_text_is_parsed() -> None:
    assert graphql(network='[{"macaddr":"02:00:00:00:00:0A"}]').mac == "02:00:00:00:00:0A"


def test_graphql_is_recognized_by_an_answer_or_by_a_missing_summary_on_4028() -> None:
    landing = WebPage(200, {}, "<title>Braiins OS</title>")
    version = {"STATUS": rig.status(22, "BOSer versions", BOSER), "VERSION": [{"API": "3.7", "BOSer": "0.1.0"}]}
    hello = WebPage(200, {}, "", {"data": {"bosminer": {"info": {"modelName": None}}}})
    assert braiins_graphql.matches(Fingerprint(Replies(), {"/graphql?query={bosminer}": hello}))
    assert braiins_graphql.matches(Fingerprint(Replies(version=version), {"/": landing}))
    full = Replies(version=version, summary=rig.summary(BOSER))
    assert not braiins_graphql.matches(Fingerprint(full, {"/": landing}))
    assert braiins_cgminer.matches(Fingerprint(full, {"/": landing}))


# --- port 4028 --------------------------------------------------------------------------------------------------
def bosminer(**over: Any) -> Reading:
    return braiins_cgminer.decode(Replies({k: v for k, v in (answers.bosminer() | over).items() if v is not None}))


def test_bosminer_on_port_4028_is_decoded() -> None:
    reading = bosminer()
    assert (reading.make, reading.model, reading.firmware) == ("Antminer", "S9", "braiins")
    assert reading.firmware_version == "0.2.0-ea64aec8e"
    assert reading.hashrate == {
        "5s": 13.5e12,
        "1m": 13.51e12,
        "5m": 13.52e12,
        "15m": 13.53e12,
        "24h": 13.54e12,
        "avg": 13.55e12,
    }
    assert reading.hashrate_expected == 9.2e12
    assert (reading.power, reading.power_source) == (1419, "reported")
    first, second = reading.boards
    assert (first.index, first.hashrate, first.temperature_board, first.temperature_chip) == (0, 4.5e12, 65, 80)
    assert (first.chips, first.frequency, first.voltage, first.hardware_errors) == (63, 650e6, 8.8, 6)
    assert (second.index, second.frequency, second.voltage, second.temperature_chip) == (1, 650e6, None, None)
    assert reading.fans == (Fan(index=0, rpm=4320), Fan(index=1, rpm=0))
    assert reading.pools[0].last_share_seconds_ago == 12
    assert reading.defects == ()


def test_unknown_model_reports_only_turning_fans() -> None:
    assert bosminer(devdetails={}).fans == (Fan(index=0, rpm=4320),)
