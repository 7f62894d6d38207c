"""Sends queued messages over one connection at a limited rate: retained messages, events, site, rigs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson
import structlog

from stratoscope.clock import Clock
from stratoscope.errors import BrokerError
from stratoscope.fleet import RigId
from stratoscope.ledger import Outbox
from stratoscope.ledger.outbox import OutboxMessage
from stratoscope.outside.broker import Broker, Outgoing
from stratoscope_exporters.mqtt.metrics import MqttMetrics
from stratoscope_exporters.mqtt.queues import LatestQueue, StateQueue
from stratoscope_exporters.mqtt.rigs import RigPublisher
from stratoscope_exporters.mqtt.topics import Topics

MAX_UNACKNOWLEDGED: Final = 50
"""Maximum messages without acknowledgement at the same time."""
EVENT_HOLD_S: Final = 30.0
"""Seconds to hold events back after the broker rejected one."""
BURST_S: Final = 0.1
MIN_SLEEP_S: Final = 0.01
"""Shortest sleep: timers are up to a millisecond late, which is half the time of a message."""
BATCH_RIGS: Final = 100
BATCH_BYTES: Final = 128 << 10

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class MessageQueues:
    """All message queues; `work` is set when a message is queued."""

    work: asyncio.Event
    retained: LatestQueue
    site: LatestQueue
    states: StateQueue
    outbox: Outbox
    batch: int | None = None  # rigs left in the current batch; None: one message per rig


class MessagePacer:
    """Limits to `rate` messages per second; time lost by late timers is made up within BURST_S."""

    def __init__(self, clock: Clock, rate: int) -> None:
        self._clock, self._gap = clock, 1.0 / rate
        self._next = clock.monotonic()

    async def wait(self) -> None:
        """Wait until the next message may be sent."""
        now = self._clock.monotonic()
        self._next = max(self._next, now - BURST_S) + self._gap
        if self._next - now > MIN_SLEEP_S:
            await self._clock.sleep(self._next - now)


class RigMessage(NamedTuple):
    """One message with the documents of rigs."""

    rigs: list[RigId]
    message: Outgoing


class PendingSend(NamedTuple):
    """A message that is being sent: how to send it, and how to undo if sending never started."""

    send: Callable[[], Awaitable[None]]
    undo: Callable[[], None]


class Sender:
    """Sends the queued messages on the current connection."""

    def __init__(
        self, waiting: MessageQueues, rigs: RigPublisher, topics: Topics, counts: MqttMetrics, clock: Clock, rate: int
    ) -> None:
        self._waiting, self._rigs, self._topics, self._counts = waiting, rigs, topics, counts
        self._clock, self._pace = clock, MessagePacer(clock, rate)
        self._slots = asyncio.Semaphore(MAX_UNACKNOWLEDGED)
        self._held_until = 0.0  # monotonic s
        self._pending: RigMessage | None = None
        self._batches = 0
        self._logged: set[tuple[str, str]] = set()
        counts.queued["event"] = lambda: len(waiting.outbox)
        counts.outbox_bytes = lambda: waiting.outbox.bytes
        self.sync_event_counts()

    async def run(self, broker: Broker, tasks: asyncio.TaskGroup) -> None:
        """Send until cancelled. Raises BrokerError if the connection breaks."""
        waiting = self._waiting
        waiting.outbox.rewind()
        try:
            while True:
                self._rigs.clear_removed()
                if waiting.retained:
                    await self._start_send(tasks, self._retained_send(broker, waiting.retained.take()))
                elif self._events_due:
                    await self._event(broker, tasks)
                elif waiting.site:
                    await self._pace.wait()
                    await self.send_queued(broker, waiting.site, waiting.site.take())
                elif self._pending is not None:
                    await self._send_pending(broker)
                elif waiting.batch:
                    self._make_batch(waiting.batch)
                elif waiting.states and waiting.batch is None:
                    self._make_document()
                else:
                    await self._wait_for_work()
        finally:
            if self._pending is not None:
                self._put_back(self._pending)

    async def _start_send(self, tasks: asyncio.TaskGroup, sending: PendingSend) -> None:
        """Start to send; the message is sent when this returns, the acknowledgement arrives later."""
        started = False

        async def send() -> None:
            nonlocal started
            started = True
            try:
                await sending.send()
            finally:
                self._slots.release()

        def ended(_: asyncio.Task[None]) -> None:
            if not started:  # cancelled before its first step
                sending.undo()
                self._slots.release()

        try:
            await self._slots.acquire()
        except BaseException:
            sending.undo()
            raise
        tasks.create_task(send()).add_done_callback(ended)
        await asyncio.sleep(0)
        await self._pace.wait()

    async def send_queued(self, broker: Broker, queue: LatestQueue, message: Outgoing) -> bool:
        """Send a message taken from `queue`; return whether the broker accepted it.

        Raises BrokerError if the connection breaks, and puts the message back into its queue.
        """
        try:
            await broker.publish(message)
        except BrokerError as error:
            if error.of_message:
                queue.record_rejected(error.reason)
                self._log_rejection(message.topic, error)
                return False
            queue.put_back(message)
            raise
        except BaseException:
            queue.put_back(message)
            raise
        queue.record_sent(message)
        return True

    def _retained_send(self, broker: Broker, message: Outgoing) -> PendingSend:
        queue = self._waiting.retained

        async def send() -> None:
            await self.send_queued(broker, queue, message)

        return PendingSend(send, lambda: queue.put_back(message))

    # -- events -------------------------------------------------------------
    @property
    def _events_due(self) -> bool:
        return self._waiting.outbox.waiting and self._clock.monotonic() >= self._held_until

    def sync_event_counts(self) -> None:
        """Copy the counts of the outbox."""
        outbox = self._waiting.outbox
        self._counts.produced["event"] = outbox.produced
        for reason, count in outbox.dropped.items():
            self._counts.dropped["event", reason] = count

    async def _event(self, broker: Broker, tasks: asyncio.TaskGroup) -> None:
        row = await self._waiting.outbox.take()
        self.sync_event_counts()
        if row is None:
            return
        await self._start_send(tasks, PendingSend(lambda: self._deliver(broker, row), lambda: None))

    async def _deliver(self, broker: Broker, row: OutboxMessage) -> None:
        """Send an event; it leaves the outbox when the broker has it or can never accept it."""
        outbox = self._waiting.outbox
        try:
            await broker.publish(Outgoing(row.topic, row.payload, 1))
        except BrokerError as error:
            if not error.of_message:
                raise
            self._log_rejection(row.topic, error)
            if error.reason in ("oversize", "protocol"):
                outbox.drop(row, error.reason)
                self.sync_event_counts()
            else:
                self._held_until = self._clock.monotonic() + EVENT_HOLD_S
                outbox.rewind()
        else:
            if outbox.done(row):
                self._counts.confirmed["event"] += 1

    # -- rigs ---------------------------------------------------------------
    def _make_document(self) -> None:
        """Build the next rig's document; a change of its availability is sent before it."""
        states = self._waiting.states
        rig = states.take()
        rig_document = self._rigs.make_document(rig)
        if rig_document is None:
            states.record_rejected("bug")
        else:
            self._pending = RigMessage([rig], self._rigs.make_message(rig_document))

    def _make_batch(self, due: int) -> None:
        """Make one message of up to a hundred rigs, or 128 KiB."""
        states = self._waiting.states
        rigs: list[RigId] = []
        payloads: list[bytes] = []
        while states and due and len(rigs) < BATCH_RIGS and sum(map(len, payloads)) < BATCH_BYTES:
            rig = states.take()
            due -= 1
            rig_document = self._rigs.make_document(rig)
            if rig_document is None:
                states.record_rejected("bug")
            else:
                rigs.append(rig)
                payloads.append(rig_document.payload)
        self._waiting.batch = due if states else 0
        if rigs:
            document = b'{"ts":%s,"rigs":[%s]}' % (orjson.dumps(round(self._clock.time(), 3)), b",".join(payloads))
            self._pending = RigMessage(rigs, Outgoing(self._topics.batch(self._batches), document))
            self._batches += 1
        if not self._waiting.batch:
            self._batches = 0

    async def _send_pending(self, broker: Broker) -> None:
        states, made = self._waiting.states, self._pending
        if made is None:
            return
        await self._pace.wait()
        self._pending = None
        try:
            await broker.publish(made.message)
        except BrokerError as error:
            if not error.of_message:
                self._put_back(made)
                raise
            self._log_rejection(made.message.topic, error)
            for _ in made.rigs:
                states.record_rejected(error.reason)
        except BaseException:
            self._put_back(made)
            raise
        else:
            for _ in made.rigs:
                states.record_sent()

    def _put_back(self, made: RigMessage) -> None:
        self._pending = None
        for rig in made.rigs:
            self._waiting.states.put_back(rig)

    async def _wait_for_work(self) -> None:
        """Wait for new messages, or until held events are due."""
        work = self._waiting.work
        work.clear()
        held = self._held_until - self._clock.monotonic() if self._waiting.outbox.waiting else 0.0
        if held <= 0:
            await work.wait()
            return
        woken = asyncio.ensure_future(work.wait())
        sleep = asyncio.ensure_future(self._clock.sleep(held))
        try:
            await asyncio.wait((woken, sleep), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (woken, sleep):
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one

    def _log_rejection(self, topic: str, error: BrokerError) -> None:
        """Log a rejected message, once for each kind of topic and reason."""
        kind = "/".join(topic.split("/")[-1:]) if "/event/" not in topic else "event"
        if (kind, error.reason) not in self._logged:
            self._logged.add((kind, error.reason))
            log.warning("broker rejected a message (logged once per topic and reason)", topic=topic, reason=str(error))
