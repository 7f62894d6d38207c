"""Scans address ranges for rigs, at a limited rate, in random order, one host per worker."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from stratoscope.clock import Clock
from stratoscope.discover.identify import PORTS
from stratoscope.discover.read_once import read_once
from stratoscope.drivers.driver import Driver
from stratoscope.errors import PollError, UsageError
from stratoscope.poll.pace import Pace
from stratoscope.reading import Reading
from stratoscope.wire.client import Wire
from stratoscope.wire.target import Limits, Target

MAX_HOSTS: Final = 65_536
CONNECTIONS_PER_HOST: Final = len(PORTS)
SCAN_LIMITS: Final = Limits(connect=1.5, exchange=8.0)


@dataclass(frozen=True, slots=True)
class ScanResult:
    """A host that answered: a rig with its reading, or the error."""

    address: str
    driver: Driver | None
    reading: Reading | None
    error: str | None = None


def parse_ranges(ranges: Iterable[str]) -> list[str]:
    """Return the hosts of CIDR `ranges` (or single addresses) without duplicates; raises UsageError over 65,536."""
    found: dict[str, None] = {}
    for text in ranges:
        try:
            network = ip_network(text, strict=False)
        except ValueError as error:
            raise UsageError(f"{text!r} is not an address range: {error}. Use CIDR, such as 192.168.1.0/24.") from error
        if network.num_addresses > MAX_HOSTS or len(found) + network.num_addresses > 2 * MAX_HOSTS:
            raise UsageError(
                f"{text} has {network.num_addresses:,} addresses; the maximum is {MAX_HOSTS:,}: split the range."
            )
        found.update(dict.fromkeys(str(host) for host in (network.hosts() if network.num_addresses > 2 else network)))
    if len(found) > MAX_HOSTS:
        raise UsageError(
            f"the ranges have {len(found):,} addresses; the maximum is {MAX_HOSTS:,}: scan them separately."
        )
    return list(found)


async def scan_hosts(
    addresses: Iterable[str],
    *,
    wire: Wire,
    clock: Clock,
    shuffle: Callable[[list[str]], None],
    rate: float = 50.0,
    concurrency: int = 32,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> AsyncIterator[ScanResult]:
    """Yield hosts as they answer. `rate` limits new connections per second, `concurrency` parallel hosts."""
    waiting = list(addresses)
    shuffle(waiting)
    total, done = len(waiting), 0
    pace = Pace(clock, rate)
    results: asyncio.Queue[ScanResult | None] = asyncio.Queue()

    async def work() -> None:
        while waiting:
            host = waiting.pop()
            await pace.wait(CONNECTIONS_PER_HOST)
            await results.put(await _visit(wire, Target(host)))

    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, total)):
            group.create_task(work())
        while done < total:
            found = await results.get()
            done += 1
            on_progress(done, total)
            if found is not None:
                yield found


async def _visit(wire: Wire, target: Target) -> ScanResult | None:
    try:
        if not await wire.open_ports(target, PORTS):
            return None
        once = await read_once(wire, target, limits=SCAN_LIMITS)
    except PollError as error:
        if error.reason in ("refused", "connect_timeout", "unreachable", "unidentified"):
            return None
        return ScanResult(target.host, None, None, str(error))
    return ScanResult(target.host, once.driver, once.reading)
