"""Helpers of the tap tests: a relay to a pool that a test defines."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress

from stratoscope.clock import SystemClock
from stratoscope.stratum.tap.submits import TapCounts
from stratoscope.stratum.tap.tap import Tap


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


@asynccontextmanager
async def relayed(pool, *, max_connections=100):
    """Start a pool that handles each connection with `pool(reader, writer)`, and a relay to it."""
    server = await asyncio.start_server(pool, "127.0.0.1", 0)
    tap = Tap(
        server.sockets[0].getsockname(), clock=SystemClock(), counts=TapCounts("full"), max_connections=max_connections
    )
    port = await tap.start("127.0.0.1", 0)
    try:
        yield tap, lambda: asyncio.open_connection("127.0.0.1", port)
    finally:
        await tap.stop()
        server.close()


def full_socket():
    """Return a listening socket with a full queue, which neither accepts nor refuses, and the sockets that fill it."""
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
