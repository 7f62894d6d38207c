import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from fakes.addresses import free_base
from stratoscope.simulate.fleet import SimulatedFleet, SimulatedRig


class FakeClock:
    """A clock that moves only in `pass_`, which wakes the sleepers whose time has come."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_790_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, future))
        await future

    async def pass_(self, seconds: float) -> None:
        """Advance the clock, then run every task that wakes up."""
        self.now += seconds
        for at, future in self._sleepers:
            if at <= self.now and not future.done():
                future.set_result(None)
        self._sleepers = [(at, future) for at, future in self._sleepers if not future.done()]
        for _ in range(20):
            await asyncio.sleep(0)


class Caller:
    """Sends CGMiner requests to rigs over real sockets."""

    async def raw(self, rig: SimulatedRig, data: bytes, port: int = 4028) -> bytes:
        """Send `data` and return everything until the rig closes the connection."""
        reader, writer = await asyncio.open_connection(rig.address, rig.ports[port])
        try:
            writer.write(data)
            return await asyncio.wait_for(reader.read(), 60)
        finally:
            writer.close()

    async def until_nul(self, rig: SimulatedRig, command: str, **more: object) -> bytes:
        reader, writer = await asyncio.open_connection(rig.address, rig.ports[4028])
        try:
            writer.write(json.dumps({"command": command, **more}).encode())
            return await asyncio.wait_for(reader.readuntil(b"\0"), 60)
        finally:
            writer.close()

    async def command(self, rig: SimulatedRig, command: str, **more: object) -> dict:
        return json.loads((await self.until_nul(rig, command, **more))[:-1])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def base() -> str:
    """The first address of a range that no other test run on this machine uses."""
    return free_base(9)  # enough for 2000 rigs


@pytest.fixture
async def fleet_of(clock: FakeClock, base: str) -> AsyncIterator[Callable[..., Awaitable[SimulatedFleet]]]:
    """Return a function that starts a fleet; all fleets stop at the end of the test."""
    async with AsyncExitStack() as stack:

        async def start(**options: object) -> SimulatedFleet:
            fleet = SimulatedFleet(**{"clock": clock, "base": base, "troubles": False, "rigs": 1, **options})
            await fleet.start()
            stack.push_async_callback(fleet.stop)
            return fleet

        yield start


@pytest.fixture
def rig_of(fleet_of) -> Callable[..., Awaitable[SimulatedRig]]:
    """Return a function that starts a fleet of one family and returns its first rig."""

    async def start(family: str, **options: object) -> SimulatedRig:
        return (await fleet_of(mix={family: 1}, **options)).rigs[0]

    return start
