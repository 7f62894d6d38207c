"""Carries a request to a pool and its answer back: over HTTP, from CKPool's log directory, or over its unix sockets."""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

from stratoscope.errors import SourceError
from stratoscope.outside.fetch import DEADLINE, LARGE, Remote
from stratoscope.pools.pool import Ask

MOST: Final = 16 << 20
"""Bytes of an answer: ten thousand workers in one list are some five MiB."""
LENGTH: Final = 4
"""CKPool sends the length of a message first: four bytes, the least significant first."""
T = TypeVar("T")


class Way(Protocol):
    """Something that takes a request and brings what was read of the answer."""

    async def carry(self, ask: Ask, read: Callable[[bytes], T]) -> T:
        """Return what `read` makes of the answer; raise SourceError."""
        ...


class Web:
    """A service over HTTP, with its pauses and its breaker."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def carry(self, ask: Ask, read: Callable[[bytes], T]) -> T:
        """Return what `read` makes of the answer; raise SourceError."""
        return (await self._remote.ask(ask.method, ask.path, read, ask.headers, ask.body)).value


class Folder:
    """A directory whose files are the answers."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def carry(self, ask: Ask, read: Callable[[bytes], T]) -> T:
        """Return what `read` makes of the file; raise SourceError."""
        return await asyncio.to_thread(lambda: read(_load(self._directory, ask.path)))


def _load(directory: Path, below: str) -> bytes:
    try:
        path = (directory / below.lstrip("/")).resolve()
        if not path.is_relative_to(directory.resolve()):
            raise SourceError("refused", "the account's file would lie outside of the directory")
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # opening a pipe would wait for a writer
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SourceError("unreachable", "it is not a regular file")
            body = file.read(MOST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise SourceError("unreachable", (reason or "no such file").lower()) from None
    if len(body) > MOST:
        raise SourceError("oversize", f"over {MOST >> 20} MiB")
    return body


class Sockets:
    """A directory of CKPool's unix sockets: a message there, one back, and the connection ends."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def carry(self, ask: Ask, read: Callable[[bytes], T]) -> T:
        """Return what `read` makes of the answer; raise SourceError."""
        try:
            async with asyncio.timeout(DEADLINE):
                body = await self._exchange(ask)
        except TimeoutError:
            raise SourceError("timeout", f"no whole answer within {DEADLINE:.0f} s") from None
        except asyncio.IncompleteReadError:
            raise SourceError("unreachable", "the answer was cut off") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise SourceError("unreachable", (reason or "no such socket").lower()) from None
        return read(body) if len(body) < LARGE else await asyncio.to_thread(read, body)

    async def _exchange(self, ask: Ask) -> bytes:
        message = ask.body or b""
        reader, writer = await asyncio.open_unix_connection(self._directory / ask.path)
        try:
            writer.write(len(message).to_bytes(LENGTH, "little") + message)
            await writer.drain()
            length = int.from_bytes(await reader.readexactly(LENGTH), "little")
            if length > MOST:
                raise SourceError("oversize", f"over {MOST >> 20} MiB")
            return await reader.readexactly(length)
        finally:
            writer.close()
