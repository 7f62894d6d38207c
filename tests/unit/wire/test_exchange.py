"""Tests what an exchange remembers about a rig: joined commands, refusals, and the effect of a missing answer."""

import asyncio

import pytest

from fakes.rig import FakeRig, FakeServer, FakeWeb, cgminer_object, dumps, refusal, saying, silent
from stratoscope.drivers.driver import Command, Via
from stratoscope.errors import AuthRefused, Garbled, TimedOut, Unreachable
from stratoscope.units import HOUR
from stratoscope.wire.target import Limits, RigSession, Target

NAMES = ("summary", "stats", "pools")
ANSWERS = {name: cgminer_object(name, Elapsed=305) for name in NAMES}
COMMANDS = tuple(Command(name, name) for name in NAMES)
OPTIONAL = Command("coin", "coin", required=False)
DENIED = refusal(45, "Access denied to 'summary' command")


async def test_commands_are_joined_and_their_answers_split(wire):
    session = RigSession()
    async with FakeRig(ANSWERS) as rig:
        answers = await wire.query(rig.target(), COMMANDS, session)
        assert answers.replies == ANSWERS
        assert rig.asked == ["summary+stats+pools"]
    assert (session.joins, session.joined) == (True, True)


async def test_commands_are_sent_singly_after_a_refused_join(wire):
    session = RigSession()
    async with FakeRig(ANSWERS, joins=False) as rig:
        assert (await wire.query(rig.target(), COMMANDS, session)).replies == ANSWERS
        assert (await wire.query(rig.target(), COMMANDS, session)).replies == ANSWERS
        assert rig.asked == ["summary+stats+pools", *NAMES, *NAMES]
        assert rig.most == 1


@pytest.mark.parametrize("answer", [b"", b"{}", dumps(ANSWERS["summary"]), b"\x01\x02"], ids=repr)
async def test_commands_are_sent_singly_after_a_broken_joined_answer(wire, answer):
    async with FakeRig(ANSWERS | {"summary+stats+pools": answer}) as rig:
        rig.answer = lambda command: answer if "+" in command else dumps(ANSWERS[command])
        session = RigSession()
        assert (await wire.query(rig.target(), COMMANDS, session)).replies == ANSWERS
        assert session.joins is False


@pytest.mark.parametrize("end", [b"", b"\0"])
async def test_broken_optional_command_affects_only_itself(wire, end):
    broken = ANSWERS | {"coin": b'{"STATUS":[' if end else b""}
    async with FakeRig(broken, joins=False, end=end) as rig:
        answers = await wire.query(rig.target(), (OPTIONAL, *COMMANDS), RigSession())
        assert answers.replies == ANSWERS
        assert answers.refused == {"coin": "truncated" if end else "reset"}


async def test_garbage_from_a_rig_that_joins_does_not_end_joining(wire):
    session = RigSession()
    async with FakeRig(ANSWERS) as rig:
        await wire.query(rig.target(), COMMANDS, session)
    async with FakeServer(saying(b"\x01\x02\x03\0")) as rig:
        with pytest.raises(Garbled):
            await wire.query(rig.target(), COMMANDS, session)
        assert rig.connections == 1
    assert session.joins is True


async def test_garbage_to_everything_does_not_end_joining(wire):
    session = RigSession()
    async with FakeServer(saying(b"\x01\x02\x03\0")) as rig:
        with pytest.raises(Garbled):
            await wire.query(rig.target(), COMMANDS, session)
    assert session.joins is True


async def test_command_with_a_parameter_is_never_joined(wire):
    async with FakeRig(ANSWERS | {"asc": cgminer_object("asc", ASC=0)}) as rig:
        await wire.query(rig.target(), (*COMMANDS, Command("asc0", "asc", param="0")), RigSession())
        assert rig.requests == [b'{"command":"summary+stats+pools"}', b'{"command":"asc","parameter":"0"}']


async def test_refused_optional_command_is_not_sent_again_for_an_hour(wire, clock):
    session = RigSession()
    async with FakeRig(ANSWERS) as rig:
        answers = await wire.query(rig.target(), (*COMMANDS, OPTIONAL), session)
        assert answers.replies == ANSWERS
        assert answers.refused == {"coin": "refused_command"}
        assert answers.errors["coin"]["STATUS"][0]["Msg"] == "Invalid command"
        clock.now += HOUR - 1
        assert (await wire.query(rig.target(), (*COMMANDS, OPTIONAL), session)).refused == {}
        clock.now += 2
        assert (await wire.query(rig.target(), (*COMMANDS, OPTIONAL), session)).refused == {"coin": "refused_command"}
        assert [command.count("coin") for command in rig.asked] == [1, 0, 1]


async def test_refused_required_command_fails_the_poll(wire):
    async with FakeRig({"summary": ANSWERS["summary"]}) as rig:
        with pytest.raises(Garbled) as caught:
            await wire.query(rig.target(), COMMANDS, RigSession())
    assert caught.value.reason == "refused_command"
    assert "Code 14" in caught.value.detail


@pytest.mark.parametrize("joins", [True, False])
@pytest.mark.parametrize("required", [True, False])
async def test_code_45_for_everything_is_a_locked_rig(wire, joins, required):
    commands = [Command(name, name, required=required) for name in NAMES]
    async with FakeRig(dict.fromkeys(NAMES, DENIED), joins=joins) as rig:
        with pytest.raises(AuthRefused) as caught:
            await wire.query(rig.target(), commands, RigSession())
    assert caught.value.reason == "denied"


async def test_whatsminer_flat_status_is_distinguished_from_an_answer(wire):
    flat = {"STATUS": "S", "When": 1, "Code": 131, "Msg": {"fw_ver": "20230911"}, "Description": "btminer"}
    no = {"STATUS": "E", "When": 1, "Code": 14, "Msg": "invalid cmd", "Description": "btminer"}
    commands = [Command("v", "get_version", joins=False), Command("p", "get_psu", joins=False, required=False)]
    async with FakeRig({"get_version": flat, "get_psu": no}) as rig:
        answers = await wire.query(rig.target(), commands, RigSession())
    assert answers.replies == {"v": flat}
    assert answers.refused == {"p": "refused_command"}


@pytest.mark.parametrize("code", [8, 10])
async def test_missing_pools_or_hashboards_is_an_answer(wire, code):
    nothing = refusal(code, "No pools")
    async with FakeRig({"pools": nothing}) as rig:
        assert (await wire.query(rig.target(), [Command("pools", "pools")], RigSession())).replies == {"pools": nothing}


async def test_f13_answer_without_status_is_an_answer(wire):
    async with FakeRig({"summary": {"SUMMARY": [{"Elapsed": 5}]}}) as rig:
        assert (await wire.query(rig.target(), COMMANDS[:1], RigSession())).replies["summary"]["SUMMARY"]


async def test_vnish_refusal_of_version_is_available_to_identification(wire):
    version = {"STATUS": [{"STATUS": "E", "Code": 0, "Msg": "Invalid command", "Description": "vnish 1.2.6"}], "id": 1}
    async with FakeRig({"version": version}) as rig:
        answers = await wire.query(rig.target(), [Command("version", "version", required=False)], RigSession())
    assert answers.replies == {}
    assert answers.errors == {"version": version}


async def test_missing_optional_page_affects_only_itself(wire):
    async with FakeServer(silent) as gone:
        shut = gone.port
    page = Command("info", "/cgi-bin/get_system_info.cgi", Via.HTTP, required=False)
    async with FakeRig(ANSWERS) as rig:
        session = RigSession()
        target = Target(rig.host, {4028: rig.port, 80: shut})
        answers = await wire.query(target, (page, *COMMANDS), session)
        assert answers.replies == ANSWERS
        assert answers.refused == {"info": "refused"}
        assert "info" in session.refused


async def test_hanging_optional_page_affects_only_itself(wire):
    page = Command("info", "/cgi-bin/get_system_info.cgi", Via.HTTP, required=False)
    other = Command("stats_page", "/cgi-bin/stats.cgi", Via.HTTP, required=False)
    async with FakeRig(ANSWERS) as rig, FakeServer(silent) as hung:
        session = RigSession()
        target = Target(rig.host, {4028: rig.port, 80: hung.port})
        answers = await wire.query(target, (page, other, *COMMANDS), session, limits=Limits(0.5, 0.5))
        assert answers.replies == ANSWERS
        assert answers.refused == {"info": "timeout", "stats_page": "timeout"}
        assert set(session.refused) == {"info"}, "the other was not sent, so it did not fail"


async def test_unreachable_rig_with_optional_commands_only_is_tried_once(wire):
    commands = [Command(name, name, required=False, joins=False) for name in NAMES]
    async with FakeServer(saying(b"")) as rig:
        with pytest.raises(Unreachable):
            await wire.query(rig.target(), commands, RigSession())
        assert rig.connections == 1
    async with FakeServer(silent) as rig:
        with pytest.raises(TimedOut):
            await wire.query(rig.target(), commands, RigSession(), limits=Limits(0.3, 0.3))


@pytest.mark.parametrize("answer", [b"\x01\x02\x03\0", b'{"STATUS":[\0'])
async def test_garbage_for_optional_commands_only_raises_garbled(wire, answer):
    async with FakeServer(saying(answer)) as rig:
        with pytest.raises(Garbled):
            await wire.query(rig.target(), [Command("version", "version", required=False)], RigSession())


async def test_one_connection_at_a_time_over_all_protocols(wire):
    seen = []

    class Shared(FakeWeb):
        async def talk(self, reader, writer):
            seen.append(self.open)
            await super().talk(reader, writer)

    async with Shared(lambda request: (200, {}, b'{"a":1}')) as web, FakeRig(ANSWERS) as rig:
        paths = ("/api/system/info", "/summary", "/network", "/capabilities")
        pages = [Command(path, path, Via.HTTP) for path in paths]
        target = Target(rig.host, {4028: rig.port, 80: web.port})
        answers = await wire.query(target, (*pages, *COMMANDS), RigSession())
        assert set(answers.replies) == {*paths, *NAMES}
        assert (web.most, rig.most) == (1, 1)


async def test_one_wire_serves_many_rigs_at_once(wire):
    async with FakeRig(ANSWERS) as rig:
        everything = await asyncio.gather(*(wire.query(rig.target(), COMMANDS, RigSession()) for _ in range(200)))
    assert all(answers.replies == ANSWERS for answers in everything)
