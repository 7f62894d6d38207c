"""Fixtures of the stratum tests: a watcher with real sockets, one in memory with a simulated clock, two event loops."""

import asyncio
from contextlib import AsyncExitStack

import pytest
import uvloop

from fakes.stratum import FastClock, InMemoryDialer
from stratoscope.clock import SystemClock
from stratoscope.stratum.protocol.endpoint import parse_endpoint
from stratoscope.stratum.sessions.dial import SocketDialer
from stratoscope.stratum.settings import ConfiguredEndpoint, StratumSettings
from stratoscope.stratum.watch.watcher import EndpointWatcher
from stratoscope.wire.dns import DnsResolver


async def eventually(check, seconds: float = 60.0):
    """Return the result of `check` once it is truthy."""
    for _ in range(int(seconds / 0.01)):
        if found := check():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"not true within {seconds:.0f} s")


TEST_TIMEOUT_S = 20.0


@pytest.fixture
async def watch_endpoints():
    """Return a function that watches endpoints over real sockets: (urls, settings) → watcher, with its `events`."""
    async with AsyncExitStack() as stack:

        async def begin(*urls: str, trusted=None, **more) -> EndpointWatcher:
            clock, events = SystemClock(), []
            chosen = tuple(ConfiguredEndpoint(endpoint=parse_endpoint(url)) for url in urls)
            names = DnsResolver(clock)
            watcher = EndpointWatcher(
                StratumSettings(endpoints=chosen, **more),
                clock,
                random01=lambda: 0.0,
                dial=SocketDialer(names, clock, trusted),
                events=events.append,
            )
            watcher.events = events
            stack.push_async_callback(names.close)
            await start(stack, watcher)
            return watcher

        yield begin


@pytest.fixture
async def watch_simulated():
    """Return a function that watches pools in memory: (pools by host, clock, …) → (watcher, dialer)."""
    async with AsyncExitStack() as stack:

        async def begin(pools, clock: FastClock, *, random01=lambda: 0.0, difficulty=lambda: None, hosts=None, **more):
            events = []
            chosen = tuple(
                ConfiguredEndpoint(endpoint=parse_endpoint(f"{host}:3333"))
                for host in (pools if hosts is None else hosts)
            )
            dial = InMemoryDialer(pools)
            watcher = EndpointWatcher(
                StratumSettings(endpoints=chosen, **more),
                clock,
                random01=random01,
                dial=dial,
                events=events.append,
                difficulty=difficulty,
            )
            watcher.events = events
            await start(stack, watcher)
            return watcher, dial

        yield begin


async def start(stack: AsyncExitStack, watcher: EndpointWatcher) -> None:
    """Run a watcher until the end of the test."""
    task = asyncio.create_task(watcher.run())

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
    await asyncio.sleep(0)


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    """Return a function that runs a coroutine function on one of the two event loops."""

    def runner(main):
        async def bounded():
            async with asyncio.timeout(TEST_TIMEOUT_S):
                await main()

        request.param(bounded())

    return runner
