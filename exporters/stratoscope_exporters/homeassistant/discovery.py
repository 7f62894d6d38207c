"""Connects the Home Assistant announcer to the MQTT exporter: rigs, site and broker in, retained messages out."""

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
from stratoscope_exporters.homeassistant.announcer import Announcer, DiscoveryMessage
from stratoscope_exporters.homeassistant.config import HomeAssistantConfig
from stratoscope_exporters.homeassistant.documents import DeviceBuilder
from stratoscope_exporters.homeassistant.metrics import HomeAssistantMetrics
from stratoscope_exporters.mqtt.queues import LatestQueue, StateQueue
from stratoscope_exporters.mqtt.rigs import RigPublisher
from stratoscope_exporters.mqtt.topics import Topics
from stratoscope_exporters.mqtt.tree import Object

RETAINED_QUIET_S: Final = 0.5
"""Seconds without a retained message after which all retained messages are received."""
RESEND_AFTER_S: Final = 5.0
"""Seconds after an announcement until Home Assistant has subscribed to the topics of the device."""
MAX_RETAINED_WAIT_S: Final = 5.0
MAX_SETTLE_S: Final = 120.0
"""Maximum seconds to publish the first documents of a large fleet."""
MAX_SHORT_CONNECTIONS: Final = 3
"""Consecutive short connections after which retained messages are not read any more: with MQTT 3.1.1, a retained
message that is too large ends the connection.
"""
STABLE_AFTER_S: Final = 10.0  # s
EXPIRE_INTERVALS: Final = 6
MIN_EXPIRE_S: Final = 60.0  # s

log = structlog.get_logger(__name__)


class HomeAssistantDiscovery:
    """Home Assistant discovery of one publisher. Its messages are queued with the other retained messages, so that a
    lost connection loses none and all are counted.
    """

    def __init__(
        self,
        topics: Topics,
        settings: HomeAssistantConfig,
        rigs: RigPublisher,
        retained: LatestQueue,
        states: StateQueue,
        clock: Clock,
        health: AgentHealth,
        chance: Callable[[], float],
    ) -> None:
        self.announcer = Announcer(DeviceBuilder(topics, __version__), settings, chance)
        self._max_rigs, self._retained, self._states = settings.max_rigs, retained, states
        self._clock, self._health = clock, health
        self._metrics = HomeAssistantMetrics(lambda: (self.announcer.announced, len(self.announcer.withheld)))
        self._retained_read = self._warned = False
        self._resend_at: dict[RigId, float] = {}  # rig → monotonic s
        self._last = 0.0  # monotonic s of the last retained message
        self._short_connections = 0  # consecutive connections that did not last
        rigs.document_listeners.append(self.announcer.update_rig)
        rigs.removal_listeners.append(self._left)

    def register(self, registry: CollectorRegistry) -> None:
        """Add the number of announced rigs to `registry`."""
        registry.register(self._metrics)

    def unregister(self, registry: CollectorRegistry) -> None:
        """Remove it from `registry`."""
        registry.unregister(self._metrics)

    def update_site(self, document: Object, seconds: float) -> None:
        """Update the site's device from its document, which is published every `seconds`."""
        self.announcer.update_site(document, seconds, max(MIN_EXPIRE_S, EXPIRE_INTERVALS * seconds))

    async def subscribe(self, broker: Broker) -> None:
        """Subscribe to the birth message and the announcements of earlier runs. The first time, wait until all retained
        messages are received; `handle_message` must be called meanwhile.
        """
        self._short_connections += 1
        birth, retained = self.announcer.topic_filters
        try:
            await broker.subscribe([birth] if self._short_connections > MAX_SHORT_CONNECTIONS else [birth, retained])
        except BrokerError as error:
            if not error.of_message:
                raise
            log.warning(
                "subscription for Home Assistant failed: denied by the broker (removed rigs stay in Home Assistant)",
                reason=str(error),
            )
            return
        if not self._retained_read:
            started = self._last = self._clock.monotonic()
            while (now := self._clock.monotonic()) < min(self._last + RETAINED_QUIET_S, started + MAX_RETAINED_WAIT_S):
                await self._clock.sleep(min(self._last + RETAINED_QUIET_S, started + MAX_RETAINED_WAIT_S) - now)
            self._retained_read = True

    def handle_message(self, message: Incoming) -> None:
        """Handle a message from the broker."""
        if message.retained:
            self._last = self._clock.monotonic()
        self.announcer.handle_message(message.topic, message.payload, self._clock.monotonic())

    async def run(self) -> None:
        """Announce during one connection."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.announcer.run(self._publish, self._clock), name="home assistant")
            tasks.create_task(self._settle(), name="home assistant: cleanup")
            tasks.create_task(self._repeat(), name="home assistant: resend states")

    async def _publish(self, message: DiscoveryMessage) -> bool:
        self._retained.put(Outgoing(message.topic, message.payload, 1, retain=True))
        if message.rig is not None:
            self._resend_at[message.rig] = self._clock.monotonic() + RESEND_AFTER_S
        return True  # it stays queued, across connections, until the broker has it

    async def _repeat(self) -> None:
        """Send the state of a rig again once Home Assistant has had time to subscribe: states are not retained, and an
        offline rig is polled rarely.
        """
        steady = self._clock.monotonic() + STABLE_AFTER_S
        while True:
            await self._clock.sleep(1.0)
            now = self._clock.monotonic()
            if now > steady:
                self._short_connections = 0
            for rig in [rig for rig, due in self._resend_at.items() if due <= now]:
                del self._resend_at[rig]
                self._states.mark(rig)

    async def _settle(self) -> None:
        """Remove unclaimed devices once every rig is polled and published; log how many rigs are withheld."""
        while not self._health.ready:
            await self._clock.sleep(1.0)
        latest = self._clock.monotonic() + MAX_SETTLE_S
        while self._states and self._clock.monotonic() < latest:
            await self._clock.sleep(1.0)
        self.announcer.remove_unclaimed(self._clock.monotonic())
        withheld, announced = len(self.announcer.withheld), self.announcer.announced
        if withheld and announced >= self._max_rigs and not self._warned:
            self._warned = True
            log.warning(
                "rigs withheld from Home Assistant: limit reached (see exporters.mqtt.homeassistant.max_rigs and rigs)",
                announced=announced,
                withheld=withheld,
                max_rigs=self._max_rigs,
            )

    def _left(self, rig: RigId) -> None:
        self.announcer.remove_rig(rig, self._clock.monotonic())
