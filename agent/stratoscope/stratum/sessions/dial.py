"""Opens a connection to a stratum endpoint and measures how long each step takes."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from stratoscope.clock import Clock
from stratoscope.errors import PollError, StratoscopeError, Unreachable
from stratoscope.outside.tls import verifying_context
from stratoscope.stratum.protocol.endpoint import Endpoint
from stratoscope.stratum.sessions.certificate import certificate_end
from stratoscope.wire.connect import to_poll_error
from stratoscope.wire.dns import DnsResolver

STEP_TIMEOUT_S: Final = 10.0
"""Timeout of each step: name resolution, TCP connection, TLS handshake."""
TCP_INFO_RTT: Final = struct.Struct("68xI")
"""`tcpi_rtt` in Linux's struct tcp_info: in µs, after eight bytes and fifteen words."""
MICROSECOND: Final = 1e-6

Permit = Callable[[str, int], str | None]
"""Returns why an address and port must not be contacted; None if they may be."""


class SessionEnded(StratoscopeError):
    """A session ended or could not be opened; `reason` is one of records.SESSION_OUTCOMES, the text explains it."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class OpenedConnection:
    """An open connection: the seconds that each step took, and the certificate's expiry and verification."""

    transport: asyncio.Transport
    phases: dict[str, float] = field(default_factory=dict)
    certificate_end: float | None = None  # UTC s
    certificate_verified: bool | None = None


class Dialer(Protocol):
    """Opens connections; tests use an implementation without sockets."""

    async def __call__(self, session: asyncio.Protocol, endpoint: Endpoint, permit: Permit) -> OpenedConnection:
        """Connect `session` to `endpoint`; raise SessionEnded."""
        ...


class SocketDialer:
    """Opens connections over TCP and TLS. An invalid certificate is recorded, and the session is opened anyway."""

    def __init__(self, names: DnsResolver, clock: Clock, trusted: ssl.SSLContext | None = None) -> None:
        self._names, self._clock = names, clock
        self._trusted = trusted
        self._unverified: set[str] = set()  # endpoints whose certificate failed verification last time

    async def __call__(self, session: asyncio.Protocol, endpoint: Endpoint, permit: Permit) -> OpenedConnection:
        """Connect `session` to the first permitted address of `endpoint` that accepts; raise SessionEnded."""
        phases: dict[str, float] = {}
        addresses = await self._resolve(endpoint, phases)
        refused = [permit(address, endpoint.port) for address in addresses]
        allowed = [address for address, why in zip(addresses, refused, strict=True) if why is None]
        if not allowed:
            raise SessionEnded("forbidden", next(filter(None, refused), f"{endpoint.host} has no address"))
        if not endpoint.tls:
            return OpenedConnection(await self._connect(session, endpoint, allowed, phases), phases)
        return await self._encrypted(session, endpoint, allowed, phases)

    async def _resolve(self, endpoint: Endpoint, phases: dict[str, float]) -> tuple[str, ...]:
        try:
            known = self._names.known(endpoint.host)
            if known is not None:
                return known
            started = self._clock.monotonic()
            async with asyncio.timeout(STEP_TIMEOUT_S):
                found = await self._names.addresses(endpoint.host)
        except TimeoutError:
            raise SessionEnded("dns", f"name resolution of {endpoint.host} timed out") from None
        except Unreachable as error:
            raise SessionEnded("dns", error.detail) from None
        phases["dns"] = self._clock.monotonic() - started
        return found

    async def _connect(
        self, protocol: asyncio.Protocol, endpoint: Endpoint, addresses: list[str], phases: dict[str, float]
    ) -> asyncio.Transport:
        failure: PollError | None = None
        for address in addresses:
            started = self._clock.monotonic()
            try:
                async with asyncio.timeout(STEP_TIMEOUT_S):
                    transport, _ = await asyncio.get_running_loop().create_connection(
                        lambda: protocol, address, endpoint.port
                    )
            except TimeoutError:
                failure = Unreachable("connect_timeout", f"{endpoint.host} port {endpoint.port} does not respond")
            except OSError as error:
                failure = to_poll_error(error, endpoint.host, endpoint.port)
            else:
                phases["connect"] = self._clock.monotonic() - started
                return transport
        failure = failure or Unreachable("unreachable", endpoint.host)
        raise SessionEnded(failure.reason, failure.detail)

    async def _encrypted(
        self, session: asyncio.Protocol, endpoint: Endpoint, addresses: list[str], phases: dict[str, float]
    ) -> OpenedConnection:
        if endpoint.url not in self._unverified:
            try:
                found = await self._handshake(session, endpoint, addresses, phases, self._verifying_context())
            except ssl.SSLCertVerificationError:
                self._unverified.add(endpoint.url)
            else:
                return OpenedConnection(found, phases, _end(found), certificate_verified=True)
        found = await self._handshake(session, endpoint, addresses, phases, _unverified_context())
        self._unverified.discard(endpoint.url)  # verify again next time: the certificate may be replaced
        return OpenedConnection(found, phases, _end(found), certificate_verified=False)

    async def _handshake(
        self,
        session: asyncio.Protocol,
        endpoint: Endpoint,
        addresses: list[str],
        phases: dict[str, float],
        context: ssl.SSLContext,
    ) -> asyncio.Transport:
        plain = await self._connect(asyncio.Protocol(), endpoint, addresses, phases)
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(STEP_TIMEOUT_S):
                transport = await asyncio.get_running_loop().start_tls(
                    plain, asyncio.Protocol(), context, server_hostname=endpoint.host
                )
        except (ssl.SSLCertVerificationError, asyncio.CancelledError):
            plain.abort()
            raise
        except (TimeoutError, OSError, EOFError) as error:
            plain.abort()
            raise SessionEnded("tls", f"TLS handshake with {endpoint.url} failed: {type(error).__name__}") from None
        if transport is None:
            raise SessionEnded("tls", f"{endpoint.url} closed the connection during the TLS handshake")
        phases["tls"] = self._clock.monotonic() - started
        transport.set_protocol(session)  # not earlier, as a failed handshake does not end the session
        session.connection_made(transport)
        return transport

    def _verifying_context(self) -> ssl.SSLContext:
        if self._trusted is None:
            self._trusted = verifying_context()
        return self._trusted


def _unverified_context() -> ssl.SSLContext:
    """Return a context that accepts any certificate: the session sends no secret, and invalid ones are reported."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _end(transport: asyncio.Transport) -> float | None:
    encrypted: Any = transport.get_extra_info("ssl_object")
    return None if encrypted is None else certificate_end(encrypted.getpeercert(binary_form=True))


def kernel_rtt(transport: asyncio.Transport) -> float | None:
    """Return the kernel's smoothed round-trip time of a connection in s; None without a socket or on other systems."""
    connection: Any = transport.get_extra_info("socket")
    option = getattr(socket, "TCP_INFO", None)
    if connection is None or option is None:
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, option, TCP_INFO_RTT.size)
        microseconds: int = TCP_INFO_RTT.unpack(info)[0]
    except (OSError, struct.error, ValueError):
        return None
    return microseconds * MICROSECOND if microseconds else None
