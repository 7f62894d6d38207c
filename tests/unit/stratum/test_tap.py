"""The relay forwards every byte unchanged, on both event loops."""

import asyncio
import hashlib
from random import Random

from stratoscope.stratum.tap import tap as module

from .relay import closing, relayed, until


def test_both_directions_are_relayed_byte_for_byte(run):
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
            assert tap.reader.counts.faults == 0

    run(main)


def test_miner_receives_the_reply_after_closing_its_direction(run):
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


def test_pool_receives_data_after_closing_its_direction(run):
    async def main():
        received_by_pool = asyncio.Future()

        async def pool(reader, writer):
            writer.write(b"bye")
            writer.write_eof()
            received_by_pool.set_result(await reader.read(-1))
            closing(writer)

        async with relayed(pool) as (tap, connect):
            reader, writer = await connect()
            assert await reader.read(-1) == b"bye"
            writer.write(b"one more share")
            writer.write_eof()
            assert await received_by_pool == b"one more share"
            closing(writer)
            await until(lambda: not tap.links)

    run(main)


def test_data_sent_before_the_pool_disconnects_is_delivered(run):
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


def test_data_of_a_pool_that_disconnects_immediately_is_delivered(run):
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


def test_miner_that_does_not_read_pauses_the_pool_without_filling_the_memory(run):
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
            reader._limit = 1024  # otherwise this buffer would absorb the data
            before = -1
            while before != sent or sent == 0:
                before = sent
                await asyncio.sleep(0.3)
            (link,) = tap.links
            assert sent < 30 << 20  # no more than the kernel buffers
            assert link.miner.transport.get_write_buffer_size() < 2 * module.HIGH_WATER_BYTES + (1 << 20)
            received = 0
            while piece := await reader.read(1 << 20):
                received += len(piece)
            assert received == 40 << 20
            closing(writer)

    run(main)
