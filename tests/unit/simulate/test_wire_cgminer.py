"""Wire format of port 4028 and of WhatsMiner port 4433 for each family, over real sockets."""

import asyncio
import json
import struct

import orjson
import pytest

from stratoscope.simulate.families import FAMILIES
from stratoscope.units import GH, MH, TH

CGMINER_FAMILIES = [family.name for family in FAMILIES.values() if family.verbs]
CLOSING_FAMILIES = [name for name in CGMINER_FAMILIES if not FAMILIES[name].keeps_socket_open]
JOINING_FAMILIES = ["antminer-s9", "vnish", "luxos", "avalon", "auradine", "sealminer", "cgminer", "hammer"]


@pytest.fixture
async def rigs_by_family(fleet_of):
    """One rig of each family, by family name."""
    fleet = await fleet_of(rigs=len(FAMILIES), mix=dict.fromkeys(FAMILIES, 1))
    return {rig.family: rig for rig in fleet.rigs}


async def test_every_command_returns_strict_json_and_one_nul(rigs_by_family, caller):
    for family in CGMINER_FAMILIES:
        for verb in FAMILIES[family].verbs:
            answer = await caller.until_nul(rigs_by_family[family], verb, parameter="0")
            assert answer.count(b"\0") == 1
            if (family, verb) != ("antminer-s9", "stats"):  # the only intended defect
                orjson.loads(answer[:-1])


async def test_socket_closes_after_the_nul(rigs_by_family, caller):
    for family in CLOSING_FAMILIES:
        answer = await caller.raw(rigs_by_family[family], b'{"command":"version"}')
        assert answer.endswith(b"\0")


async def test_avalon_keeps_the_socket_open_after_the_nul(rig_of):
    rig = await rig_of("avalon")
    reader, writer = await asyncio.open_connection(rig.address, rig.ports[4028])
    writer.write(b'{"command":"version"}')
    await reader.readuntil(b"\0")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.3)
    writer.close()


async def test_stock_antminer_refuses_joined_commands_with_code_14(rigs_by_family, caller):
    for family in ("antminer", "antminer-scrypt"):
        answer = await caller.command(rigs_by_family[family], "summary+stats")
        assert answer["STATUS"][0]["STATUS"] == "E"
        assert answer["STATUS"][0]["Code"] == 14
        assert answer["STATUS"][0]["Msg"] == "Invalid command"
        assert "summary" not in answer


async def test_other_families_answer_each_part_of_a_joined_command(rigs_by_family, caller):
    for family in JOINING_FAMILIES:
        answer = await caller.command(rigs_by_family[family], "summary+pools+nosuch")
        assert answer["summary"][0]["SUMMARY"][0]["Elapsed"] > 0
        assert len(answer["pools"][0]["POOLS"]) == 3
        assert answer["nosuch"][0]["STATUS"][0]["STATUS"] == "E"


async def test_whatsminer_joins_all_commands_except_get_and_status(rig_of, caller):
    rig = await rig_of("whatsminer")
    joined = await caller.command(rig, "summary+devs")
    assert joined["devs"][0]["DEVS"][2]["Slot"] == 2
    for verbs in ("summary+get_psu", "summary+status"):
        refused = await caller.command(rig, verbs)
        assert (refused["STATUS"], refused["Code"], refused["Msg"]) == ("E", 14, "invalid cmd")


async def test_whatsminer_accepts_cmd_and_responds_in_flat_format(rig_of, caller):
    rig = await rig_of("whatsminer")
    answer = json.loads((await caller.raw(rig, b'{"cmd":"get_miner_info"}'))[:-1])
    assert answer["STATUS"] == "S"
    assert answer["Msg"]["mac"] == rig.state.mac.upper()


async def test_s9_omits_the_comma_between_the_rows_of_stats(rig_of, caller):
    rig = await rig_of("antminer-s9")
    answer = (await caller.until_nul(rig, "stats"))[:-1]
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(answer)
    assert answer.count(b"}{") == 1
    repaired = orjson.loads(answer.replace(b"}{", b"},{"))
    row = repaired["STATS"][1]
    assert (row["chain_acn5"], row["chain_acn6"], row["chain_acn8"], row["chain_acn9"]) == (0, 63, 63, 0)
    assert float(row["GHS 5s"]) * GH == pytest.approx(rig.truth()["hashrate"], rel=0.05)


async def test_text_request_gets_a_pipe_separated_response(rig_of, caller):
    rig = await rig_of("cgminer")
    answer = (await caller.raw(rig, b"summary")).decode()
    assert answer.startswith("STATUS=S,When=")
    assert "|SUMMARY,Elapsed=" in answer
    assert answer.endswith("|\0")
    assert "|POOL=1,URL=stratum+tcp://" in (await caller.raw(rig, b"pools|")).decode()
    assert "Stratum Active=true" in (await caller.raw(rig, b"pools|")).decode()


async def test_invalid_json_gets_code_23(rig_of, caller):
    rig = await rig_of("cgminer")
    answer = json.loads((await caller.raw(rig, b'{"command":'))[:-1])
    assert answer["STATUS"][0]["Code"] == 23


async def test_unknown_command_gets_code_14(rig_of, caller):
    answer = await caller.command(await rig_of("luxos"), "nosuch")
    assert answer["STATUS"][0]["Code"] == 14


async def test_vnish_refuses_version_with_code_0(rig_of, caller):
    answer = await caller.command(await rig_of("vnish"), "version")
    assert answer == {"STATUS": [{**answer["STATUS"][0], "STATUS": "E", "Code": 0, "Msg": "Invalid command"}]}


@pytest.mark.parametrize("family", ["antminer", "hammer"])
@pytest.mark.parametrize("verb", ["addpool", "switchpool", "restart", "quit", "ascset", "reboot", "set_led"])
async def test_write_commands_get_code_45_and_are_counted(fleet_of, caller, verb, family):
    fleet = await fleet_of(mix={family: 1})
    answer = await caller.command(fleet.rigs[0], verb, parameter="0")
    assert answer["STATUS"][0]["Code"] == 45
    assert answer["STATUS"][0]["Msg"].startswith("Access denied")
    assert fleet.privileged_seen == 1
    assert fleet.commands_seen == {(family, verb): 1}


async def test_joined_command_with_a_write_command_is_counted_as_privileged(fleet_of, caller):
    fleet = await fleet_of(rigs=2, mix={"antminer": 1, "luxos": 1})
    for rig in fleet.rigs:
        await caller.command(rig, "summary+restart")
    assert fleet.privileged_seen == 2


async def test_read_commands_are_not_counted_as_privileged(fleet_of, caller):
    fleet = await fleet_of(rigs=len(FAMILIES), mix=dict.fromkeys(FAMILIES, 1))
    for rig in fleet.rigs:
        for verb in FAMILIES[rig.family].verbs:
            await caller.until_nul(rig, verb, parameter="0")
    assert fleet.privileged_seen == 0
    assert sum(fleet.commands_seen.values()) == sum(len(family.verbs) for family in FAMILIES.values())


async def test_new_api_works_only_at_the_top_level_of_a_request(rig_of, caller):
    rig = await rig_of("antminer")
    assert "rate_5s" in (await caller.command(rig, "stats", new_api=True))["STATS"][0]
    assert "chain_acn1" in (await caller.command(rig, "stats", parameter={"new_api": True}))["STATS"][1]


async def test_luxos_voltageget_requires_a_valid_board_number(rig_of, caller):
    rig = await rig_of("luxos")
    assert (await caller.command(rig, "voltageget", parameter="1"))["VOLTAGE"] == [{"Board": 1, "Voltage": 13.6}]
    assert (await caller.command(rig, "voltageget", parameter="7"))["STATUS"][0]["STATUS"] == "E"


HASHRATES = [
    ("antminer", "summary", lambda a: a["SUMMARY"][0]["GHS 5s"] * GH),
    ("antminer", "stats", lambda a: sum(float(a["STATS"][1][f"chain_rate{n}"]) for n in (1, 2, 3)) * GH),
    ("antminer-scrypt", "summary", lambda a: a["SUMMARY"][0]["GHS 5s"] * MH),
    ("vnish", "stats", lambda a: a["STATS"][1]["total_rate"] * GH),
    ("luxos", "devs", lambda a: sum(row["MHS 5s"] for row in a["DEVS"]) * MH),
    ("whatsminer", "summary", lambda a: a["SUMMARY"][0]["HS RT"] * MH),
    ("avalon", "summary", lambda a: a["SUMMARY"][0]["MHS 5s"] * MH),
    ("avalon", "stats", lambda a: float(a["STATS"][0]["MM ID0"].split("GHSspd[")[1].split("]")[0]) * GH),
    ("auradine", "devs", lambda a: sum(row["MHS 5s"] for row in a["DEVS"]) * MH),
    ("sealminer", "stats", lambda a: a["STATS"][0]["MHS(Sample)"] * MH),
    ("cgminer", "devs", lambda a: sum(row["MHS 5s"] for row in a["DEVS"]) * MH),
    ("hammer", "summary", lambda a: float(a["SUMMARY"][0]["MHS 5s"]) * MH),
    ("hammer", "stats", lambda a: sum(float(a["STATS"][1][f"chain_rate{n}"]) for n in (1, 2, 3)) * MH),
]


@pytest.mark.parametrize(
    ("family", "verb", "read"), HASHRATES, ids=lambda value: value if isinstance(value, str) else ""
)
async def test_reported_hashrate_is_the_true_one_in_the_unit_of_the_family(rig_of, caller, family, verb, read):
    rig = await rig_of(family)
    assert read(await caller.command(rig, verb)) == pytest.approx(rig.truth()["hashrate"], rel=0.01)


async def test_scrypt_rigs_report_hashrate_in_mh(rig_of, caller):
    stats = (await caller.command(await rig_of("antminer-scrypt"), "stats"))["STATS"][1]
    assert stats["rate_unit"] == "MH"
    assert stats["chain_acn4"] == 120


async def test_hammer_sends_hashrates_shares_and_frequency_as_strings(rig_of, caller):
    rig = await rig_of("hammer")
    summary = (await caller.command(rig, "summary"))["SUMMARY"][0]
    assert summary["Accepted"] == f"{rig.truth()['accepted']}.0000"
    assert isinstance(summary["MHS av"], str)
    row = (await caller.command(rig, "stats"))["STATS"][1]
    assert row["frequency"] == "810"
    assert (row["chain_acn3"], row["chain_acn4"], row["chain_rate4"], row["chain_acs4"]) == (108, 0, "", "")
    assert row["chain_acs1"].count("o") == 108


async def test_avalon_reports_wall_power_last_in_ps_and_every_chip_in_pvt(rig_of, caller):
    rig = await rig_of("avalon")
    module = (await caller.command(rig, "stats"))["STATS"][0]["MM ID0"]
    cells = dict(part.rstrip("]").split("[", 1) for part in module.split("] ") if "[" in part)
    assert float(cells["PS"].split()[6]) == pytest.approx(rig.truth()["power"], abs=1)
    assert float(cells["PS"].split()[4]) < float(cells["PS"].split()[6])
    assert len(cells["PVT_T2"].split()) == 120
    assert cells["Ver"].startswith("1246-90-")


async def test_avalon_reports_uptime_because_it_has_no_clock(rig_of, caller):
    rig = await rig_of("avalon")
    assert (await caller.command(rig, "summary"))["STATUS"][0]["When"] < 3_000_000


async def test_dead_board_is_reported_in_the_format_of_each_family(rigs_by_family, caller, clock):
    for rig in rigs_by_family.values():
        rig.force("failing_board", duration=1e6, board=1)
    await clock.pass_(5)
    antminer = (await caller.command(rigs_by_family["antminer"], "stats"))["STATS"][1]
    assert (antminer["chain_acn2"], antminer["chain_rate2"], antminer["miner_count"]) == (0, "", 2)
    vnish = (await caller.command(rigs_by_family["vnish"], "stats"))["STATS"][1]
    assert vnish["chain_state2"] == "failure"
    whatsminer = await caller.command(rigs_by_family["whatsminer"], "get_error_code")
    assert whatsminer["Msg"]["error_code"] == [{"531": "2024-06-15 10:30:00"}]
    sealminer = (await caller.command(rigs_by_family["sealminer"], "stats"))["STATS"][0]
    assert sealminer["1 Online"] is False
    hammer = (await caller.command(rigs_by_family["hammer"], "stats"))["STATS"][1]
    assert (hammer["chain_acn2"], hammer["chain_rate2"], hammer["miner_count"]) == (0, "", 2)


async def send_framed(rig, *requests: bytes) -> list[dict]:
    reader, writer = await asyncio.open_connection(rig.address, rig.ports[4433])
    writer.write(b"".join(struct.pack("<I", len(request)) + request for request in requests))
    answers = []
    for _ in requests:
        size = struct.unpack("<I", await reader.readexactly(4))[0]
        answers.append(json.loads(await reader.readexactly(size)))
    writer.close()
    return answers


async def test_whatsminer3_sends_the_length_before_every_message(rig_of):
    rig = await rig_of("whatsminer3")
    device, summary = await send_framed(
        rig, b'{"cmd":"get.device.info"}', b'{"cmd":"get.miner.status","param":"summary+edevs"}'
    )
    assert device["msg"]["miner"]["type"] == "M60S_VK30"
    assert set(summary["msg"]) == {"summary", "edevs"}
    truth = rig.truth()
    assert summary["msg"]["summary"]["hash-realtime"] * TH == pytest.approx(truth["hashrate"], rel=0.001)
    assert summary["msg"]["summary"]["power-realtime"] == pytest.approx(truth["power"], rel=0.001)


async def test_whatsminer3_refuses_and_counts_commands_other_than_get(fleet_of):
    fleet = await fleet_of(mix={"whatsminer3": 1})
    answers = await send_framed(
        fleet.rigs[0], b'{"cmd":"set.miner.service","param":"stop"}', b'{"cmd":"get.no"}', b"no json"
    )
    assert [answer["code"] for answer in answers] == [-4, -2, -1]
    assert fleet.privileged_seen == 1


async def test_whatsminer3_closes_the_connection_on_an_invalid_length(rig_of):
    rig = await rig_of("whatsminer3")
    reader, writer = await asyncio.open_connection(rig.address, rig.ports[4433])
    writer.write(struct.pack("<I", 1 << 31) + b"x")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await asyncio.wait_for(reader.readexactly(1), 60)
    writer.close()


async def test_same_seed_and_clock_give_the_same_bytes(fleet_of, caller, base):
    first = await fleet_of(rigs=30, seed=9)
    second = await fleet_of(rigs=30, seed=9, base=base.rsplit(".", 1)[0] + ".101")
    other = await fleet_of(rigs=30, seed=10, base=base.rsplit(".", 1)[0] + ".151")
    differs = 0
    for a, b, c in zip(first.rigs, second.rigs, other.rigs, strict=True):
        for verb in FAMILIES[a.family].verbs:
            answer = await caller.until_nul(a, verb, parameter="0")
            assert answer == await caller.until_nul(b, verb, parameter="0")
            differs += answer != await caller.until_nul(c, verb, parameter="0")
    assert differs > 50
