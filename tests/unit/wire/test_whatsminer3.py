"""Tests the framed transport of WhatsMiner v3."""

import struct

import pytest

from fakes.rig import FakeServer, FakeWhatsminer3, saying
from stratoscope.drivers.driver import Command, Via
from stratoscope.errors import AuthRefused, Garbled, Unreachable
from stratoscope.wire.target import RigSession

PARAMS = ("summary", "pools", "edevs")
ANSWERS = {("get.miner.status", param): {"code": 0, "when": 1, "msg": {param: {"x": 1}}} for param in PARAMS}
ANSWERS["get.device.info", None] = {"code": 0, "msg": {"network": {"mac": "c4:11:04:01:02:03"}}}
COMMANDS = [Command(param, "get.miner.status", Via.WHATSMINER3, param) for param in PARAMS]
COMMANDS.append(Command("device", "get.device.info", Via.WHATSMINER3))


@pytest.mark.parametrize(("manner", "connections"), [({}, 1), ({"split": 1}, 1), ({"once": True}, 4)])
async def test_all_commands_use_one_connection_if_the_rig_keeps_it_open(wire, manner, connections):
    async with FakeWhatsminer3(ANSWERS, **manner) as rig:
        answers = await wire.query(rig.target(4433), COMMANDS, RigSession())
        assert {key: answer["msg"] for key, answer in answers.replies.items()} == {
            "summary": {"summary": {"x": 1}},
            "pools": {"pools": {"x": 1}},
            "edevs": {"edevs": {"x": 1}},
            "device": {"network": {"mac": "c4:11:04:01:02:03"}},
        }
        assert rig.connections == connections
        assert rig.most == 1


async def test_unknown_optional_command_affects_only_itself(wire):
    optional = Command("fan", "get.fan.setting", Via.WHATSMINER3, required=False)
    async with FakeWhatsminer3(ANSWERS) as rig:
        answers = await wire.query(rig.target(4433), [optional, *COMMANDS], RigSession())
    assert answers.refused == {"fan": "refused_command"}
    assert len(answers.replies) == 4


async def test_invalid_optional_answer_affects_only_itself(wire):
    optional = [Command(name, f"get.{name}.setting", Via.WHATSMINER3, required=False) for name in ("fan", "log")]
    good = {"code": 0, "msg": {"x": 1}}
    broken = ANSWERS | {("get.fan.setting", None): b"junk", ("get.log.setting", None): good}
    async with FakeWhatsminer3(broken) as rig:
        answers = await wire.query(rig.target(4433), [*COMMANDS, *optional], RigSession())
        assert answers.refused == {"fan": "decode"}
        assert answers.replies["log"] == good
        assert len(answers.replies) == 5
        assert rig.most == 1


async def test_permission_denied_for_everything_is_a_locked_rig(wire):
    locked = {asked: {"code": -4, "msg": "permission denied"} for asked in ANSWERS}
    async with FakeWhatsminer3(locked) as rig:
        with pytest.raises(AuthRefused) as caught:
            await wire.query(rig.target(4433), COMMANDS, RigSession())
    assert caught.value.reason == "denied"


@pytest.mark.parametrize(
    ("sent", "kind", "reason"),
    [
        (struct.pack("<I", 0xFFFFFFFF) + b"{", Garbled, "oversize"),
        (struct.pack("<I", 100) + b'{"code":0', Garbled, "truncated"),
        (struct.pack("<I", 2), Garbled, "truncated"),
        (struct.pack("<I", 4) + b"junk", Garbled, "decode"),
        (struct.pack("<I", 0), Garbled, "decode"),
        (b"", Unreachable, "reset"),
    ],
    ids=repr,
)
async def test_broken_frame_has_its_reason(wire, sent, kind, reason):
    async with FakeServer(saying(sent)) as rig:
        with pytest.raises(kind) as caught:
            await wire.query(rig.target(4433), COMMANDS, RigSession())
        assert rig.connections == 1
    assert caught.value.reason == reason
