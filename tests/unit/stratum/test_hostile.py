"""Misbehaving endpoints: each kind ends its session within limits and with the right reason."""

import asyncio

import orjson
import pytest

from fakes.stratum import ScriptedPool
from stratoscope.stratum.sessions import v1_session as module

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


async def good(pool: ScriptedPool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reply to configure and subscribe, and send a job."""
    for _ in range(2):
        asked = orjson.loads(await pool.line(reader))
        result = [[["mining.notify", "s"]], "aabbccdd", 8] if asked["method"] == "mining.subscribe" else {}
        writer.write(line(id=asked["id"], result=result, error=None))
    writer.write(NOTIFY)


async def silent(pool, reader, writer):
    await reader.read()


async def no_json(pool, reader, writer):
    writer.write(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n")
    await reader.read()


async def binary(pool, reader, writer):
    writer.write(bytes(range(256)) * 40 + b"\n" + b"\x16\x03\x01\n" * 5)
    await reader.read()


async def endless_line(pool, reader, writer):
    await good(pool, reader, writer)
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_jobs(pool, reader, writer):
    await good(pool, reader, writer)
    while True:
        writer.write(NOTIFY * 100)
        await writer.drain()


async def closes_at_once(pool, reader, writer):
    await reader.readline()


async def resets(pool, reader, writer):
    await good(pool, reader, writer)
    await asyncio.sleep(0.05)
    import socket
    import struct

    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def subscribes_to_nothing(pool, reader, writer):
    for _ in range(2):
        asked = orjson.loads(await pool.line(reader))
        writer.write(
            line(id=asked["id"], result={"deep": [[[[]]]]} if "subscribe" in asked["method"] else 7, error=None)
        )
    await reader.read()


async def refuses_the_user(pool, reader, writer):
    for _ in range(3):
        asked = orjson.loads(await pool.line(reader))
        grant = [[], "aa", 4] if asked["method"] == "mining.subscribe" else None
        refused = [24, "Unauthorized worker", None] if asked["method"] == "mining.authorize" else None
        writer.write(line(id=asked["id"], result=grant, error=refused))
    await reader.read()


async def refuses_the_subscription(pool, reader, writer):
    for _ in range(2):
        asked = orjson.loads(await pool.line(reader))
        writer.write(line(id=str(asked["id"]), result=None, error=[20, "Banned", None]))
    await reader.read()


async def sends_round_and_round(pool, reader, writer):
    await good(pool, reader, writer)
    writer.write(line(id=None, method="client.reconnect", params=[]))
    await reader.read()


async def drips(pool, reader, writer):
    for byte in NOTIFY * 100:
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(0.002)


async def lies_about_ids(pool, reader, writer):
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
    """Shorten the timeouts of a session."""
    shorter = {
        "CONFIGURE_TIMEOUT_S": 0.2,
        "SUBSCRIBE_TIMEOUT_S": 0.4,
        "ANONYMOUS_JOB_TIMEOUT_S": 0.2,
        "FIRST_JOB_TIMEOUT_S": 0.4,
    }
    for name, seconds in shorter.items():
        monkeypatch.setattr(module, name, seconds)


@pytest.mark.parametrize(("behave", "outcome"), CASES, ids=[case[0].__name__ for case in CASES])
async def test_misbehaving_endpoint_ends_its_session_with_one_reason(watch_endpoints, hasty, behave, outcome):
    from stratoscope.stratum.settings import StratumLogin

    login = StratumLogin(user="account.watch") if behave is refuses_the_user else None
    async with ScriptedPool(behave) as pool:
        watcher = await watch_endpoints(f"127.0.0.1:{pool.port}", login=login)
        watched = next(iter(watcher.comparison.endpoints.values()))
        await eventually(lambda: watched.snapshot().counts.sessions)
        assert set(watched.snapshot().counts.sessions) == {outcome}
        assert not watched.snapshot().up
        assert all(b"mining.submit" not in line for line in pool.received)


async def test_endless_line_does_not_fill_the_memory(watch_endpoints, hasty):
    import tracemalloc

    async with ScriptedPool(endless_line) as pool:
        tracemalloc.start()
        watcher = await watch_endpoints(f"127.0.0.1:{pool.port}")
        watched = next(iter(watcher.comparison.endpoints.values()))
        await eventually(lambda: watched.snapshot().counts.sessions)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 16 << 20
    assert watched.snapshot().counts.garbled >= 1


async def test_session_survives_some_invalid_lines_and_replies_to_keep_alives(watch_endpoints, hasty):
    async def chatty(pool, reader, writer):
        await good(pool, reader, writer)
        writer.write(b"not json\n" * 10)
        writer.write(line(id=77, method="mining.ping", params=[]))
        writer.write(line(id=78, method="client.get_version", params=[]))
        writer.write(line(id=None, method="client.show_message", params=["\x1b[31mhello\x00"]))
        writer.write(line(id=None, method="mining.set_difficulty", params=[0.5]))
        writer.write(line(id=None, method="mining.set_extranonce", params=["aabb", 6]))
        writer.write(line(id=None, method="mining.set_version_mask", params=["00ffe000"]))
        writer.write(line(id=9, method="unheard.of", params={}))
        while await pool.line(reader):
            pass

    async with ScriptedPool(chatty) as pool:
        watcher = await watch_endpoints(f"127.0.0.1:{pool.port}")
        watched = next(iter(watcher.comparison.endpoints.values()))
        one = await eventually(lambda: (r := watched.snapshot()).version_mask == 0x00FFE000 and r)
        assert one.up
        assert one.counts.garbled == 10
        assert one.message == "hello"
        assert (one.difficulty, one.extranonce1_size, one.extranonce2_size) == (0.5, 2, 6)
        answers = await eventually(
            lambda: (
                [orjson.loads(x) for x in pool.received if b'"result"' in x][1:]
                and [orjson.loads(x) for x in pool.received if b'"result"' in x]
            )
        )
        assert answers[0] == {"id": 77, "result": "pong", "error": None}
        assert answers[1]["result"].startswith("stratoscope/")
        assert {orjson.loads(x).get("method") for x in pool.received} <= {"mining.configure", "mining.subscribe", None}
