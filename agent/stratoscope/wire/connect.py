"""Opens one connection within the limits of an exchange and says in one word why it could not."""

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
    """Return the PollError that `error`, met while talking to `host`:`port`, amounts to."""
    where = f"{host} port {port}"
    code = error.errno
    if isinstance(error, socket.gaierror):
        return Unreachable("dns", f"{host} has no address")
    if code in NO_SOCKET_ERRNOS:
        return Unreachable("no_sockets", f"this machine has no socket left for {where}")
    if code == errno.ECONNREFUSED:
        return Unreachable("refused", f"nothing listens at {where}")
    if code in RESET_ERRNOS:
        return Unreachable("reset", f"{where} broke the connection")
    if code == errno.ETIMEDOUT:
        return TimedOut("connect_timeout", f"no answer from {where}")
    return Unreachable("unreachable", f"{where}: {error.strerror or type(error).__name__}")


class Deadline:
    """The one absolute end of an exchange, drawn in while a connection is being opened.

    `phase` is the failure that running out now would be. `timeout` is drawn in for the first connection already,
    since setting a timer twice would be a tenth of what a poll costs.
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
        """Allow a connection to `host`:`port` the connect limit, within what is left."""
        self._where = (host, port)
        if self.phase != "connect_timeout":
            self._enter_phase("connect_timeout", min(self._end, self._loop.time() + self._connect))

    def start_wait(self, host: str, port: int) -> None:
        """Let whatever is now asked of `host`:`port` have the time to the end."""
        self._where = (host, port)
        self._enter_phase("timeout", self._end)

    def _enter_phase(self, phase: str, when: float) -> None:
        self.phase = phase
        if not self.timeout.expired():
            self.timeout.reschedule(when)

    def failure(self) -> PollError:
        """Return what to raise once the time is out."""
        host, port = self._where
        if self.phase == "dns":
            return Unreachable("dns", f"no address of {host} in time")
        what = "no connection" if self.phase == "connect_timeout" else "no whole answer"
        return TimedOut(self.phase, f"{what} from {host} port {port} in time")


async def connect(make: Callable[[], P], host: str, port: int, resolver: DnsResolver, deadline: Deadline) -> P:
    """Return a connected protocol made by `make`, trying the addresses of `host` in turn.

    Raises Unreachable or TimedOut; the deadline's own TimeoutError passes.
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
    """Return the addresses of `host`, at once where they are at hand; raises Unreachable("dns")."""
    addresses = resolver.known(host)
    if addresses is None:
        deadline.start_dns(host)
        addresses = await resolver.addresses(host)
    return addresses
