"""Opens one connection to a stratum endpoint and takes the time of each step."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from stratoscope.clock import Clock
from stratoscope.errors import PollError, StratoscopeError, Unreachable
from stratoscope.stratum.protocol.certificate import end_of
from stratoscope.stratum.protocol.endpoint import Endpoint
from stratoscope.wire.connect import to_poll_error
from stratoscope.wire.dns import DnsResolver

DEADLINE: Final = 10.0
"""Seconds for each of name, connection and TLS handshake."""
TCP_RTT: Final = struct.Struct("68xI")
"""`tcpi_rtt` in Linux's struct tcp_info: after eight bytes and fifteen words, in µs."""
MICROSECOND: Final = 1e-6

Permit = Callable[[str, int], str | None]
"""Tells why an address and port may not be asked; None where they may."""


class Ended(StratoscopeError):
    """A session is over, or never began; `reason` is one of live.ENDS, the text is for people."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection: what each step took in s, and what the certificate said."""

    transport: asyncio.Transport
    phases: dict[str, float] = field(default_factory=dict)
    certificate_end: float | None = None  # UTC s
    certificate_verified: bool | None = None


class Dial(Protocol):
    """Opens connections; tests have one of their own that needs no socket."""

    async def __call__(self, session: asyncio.Protocol, endpoint: Endpoint, permit: Permit) -> Opened:
        """Connect `session` to `endpoint`; raise Ended."""
        ...


class Dialer:
    """Opens real connections. A certificate that nobody vouches for is noted, and the session held all the same."""

    def __init__(self, names: DnsResolver, clock: Clock, trusted: ssl.SSLContext | None = None) -> None:
        self._names, self._clock = names, clock
        self._trusted = trusted
        self._doubtful: set[str] = set()  # endpoints whose certificate was not good last time

    async def __call__(self, session: asyncio.Protocol, endpoint: Endpoint, permit: Permit) -> Opened:
        """Connect `session` to the first address of `endpoint` that is allowed and answers; raise Ended."""
        phases: dict[str, float] = {}
        addresses = await self._resolved(endpoint, phases)
        refused = [permit(address, endpoint.port) for address in addresses]
        allowed = [address for address, why in zip(addresses, refused, strict=True) if why is None]
        if not allowed:
            raise Ended("forbidden", next(filter(None, refused), "it has no address"))
        if not endpoint.tls:
            return Opened(await self._connect(session, endpoint, allowed, phases), phases)
        return await self._encrypted(session, endpoint, allowed, phases)

    async def _resolved(self, endpoint: Endpoint, phases: dict[str, float]) -> tuple[str, ...]:
        try:
            known = self._names.known(endpoint.host)
            if known is not None:
                return known
            asked = self._clock.monotonic()
            async with asyncio.timeout(DEADLINE):
                found = await self._names.addresses(endpoint.host)
        except TimeoutError:
            raise Ended("dns", f"no address of {endpoint.host} in time") from None
        except Unreachable as error:
            raise Ended("dns", error.detail) from None
        phases["dns"] = self._clock.monotonic() - asked
        return found

    async def _connect(
        self, protocol: asyncio.Protocol, endpoint: Endpoint, addresses: list[str], phases: dict[str, float]
    ) -> asyncio.Transport:
        failure: PollError | None = None
        for address in addresses:
            asked = self._clock.monotonic()
            try:
                async with asyncio.timeout(DEADLINE):
                    transport, _ = await asyncio.get_running_loop().create_connection(
                        lambda: protocol, address, endpoint.port
                    )
            except TimeoutError:
                failure = Unreachable("connect_timeout", f"no answer from {endpoint.host} port {endpoint.port}")
            except OSError as error:
                failure = to_poll_error(error, endpoint.host, endpoint.port)
            else:
                phases["connect"] = self._clock.monotonic() - asked
                return transport
        failure = failure or Unreachable("unreachable", endpoint.host)
        raise Ended(failure.reason, failure.detail)

    async def _encrypted(
        self, session: asyncio.Protocol, endpoint: Endpoint, addresses: list[str], phases: dict[str, float]
    ) -> Opened:
        if endpoint.url not in self._doubtful:
            try:
                found = await self._handshake(session, endpoint, addresses, phases, self._vouching())
            except ssl.SSLCertVerificationError:
                self._doubtful.add(endpoint.url)
            else:
                return Opened(found, phases, _end(found), certificate_verified=True)
        found = await self._handshake(session, endpoint, addresses, phases, _credulous())
        self._doubtful.discard(endpoint.url)  # it may have a good one at the next time
        return Opened(found, phases, _end(found), certificate_verified=False)

    async def _handshake(
        self,
        session: asyncio.Protocol,
        endpoint: Endpoint,
        addresses: list[str],
        phases: dict[str, float],
        context: ssl.SSLContext,
    ) -> asyncio.Transport:
        plain = await self._connect(asyncio.Protocol(), endpoint, addresses, phases)
        asked = self._clock.monotonic()
        try:
            async with asyncio.timeout(DEADLINE):
                transport = await asyncio.get_running_loop().start_tls(
                    plain, asyncio.Protocol(), context, server_hostname=endpoint.host
                )
        except (ssl.SSLCertVerificationError, asyncio.CancelledError):
            plain.abort()
            raise
        except (TimeoutError, OSError, EOFError) as error:
            plain.abort()
            raise Ended("tls", f"no TLS with {endpoint.url}: {type(error).__name__}") from None
        if transport is None:
            raise Ended("tls", f"{endpoint.url} closed the connection")
        phases["tls"] = self._clock.monotonic() - asked
        transport.set_protocol(session)  # only now: a handshake that fails is not the end of the session
        session.connection_made(transport)
        return transport

    def _vouching(self) -> ssl.SSLContext:
        if self._trusted is None:
            self._trusted = ssl.create_default_context()
        return self._trusted


def _credulous() -> ssl.SSLContext:
    """Return a context that takes any certificate: an observer sends no secret, and wants to see the bad ones too."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _end(transport: asyncio.Transport) -> float | None:
    encrypted: Any = transport.get_extra_info("ssl_object")
    return None if encrypted is None else end_of(encrypted.getpeercert(binary_form=True))


def kernel_rtt(transport: asyncio.Transport) -> float | None:
    """Return the kernel's smoothed round trip of a connection in s; None where it is no Linux, or no socket."""
    connection: Any = transport.get_extra_info("socket")
    option = getattr(socket, "TCP_INFO", None)
    if connection is None or option is None:
        return None
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, option, TCP_RTT.size)
        microseconds: int = TCP_RTT.unpack(told)[0]
    except (OSError, struct.error, ValueError):
        return None
    return microseconds * MICROSECOND if microseconds else None
