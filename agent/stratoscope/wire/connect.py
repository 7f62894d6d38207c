"""Opens one connection within the limits of an exchange, and maps a failure to its reason."""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final, TypeVar

from stratoscope.errors import PollError, TimedOut, Unreachable
from stratoscope.wire.dns import DnsResolver
from stratoscope.wire.target import Limits

P = TypeVar("P", bound=asyncio.Protocol)

NO_SOCKET_ERRNOS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
RESET_ERRNOS: Final = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})


def to_poll_error(error: OSError, host: str, port: int) -> PollError:
    """Return the PollError for an OSError from a connection to `host`:`port`."""
    where = f"{host} port {port}"
    code = error.errno
    if isinstance(error, socket.gaierror):
        return Unreachable("dns", f"{host} has no address: check the name and the DNS server")
    if code in NO_SOCKET_ERRNOS:
        return Unreachable("no_sockets", f"no free socket on this machine for {where}: raise its limit of open files")
    if code == errno.ECONNREFUSED:
        return Unreachable("refused", f"nothing listens at {where}")
    if code in RESET_ERRNOS:
        return Unreachable("reset", f"{where} reset the connection")
    if code == errno.ETIMEDOUT:
        return TimedOut("connect_timeout", f"no connection to {where}: timed out")
    return Unreachable("unreachable", f"{where}: {error.strerror or type(error).__name__}")


class Deadline:
    """The absolute deadline of an exchange, shortened while a connection is being opened.

    `phase` is the failure reason if time runs out now. `timeout` starts shortened for the first connection, because
    setting a timer twice would be a tenth of a poll's cost.
    """

    __slots__ = ("_connect", "_end", "_loop", "_where", "phase", "timeout")

    def __init__(self, limits: Limits) -> None:
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._end = now + limits.exchange
        self._connect = limits.connect
        self.phase = "connect_timeout"
        self._where: tuple[str, int] = ("", 0)
        self.timeout = asyncio.timeout_at(min(self._end, now + limits.connect))

    def start_dns(self, host: str) -> None:
        """Note that the exchange waits for DNS."""
        self._where = (host, 0)
        self._enter_phase("dns", self._end)

    def start_connect(self, host: str, port: int) -> None:
        """Start the connect limit for `host`:`port`, within the time left."""
        self._where = (host, port)
        if self.phase != "connect_timeout":
            self._enter_phase("connect_timeout", min(self._end, self._loop.time() + self._connect))

    def start_wait(self, host: str, port: int) -> None:
        """Allow the rest of the time for the answer of `host`:`port`."""
        self._where = (host, port)
        self._enter_phase("timeout", self._end)

    def _enter_phase(self, phase: str, when: float) -> None:
        self.phase = phase
        if not self.timeout.expired():
            self.timeout.reschedule(when)

    def failure(self) -> PollError:
        """Return the error to raise after the deadline passed."""
        host, port = self._where
        if self.phase == "dns":
            return Unreachable("dns", f"no address for {host} in time: check the DNS server")
        what = "no connection to" if self.phase == "connect_timeout" else "no complete answer from"
        return TimedOut(self.phase, f"{what} {host} port {port} in time")


async def connect(make: Callable[[], P], host: str, port: int, resolver: DnsResolver, deadline: Deadline) -> P:
    """Return a connected protocol created by `make`, trying the addresses of `host` in turn.

    Raises Unreachable or TimedOut; the deadline's own TimeoutError passes through.
    """
    addresses = resolver.literals.get(host) or await resolve(host, resolver, deadline)
    loop = asyncio.get_running_loop()
    deadline.start_connect(host, port)
    failure: OSError | None = None
    for address in addresses:
        try:
            _, protocol = await loop.create_connection(make, address, port)
        except OSError as error:
            failure = error
        else:
            deadline.start_wait(host, port)
            return protocol
    deadline.start_wait(host, port)
    raise to_poll_error(failure or OSError(), host, port) from failure


async def resolve(host: str, resolver: DnsResolver, deadline: Deadline) -> tuple[str, ...]:
    """Return the addresses of `host`, without waiting if they are cached; raises Unreachable("dns")."""
    addresses = resolver.known(host)
    if addresses is None:
        deadline.start_dns(host)
        addresses = await resolver.addresses(host)
    return addresses
