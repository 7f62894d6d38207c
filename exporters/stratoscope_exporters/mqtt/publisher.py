"""Publishes the site to a broker: connects, sends, and reconnects with backoff.

Polling never waits for the broker. Changes are kept in sets and maps of bounded size, and become messages only when the
broker accepts them.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import orjson
import structlog

from stratoscope.clock import Clock
from stratoscope.errors import BROKER_REASONS, BrokerError, first_error
from stratoscope.events import Event
from stratoscope.exporter import Context
from stratoscope.ledger import Outbox
from stratoscope.metrics import RigContribution, totals
from stratoscope.outside.backoff import ReconnectBackoff
from stratoscope.outside.broker import Broker, Outgoing
from stratoscope_exporters.homeassistant.discovery import HomeAssistantDiscovery
from stratoscope_exporters.mqtt.config import MqttExporterConfig
from stratoscope_exporters.mqtt.documents import RigDocuments, SiteDocuments, event_document, health_document
from stratoscope_exporters.mqtt.metrics import MqttMetrics
from stratoscope_exporters.mqtt.queues import LatestQueue, StateQueue
from stratoscope_exporters.mqtt.rigs import RigPublisher
from stratoscope_exporters.mqtt.sender import MessageQueues, Sender
from stratoscope_exporters.mqtt.topics import Topics

GOODBYE_TIMEOUT_S: Final = 2.0
"""Maximum seconds for the last message, so that a shutdown does not wait for the broker."""

log = structlog.get_logger(__name__)


class Publisher:
    """The MQTT exporter; `run` works until cancelled."""

    def __init__(
        self,
        context: Context,
        settings: MqttExporterConfig,
        connection: Callable[[], Broker],
        chance: Callable[[], float],
    ) -> None:
        self._context, self._settings, self._connection, self._chance = context, settings, connection, chance
        self._clock: Clock = context.clock
        self.topics = Topics(settings.root, context.site)
        self.counts = MqttMetrics()
        work = asyncio.Event()
        self._waiting = MessageQueues(
            work=work,
            retained=LatestQueue("retained", self.counts, work),
            site=LatestQueue("site", self.counts, work),
            states=StateQueue(context.fleet, self.counts, work),
            outbox=context.outbox if context.outbox is not None else Outbox(),
            batch=0 if settings.batch else None,
        )
        self._rigs = RigPublisher(
            context.fleet,
            self.topics,
            RigDocuments(settings.options),
            self._waiting.retained,
            self._waiting.states,
            self._clock,
            retain_state=settings.retain_state,
        )
        self._site = SiteDocuments(context.site, context.sections)
        self._sender = Sender(self._waiting, self._rigs, self.topics, self.counts, self._clock, settings.rate)
        self._discovery = (
            None
            if settings.homeassistant is None
            else HomeAssistantDiscovery(
                self.topics,
                settings.homeassistant,
                self._rigs,
                self._waiting.retained,
                self._waiting.states,
                self._clock,
                context.health,
                chance,
            )
        )
        self._last_failure: str | None = None

    async def run(self) -> None:
        """Publish until cancelled; then disconnect cleanly if possible."""
        context, states = self._context, self._waiting.states
        context.registry.register(self.counts)
        if self._discovery is not None:
            self._discovery.register(context.registry)
        context.fleet.subscribe(states)
        if context.events is not None:
            context.events.listeners.append(self._queue_event)
        try:
            await self._connections()
        finally:
            if context.events is not None:
                context.events.listeners.remove(self._queue_event)
            context.fleet.unsubscribe(states)
            context.registry.unregister(self.counts)
            if self._discovery is not None:
                self._discovery.unregister(context.registry)

    async def _connections(self) -> None:
        backoff = ReconnectBackoff()
        while True:
            broker, since, reason = self._connection(), self._clock.monotonic(), "lost"
            try:
                await broker.connect(self._status("offline"))
                since = self._clock.monotonic()
                await self._session(broker)
            except* BrokerError as group:
                error = first_error(group)
                assert isinstance(error, BrokerError)  # noqa: S101 — except* matched only this type
                reason = error.reason if error.reason in BROKER_REASONS else "lost"
                self._lost(reason, error)
            except* Exception:  # an internal error may end a connection but not the agent; counted and logged
                reason = "bug"
                self.counts.fail(reason)
                log.exception("MQTT publishing failed: internal error, please report (reconnecting)")
            finally:
                self.counts.connected = False
                await broker.close(clean=False)
            # A TaskGroup of Python 3.11 loses a cancellation when one of its tasks fails at the same moment.
            if self._context.health.stopping:
                return
            await self._clock.sleep(backoff.next_delay(self._clock.monotonic() - since, reason, self._chance()))

    async def _session(self, broker: Broker) -> None:
        """Publish on one connection until it breaks or the agent stops."""
        self.counts.connected = True
        self.counts.connects += 1
        if self._last_failure is not None:
            log.info("MQTT broker reconnected")
        self._last_failure = None
        await self._publish_status(broker, "online")
        await self._rigs.republish_availability(self._context.known() if self._context.health.ready else ())
        self._waiting.states.mark_all()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(broker), name="mqtt listen")
                if self._discovery is not None:
                    await self._discovery.subscribe(broker)
                    tasks.create_task(self._discovery.run(), name="mqtt home assistant")
                tasks.create_task(self._sender.run(broker, tasks), name="mqtt send")
                tasks.create_task(self._every(self._settings.site_interval, self._publish_site), name="mqtt site")
                tasks.create_task(self._every(self._settings.health_interval, self._publish_health), name="mqtt health")
                if self._settings.batch:
                    tasks.create_task(self._every(self._settings.batch_interval, self._batch), name="mqtt batch")
                if not self._context.health.ready:
                    tasks.create_task(self._when_ready(), name="mqtt absent rigs")
        except asyncio.CancelledError:
            await self._say_goodbye(broker)
            raise

    async def _say_goodbye(self, broker: Broker) -> None:
        """Publish offline, because a clean disconnect discards the last will; then disconnect."""
        try:
            async with asyncio.timeout(GOODBYE_TIMEOUT_S):
                await self._publish_status(broker, "offline")
        except (BrokerError, TimeoutError):
            return  # the last will publishes offline
        await broker.close(clean=True)

    async def _publish_status(self, broker: Broker, status: str) -> None:
        """Publish the agent's status before all queued messages. Raises BrokerError."""
        queue, message = self._waiting.retained, self._status(status)
        queue.put(message)
        await self._sender.send_queued(broker, queue, queue.take_topic(message.topic))

    async def _listen(self, broker: Broker) -> None:
        """Receive until the connection breaks; this also detects a lost connection."""
        while True:
            message = await broker.receive()
            if self._discovery is not None:
                self._discovery.handle_message(message)

    async def _every(self, interval: float, make: Callable[[], Any]) -> None:
        while True:
            await make()
            await self._clock.sleep(interval)

    async def _when_ready(self) -> None:
        """Publish machines of earlier runs as offline, once every configured rig was polled."""
        while not self._context.health.ready:
            await self._clock.sleep(1.0)
        await self._rigs.publish_absent(self._context.known())

    async def _publish_site(self) -> None:
        snapshots, economist = list(self._context.fleet.snapshots.values()), self._context.economist
        now, energy = self._clock.time(), self._waiting.states.energy
        tallies = await asyncio.to_thread(lambda: [RigContribution.of(snapshot) for snapshot in snapshots])
        money = None if economist is None else economist.site_summation(now)(tally.money for tally in tallies)
        document = self._site.document(totals(tallies, energy), money, now)
        self._waiting.site.put(Outgoing(self.topics.site_state, orjson.dumps(document)))
        if self._discovery is not None:
            self._discovery.update_site(document, self._settings.site_interval)

    async def _publish_health(self) -> None:
        document = health_document(self._context.registry, self._context.health, self._clock.time())
        self._waiting.site.put(Outgoing(self.topics.health, orjson.dumps(document)))

    async def _batch(self) -> None:
        self._waiting.batch = len(self._waiting.states)
        self._waiting.work.set()

    def _status(self, status: str) -> Outgoing:
        return Outgoing(self.topics.status, status.encode(), 1, retain=True)

    def _queue_event(self, event: Event) -> None:
        """Queue an event for the broker."""
        rig = None if event.rig is None else self._rigs.topic_id(event.rig)
        payload = orjson.dumps(event_document(event, self._context.site, rig))
        self._waiting.outbox.put(self.topics.event(event.kind), payload)
        self._sender.sync_event_counts()
        self._waiting.work.set()

    def _lost(self, reason: str, error: BrokerError) -> None:
        self.counts.fail(reason)
        if reason != self._last_failure:
            self._last_failure = reason
            log.warning("MQTT broker unreachable (polling continues, events are queued)", reason=str(error))
