"""What tests of the watcher share: a watch on real pools, and one in memory with a clock that the test moves."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from fakes.stratum import FastClock, MemoryDial
from stratoscope.clock import SystemClock
from stratoscope.stratum.protocol.dial import Dialer
from stratoscope.stratum.protocol.endpoint import endpoint_of
from stratoscope.stratum.watch.settings import Chosen, StratumSettings
from stratoscope.stratum.watch.watcher import Watch
from stratoscope.wire.dns import DnsResolver


async def eventually(check, seconds: float = 15.0):
    """Return what `check` gives once that is something."""
    for _ in range(int(seconds / 0.01)):
        if found := check():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


@pytest.fixture
async def watch():
    """Return a function that watches endpoints by real sockets: (urls, more settings) → Watch, its events in `told`."""
    async with AsyncExitStack() as stack:

        async def begin(*urls: str, trusted=None, **more) -> Watch:
            clock, told = SystemClock(), []
            chosen = tuple(Chosen(endpoint=endpoint_of(url)) for url in urls)
            names = DnsResolver(clock)
            made = Watch(
                StratumSettings(endpoints=chosen, **more),
                clock,
                chance=lambda: 0.0,
                dial=Dialer(names, clock, trusted),
                events=told.append,
            )
            made.told = told
            stack.push_async_callback(names.close)
            await running(stack, made)
            return made

        yield begin


@pytest.fixture
async def quick():
    """Return a function that watches pools in memory: (pools by host, …) → (Watch, MemoryDial, FastClock)."""
    async with AsyncExitStack() as stack:

        async def begin(pools, clock: FastClock, *, chance=lambda: 0.0, difficulty=lambda: None, hosts=None, **more):
            told = []
            chosen = tuple(Chosen(endpoint=endpoint_of(f"{host}:3333")) for host in (pools if hosts is None else hosts))
            dial = MemoryDial(pools)
            made = Watch(
                StratumSettings(endpoints=chosen, **more),
                clock,
                chance=chance,
                dial=dial,
                events=told.append,
                difficulty=difficulty,
            )
            made.told = told
            await running(stack, made)
            return made, dial

        yield begin


async def running(stack: AsyncExitStack, watch: Watch) -> None:
    task = asyncio.create_task(watch.run())

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
    await asyncio.sleep(0)
