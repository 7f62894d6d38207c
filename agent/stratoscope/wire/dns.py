"""Resolves the host names of rigs with its own threads and cache, so that a DNS outage blocks nothing else.

The threads are daemons: a resolver that hangs for half a minute must not delay the end of the program, as the threads
of an executor would.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from stratoscope.clock import Clock
from stratoscope.errors import Unreachable

TTL_S: Final = 60.0  # how long an address is cached: rigs with DHCP move
NEGATIVE_TTL_S: Final = 30.0  # how long a failure is cached
MAX_LOOKUPS: Final = 4
MAX_ENTRIES: Final = 65536

Lookup = Callable[[str], tuple[str, ...]]


def system_lookup(host: str) -> tuple[str, ...]:
    """Return the addresses of `host`, IPv4 first, from the system's resolver; blocks; raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class DnsResolver:
    """Resolves and caches addresses by host name. A literal address never waits."""

    def __init__(self, clock: Clock, lookup: Lookup = system_lookup) -> None:
        self._clock = clock
        self._lookup = lookup
        self.literals: dict[str, tuple[str, ...]] = {}  # addresses that need no lookup; the hot path checks this first
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}  # host → monotonic expiry, addresses (none: failed)
        self._pending: dict[str, asyncio.Future[tuple[str, ...]]] = {}
        self._threads = asyncio.Semaphore(MAX_LOOKUPS)
        self._tasks: set[asyncio.Task[None]] = set()

    def known(self, host: str) -> tuple[str, ...] | None:
        """Return the cached addresses of `host`, else None. Raises Unreachable for a recent failure."""
        entry = self._known.get(host)
        if entry is None:
            return self.literals.get(host) or self._literal(host)
        if entry[0] <= self._clock.monotonic():
            del self._known[host]
            return None
        if not entry[1]:
            raise Unreachable("dns", f"{host} has no address: check the name and the DNS server")
        return entry[1]

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses of `host`, best first; raises Unreachable("dns")."""
        found = self.known(host)
        if found is None:
            pending = self._pending.get(host) or self._start_lookup(host)
            found = await asyncio.shield(pending)  # a cancelled waiter does not cancel the lookup of the others
            if not found:
                raise Unreachable("dns", f"{host} has no address: check the name and the DNS server")
        return found

    def _literal(self, host: str) -> tuple[str, ...] | None:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return None
        if len(self.literals) >= MAX_ENTRIES:
            self.literals.clear()
        self.literals[host] = (host,)
        return (host,)

    def _remember(self, host: str, addresses: tuple[str, ...], until: float) -> None:
        if len(self._known) >= MAX_ENTRIES:
            self._known.clear()
        self._known[host] = (until, addresses)

    def _start_lookup(self, host: str) -> asyncio.Future[tuple[str, ...]]:
        pending = asyncio.get_running_loop().create_future()
        self._pending[host] = pending
        task = asyncio.create_task(self._fill(host, pending))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return pending

    async def _fill(self, host: str, pending: asyncio.Future[tuple[str, ...]]) -> None:
        """Look up `host` in a thread; set `pending` to its addresses, or to none."""
        found: tuple[str, ...] = ()
        try:
            async with self._threads:
                found = await self._in_thread(host)
        finally:
            ttl = TTL_S if found else NEGATIVE_TTL_S
            self._remember(host, found, self._clock.monotonic() + ttl)
            self._pending.pop(host, None)
            if not pending.done():
                pending.set_result(found)

    async def _in_thread(self, host: str) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[tuple[str, ...]] = loop.create_future()

        def settle(found: tuple[str, ...]) -> None:
            if not answered.done():
                answered.set_result(found)

        def work() -> None:
            try:
                found = self._lookup(host)
            except (OSError, UnicodeError):  # UnicodeError: a label that the IDNA codec refuses
                found = ()
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, found)

        threading.Thread(target=work, name=f"dns {host}", daemon=True).start()
        return await answered

    async def close(self) -> None:
        """Cancel running lookups."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class AiohttpResolver(AbstractResolver):
    """Adapts `DnsResolver` to aiohttp."""

    def __init__(self, resolver: DnsResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 — aiohttp's signature; every family is accepted
    ) -> list[ResolveResult]:
        """Return the addresses of `host` in aiohttp's form; raises OSError without an address."""
        try:
            found = await self._resolver.addresses(host)
        except Unreachable as error:
            raise socket.gaierror(socket.EAI_NONAME, str(error)) from error
        return [self._entry(host, port, address) for address in found]

    @staticmethod
    def _entry(host: str, port: int, address: str) -> ResolveResult:
        family: Any = socket.AF_INET6 if ":" in address else socket.AF_INET
        return ResolveResult(
            hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
        )

    async def close(self) -> None:
        """Do nothing: the resolver belongs to the wire."""
