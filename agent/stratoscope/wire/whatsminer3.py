"""Queries the WhatsMiner v3 API over TCP 4433: a length of 4 bytes (little endian), then JSON, in both directions."""

import asyncio
import struct
from typing import Any

from stratoscope.errors import Garbled, Unreachable
from stratoscope.wire import repair
from stratoscope.wire.connect import Deadline, connect
from stratoscope.wire.dns import DnsResolver
from stratoscope.wire.verbs import whatsminer3_request


class FrameProtocol(asyncio.Protocol):
    """A connection that answers one framed request after the other."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._transport: asyncio.BaseTransport | None = None
        self._buffer = bytearray()
        self._waiting: asyncio.Future[bytes | None] | None = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reset = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the connection."""
        self._transport = transport

    def request(self, verb: str, param: str | None) -> asyncio.Future[bytes | None]:
        """Write one request; the future returns the body of its answer, or None without a complete one."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._buffer.clear()
        if self._transport is None or self.lost.done():
            self._waiting.set_result(None)
        else:
            self._transport.write(whatsminer3_request(verb, param))  # type: ignore[attr-defined]  # typed as BaseTransport
        return self._waiting

    def data_received(self, data: bytes) -> None:
        """Collect bytes until the frame is complete; a length over the limit ends the wait at once."""
        if self._waiting is None or self._waiting.done():
            return
        self._buffer += data
        if len(self._buffer) < 4:
            return
        length = struct.unpack_from("<I", self._buffer)[0]
        if length > self._limit:
            self._waiting.set_exception(
                Garbled("oversize", f"the answer announces {length} bytes, more than {self._limit}")
            )
        elif len(self._buffer) >= 4 + length:
            self._waiting.set_result(bytes(self._buffer[4 : 4 + length]))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait."""
        self.reset = exc is not None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        if not self.lost.done():
            self.lost.set_result(None)

    @property
    def partial(self) -> bool:
        """Return whether part of an answer arrived."""
        return bool(self._buffer)

    def close(self) -> None:
        """Close the connection immediately."""
        if self._transport is not None:
            self._transport.abort()  # type: ignore[attr-defined]  # typed as BaseTransport


class Whatsminer3Client:
    """Queries one rig over one connection, opened again if the rig closes it between two answers."""

    def __init__(self, host: str, port: int, size: int, resolver: DnsResolver, deadline: Deadline) -> None:
        self._host = host
        self._port = port
        self._size = size
        self._resolver = resolver
        self._deadline = deadline
        self._frames: FrameProtocol | None = None

    async def query(self, verb: str, param: str | None) -> bytes:
        """Return the JSON bytes of the answer to `verb`.

        Raises Unreachable, TimedOut, Garbled (oversize, truncated); ForbiddenCommand before any connection is opened.
        """
        whatsminer3_request(verb, param)
        used = self._frames is not None and not self._frames.lost.done()
        body = await self._once(verb, param)
        if body is None and used and self._frames is not None and not self._frames.partial:
            body = await self._once(
                verb, param
            )  # closed after the previous answer: some firmwares serve one per connection
        if body is None:
            raise self._failure()
        return body

    async def _once(self, verb: str, param: str | None) -> bytes | None:
        if self._frames is None or self._frames.lost.done():
            self._frames = await connect(
                lambda: FrameProtocol(self._size), self._host, self._port, self._resolver, self._deadline
            )
        return await self._frames.request(verb, param)

    def _failure(self) -> Garbled | Unreachable:
        frames = self._frames
        if frames is not None and frames.partial and not frames.reset:
            return Garbled("truncated", "the answer ended early")
        return Unreachable("reset", f"{self._host} port {self._port} closed the connection without an answer")

    async def close(self) -> None:
        """Close the connection and wait until it is closed, so that there are never two."""
        if self._frames is not None:
            self._frames.close()
            await self._frames.lost


def read(body: bytes) -> dict[str, Any]:
    """Parse an answer into an object; raises Garbled."""
    value = repair.parse(body)
    if not isinstance(value, dict):
        raise Garbled("decode", "the answer is not a JSON object")
    return value
