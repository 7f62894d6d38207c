"""Thirteen ways in which an endpoint can misbehave: each ends its session, in bounds and with its reason."""

import asyncio

import orjson
import pytest

from fakes.stratum import Crank
from stratoscope.stratum.protocol import session as module

from .conftest import eventually

JOB = [
    "1",
    "00" * 32,
    "01000000" + "01" + "00" * 32 + "ffffffff" + "10" + "03a1eb0e" + "0c",
    "ffffffff" + "01" + "00f2052a01000000" + "160014" + "00" * 20 + "00000000",
    [],
    "20000000",
    "1701e2a0",
    "6b031bbc",
    True,
]


def line(**fields) -> bytes:
    return orjson.dumps(fields) + b"\n"


NOTIFY = line(id=None, method="mining.notify", params=JOB)


async def good(crank: Crank, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer configure and subscribe, and give a job."""
    for _ in range(2):
        asked = orjson.loads(await crank.line(reader))
        result = [[["mining.notify", "s"]], "aabbccdd", 8] if asked["method"] == "mining.subscribe" else {}
        writer.write(line(id=asked["id"], result=result, error=None))
    writer.write(NOTIFY)


async def silent(crank, reader, writer):
    await reader.read()


async def no_json(crank, reader, writer):
    writer.write(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n")
    await reader.read()


async def binary(crank, reader, writer):
    writer.write(bytes(range(256)) * 40 + b"\n" + b"\x16\x03\x01\n" * 5)
    await reader.read()


async def endless_line(crank, reader, writer):
    await good(crank, reader, writer)
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_jobs(crank, reader, writer):
    await good(crank, reader, writer)
    while True:
        writer.write(NOTIFY * 100)
        await writer.drain()


async def closes_at_once(crank, reader, writer):
    await reader.readline()


async def resets(crank, reader, writer):
    await good(crank, reader, writer)
    await asyncio.sleep(0.05)
    import socket
    import struct

    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def subscribes_to_nothing(crank, reader, writer):
    for _ in range(2):
        asked = orjson.loads(await crank.line(reader))
        writer.write(
            line(id=asked["id"], result={"deep": [[[[]]]]} if "subscribe" in asked["method"] else 7, error=None)
        )
    await reader.read()


async def refuses_the_user(crank, reader, writer):
    for _ in range(3):
        asked = orjson.loads(await crank.line(reader))
        grant = [[], "aa", 4] if asked["method"] == "mining.subscribe" else None
        refused = [24, "Unauthorized worker", None] if asked["method"] == "mining.authorize" else None
        writer.write(line(id=asked["id"], result=grant, error=refused))
    await reader.read()


async def refuses_the_subscription(crank, reader, writer):
    for _ in range(2):
        asked = orjson.loads(await crank.line(reader))
        writer.write(line(id=str(asked["id"]), result=None, error=[20, "Banned", None]))
    await reader.read()


async def sends_round_and_round(crank, reader, writer):
    await good(crank, reader, writer)
    writer.write(line(id=None, method="client.reconnect", params=[]))
    await reader.read()


async def drips(crank, reader, writer):
    for byte in NOTIFY * 100:
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(0.002)


async def lies_about_ids(crank, reader, writer):
    for id_ in (None, "x", 1e308, -1, True, [1], {"a": 1}):
        writer.write(line(id=id_, result=[[], "zz", "many"], error=[[[]]]))
    writer.write(b'{"id":1,"result":' + b"[" * 5000 + b"]" * 5000 + b"}\n" * 1)
    await reader.read()


CASES = [
    (silent, "timeout"),
    (no_json, "garbled"),
    (binary, "garbled"),
    (endless_line, "flood"),
    (endless_jobs, "flood"),
    (closes_at_once, "closed"),
    (resets, "reset"),
    (subscribes_to_nothing, "garbled"),
    (refuses_the_user, "unauthorized"),
    (refuses_the_subscription, "unauthorized"),
    (sends_round_and_round, "redirected"),
    (drips, "timeout"),
    (lies_about_ids, "timeout"),
]


@pytest.fixture
def hasty(monkeypatch):
    """Shorten what a session waits for, so that a test need not."""
    for name, seconds in (("CONFIGURED", 0.2), ("SUBSCRIBED", 0.4), ("PATIENCE", 0.2), ("FIRST_JOB", 0.4)):
        monkeypatch.setattr(module, name, seconds)


@pytest.mark.parametrize(("behave", "outcome"), CASES, ids=[case[0].__name__ for case in CASES])
async def test_what_an_endpoint_does_ends_its_session_with_one_reason(watch, hasty, behave, outcome):
    from stratoscope.stratum.watch.settings import Login

    login = Login(user="account.watch") if behave is refuses_the_user else None
    async with Crank(behave) as crank:
        made = await watch(f"127.0.0.1:{crank.port}", login=login)
        watched = next(iter(made.standing.endpoints.values()))
        await eventually(lambda: watched.record().counts.sessions)
        assert set(watched.record().counts.sessions) == {outcome}
        assert not watched.record().up
        assert all(b"mining.submit" not in line for line in crank.heard)


async def test_a_line_of_many_megabytes_takes_no_memory(watch, hasty):
    import tracemalloc

    async with Crank(endless_line) as crank:
        tracemalloc.start()
        made = await watch(f"127.0.0.1:{crank.port}")
        watched = next(iter(made.standing.endpoints.values()))
        await eventually(lambda: watched.record().counts.sessions)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 16 << 20
    assert watched.record().counts.garbled >= 1


async def test_a_session_outlives_noise_in_measure_and_answers_what_keeps_it_alive(watch, hasty):
    async def chatty(crank, reader, writer):
        await good(crank, reader, writer)
        writer.write(b"not json\n" * 10)
        writer.write(line(id=77, method="mining.ping", params=[]))
        writer.write(line(id=78, method="client.get_version", params=[]))
        writer.write(line(id=None, method="client.show_message", params=["\x1b[31mhello\x00"]))
        writer.write(line(id=None, method="mining.set_difficulty", params=[0.5]))
        writer.write(line(id=None, method="mining.set_extranonce", params=["aabb", 6]))
        writer.write(line(id=None, method="mining.set_version_mask", params=["00ffe000"]))
        writer.write(line(id=9, method="unheard.of", params={}))
        while await crank.line(reader):
            pass

    async with Crank(chatty) as crank:
        made = await watch(f"127.0.0.1:{crank.port}")
        watched = next(iter(made.standing.endpoints.values()))
        one = await eventually(lambda: (r := watched.record()).version_mask == 0x00FFE000 and r)
        assert one.up
        assert one.counts.garbled == 10
        assert one.message == "hello"
        assert (one.difficulty, one.extranonce1_size, one.extranonce2_size) == (0.5, 2, 6)
        answers = await eventually(
            lambda: (
                [orjson.loads(x) for x in crank.heard if b'"result"' in x][1:]
                and [orjson.loads(x) for x in crank.heard if b'"result"' in x]
            )
        )
        assert answers[0] == {"id": 77, "result": "pong", "error": None}
        assert answers[1]["result"].startswith("stratoscope/")
        assert {orjson.loads(x).get("method") for x in crank.heard} <= {"mining.configure", "mining.subscribe", None}
