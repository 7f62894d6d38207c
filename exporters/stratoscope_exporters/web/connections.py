"""Bounds what strangers on the listening socket can hold: connections, their time, and the names they call us by."""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from stratoscope.clock import Clock
from stratoscope_exporters.exposition.meters import Meters

MAX_CONNECTIONS: Final = 128
HEADER_SECONDS: Final = 10.0
"""A connection that has not brought one whole request by then is closed: aiohttp sets no limit there."""
KEEPALIVE_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 45.0
"""Longest silence between two requests, and longest time to take an answer: above Prometheus' scrape timeouts."""
BUSY_SECONDS: Final = 60.0


def host_of(header: str) -> str:
    """Return the host of a Host header without port and brackets, lower case."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return (header.rpartition(":")[0] if header.count(":") == 1 else header).lower().rstrip(".")


def host_filter(names: Iterable[str], meters: Meters) -> Middleware:
    """Return a middleware that refuses requests under foreign names: what DNS rebinding needs.

    An IP address is always allowed, since no foreign web page can be of the same origin as it.
    """
    allowed = {"localhost", *(name.lower() for name in names)}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        header = request.headers.get("Host")
        if header is None or host_of(header) in allowed or _is_address(host_of(header)):
            return await handler(request)
        meters.refused.labels("host").inc()
        text = "This name is not allowed; add it to allowed_hosts of the Prometheus exporter's settings.\n"
        return web.Response(status=421, text=text)

    return check


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(slots=True)
class Visit:
    """One connection: when it came, until when it may go on as it does, and whether a request is being answered."""

    born: float  # monotonic s
    deadline: float  # monotonic s
    busy: bool = False


class Guard:
    """Makes the protocol of each new connection and closes those that only sit there."""

    def __init__(self, clock: Clock, meters: Meters) -> None:
        self._clock, self._meters = clock, meters
        self._server: web.Server | None = None
        self._visits: dict[web.RequestHandler, Visit] = {}

    def factory(self, server: web.Server) -> Callable[[], web.RequestHandler]:
        """Return what `loop.create_server` calls per connection; `server` makes the protocols."""
        self._server = server
        return self._admit

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note when a connection works on a request and when it is done."""
        visit = self._visits.setdefault(request.protocol, Visit(self._clock.monotonic(), 0.0))
        visit.busy, visit.deadline = True, self._clock.monotonic() + BUSY_SECONDS
        try:
            return await handler(request)
        finally:
            visit.busy, visit.deadline = False, self._clock.monotonic() + IDLE_SECONDS

    async def run(self) -> None:
        """Close connections whose time is up, until cancelled."""
        while True:
            await self._clock.sleep(HEADER_SECONDS / 4)
            self.sweep()

    def sweep(self) -> None:
        """Close connections whose time is up and forget those that are gone."""
        now = self._clock.monotonic()
        alive = set(self._server.connections) if self._server is not None else set()
        for protocol, visit in list(self._visits.items()):
            if protocol not in alive and now - visit.born > 1.0:  # a younger one may not be connected yet
                del self._visits[protocol]
            elif visit.deadline <= now:
                self._close(protocol, "slow")

    def _admit(self) -> web.RequestHandler:
        """Return the protocol for a new connection; when there are too many, the one that idles longest goes."""
        if self._server is None:
            raise RuntimeError("factory() comes first")
        if len(self._visits) >= MAX_CONNECTIONS:
            self.sweep()
        if len(self._visits) >= MAX_CONNECTIONS:
            self._close(min(self._visits, key=lambda p: (self._visits[p].busy, self._visits[p].deadline)), "crowded")
        protocol, now = self._server(), self._clock.monotonic()
        self._visits[protocol] = Visit(now, now + HEADER_SECONDS)
        return protocol

    def _close(self, protocol: web.RequestHandler, reason: str) -> None:
        self._visits.pop(protocol, None)
        if protocol.transport is not None:
            self._meters.refused.labels(reason).inc()
            protocol.transport.abort()
