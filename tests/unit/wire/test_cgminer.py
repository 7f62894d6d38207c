"""Tests the CGMiner transport with misbehaving rigs (rows F01–F08, F20, F21 of the fault table)."""

import asyncio
import json
import os
import resource
import socket

import pytest

from fakes.rig import FakeRig, FakeServer, cgminer_object, dumps, endless, resetting, saying, silent
from stratoscope.drivers.driver import Command, Via
from stratoscope.errors import Garbled, TimedOut, Unreachable
from stratoscope.wire.target import Limits, RigSession, Target

SUMMARY = Command("summary", "summary")
STATS = Command("stats", "stats")
ANSWER = cgminer_object("summary", Elapsed=305, **{"GHS 5s": "13500.5"})
ANSWERS = {"summary": ANSWER, "stats": cgminer_object("stats", ID="BC50", temp1=60)}
SHORT = Limits(connect=0.3, exchange=0.3)


async def ask(wire, rig, *commands, **more):
    return await wire.query(rig.target(), commands or (SUMMARY,), more.pop("session", None) or RigSession(), **more)


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


@pytest.mark.parametrize(
    "manner",
    [
        {},
        {"keep_open": True},
        {"end": b""},
        {"end": b"", "keep_open": True},
        {"end": b"\n", "keep_open": True},
        {"end": b"\n\0"},
        {"end": b"\0\0\0"},
        {"split": 1},
        {"split": 1, "end": b"", "keep_open": True},
        {"split": 7, "keep_open": True},
        {"reset": True},
    ],
    ids=str,
)
async def test_answer_is_complete_however_it_is_sent(wire, manner):
    async with FakeRig(ANSWERS, **manner) as rig:
        answers = await ask(wire, rig)
        assert answers.replies == {"summary": ANSWER}
        assert answers.received >= len(dumps(ANSWER))
        assert rig.requests == [b'{"command":"summary"}']


async def test_f01_refused_connection_has_reason_refused(wire):
    async with FakeServer(silent) as rig:
        target = rig.target()
    with pytest.raises(Unreachable) as caught:
        await wire.query(target, [SUMMARY], RigSession())
    assert caught.value.reason == "refused"


async def test_f02_unanswered_connection_stops_at_the_connect_limit(wire):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fill = []
        for _ in range(4):  # a full backlog drops the SYN, like a host that is off
            filler = socket.socket()
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
            fill.append(filler)
        target = Target("127.0.0.1", {4028: listener.getsockname()[1]})
        with pytest.raises(TimedOut) as caught:
            await wire.query(target, [SUMMARY], RigSession(), limits=Limits(connect=0.3, exchange=60.0))
        for filler in fill:
            filler.close()
    assert caught.value.reason == "connect_timeout"


async def test_f03_silent_rig_times_out_without_delaying_others(wire):
    async with FakeServer(silent) as hung, FakeRig(ANSWERS) as rig:
        waiting = asyncio.create_task(ask(wire, hung, limits=SHORT))
        others = await asyncio.gather(*(ask(wire, rig) for _ in range(20)))
        assert all(answers.replies["summary"] == ANSWER for answers in others)
        with pytest.raises(TimedOut) as caught:
            await waiting
    assert caught.value.reason == "timeout"


async def test_f04_slow_answer_times_out(wire):
    async with FakeRig(ANSWERS, split=1, pause=0.05) as rig:  # 13 s in total, never idle for long
        async with asyncio.timeout(8):
            with pytest.raises(TimedOut) as caught:
                await ask(wire, rig, limits=SHORT)
    assert caught.value.reason == "timeout"


async def test_f04_deadline_covers_all_connections_of_an_exchange(wire):
    slow = {name: cgminer_object(name, at=1) for name in ("summary", "stats", "pools", "devs", "coin", "config")}
    commands = [Command(name, name, joins=False) for name in slow]
    async with FakeRig(slow, split=8, pause=0.01) as rig:  # each is well within the limit, all six together are not
        with pytest.raises(TimedOut):
            await ask(wire, rig, *commands, limits=Limits(connect=0.4, exchange=0.4))
        assert 1 <= len(rig.requests) < 6


async def test_f05_endless_answer_stops_at_the_size_limit(wire):
    async with FakeServer(endless) as rig:
        with pytest.raises(Garbled) as caught:
            await ask(wire, rig)
    assert caught.value.reason == "oversize"


async def test_f06_reset_has_reason_reset(wire):
    async with FakeServer(resetting) as rig:
        with pytest.raises(Unreachable) as caught:
            await ask(wire, rig)
    assert caught.value.reason == "reset"


async def test_f06_close_without_a_byte_has_reason_reset(wire):
    async with FakeServer(saying(b"")) as rig:
        with pytest.raises(Unreachable) as caught:
            await ask(wire, rig)
    assert caught.value.reason == "reset"


@pytest.mark.parametrize("reset", [False, True])
async def test_f06_truncated_answer_never_yields_a_reply(wire, reset):
    whole = dumps(ANSWER)
    for cut in range(len(whole) + 1):
        async with FakeRig(ANSWERS, cut=cut, reset=reset) as rig:
            if cut == len(whole):
                assert (await ask(wire, rig)).replies == {"summary": ANSWER}
                continue
            with pytest.raises((Garbled, Unreachable)) as caught:
                await ask(wire, rig)
            assert caught.value.reason in ("truncated", "reset", "decode"), cut


async def test_f06_pipe_text_without_nul_is_truncated(wire):
    text = b"STATUS=S,When=1,Code=11,Msg=Summary,Description=cgminer|SUMMARY,Elapsed=305|"
    async with FakeServer(saying(text)) as rig:
        with pytest.raises(Garbled) as caught:
            await ask(wire, rig)
    assert caught.value.reason == "truncated"
    async with FakeServer(saying(text + b"\0")) as rig:
        assert (await ask(wire, rig)).replies["summary"]["SUMMARY"] == [{"Elapsed": "305"}]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"\x00" * 40, "decode"),
        (bytes(range(1, 256)) + b"\0", "decode"),
        (json.dumps(ANSWER).encode("utf-16"), "decode"),
        (json.dumps(ANSWER).encode("utf-16-le"), "decode"),
        (json.dumps(ANSWER).encode("utf-16-be"), "decode"),
        (b"[" * 100_000 + b"\0", "decode"),
        (b'{"a":' * 100_000 + b"\0", "decode"),
        (b"[1,2]\0", "decode"),
        (b"17\0", "decode"),
        (b'{"a":[1,2\0', "truncated"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not_json"),
        (b"<html>login</html>", "not_json"),
    ],
    ids=lambda value: repr(value[:16]),
)
async def test_f08_f09_invalid_bytes_have_their_reason(wire, sent, reason):
    async with FakeServer(saying(sent)) as rig:
        with pytest.raises(Garbled) as caught:
            await ask(wire, rig)
    assert caught.value.reason == reason


async def test_f08_invalid_utf8_affects_only_its_value(wire):
    async with FakeServer(saying(b'{"STATUS":[{"STATUS":"S"}],"POOLS":[{"User":"caf\xe9","Accepted":7}]}\0')) as rig:
        assert (await ask(wire, rig)).replies["summary"]["POOLS"] == [{"User": "caf\ufffd", "Accepted": 7}]


async def test_bytes_after_the_nul_are_ignored(wire):
    async with FakeServer(saying(dumps(ANSWER) + b"\0" + b"x" * 5000, keep_open=True)) as rig:
        assert (await ask(wire, rig)).replies == {"summary": ANSWER}


async def test_parse_attempts_are_limited(wire):
    lure = b'{"a":"}","b":[' + b"{}," * 40
    async with FakeServer(saying(lure, keep_open=True)) as rig:
        with pytest.raises(TimedOut):
            await ask(wire, rig, limits=SHORT)


async def test_f20_hundreds_of_polls_leave_no_file_open(wire):
    async with FakeRig(ANSWERS) as rig, FakeServer(silent) as hung, FakeServer(resetting) as broken:
        await ask(wire, rig)
        before = open_files()
        for _ in range(4):
            await asyncio.gather(*(ask(wire, rig) for _ in range(80)))
            failing = [ask(wire, r, limits=Limits(0.2, 0.2)) for r in (hung, broken) * 10]
            results = await asyncio.gather(*failing, return_exceptions=True)
            assert all(isinstance(result, TimedOut | Unreachable) for result in results)
        await asyncio.sleep(0.1)
        assert open_files() <= before + 3


async def test_f21_missing_file_descriptors_have_reason_no_sockets(wire):
    async with FakeRig(ANSWERS) as rig:
        await ask(wire, rig)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(int(name) for name in os.listdir("/dev/fd"))
        hogs = [os.dup(0) for _ in range(highest)]  # no free number is left below the limit
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(hogs) + 1, hard))
            while True:
                try:
                    hogs.append(os.dup(0))
                except OSError:
                    break
            with pytest.raises(Unreachable) as caught:
                await ask(wire, rig)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for hog in hogs:
                os.close(hog)
        assert caught.value.reason == "no_sockets"
        assert (await ask(wire, rig)).replies


async def test_cancelled_poll_closes_its_connection(wire):
    async with FakeServer(silent) as hung:
        poll = asyncio.create_task(ask(wire, hung))
        while not hung.open:
            await asyncio.sleep(0.01)
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll
        for _ in range(200):
            if not hung.open:
                break
            await asyncio.sleep(0.01)
        assert hung.open == 0


async def test_s04_rig_never_sees_two_connections_at_once(wire):
    commands = [Command(name, name, joins=False) for name in ("summary", "stats")] * 4
    async with FakeRig(ANSWERS) as rig:
        await ask(wire, rig, *commands)
        assert rig.connections == 8
        assert rig.most == 1


async def test_open_ports_returns_the_default_ports_that_accept(wire):
    async with FakeServer(silent) as one, FakeServer(silent) as gone:
        shut = gone.port
    async with FakeServer(silent) as one:
        target = Target("127.0.0.1", {4028: one.port, 4433: shut, 80: one.port})
        assert await wire.open_ports(target, (4028, 4433, 80)) == {4028, 80}


async def test_f60_ipv6_address_works_like_any_other(wire):
    async with FakeRig(ANSWERS) as rig:
        mapped = Target("::ffff:127.0.0.1", {4028: rig.port})  # reaches an IPv4 listener through an IPv6 socket
        assert (await wire.query(mapped, [SUMMARY], RigSession())).replies == {"summary": ANSWER}


async def test_raw_bytes_are_kept_on_request(clock):
    from stratoscope.wire.client import Wire

    recording = Wire(clock=clock, keep_raw=True)
    async with FakeRig(ANSWERS) as rig:
        answers = await ask(recording, rig)
        assert answers.raw == {"summary": dumps(ANSWER)}
    await recording.close()


def test_default_ports_are_those_of_the_protocols():
    assert (Via.CGMINER.value, Via.WHATSMINER3.value, Via.HTTP.value) == (4028, 4433, 80)
