"""The relay passes every byte on, whatever the bytes are and whatever the listener does; on both event loops."""

import asyncio
import hashlib
import json
import socket
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest
import uvloop

from stratoscope.clock import SystemClock
from stratoscope.stratum.tap import listener
from stratoscope.stratum.tap import tap as module
from stratoscope.stratum.tap.submits import Book, Conversation
from stratoscope.stratum.tap.tap import Tap

PATIENCE = 20.0


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine function to its end on one of the two loops."""

    def runner(main):
        async def bounded():
            async with asyncio.timeout(PATIENCE):
                await main()

        request.param(bounded())

    return runner


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


@asynccontextmanager
async def relayed(pool, *, most=100):
    """A pool that treats each connection as `pool(reader, writer)`, and a relay to it."""
    server = await asyncio.start_server(pool, "127.0.0.1", 0)
    tap = Tap(server.sockets[0].getsockname(), clock=SystemClock(), book=Book("full"), most=most)
    port = await tap.start("127.0.0.1", 0)
    try:
        yield tap, lambda: asyncio.open_connection("127.0.0.1", port)
    finally:
        await tap.stop()
        server.close()


def deaf():
    """Return a listening socket whose queue is full, and what fills it: it neither takes nor refuses connections."""
    never = socket.create_server(("127.0.0.1", 0), backlog=0)
    filler = [socket.socket() for _ in range(4)]
    for one in filler:
        one.settimeout(0)
        with suppress(BlockingIOError):
            one.connect(never.getsockname())
    return never, filler


def closing(writer):
    with suppress(OSError, RuntimeError):
        writer.close()


def test_both_directions_arrive_byte_for_byte_however_they_are_cut(run):
    rng = Random(1)
    up, down = rng.randbytes(1_500_000), rng.randbytes(1_500_000)

    async def send(writer, whole):
        at = 0
        while at < len(whole):
            size = rng.choice((1, 7, 100, 4096, 70_000))
            writer.write(whole[at : at + size])
            at += size
            await writer.drain()
        writer.write_eof()

    async def main():
        arrived = asyncio.Future()

        async def pool(reader, writer):
            sending = asyncio.create_task(send(writer, down))
            arrived.set_result(await reader.read(-1))
            await sending
            closing(writer)

        async with relayed(pool) as (tap, connect):
            reader, writer = await connect()
            _, received = await asyncio.gather(send(writer, up), reader.read(-1))
            assert hashlib.sha256(received).digest() == hashlib.sha256(down).digest()
            assert hashlib.sha256(await arrived).digest() == hashlib.sha256(up).digest()
            closing(writer)
            await until(lambda: tap.traffic.open == 0)
            assert (tap.traffic.from_miners, tap.traffic.from_pool) == (len(up), len(down))
            assert tap.listener.book.faults == 0

    run(main)


def test_a_miner_that_has_said_all_still_gets_the_reply(run):
    async def main():
        async def pool(reader, writer):
            writer.write(b"got " + await reader.read(-1))
            await writer.drain()
            closing(writer)

        async with relayed(pool) as (tap, connect):
            reader, writer = await connect()
            writer.write(b"last words")
            writer.write_eof()
            assert await reader.read(-1) == b"got last words"
            closing(writer)
            await until(lambda: not tap.links)

    run(main)


def test_a_pool_that_has_said_all_still_hears_the_miner(run):
    async def main():
        heard = asyncio.Future()

        async def pool(reader, writer):
            writer.write(b"bye")
            writer.write_eof()
            heard.set_result(await reader.read(-1))
            closing(writer)

        async with relayed(pool) as (tap, connect):
            reader, writer = await connect()
            assert await reader.read(-1) == b"bye"
            writer.write(b"one more share")
            writer.write_eof()
            assert await heard == b"one more share"
            closing(writer)
            await until(lambda: not tap.links)

    run(main)


def test_what_a_pool_sent_before_it_hung_up_is_delivered(run):
    async def main():
        async def pool(_reader, writer):
            writer.write(b"z" * 1_000_000)
            await writer.drain()
            closing(writer)

        async with relayed(pool) as (tap, connect):
            reader, writer = await connect()
            await until(lambda: tap.traffic.from_pool > 0)
            assert await reader.read(-1) == b"z" * 1_000_000
            closing(writer)
            await until(lambda: not tap.links)

    run(main)


def test_the_words_of_a_pool_that_hangs_up_at_once_are_delivered(run):
    async def main():
        async def pool(_reader, writer):
            writer.write(b"banned")
            closing(writer)

        async with relayed(pool) as (tap, connect):
            for _ in range(20):
                reader, writer = await connect()
                assert await reader.read(-1) == b"banned"
                closing(writer)
            await until(lambda: not tap.links)

    run(main)


def test_a_miner_that_does_not_read_stops_the_pool_and_fills_no_memory(run):
    async def main():
        sent = 0

        async def pool(_reader, writer):
            nonlocal sent
            for _ in range(640):  # 40 MiB
                writer.write(bytes(65536))
                await writer.drain()
                sent += 65536
            closing(writer)

        async with relayed(pool) as (tap, connect):
            reader, writer = await connect()
            reader._limit = 1024  # our own buffer must not take it instead
            before = -1
            while before != sent or sent == 0:
                before = sent
                await asyncio.sleep(0.3)
            (link,) = tap.links
            assert sent < 30 << 20  # the kernels' buffers and no more
            assert link.miner.transport.get_write_buffer_size() < 2 * module.HIGH_WATER + (1 << 20)
            received = 0
            while piece := await reader.read(1 << 20):
                received += len(piece)
            assert received == 40 << 20
            closing(writer)

    run(main)


def test_a_dead_pool_cuts_the_miner_at_once_so_that_it_can_go_elsewhere(run):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as gone:
            address = gone.getsockname()
        tap = Tap(address, clock=SystemClock(), book=Book())
        port = await tap.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello\n")
        with suppress(ConnectionResetError):
            assert await reader.read(-1) == b""
        closing(writer)
        await until(lambda: not tap.links)
        assert (tap.traffic.failures, tap.traffic.open, tap.traffic.opened) == ({"refused": 1}, 0, 1)
        server = await asyncio.start_server(lambda _reader, pool: pool.write(b"back"), *address)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readexactly(4) == b"back"
        closing(writer)
        await tap.stop()
        server.close()

    run(main)


def test_of_several_addresses_the_first_that_answers_is_taken(run, monkeypatch):
    monkeypatch.setattr(module, "CONNECT", 0.4)

    async def main():
        never, filler = deaf()
        with socket.create_server(("127.0.0.1", 0)) as gone:
            closed = gone.getsockname()
        server = await asyncio.start_server(lambda _reader, pool: pool.write(b"here"), "127.0.0.1", 0)

        async def places(_host, _port):
            return [closed, never.getsockname(), server.sockets[0].getsockname()]

        monkeypatch.setattr(module, "addresses", places)
        tap = Tap(("pool.example", 3333), clock=SystemClock(), book=Book())
        port = await tap.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readexactly(4) == b"here"
        assert tap.traffic.failures == {}
        closing(writer)
        await tap.stop()
        server.close()
        for one in (*filler, never):
            one.close()

    run(main)


@pytest.mark.parametrize("host", ["no-such-pool.invalid", "a..b"])
def test_a_pool_without_a_name_is_a_reason_of_its_own(run, host):
    async def main():
        tap = Tap((host, 3333), clock=SystemClock(), book=Book())
        port = await tap.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionResetError):
            assert await reader.read(-1) == b""
        closing(writer)
        assert tap.traffic.failures == {"dns": 1}
        await tap.stop()

    run(main)


def test_a_miner_that_leaves_while_the_pool_is_being_reached_leaves_nothing_behind(run):
    async def main():
        never, filler = deaf()
        tap = Tap(never.getsockname(), clock=SystemClock(), book=Book())
        port = await tap.start("127.0.0.1", 0)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: tap.links)
        (link,) = tap.links
        link.miner.transport.abort()  # the kernel tells of it only once the pool stands, since nothing is read before
        await until(lambda: not tap.links)
        await asyncio.sleep(0)
        assert link._connecting.cancelled() or link._connecting.done()
        assert tap.traffic.open == 0
        closing(writer)
        await tap.stop()
        for one in (*filler, never):
            one.close()

    run(main)


def test_a_pool_that_does_not_answer_in_time_cuts_the_miner(run, monkeypatch):
    monkeypatch.setattr(module, "CONNECT", 0.05)

    async def main():
        never, filler = deaf()
        tap = Tap(never.getsockname(), clock=SystemClock(), book=Book())
        port = await tap.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionResetError):
            assert await reader.read(-1) == b""
        assert tap.traffic.failures == {"timeout": 1}
        closing(writer)
        await tap.stop()
        for one in (*filler, never):
            one.close()

    run(main)


def test_more_miners_than_allowed_are_cut_and_the_others_stay(run):
    async def main():
        async def echo(reader, writer):
            while piece := await reader.read(100):
                writer.write(piece)
            closing(writer)

        async with relayed(echo, most=1) as (tap, connect):
            reader, writer = await connect()
            await until(lambda: tap.links)
            late, late_writer = await connect()
            with suppress(ConnectionResetError):
                assert await late.read(-1) == b""
            writer.write(b"still here")
            assert await reader.readexactly(10) == b"still here"
            assert tap.traffic.failures == {"crowded": 1}
            closing(writer)
            closing(late_writer)

    run(main)


def test_a_fault_of_the_listener_ends_the_listening_and_not_the_relay(run, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(Conversation, "hear", broken)

    async def main():
        async def echo(reader, writer):
            while piece := await reader.read(100):
                writer.write(piece)
            closing(writer)

        async with relayed(echo) as (tap, connect):
            reader, writer = await connect()
            for _ in range(5):
                writer.write(b"share\n")
                assert await reader.readexactly(6) == b"share\n"
            assert tap.listener.book.faults == 1
            closing(writer)
            await until(lambda: not tap.links and not tap.listener._deaf)

    run(main)


def test_what_the_listener_cannot_keep_up_with_is_skipped_and_counted_and_still_relayed(run, monkeypatch):
    monkeypatch.setattr(listener, "MOST_HEARD", 1000)

    async def main():
        async def echo(reader, writer):
            while piece := await reader.read(100_000):
                writer.write(piece)
            closing(writer)

        async with relayed(echo) as (tap, connect):
            reader, writer = await connect()
            writer.write(b"x" * 50_000 + b"\n")
            assert len(await reader.readexactly(50_001)) == 50_001
            assert tap.listener.book.skipped_bytes > 40_000
            writer.write(b'{"id":1,"method":"mining.submit","params":["w","j"]}\n')
            await until(lambda: "w" in tap.listener.book.workers)
            assert tap.listener._waiting == 0
            assert not tap.listener._gaps
            closing(writer)

    run(main)


def test_shares_are_counted_per_worker_with_their_fate(run):
    replies = {
        1: {"result": True, "error": None},
        2: {"result": None, "error": [21, "Job not found", ""]},
        3: {"result": False, "error": [23, "Above target", None]},
    }

    async def main():
        async def pool(reader, writer):
            job = ["j1", "0" * 64, "00", "00", [], "20000000", "1705ae3a", "647025b5", True]
            for method, params in (("mining.set_difficulty", [512]), ("mining.notify", job)):
                writer.write(json.dumps({"id": None, "method": method, "params": params}).encode() + b"\n")
            while line := await reader.readline():
                if line.startswith(b"{"):
                    id_ = json.loads(line)["id"]
                    writer.write(json.dumps({"id": id_, **replies[id_]}).encode() + b"\n")
            closing(writer)

        async with relayed(pool) as (tap, connect):
            reader, writer = await connect()
            await reader.readline()
            await reader.readline()
            writer.write(b"\x16\x03\x01 a TLS hello on the wrong port\n")
            for id_ in replies:
                submit = {"id": id_, "method": "mining.submit", "params": ["a.rig1", "j1", "00", "00", "00"]}
                writer.write(json.dumps(submit).encode() + b"\n")
                await reader.readline()
            book = tap.listener.book
            await until(lambda: "a.rig1" in book.workers and sum(book.workers["a.rig1"].replies) == 3)
            worker = book.workers["a.rig1"]
            assert (worker.accepted, worker.difficulty_accepted) == (1, 512.0)
            assert worker.rejected == {"stale": 1, "low_difficulty": 1}
            assert (book.jobs, book.noise, book.unmatched) == (1, {"not_json": 1}, 0)
            closing(writer)

    run(main)


def test_stopping_cuts_everybody(run):
    async def main():
        async def silent(reader, _writer):
            await reader.read(-1)

        async with relayed(silent) as (tap, connect):
            reader, writer = await connect()
            await until(lambda: tap.links)
            await tap.stop()
            with suppress(ConnectionResetError):
                assert await reader.read(-1) == b""
            await until(lambda: not tap.links)
            closing(writer)

    run(main)
