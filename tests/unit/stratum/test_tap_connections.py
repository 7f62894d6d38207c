"""The relay connects to the pool, and disconnects miners if that fails; on both event loops."""

import asyncio
import socket
from contextlib import suppress

import pytest

from stratoscope.clock import SystemClock
from stratoscope.stratum.tap import tap as module
from stratoscope.stratum.tap.submits import TapCounts
from stratoscope.stratum.tap.tap import Tap

from .relay import closing, full_socket, relayed, until


def test_unreachable_pool_disconnects_the_miner_immediately(run):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as gone:
            address = gone.getsockname()
        tap = Tap(address, clock=SystemClock(), counts=TapCounts())
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


def test_connects_to_the_first_address_that_accepts(run, monkeypatch):
    monkeypatch.setattr(module, "CONNECT_TIMEOUT_S", 0.4)

    async def main():
        never, filler = full_socket()
        with socket.create_server(("127.0.0.1", 0)) as gone:
            closed = gone.getsockname()
        server = await asyncio.start_server(lambda _reader, pool: pool.write(b"here"), "127.0.0.1", 0)

        async def places(_host, _port):
            return [closed, never.getsockname(), server.sockets[0].getsockname()]

        monkeypatch.setattr(module, "resolve_addresses", places)
        tap = Tap(("pool.example", 3333), clock=SystemClock(), counts=TapCounts())
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
def test_unresolvable_pool_counts_as_dns_failure(run, host):
    async def main():
        tap = Tap((host, 3333), clock=SystemClock(), counts=TapCounts())
        port = await tap.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionResetError):
            assert await reader.read(-1) == b""
        closing(writer)
        assert tap.traffic.failures == {"dns": 1}
        await tap.stop()

    run(main)


def test_miner_that_disconnects_while_connecting_is_cleaned_up(run):
    async def main():
        never, filler = full_socket()
        tap = Tap(never.getsockname(), clock=SystemClock(), counts=TapCounts())
        port = await tap.start("127.0.0.1", 0)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: tap.links)
        (link,) = tap.links
        link.miner.transport.abort()  # as the relay does not read yet, it would not notice a close
        await until(lambda: not tap.links)
        await asyncio.sleep(0)
        assert link._connecting.cancelled() or link._connecting.done()
        assert tap.traffic.open == 0
        closing(writer)
        await tap.stop()
        for one in (*filler, never):
            one.close()

    run(main)


def test_connect_timeout_disconnects_the_miner(run, monkeypatch):
    monkeypatch.setattr(module, "CONNECT_TIMEOUT_S", 0.05)

    async def main():
        never, filler = full_socket()
        tap = Tap(never.getsockname(), clock=SystemClock(), counts=TapCounts())
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


def test_connections_above_the_limit_are_refused(run):
    async def main():
        async def echo(reader, writer):
            while piece := await reader.read(100):
                writer.write(piece)
            closing(writer)

        async with relayed(echo, max_connections=1) as (tap, connect):
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


def test_stop_disconnects_all_miners(run):
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
