"""Sends a request to a pool and reads the response: over HTTP, from CKPool's log directory or its unix sockets."""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

from stratoscope.errors import SourceError
from stratoscope.outside.fetch import DEADLINE_S, PARSE_IN_THREAD_FROM_BYTES, RemoteService
from stratoscope.pools.pool import PoolRequest

MAX_ANSWER_BYTES: Final = 16 << 20
"""A list of ten thousand workers takes about five MiB."""
LENGTH_PREFIX_BYTES: Final = 4
"""CKPool sends the length of a message first, as a little-endian integer."""
T = TypeVar("T")


class Transport(Protocol):
    """Sends a request and passes the response to a reader."""

    async def send(self, request: PoolRequest, read: Callable[[bytes], T]) -> T:
        """Return the result of `read` on the response; raise SourceError."""
        ...


class HttpTransport:
    """A pool's HTTP API, with its pauses and its circuit breaker."""

    def __init__(self, remote: RemoteService) -> None:
        self._remote = remote

    async def send(self, request: PoolRequest, read: Callable[[bytes], T]) -> T:
        """Return the result of `read` on the response; raise SourceError."""
        response = await self._remote.request(request.method, request.path, read, request.headers, request.body)
        return response.value


class FileTransport:
    """A directory whose files are the responses."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def send(self, request: PoolRequest, read: Callable[[bytes], T]) -> T:
        """Return the result of `read` on the file; raise SourceError."""
        return await asyncio.to_thread(lambda: read(_load(self._directory, request.path)))


def _load(directory: Path, below: str) -> bytes:
    try:
        path = (directory / below.lstrip("/")).resolve()
        if not path.is_relative_to(directory.resolve()):
            raise SourceError("refused", "the account's file is outside of the directory")
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe would block until it is written
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SourceError("unreachable", "it is not a regular file")
            body = file.read(MAX_ANSWER_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise SourceError("unreachable", (reason or "no such file").lower()) from None
    if len(body) > MAX_ANSWER_BYTES:
        raise SourceError("oversize", f"over {MAX_ANSWER_BYTES >> 20} MiB")
    return body


class UnixSocketTransport:
    """A directory of CKPool's unix sockets: one message each way, then the connection closes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def send(self, request: PoolRequest, read: Callable[[bytes], T]) -> T:
        """Return the result of `read` on the response; raise SourceError."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                body = await self._exchange(request)
        except TimeoutError:
            raise SourceError("timeout", f"no complete response within {DEADLINE_S:.0f} s") from None
        except asyncio.IncompleteReadError:
            raise SourceError("unreachable", "the response was cut off") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise SourceError("unreachable", (reason or "no such socket").lower()) from None
        return read(body) if len(body) < PARSE_IN_THREAD_FROM_BYTES else await asyncio.to_thread(read, body)

    async def _exchange(self, request: PoolRequest) -> bytes:
        message = request.body or b""
        reader, writer = await asyncio.open_unix_connection(self._directory / request.path)
        try:
            writer.write(len(message).to_bytes(LENGTH_PREFIX_BYTES, "little") + message)
            await writer.drain()
            length = int.from_bytes(await reader.readexactly(LENGTH_PREFIX_BYTES), "little")
            if length > MAX_ANSWER_BYTES:
                raise SourceError("oversize", f"over {MAX_ANSWER_BYTES >> 20} MiB")
            return await reader.readexactly(length)
        finally:
            writer.close()
