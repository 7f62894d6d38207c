"""Relays miners to their pool byte for byte. Data is forwarded first and read afterwards.

The rigs' earnings depend on this relay: it must never change, delay or reorder a byte, or stop because of the content.
So each piece of data is forwarded before it is read. Reading happens in small slices, between which the relay runs. If
reading falls behind, data is skipped; if it raises, only the reading of that connection ends. Flow control is passed
through: if one side does not read, the other side is not read either. If the pool is unreachable, the miner's
connection is closed immediately, so that the miner switches to its next pool.
"""

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from typing import Final

import structlog

from stratoscope.clock import Clock
from stratoscope.stratum.tap.submits import SubmitTracker, TapCounts
from stratoscope.stratum.tap.traffic_reader import TrafficReader

CONNECT_TIMEOUT_S: Final = 5.0
"""Timeout for reaching the pool; a longer wait costs a miner more than a failover."""
MAX_UPSTREAM_ADDRESSES: Final = 4
DELIVERY_TIMEOUT_S: Final = 30.0
"""After one side closed its connection, received data is still delivered to the other side for this long."""
HIGH_WATER_BYTES: Final = 256 << 10
"""If this many bytes wait for one side, the other side is no longer read."""
CONNECT_FAILURES: Final = ("refused", "timeout", "dns", "unreachable", "crowded")
"""Why a miner was not connected to the pool; the closed set behind the label `reason`."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class TapTraffic:
    """Connections and bytes since the start."""

    open: int = 0
    opened: int = 0
    from_miners: int = 0  # bytes
    from_pool: int = 0  # bytes
    failures: dict[str, int] = field(default_factory=dict)  # one of CONNECT_FAILURES → connections


class LinkSide(asyncio.Protocol):
    """One of the two connections of a link."""

    transport: asyncio.Transport
    other: "LinkSide"

    def __init__(self, link: "TapLink", *, is_pool: bool) -> None:
        self._link, self._is_pool = link, is_pool
        self.eof = False  # this side sent all its data
        self.paused = False  # not read, because the other side does not accept data
        self.early = bytearray()  # received before both sides were connected

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport; do not read from the miner before the pool is connected."""
        self.transport = transport  # type: ignore[assignment]  # stream transports
        self.transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        set_keep_alive(self.transport.get_extra_info("socket"))
        if not self._is_pool:
            self.transport.pause_reading()
            self._link.begin()

    def data_received(self, data: bytes) -> None:
        """Forward `data`, then queue a copy for reading."""
        if not self._link.joined:  # the pool sends first, or uvloop reads although it was paused
            self.early += data
            self.transport.pause_reading()
            return
        if not self.other.transport.is_closing():
            self.other.transport.write(data)
        self._link.count(data, from_pool=self._is_pool)

    def eof_received(self) -> bool:
        """Forward the end of one direction; the other one stays open until it ends as well."""
        self.eof = True
        if not self._link.joined:
            return True
        if self.other.eof or not self.other.transport.can_write_eof():
            return False
        if not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return True

    def start_forwarding(self) -> None:
        """Forward the data received before the other side was connected, and resume reading."""
        if self.early:
            early, self.early = bytes(self.early), bytearray()
            self.data_received(early)
        if self.eof:
            self.other.transport.write_eof()
        elif not self.paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """Stop reading the other side, because this one does not accept data."""
        self.other.paused = True
        if not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Resume reading the other side."""
        self.other.paused = False
        if not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Close the other side once its data is delivered."""
        self._link.side_lost(self)


class TapLink:
    """A miner's connection together with its own connection to the pool."""

    def __init__(self, tap: "Tap") -> None:
        self._tap = tap
        self.miner, self.pool = LinkSide(self, is_pool=False), LinkSide(self, is_pool=True)
        self.miner.other, self.pool.other = self.pool, self.miner
        self._tracker = SubmitTracker(tap.reader.counts)
        self._connecting: asyncio.Task[None] | None = None
        self.joined = False

    def begin(self) -> None:
        """Connect to the pool for a new miner."""
        traffic = self._tap.traffic
        traffic.open += 1
        traffic.opened += 1
        self._tap.links.add(self)
        if len(self._tap.links) > self._tap.max_connections:
            self._failed("crowded")
        else:
            self._connecting = asyncio.get_running_loop().create_task(self._connect(), name="tap: connect")

    def count(self, data: bytes, *, from_pool: bool) -> None:
        """Count a forwarded piece and queue it for reading."""
        if from_pool:
            self._tap.traffic.from_pool += len(data)
        else:
            self._tap.traffic.from_miners += len(data)
        self._tap.reader.add(self._tracker, self._tap.clock.monotonic(), from_pool, data)

    def side_lost(self, side: LinkSide) -> None:
        """Close the other side after one side lost its connection."""
        if self._connecting is not None and not self.joined:
            self._connecting.cancel()
        if side is self.miner and not self.joined:
            self._forget()
            return
        if side.early and not self.miner.transport.is_closing():
            self.miner.transport.write(bytes(side.early))  # the pool sent data and closed the connection
        if side.other.transport.is_closing():
            self._forget()
        else:
            side.other.transport.close()
            asyncio.get_running_loop().call_later(DELIVERY_TIMEOUT_S, self._abort_undelivered, side.other)

    def abort(self) -> None:
        """Abort both connections."""
        if self._connecting is not None:
            self._connecting.cancel()
        self.miner.transport.abort()
        if self.joined:
            self.pool.transport.abort()

    def _abort_undelivered(self, side: LinkSide) -> None:
        if self in self._tap.links:
            side.transport.abort()

    def _forget(self) -> None:
        if self in self._tap.links:
            self._tap.links.discard(self)
            self._tap.traffic.open -= 1
            self._tap.reader.end(self._tracker)

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._connect_to_pool()
        except TimeoutError:
            self._failed("timeout")
        except ConnectionRefusedError:
            self._failed("refused")
        except (socket.gaierror, UnicodeError):
            self._failed("dns")
        except OSError:
            self._failed("unreachable")
        except Exception:  # after any internal error, the miner must switch to its next pool without waiting
            log.exception("internal error while connecting to the pool (please report); the miner is disconnected")
            self._failed("unreachable")
        else:
            self.joined = True
            if self.miner.transport.is_closing():
                self.pool.transport.close()
            else:
                self.pool.start_forwarding()
                self.miner.start_forwarding()

    async def _connect_to_pool(self) -> None:
        """Connect to the first of the pool's addresses that accepts; each address gets an equal part of the timeout."""
        loop = asyncio.get_running_loop()
        found = await resolve_addresses(*self._tap.upstream)
        for left in range(len(found), 0, -1):
            host, port = found[-left]
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S / len(found)):
                    await loop.create_connection(lambda: self.pool, host, port)
            except OSError:  # includes TimeoutError
                if left == 1:
                    raise
            else:
                return

    def _failed(self, reason: str) -> None:
        failures = self._tap.traffic.failures
        failures[reason] = failures.get(reason, 0) + 1
        self.miner.transport.abort()


class Tap:
    """A relay from one listening address to one pool, for up to `max_connections` miners at a time."""

    def __init__(
        self, upstream: tuple[str, int], *, clock: Clock, counts: TapCounts, max_connections: int = 2000
    ) -> None:
        self.upstream, self.clock, self.max_connections = upstream, clock, max_connections
        self.traffic = TapTraffic()
        self.reader = TrafficReader(counts)
        self.links: set[TapLink] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen on `host`:`port` (0: any free port) and return the port; raise OSError if it is not available."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: TapLink(self).miner, host, port, backlog=512)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and abort all connections; miners switch to their next pool."""
        if self._server is not None:
            self._server.close()
        for link in tuple(self.links):
            link.abort()
        await asyncio.sleep(0)


async def resolve_addresses(host: str, port: int) -> list[tuple[str, int]]:
    """Return up to MAX_UPSTREAM_ADDRESSES addresses of the pool, in the system's order of preference."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((str(place[0]), port) for *_, place in found))[:MAX_UPSTREAM_ADDRESSES]


def set_keep_alive(sock: socket.socket | None) -> None:
    """Detect a dead peer within two minutes, and send small pieces without delay."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    wanted = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 120_000, "TCP_NODELAY": 1}
    with contextlib.suppress(OSError):  # not every system supports all of these
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in wanted.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
