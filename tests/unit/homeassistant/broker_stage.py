"""Fixtures: Home Assistant and an exporter with discovery on a real broker."""

import asyncio
import contextlib

import pytest

from fakes.homeassistant import HomeAssistant
from stratoscope.outside.broker import BrokerAccount, BrokerConnection, Outgoing
from stratoscope_exporters.homeassistant import announcer, discovery
from unit.mqtt.stage import Stage


@pytest.fixture
def impatient(monkeypatch):
    """Shorten the delays of discovery."""
    monkeypatch.setattr(discovery, "RETAINED_QUIET_S", 0.2)
    monkeypatch.setattr(discovery, "RESEND_AFTER_S", 0.3)
    monkeypatch.setattr(announcer, "REMOVAL_DELAY_S", 0.3)


class Home(HomeAssistant):
    """A Home Assistant on a broker. It reads a device's topics only after its announcement: first the retained ones
    (status and availability), no states.
    """

    def __init__(self, who: BrokerAccount) -> None:
        super().__init__()
        self.connection = BrokerConnection(who)
        self.retained: dict[str, bytes] = {}
        self.discovered = 0
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> "Home":
        await self.connection.connect()
        await self.connection.subscribe(("#",))
        self.task = asyncio.create_task(self._live())
        return self

    async def _live(self) -> None:
        while True:
            message = await self.connection.receive()
            if message.topic.endswith(("/status", "/availability")):
                self.retained[message.topic] = message.payload
            self.receive(message.topic, message.payload)
            if message.topic.endswith("/config"):
                self.discovered += 1
                for topic, payload in self.retained.items():
                    self.receive(topic, payload)

    async def publish_birth(self) -> None:
        await self.connection.publish(Outgoing("homeassistant/status", b"online", 1))

    async def until(self, condition, seconds: float = 60.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.connection.close(clean=True)


@pytest.fixture
async def home():
    """Return a function that starts a Home Assistant on a broker."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(who: BrokerAccount) -> Home:
            made = await Home(who).start()
            stack.push_async_callback(made.stop)
            return made

        yield start


@pytest.fixture
async def stage():
    """Return a function that makes a publisher with Home Assistant switched on."""
    async with contextlib.AsyncExitStack() as stack:

        def make(who: BrokerAccount, **settings) -> Stage:
            made = Stage(who, **{"homeassistant": True, **settings})
            stack.push_async_callback(made.stop)
            return made

        yield make
