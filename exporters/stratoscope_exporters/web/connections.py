"""Limits HTTP clients: number of connections, their duration and the host names they may use."""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from stratoscope.clock import Clock
from stratoscope_exporters.exposition.metrics import PageMetrics

MAX_CONNECTIONS: Final = 128
HEADER_TIMEOUT_S: Final = 10.0
"""Time for a complete request on a new connection; aiohttp has no such limit."""
KEEPALIVE_S: Final = 30.0
IDLE_TIMEOUT_S: Final = 45.0
"""Maximum idle time between requests, and maximum time to read a response; above Prometheus' scrape timeouts."""
BUSY_TIMEOUT_S: Final = 60.0


def host_of(header: str) -> str:
    """Return the host of a Host header without port and brackets, lower case."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return (header.rpartition(":")[0] if header.count(":") == 1 else header).lower().rstrip(".")


def host_filter(names: Iterable[str], meters: PageMetrics) -> Middleware:
    """Return a middleware that refuses requests for unknown host names, as protection against DNS rebinding.

    An IP address is always allowed, because no foreign web page can have the same origin.
    """
    allowed = {"localhost", *(name.lower() for name in names)}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        header = request.headers.get("Host")
        if header is None or host_of(header) in allowed or _is_address(host_of(header)):
            return await handler(request)
        meters.refused["host"] += 1
        text = "This host name is not allowed: add it to exporters.prometheus.allowed_hosts.\n"
        return web.Response(status=421, text=text)

    return check


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(slots=True)
class ConnectionState:
    """One connection: start time, current deadline, and whether a request is being handled."""

    born: float  # monotonic s
    deadline: float  # monotonic s
    busy: bool = False


class ConnectionLimiter:
    """Accepts connections up to a limit and closes idle and slow ones."""

    def __init__(self, clock: Clock, meters: PageMetrics) -> None:
        self._clock, self._meters = clock, meters
        self._server: web.Server | None = None
        self._connections: dict[web.RequestHandler, ConnectionState] = {}

    def factory(self, server: web.Server) -> Callable[[], web.RequestHandler]:
        """Return the protocol factory for `loop.create_server`; `server` creates the protocols."""
        self._server = server
        return self._admit

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Track whether a connection is handling a request."""
        state = self._connections.setdefault(request.protocol, ConnectionState(self._clock.monotonic(), 0.0))
        state.busy, state.deadline = True, self._clock.monotonic() + BUSY_TIMEOUT_S
        try:
            return await handler(request)
        finally:
            state.busy, state.deadline = False, self._clock.monotonic() + IDLE_TIMEOUT_S

    async def run(self) -> None:
        """Close expired connections until cancelled."""
        while True:
            await self._clock.sleep(HEADER_TIMEOUT_S / 4)
            self.sweep()

    def sweep(self) -> None:
        """Close expired connections and forget closed ones."""
        now = self._clock.monotonic()
        alive = set(self._server.connections) if self._server is not None else set()
        for protocol, state in list(self._connections.items()):
            if protocol not in alive and now - state.born > 1.0:  # a newer one may not be connected yet
                del self._connections[protocol]
            elif state.deadline <= now:
                self._close(protocol, "slow")

    def _admit(self) -> web.RequestHandler:
        """Return the protocol for a new connection; above the limit, close the one that is idle longest."""
        if self._server is None:
            raise RuntimeError("call factory() first")
        if len(self._connections) >= MAX_CONNECTIONS:
            self.sweep()
        if len(self._connections) >= MAX_CONNECTIONS:
            self._close(
                min(self._connections, key=lambda p: (self._connections[p].busy, self._connections[p].deadline)),
                "crowded",
            )
        protocol, now = self._server(), self._clock.monotonic()
        self._connections[protocol] = ConnectionState(now, now + HEADER_TIMEOUT_S)
        return protocol

    def _close(self, protocol: web.RequestHandler, reason: str) -> None:
        self._connections.pop(protocol, None)
        if protocol.transport is not None:
            self._meters.refused[reason] += 1
            protocol.transport.abort()
