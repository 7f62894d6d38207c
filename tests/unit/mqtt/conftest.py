"""Starts a real broker, and a second client that hears what it is told."""

import asyncio

import pytest

from fakes.mosquitto import Mosquitto
from stratoscope.outside.broker import BrokerAccount, BrokerConnection, Incoming


def account(broker: Mosquitto, **over) -> BrokerAccount:
    return BrokerAccount(**{"host": "127.0.0.1", "port": broker.port, **over})


class Listener:
    """A consumer of everything below some topics."""

    def __init__(self, who: BrokerAccount) -> None:
        self.heard: list[Incoming] = []
        self.connection = BrokerConnection(who, 1 << 20)
        self._task: asyncio.Task[None] | None = None

    async def start(self, *topics: str) -> "Listener":
        await self.connection.connect()
        await self.connection.subscribe(topics or ("#",))
        self._task = asyncio.create_task(self._listen())
        return self

    async def _listen(self) -> None:
        while True:
            self.heard.append(await self.connection.receive())

    async def until(self, condition, seconds: float = 60.0) -> None:
        """Wait until `condition` of what was heard holds."""
        async with asyncio.timeout(seconds):
            while not condition(self.heard):
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.connection.close(clean=True)


@pytest.fixture
def mosquitto(tmp_path):
    """Return a function that starts a broker with lines of its config."""
    started = []

    def start(*lines: str, **over) -> Mosquitto:
        started.append(Mosquitto(tmp_path, *lines, **over))
        return started[-1]

    yield start
    for broker in started:
        broker.stop()


@pytest.fixture
async def listen():
    """Return a function that starts a listener."""
    started = []

    async def start(who: BrokerAccount, *topics: str) -> Listener:
        listener = Listener(who)
        started.append(listener)
        return await listener.start(*topics)

    yield start
    for listener in started:
        await listener.stop()
