"""Ties Home Assistant's announcer to the MQTT exporter: what it hears of rigs, site and broker, and where it speaks."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from stratoscope import __version__
from stratoscope.clock import Clock
from stratoscope.errors import BrokerError
from stratoscope.exporter import AgentHealth
from stratoscope.fleet import RigId
from stratoscope.outside.broker import Broker, Incoming, Outgoing
from stratoscope_exporters.homeassistant.announcer import Announcer, Message
from stratoscope_exporters.homeassistant.documents import Devices
from stratoscope_exporters.homeassistant.metrics import Census
from stratoscope_exporters.homeassistant.settings import HomeAssistant
from stratoscope_exporters.mqtt.queues import Latest, States
from stratoscope_exporters.mqtt.rigs import Rigs
from stratoscope_exporters.mqtt.topics import Topics
from stratoscope_exporters.mqtt.tree import Object

QUIET: Final = 0.5
"""Seconds without a retained message after which the broker has told all it retained."""
SUBSCRIBED: Final = 5.0
"""Seconds after which Home Assistant listens to the topics of a device that it was told of."""
PATIENCE: Final = 5.0
SETTLE_LATEST: Final = 120.0
"""Seconds for which a large fleet's documents may take to be told once."""
BRIEF_MOST: Final = 3
"""Brief connections in a row after which we no longer read what is retained: with MQTT 3.1.1, a message there that is
too large ends the connection.
"""
STEADY: Final = 10.0  # s
EXPIRE_INTERVALS: Final = 6
EXPIRE_LEAST: Final = 60.0  # s

log = structlog.get_logger(__name__)


class Discovery:
    """Home Assistant's discovery for one publisher. Its messages wait with the other retained ones, so that none is
    lost with a connection and all are counted.
    """

    def __init__(
        self,
        topics: Topics,
        settings: HomeAssistant,
        rigs: Rigs,
        retained: Latest,
        states: States,
        clock: Clock,
        health: AgentHealth,
        chance: Callable[[], float],
    ) -> None:
        self.announcer = Announcer(Devices(topics, __version__), settings, chance)
        self._most, self._retained, self._states = settings.max_rigs, retained, states
        self._clock, self._health = clock, health
        self._census = Census(lambda: (self.announcer.announced, len(self.announcer.withheld)))
        self._heard_out = self._told = False
        self._tell_again: dict[RigId, float] = {}  # rig → monotonic s
        self._last = 0.0  # monotonic s of the last message that was retained
        self._brief = 0  # connections in a row that did not last
        rigs.listeners.append(self.announcer.rig_is)
        rigs.left.append(self._left)

    def register(self, registry: CollectorRegistry) -> None:
        """Show on `registry` how many rigs are announced."""
        registry.register(self._census)

    def unregister(self, registry: CollectorRegistry) -> None:
        """Take that off again."""
        registry.unregister(self._census)

    def site_is(self, document: Object, seconds: float) -> None:
        """Take the site's document, which comes every `seconds`."""
        self.announcer.site_is(document, seconds, max(EXPIRE_LEAST, EXPIRE_INTERVALS * seconds))

    async def listen(self, broker: Broker) -> None:
        """Subscribe to what Home Assistant and earlier runs say; the first time, hear out what the broker retained
        before any rig is announced. `hear` must be fed meanwhile.
        """
        self._brief += 1
        birth, retained = self.announcer.listens
        try:
            await broker.subscribe([birth] if self._brief > BRIEF_MOST else [birth, retained])
        except BrokerError as error:
            if not error.of_message:
                raise
            log.warning(
                "the broker does not let us hear Home Assistant's birth message or what we retained; devices "
                "that are gone stay there",
                reason=str(error),
            )
            return
        if not self._heard_out:
            started = self._last = self._clock.monotonic()
            while (now := self._clock.monotonic()) < min(self._last + QUIET, started + PATIENCE):
                await self._clock.sleep(min(self._last + QUIET, started + PATIENCE) - now)
            self._heard_out = True

    def hear(self, message: Incoming) -> None:
        """Take a message of the broker."""
        if message.retained:
            self._last = self._clock.monotonic()
        self.announcer.heard(message.topic, message.payload, self._clock.monotonic())

    async def run(self) -> None:
        """Announce while one connection lasts."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.announcer.run(self._publish, self._clock), name="home assistant")
            tasks.create_task(self._settle(), name="home assistant: what is gone")
            tasks.create_task(self._repeat(), name="home assistant: states again")

    async def _publish(self, message: Message) -> bool:
        self._retained.put(Outgoing(message.topic, message.payload, 1, retain=True))
        if message.rig is not None:
            self._tell_again[message.rig] = self._clock.monotonic() + SUBSCRIBED
        return True  # it waits until the broker has it, over connections

    async def _repeat(self) -> None:
        """Send the state of a rig again once Home Assistant has had time to subscribe to it: states are not retained,
        and a rig that is away is asked seldom.
        """
        steady = self._clock.monotonic() + STEADY
        while True:
            await self._clock.sleep(1.0)
            now = self._clock.monotonic()
            if now > steady:
                self._brief = 0
            for rig in [rig for rig, due in self._tell_again.items() if due <= now]:
                del self._tell_again[rig]
                self._states.mark(rig)

    async def _settle(self) -> None:
        """Let go of what earlier runs announced once every rig was tried and told of; say how many are left out."""
        while not self._health.ready:
            await self._clock.sleep(1.0)
        latest = self._clock.monotonic() + SETTLE_LATEST
        while self._states and self._clock.monotonic() < latest:
            await self._clock.sleep(1.0)
        self.announcer.settled(self._clock.monotonic())
        withheld, announced = len(self.announcer.withheld), self.announcer.announced
        if withheld and announced >= self._most and not self._told:
            self._told = True
            log.warning(
                "rigs are left out of Home Assistant; exporters.mqtt.homeassistant says which may come",
                announced=announced,
                left_out=withheld,
                max_rigs=self._most,
            )

    def _left(self, rig: RigId) -> None:
        self.announcer.rig_left(rig, self._clock.monotonic())
