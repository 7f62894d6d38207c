"""Tests Avalon: one and several modules, idle rigs, Nano and Q shapes, with values checked by hand."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratoscope.drivers.avalon import DRIVER, decode, matches
from stratoscope.drivers.driver import Fingerprint, Replies
from stratoscope.reading import Reading
from unit.drivers.hostile import JSON, assert_valid, damaged

STATUS = [{"STATUS": "S", "When": 5000, "Code": 70, "Msg": "CGMiner stats", "Description": "cgminer 4.11.1"}]
POOL_ROW = {"STATS": 1, "ID": "POOL0", "Elapsed": 4321, "Pool Calls": 0}

A13 = (
    "Ver[1346-110-24041001_08b0955_0196aba] DNA[02010000aabbccdd] MEMFREE[1200.5] SYSTEMSTATU[Work: In Work, Hash"
    " Board: 3 ] Elapsed[4321]BOOTBY[0x04.00000000] LW[1] MH[5 0 7] HW[12] DH[1.2%] Temp[28] TMax[83] TAvg[70]"
    " Fan1[4500] Fan2[0] Fan3[4510] Fan4[4520] FanR[60%] Vo[310] PS[0 1209 1302 245 3190 1310 3420]"
    " GHSspd[110500.50] GHSmm[112000.00] GHSavg[109000.25] Freq[512.5] Led[0] MGHS[36000.1 36500.2 36499.95]"
    " MTmax[80 81 83] MTavg[70 70 71] SoftOFF[0] ECHU[0 0 0] PVT_T0[ 70  71 0 80] PVT_T1[70 71 72 81]"
    " PVT_T2[ 70 -273 72 83] PVT_V0[300 301] MW0[20 21 22 23] FACOPTS0[] WORKMODE[1]"
)
A841 = (
    "Ver[8411803-14b0f10] DNA[0137dace492a2ec{n}] Elapsed[66] MW[18528 18830] LW[74148] MH[0 {n}] HW[{n}] Temp[3{n}]"
    " TMax[84] Fan[57{n}0] FanR[100%] Vi[1197 1197] Vo[3893 3889] GHSmm[13600.5] WU[1.5] Freq[760.0]"
    " MW0[30 40 0 20] MW1[20 20 20 20] TA[8] ECHU[0 0]"
)
Q_IDLE = (
    "'STATS':{Ver[Q-25052801_14a19a2] LVer[25052801_14a19a2] DNA[0123456789abcdef] STATE[2] SSID[] SYSTEMSTATU[Work:"
    " In Idle, Hash Board: 1] Elapsed[37850] MH[0] DHW[0] HW[3] DH[2.4%] ITemp[26] HBITemp[27] HBOTemp[29] TMax[0]"
    " TAvg[0] Fan1[0] Fan2[0] Fan3[0] Fan4[0] FanR[0%] FanErr[0] PS[0 1222 4 0 0 2245 17] GHSspd[0.00]"
    " GHSmm[55032.79] GHSavg[44499.41] Freq[282.86] MGHS[44499.41] SoftOFF[4] MPO[800]}"
)
Q_RUN = (
    Q_IDLE.replace("In Idle", "In Work")
    .replace("SoftOFF[4]", "SoftOFF[0]")
    .replace("GHSspd[0.00]", "GHSspd[84000.5]")
    .replace("HBOTemp[29]", "HBOTemp[61]")
    .replace("TMax[0]", "TMax[75] MTmax[74]")
)
NANO = (
    "Ver[Nano3s-25021401_56abae7] DNA[02010000bd448216] SYSTEMSTATU[Work: In Work, Hash Board: 1] Elapsed[10027]"
    " MH[0] HW[0] ITemp[-273] OTemp[65] TMax[95] TAvg[90] Fan1[1520] FanR[33%] PS[0 0 27541 4 0 3756 133]"
    " GHSspd[6598.84] GHSmm[6783.65] GHSavg[6695.18] Freq[464.89] MGHS[6695.18] MTmax[95] SoftOFF[0]"
    " PVT_T0[ 85  91  91  91  91  90  85  86  95  95  91  87] MW0[3 3]"
)


def stats(text: Any, name: str = "MM ID0", **more: Any) -> dict[str, Any]:
    first = {"STATS": 0, "ID": "AVA100", "Elapsed": 4321, name: text, "MM Count": 1, **more}
    return {"STATUS": STATUS, "STATS": [first, POOL_ROW], "id": 1}


def version(**fields: Any) -> dict[str, Any]:
    return {"STATUS": STATUS, "VERSION": [{"CGMiner": "4.11.1", "API": "3.7", **fields}], "id": 1}


SUMMARY = {
    "STATUS": STATUS,
    "SUMMARY": [
        {
            "Elapsed": 4400,
            "MHS av": 105000000.0,
            "MHS 5s": 60000000.0,
            "MHS 1m": 99000000.0,
            "MHS 5m": 108000000.0,
            "MHS 15m": 107000000.0,
            "Accepted": 99,
            "Rejected": 1,
            "Stale": 0,
            "Hardware Errors": 44,
        }
    ],
}
POOLS = {
    "STATUS": STATUS,
    "POOLS": [
        {
            "POOL": 0,
            "URL": "stratum+tcp://p:3333",
            "User": "a.b",
            "Status": "Alive",
            "Stratum Active": True,
            "Last Share Time": 4989,
            "Accepted": 99,
            "Rejected": 1,
            "Stale": 0,
            "Difficulty Accepted": 25952256.0,
        },
        {"POOL": 1, "URL": "stratum+tcp://q:3333", "User": "a.b", "Status": "Dead", "Last Share Time": 0},
    ],
}
GOOD = {
    "stats": stats(A13),
    "summary": SUMMARY,
    "pools": POOLS,
    "version": version(PROD="AvalonMiner 1346-110", MODEL="1346-110", DNA="02010000aabbccdd", MAC="b4a2eb3f0011"),
}
MODULES = {
    "stats": {
        "STATUS": STATUS,
        "STATS": [
            {
                "ID": "AV80",
                "Elapsed": 63,
                "MM ID2": A841.replace("{n}", "2"),
                "MM ID1": A841.replace("{n}", "1"),
                "MM Count": 2,
            },
            {"ID": "AV81", "Elapsed": 63, "MM ID1": A841.replace("{n}", "3")},
            POOL_ROW,
        ],
    },
    "summary": SUMMARY,
}
HOME_Q = {
    "stats": stats(Q_RUN, "MM ID0:Summary", HBinfo="'HB0':{PVT_T0[58 59 74 0] PVT_V0[281 282] MW0[1 664]}"),
    "version": version(PROD="Avalon Q", MODEL="Q", LVERSION="25052801_14a19a2", MAC="00e04c30f1f1"),
}


def read(**replies: Any) -> Reading:
    return decode(Replies(replies))


def test_a13_is_decoded_to_si_units():
    reading = decode(Replies(GOOD))
    assert (reading.make, reading.model, reading.firmware) == ("Avalon", "1346", "stock")
    assert reading.firmware_version == "1346-110-24041001_08b0955_0196aba"
    assert (reading.mac, reading.serial) == ("B4:A2:EB:3F:00:11", "02010000aabbccdd")
    assert reading.hashrate == pytest.approx(
        {"realtime": 110.5005e12, "avg": 109.00025e12, "5s": 60e12, "1m": 99e12, "5m": 108e12, "15m": 107e12}
    )
    assert reading.hashrate_expected == pytest.approx(112e12)
    assert (reading.power, reading.power_source) == (3420.0, "measured")
    assert (reading.uptime, reading.hardware_errors, reading.temperature_inlet) == (4400, 12, 28.0)
    assert (reading.shares.accepted, reading.shares.rejected, reading.shares.stale) == (99, 1, 0)
    assert reading.hashing is True
    assert reading.defects == ()


def test_boards_use_their_item_of_every_list_and_count_answering_chips():
    boards = decode(Replies(GOOD)).boards
    assert [b.index for b in boards] == [0, 1, 2]
    assert [b.hashrate for b in boards] == pytest.approx([36.0001e12, 36.5002e12, 36.49995e12])
    assert [b.temperature_chip for b in boards] == [80.0, 81.0, 83.0]
    assert [b.chips for b in boards] == [3, 4, 3]
    assert [b.hardware_errors for b in boards] == [5, 0, 7]
    assert {b.frequency for b in boards} == {512.5e6}
    assert {b.temperature_board for b in boards} == {None}


def test_fans_keep_their_numbers_and_a_stopped_one_is_zero():
    assert [(f.index, f.rpm) for f in decode(Replies(GOOD)).fans] == [(0, 4500), (1, 0), (2, 4510), (3, 4520)]
    assert [(f.index, f.rpm) for f in read(stats=stats("Fan2[7] Fan4[8]")).fans] == [(1, 7), (3, 8)]


def test_last_share_age_uses_the_rigs_own_clock():
    first, last = decode(Replies(GOOD)).pools
    assert (first.index, first.alive, first.active, first.last_share_seconds_ago) == (0, True, True, 11.0)
    assert (last.index, last.alive, last.last_share_seconds_ago) == (1, False, None)


def test_a841_modules_are_one_rig_ordered_by_controller_and_number():
    reading = decode(Replies(MODULES))
    assert reading.model == "841"
    assert reading.serial == "0137dace492a2ec1"
    assert [b.index for b in reading.boards] == [0, 1, 2, 3, 4, 5]
    assert [b.hardware_errors for b in reading.boards] == [0, 1, 0, 2, 0, 3]
    assert [(f.index, f.rpm) for f in reading.fans] == [(0, 5710), (1, 5720), (2, 5730)]
    assert reading.hashrate_expected == pytest.approx(3 * 13600.5e9)
    assert (reading.hardware_errors, reading.temperature_inlet) == (6, 33.0)
    assert "realtime" not in reading.hashrate
    assert reading.power is None
    assert reading.power_source is None


def test_chips_of_old_modules_are_counted_by_work_once_there_is_enough():
    assert [b.chips for b in decode(Replies(MODULES)).boards][:2] == [3, 4]
    young = A841.replace("MW0[30 40 0 20]", "MW0[3 4 0 2]")
    assert read(stats=stats(young, "MM ID1")).boards[0].chips == 4


def test_a10_reports_only_the_output_of_its_supply():
    reading = read(stats=stats("Ver[1047-19120401_d46bc64] PS[0 1212 1315 174 2288 1320] GHSspd[1.0]"))
    assert (reading.power, reading.power_source) == (2288.0, "reported")
    assert reading.model == "1047"


def test_wall_power_field_overrides_the_list():
    reading = read(stats=stats("PS[0 1209 1187 297 3526 1188 3730] WALLPOWER[3731]"))
    assert (reading.power, reading.power_source) == (3731.0, "measured")


def test_idle_q_is_not_hashing_despite_its_averages():
    reading = read(stats=stats(Q_IDLE, "MM ID0:Summary"), version=HOME_Q["version"])
    assert reading.hashing is False
    assert reading.hashrate["realtime"] == 0.0
    assert reading.hashrate["avg"] == pytest.approx(44.49941e12)
    assert (reading.power, reading.power_source) == (17.0, "measured")
    assert [fan.rpm for fan in reading.fans] == [0, 0, 0, 0]
    assert (reading.boards[0].temperature_board, reading.boards[0].temperature_chip) == (29.0, None)
    assert reading.boards[0].chips is None
    assert (reading.model, reading.mac) == ("Q", "00:E0:4C:30:F1:F1")


def test_running_q_chips_come_from_hbinfo():
    reading = decode(Replies(HOME_Q))
    assert reading.hashing is True
    assert reading.boards[0].chips == 3
    assert (reading.boards[0].temperature_chip, reading.boards[0].temperature_board) == (74.0, 61.0)


def test_estats_replaces_empty_stats_of_a_q():
    reading = read(stats=stats("", "MM ID0:Summary"), estats=stats(Q_RUN, "MM ID0:Summary"))
    assert reading.hashrate["realtime"] == pytest.approx(84.0005e12)


def test_nano_has_no_inlet_sensor():
    reading = read(stats=stats(NANO), version=version(PROD="Avalon Nano3s", MODEL="Nano3s"))
    assert (reading.model, reading.temperature_inlet, reading.temperature_outlet) == ("Nano 3S", None, 65.0)
    assert (reading.power, reading.boards[0].chips, reading.boards[0].temperature_chip) == (133.0, 12, 95.0)
    assert reading.defects == ()


@pytest.mark.parametrize(
    ("text", "hashing"),
    [
        ("SYSTEMSTATU[Work: In Work, Hash Board: 3 ] GHSspd[100.5]", True),
        ("SYSTEMSTATU[Work: In Work, Hash Board: 3 ] GHSspd[0.00]", False),
        ("SYSTEMSTATU[Work: In Idle, Hash Board: 3 ] GHSspd[100.5]", False),
        ("SYSTEMSTATU[Work: In Init, Hash Board: 3 ] GHSspd[0.00]", False),
        ("SoftOFF[5] GHSspd[3.5] GHSavg[22622.40]", False),
        ("SoftOFF[0] GHSspd[3.5]", True),
        ("GHSavg[22622.40]", None),
        ("GHSmm[22622.40]", None),
    ],
)
def test_only_the_momentary_rate_decides_hashing(text, hashing):
    assert read(stats=stats(text)).hashing is hashing


def test_devs_replace_a_refused_summary():
    rows = [{"ASC": 0, "MHS 1m": 100e6, "MHS av": 90e6, "Accepted": 4}, {"ASC": 1, "MHS 1m": 50e6, "MHS av": 45e6}]
    reading = read(stats=stats("GHSavg[140000.0]"), devs={"STATUS": STATUS, "DEVS": rows})
    assert reading.hashrate == pytest.approx({"1m": 150e12, "avg": 140e12})


def test_text_instead_of_numbers_is_a_defect():
    reading = read(stats=stats("GHSspd[nan] GHSavg[inf] HW[x] MGHS[1.5 oops]"))
    assert reading.hashrate == {}
    assert [b.hashrate for b in reading.boards] == [1.5e9, None]
    assert len(reading.defects) == 4


@settings(max_examples=100, deadline=None)
@given(
    st.text(alphabet="AFGHMSTVdegnpsvm0123[] -.", max_size=120), st.sampled_from(["MM ID0", "MM ID0:Summary", "MM IDx"])
)
def test_any_bracket_string_decodes_to_a_valid_reading(text, name):
    assert_valid(read(stats=stats(A13[:400] + text + A13[400:], name)))


@settings(max_examples=120, deadline=None)
@given(damaged(GOOD) | damaged(MODULES) | damaged(HOME_Q))
def test_damaged_answers_decode_to_a_valid_reading(replies):
    assert_valid(decode(replies))
    assert matches(Fingerprint(replies)) in (True, False)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from([c.key for c in DRIVER.commands]), JSON))
def test_any_json_decodes_to_a_valid_reading(replies):
    assert_valid(decode(Replies(replies)))
    assert matches(Fingerprint(Replies(replies))) in (True, False)


@pytest.mark.parametrize(
    ("replies", "known"),
    [
        ({"version": GOOD["version"]}, True),
        ({"version": version(PROD="Avalonnano", MODEL="nano3")}, True),
        ({"stats": stats(A13)}, True),
        ({"estats": stats(Q_RUN, "MM ID0:Summary")}, True),
        ({"version": version(Miner="bmminer"), "stats": {"STATS": [{"Type": "Antminer S9"}]}}, False),
        ({}, False),
    ],
)
def test_avalon_is_recognized_by_its_product_name_or_its_modules(replies, known):
    assert matches(Fingerprint(Replies(replies))) is known
