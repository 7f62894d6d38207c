"""Publishes the site to a broker for as long as the agent runs: connects, sends, and comes back calmly when it is lost.

Polling never waits for the broker: what changed is noted in sets and maps of bounded size, and made into messages only
when the broker takes them.
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
from stratoscope.metrics import Tally, totals
from stratoscope.outside.backoff import ReconnectBackoff
from stratoscope.outside.broker import Broker, Outgoing
from stratoscope_exporters.homeassistant.discovery import Discovery
from stratoscope_exporters.mqtt.counts import Counts
from stratoscope_exporters.mqtt.documents import RigDocuments, SiteDocuments, event_document, health_document
from stratoscope_exporters.mqtt.queues import Latest, States
from stratoscope_exporters.mqtt.rigs import Rigs
from stratoscope_exporters.mqtt.sender import Sender, Waiting
from stratoscope_exporters.mqtt.settings import Settings
from stratoscope_exporters.mqtt.topics import Topics

FAREWELL: Final = 2.0
"""Seconds for the last word; the agent's end must not wait for a broker."""

log = structlog.get_logger(__name__)


class Publisher:
    """Everything the exporter does; `run` until cancelled."""

    def __init__(
        self, context: Context, settings: Settings, connection: Callable[[], Broker], chance: Callable[[], float]
    ) -> None:
        self._context, self._settings, self._connection, self._chance = context, settings, connection, chance
        self._clock: Clock = context.clock
        self.topics = Topics(settings.root, context.site)
        self.counts = Counts()
        work = asyncio.Event()
        self._waiting = Waiting(
            work=work,
            retained=Latest("retained", self.counts, work),
            site=Latest("site", self.counts, work),
            states=States(context.fleet, self.counts, work),
            outbox=context.outbox if context.outbox is not None else Outbox(),
            batch=0 if settings.batch else None,
        )
        self._rigs = Rigs(
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
            else Discovery(
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
        self._trouble: str | None = None

    async def run(self) -> None:
        """Publish until cancelled; then say goodbye where that is possible."""
        context, states = self._context, self._waiting.states
        context.registry.register(self.counts)
        if self._discovery is not None:
            self._discovery.register(context.registry)
        context.fleet.subscribe(states)
        if context.events is not None:
            context.events.listeners.append(self._heard)
        try:
            await self._connections()
        finally:
            if context.events is not None:
                context.events.listeners.remove(self._heard)
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
                assert isinstance(error, BrokerError)  # noqa: S101 — except* gave no others
                reason = error.reason if error.reason in BROKER_REASONS else "lost"
                self._lost(reason, error)
            except* Exception:  # a bug here must cost a connection, not the agent: counted, with its traceback
                reason = "bug"
                self.counts.fail(reason)
                log.exception("a bug of ours while publishing")
            finally:
                self.counts.connected = False
                await broker.close(clean=False)
            # A TaskGroup of Python 3.11 loses a cancellation when one of its tasks fails at the same moment.
            if self._context.health.stopping:
                return
            await self._clock.sleep(backoff.next_delay(self._clock.monotonic() - since, reason, self._chance()))

    async def _session(self, broker: Broker) -> None:
        """Publish on one connection until it breaks or we end."""
        self.counts.connected = True
        self.counts.connects += 1
        if self._trouble is not None:
            log.info("the broker is back")
        self._trouble = None
        await self._say(broker, "online")
        await self._rigs.all_again(self._context.known() if self._context.health.ready else ())
        self._waiting.states.again()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(broker), name="mqtt listen")
                if self._discovery is not None:
                    await self._discovery.listen(broker)
                    tasks.create_task(self._discovery.run(), name="mqtt home assistant")
                tasks.create_task(self._sender.run(broker, tasks), name="mqtt send")
                tasks.create_task(self._every(self._settings.site_interval, self._tell_site), name="mqtt site")
                tasks.create_task(self._every(self._settings.health_interval, self._tell_health), name="mqtt health")
                if self._settings.batch:
                    tasks.create_task(self._every(self._settings.batch_interval, self._batch), name="mqtt batch")
                if not self._context.health.ready:
                    tasks.create_task(self._when_ready(), name="mqtt absent rigs")
        except asyncio.CancelledError:
            await self._farewell(broker)
            raise

    async def _farewell(self, broker: Broker) -> None:
        """Say offline, since a goodbye keeps the broker from sending the will; then say goodbye."""
        try:
            async with asyncio.timeout(FAREWELL):
                await self._say(broker, "offline")
        except (BrokerError, TimeoutError):
            return  # the will says it
        await broker.close(clean=True)

    async def _say(self, broker: Broker, word: str) -> None:
        """Say how the agent is before all that waits; raise BrokerError."""
        queue, message = self._waiting.retained, self._status(word)
        queue.put(message)
        await self._sender.keep(broker, queue, queue.take_topic(message.topic))

    async def _listen(self, broker: Broker) -> None:
        """Read until the connection breaks: this is also where a lost connection shows."""
        while True:
            message = await broker.receive()
            if self._discovery is not None:
                self._discovery.hear(message)

    async def _every(self, interval: float, make: Callable[[], Any]) -> None:
        while True:
            await make()
            await self._clock.sleep(interval)

    async def _when_ready(self) -> None:
        """Say of machines known from earlier runs that they are offline, once it is clear that they are not here."""
        while not self._context.health.ready:
            await self._clock.sleep(1.0)
        await self._rigs.absent(self._context.known())

    async def _tell_site(self) -> None:
        snapshots, economist = list(self._context.fleet.snapshots.values()), self._context.economist
        now, energy = self._clock.time(), self._waiting.states.energy
        tallies = await asyncio.to_thread(lambda: [Tally.of(snapshot) for snapshot in snapshots])
        money = None if economist is None else economist.books(now)(tally.money for tally in tallies)
        document = self._site.document(totals(tallies, energy), money, now)
        self._waiting.site.put(Outgoing(self.topics.site_state, orjson.dumps(document)))
        if self._discovery is not None:
            self._discovery.site_is(document, self._settings.site_interval)

    async def _tell_health(self) -> None:
        document = health_document(self._context.registry, self._context.health, self._clock.time())
        self._waiting.site.put(Outgoing(self.topics.health, orjson.dumps(document)))

    async def _batch(self) -> None:
        self._waiting.batch = len(self._waiting.states)
        self._waiting.work.set()

    def _status(self, word: str) -> Outgoing:
        return Outgoing(self.topics.status, word.encode(), 1, retain=True)

    def _heard(self, event: Event) -> None:
        """Keep an event for the broker."""
        rig = None if event.rig is None else self._rigs.topic_id(event.rig)
        payload = orjson.dumps(event_document(event, self._context.site, rig))
        self._waiting.outbox.put(self.topics.event(event.kind), payload)
        self._sender.count_events()
        self._waiting.work.set()

    def _lost(self, reason: str, error: BrokerError) -> None:
        self.counts.fail(reason)
        if reason != self._trouble:
            self._trouble = reason
            log.warning("no broker; rigs are polled as ever, events are kept", reason=str(error))
