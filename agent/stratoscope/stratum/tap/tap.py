"""Relays miners to their pool byte for byte, and listens: the bytes go on first and are read afterwards.

This stands in the path of the money. What it must never do: change, delay or reorder a byte, or stop because of what
the bytes say. So each piece is written to the other side before anything looks at it; what looks at it does so in small
slices between which the relay runs; what it cannot keep up with it skips; whatever it raises ends the listening to that
connection and nothing else. Flow control is passed through: a side that does not read stops the other side from being
read. A pool that cannot be reached closes the miner's connection at once, so that the miner goes to its next pool.
"""

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from typing import Final

import structlog

from stratoscope.clock import Clock
from stratoscope.stratum.tap.listener import Listener
from stratoscope.stratum.tap.submits import Book, Conversation

CONNECT: Final = 5.0
"""Seconds to reach the pool: miners that wait longer lose more than a failover costs them."""
MOST_ADDRESSES: Final = 4
LINGER: Final = 30.0
"""Seconds in which what was received is still delivered after one side has gone."""
HIGH_WATER: Final = 256 << 10
"""Bytes waiting for a side that does not read, from which on the other side is not read either."""
FAILURES: Final = ("refused", "timeout", "dns", "unreachable", "crowded")
"""Why a miner's connection got no pool: the closed set behind the label `reason`."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Traffic:
    """What went through the relay since the start."""

    open: int = 0
    opened: int = 0
    from_miners: int = 0  # bytes
    from_pool: int = 0  # bytes
    failures: dict[str, int] = field(default_factory=dict)


class End(asyncio.Protocol):
    """One of the two connections of a link."""

    transport: asyncio.Transport
    other: "End"

    def __init__(self, link: "Link", *, is_pool: bool) -> None:
        self._link, self._is_pool = link, is_pool
        self.done = False  # it has said all
        self.held = False  # not read, since the other side does not take what it says
        self.early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection; the miner's is not read before the pool's stands."""
        self.transport = transport  # type: ignore[assignment]  # stream transports
        self.transport.set_write_buffer_limits(high=HIGH_WATER)
        keep_alive(self.transport.get_extra_info("socket"))
        if not self._is_pool:
            self.transport.pause_reading()
            self._link.begin()

    def data_received(self, data: bytes) -> None:
        """Pass `data` on, then show a copy to the listener."""
        if not self._link.joined:  # a pool that speaks first; and uvloop begins to read although it was paused
            self.early += data
            self.transport.pause_reading()
            return
        if not self.other.transport.is_closing():
            self.other.transport.write(data)
        self._link.heard(data, from_pool=self._is_pool)

    def eof_received(self) -> bool:
        """Pass the end of one direction on; the other one stays open until it ends too."""
        self.done = True
        if not self._link.joined:
            return True
        if self.other.done or not self.other.transport.can_write_eof():
            return False
        if not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return True

    def joined(self) -> None:
        """Pass on what came before the other side stood, and go on reading."""
        if self.early:
            early, self.early = bytes(self.early), bytearray()
            self.data_received(early)
        if self.done:
            self.other.transport.write_eof()
        elif not self.held and not self.transport.is_closing():
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """Stop reading the other side: this one does not take what it sends."""
        self.other.held = True
        if not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read the other side again."""
        self.other.held = False
        if not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Close the other side once it has what was meant for it."""
        self._link.lost(self)


class Link:
    """A miner's connection with its own connection to the pool."""

    def __init__(self, tap: "Tap") -> None:
        self._tap = tap
        self.miner, self.pool = End(self, is_pool=False), End(self, is_pool=True)
        self.miner.other, self.pool.other = self.pool, self.miner
        self._conversation = Conversation(tap.listener.book)
        self._connecting: asyncio.Task[None] | None = None
        self.joined = False

    def begin(self) -> None:
        """Reach the pool for a miner that has just come."""
        traffic = self._tap.traffic
        traffic.open += 1
        traffic.opened += 1
        self._tap.links.add(self)
        if len(self._tap.links) > self._tap.most:
            self._failed("crowded")
        else:
            self._connecting = asyncio.get_running_loop().create_task(self._connect(), name="tap: connect")

    def heard(self, data: bytes, *, from_pool: bool) -> None:
        """Count and copy a piece that was passed on."""
        if from_pool:
            self._tap.traffic.from_pool += len(data)
        else:
            self._tap.traffic.from_miners += len(data)
        self._tap.listener.heard(self._conversation, self._tap.clock.monotonic(), from_pool, data)

    def lost(self, end: End) -> None:
        """Close the other side of a connection that has gone."""
        if self._connecting is not None and not self.joined:
            self._connecting.cancel()
        if end is self.miner and not self.joined:
            self._forget()
            return
        if end.early and not self.miner.transport.is_closing():
            self.miner.transport.write(bytes(end.early))  # a pool that said a word and hung up
        if end.other.transport.is_closing():
            self._forget()
        else:
            end.other.transport.close()
            asyncio.get_running_loop().call_later(LINGER, self._linger, end.other)

    def abort(self) -> None:
        """Cut both connections."""
        if self._connecting is not None:
            self._connecting.cancel()
        self.miner.transport.abort()
        if self.joined:
            self.pool.transport.abort()

    def _linger(self, end: End) -> None:
        if self in self._tap.links:
            end.transport.abort()

    def _forget(self) -> None:
        if self in self._tap.links:
            self._tap.links.discard(self)
            self._tap.traffic.open -= 1
            self._tap.listener.ended(self._conversation, self._tap.clock.monotonic())

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT):
                await self._reach()
        except TimeoutError:
            self._failed("timeout")
        except ConnectionRefusedError:
            self._failed("refused")
        except (socket.gaierror, UnicodeError):
            self._failed("dns")
        except OSError:
            self._failed("unreachable")
        except Exception:  # whatever it is, the miner must not be kept waiting
            log.exception("the pool could not be reached")
            self._failed("unreachable")
        else:
            self.joined = True
            if self.miner.transport.is_closing():
                self.pool.transport.close()
            else:
                self.pool.joined()
                self.miner.joined()

    async def _reach(self) -> None:
        """Connect to the first of the pool's addresses that answers; one that is silent costs its part of the time."""
        loop = asyncio.get_running_loop()
        found = await addresses(*self._tap.upstream)
        for left in range(len(found), 0, -1):
            host, port = found[-left]
            try:
                async with asyncio.timeout(CONNECT / len(found)):
                    await loop.create_connection(lambda: self.pool, host, port)
            except OSError:  # TimeoutError is one
                if left == 1:
                    raise
            else:
                return

    def _failed(self, reason: str) -> None:
        failures = self._tap.traffic.failures
        failures[reason] = failures.get(reason, 0) + 1
        self.miner.transport.abort()


class Tap:
    """A relay from one listening address to one pool; `most` miners at a time."""

    def __init__(self, upstream: tuple[str, int], *, clock: Clock, book: Book, most: int = 2000) -> None:
        self.upstream, self.clock, self.most = upstream, clock, most
        self.traffic = Traffic()
        self.listener = Listener(book)
        self.links: set[Link] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen on `host`:`port` (0: any free port) and return the port; raise OSError where that cannot be had."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(self).miner, host, port, backlog=512)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and cut all connections; miners go to their next pool."""
        if self._server is not None:
            self._server.close()
        for link in tuple(self.links):
            link.abort()
        await asyncio.sleep(0)


async def addresses(host: str, port: int) -> list[tuple[str, int]]:
    """Return the addresses of the pool, four at most, in the order in which the system wants them tried."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((str(place[0]), port) for *_, place in found))[:MOST_ADDRESSES]


def keep_alive(sock: socket.socket | None) -> None:
    """Notice within two minutes that a silent peer is gone, and send small pieces at once."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    wanted = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 120_000, "TCP_NODELAY": 1}
    with contextlib.suppress(OSError):  # some systems lack some of these
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in wanted.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
