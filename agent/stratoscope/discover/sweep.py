"""Searches address ranges for rigs, at a bounded rate, in random order, one host at a time each."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from stratoscope.clock import Clock
from stratoscope.discover.identify import PORTS
from stratoscope.discover.once import read_once
from stratoscope.drivers.driver import Driver
from stratoscope.errors import PollError, UsageError
from stratoscope.poll.pace import ConnectionPacer
from stratoscope.reading import Reading
from stratoscope.wire.ask import Wire
from stratoscope.wire.target import Limits, Target

MOST_HOSTS: Final = 65_536
CONNECTIONS_PER_HOST: Final = len(PORTS)
SCAN_LIMITS: Final = Limits(connect=1.5, exchange=8.0)


@dataclass(frozen=True, slots=True)
class Found:
    """A host where something answered: a rig with its reading, or what went wrong with it."""

    address: str
    driver: Driver | None
    reading: Reading | None
    error: str | None = None


def hosts(ranges: Iterable[str]) -> list[str]:
    """Return the host addresses of CIDR `ranges` (or single addresses), each once; raises UsageError over 65,536."""
    found: dict[str, None] = {}
    for text in ranges:
        try:
            network = ip_network(text, strict=False)
        except ValueError as error:
            raise UsageError(f"{text!r} is no address range: {error}. Give CIDR, as 192.168.1.0/24.") from error
        if network.num_addresses > MOST_HOSTS or len(found) + network.num_addresses > 2 * MOST_HOSTS:
            raise UsageError(f"{text} holds {network.num_addresses:,} addresses; a scan takes at most {MOST_HOSTS:,}.")
        found.update(dict.fromkeys(str(host) for host in (network.hosts() if network.num_addresses > 2 else network)))
    if len(found) > MOST_HOSTS:
        raise UsageError(f"the ranges hold {len(found):,} addresses; a scan takes at most {MOST_HOSTS:,}.")
    return list(found)


async def sweep(
    addresses: Iterable[str],
    *,
    wire: Wire,
    clock: Clock,
    shuffle: Callable[[list[str]], None],
    rate: float = 50.0,
    concurrency: int = 32,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> AsyncIterator[Found]:
    """Yield what answers, as it answers. `rate` bounds new connections per second, `concurrency` hosts at once."""
    waiting = list(addresses)
    shuffle(waiting)
    total, done = len(waiting), 0
    pace = ConnectionPacer(clock, rate)
    results: asyncio.Queue[Found | None] = asyncio.Queue()

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


async def _visit(wire: Wire, target: Target) -> Found | None:
    try:
        if not await wire.open_ports(target, PORTS):
            return None
        once = await read_once(wire, target, limits=SCAN_LIMITS)
    except PollError as error:
        if error.reason in ("refused", "connect_timeout", "unreachable", "unidentified"):
            return None
        return Found(target.host, None, None, str(error))
    return Found(target.host, once.driver, once.reading)
