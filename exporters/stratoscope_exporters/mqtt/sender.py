"""Sends what waits over one connection: retained messages, events, site, rigs, in this order and at a bounded rate."""

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
from stratoscope_exporters.mqtt.counts import Counts
from stratoscope_exporters.mqtt.queues import Latest, States
from stratoscope_exporters.mqtt.rigs import Rigs
from stratoscope_exporters.mqtt.topics import Topics

AT_ONCE: Final = 50
"""Messages whose acknowledgement is waited for at the same time."""
HELD: Final = 30.0
"""Seconds that events are held back once the broker refused one: its rules do not change by asking."""
BURST: Final = 0.1
GRAIN: Final = 0.01
"""Seconds that are worth a timer: a loop wakes up a millisecond late, which would be half of a message's time."""
BATCH_RIGS: Final = 100
BATCH_BYTES: Final = 128 << 10

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Waiting:
    """Everything that waits, and the bell that rings when something new does."""

    work: asyncio.Event
    retained: Latest
    site: Latest
    states: States
    outbox: Outbox
    batch: int | None = None  # rigs that are due in batches now; None: rigs go one by one


class Bucket:
    """At most `rate` messages a second; what a late wake-up left unused may be made up for within BURST."""

    def __init__(self, clock: Clock, rate: int) -> None:
        self._clock, self._gap = clock, 1.0 / rate
        self._next = clock.monotonic()

    async def wait(self) -> None:
        """Wait until the next message may go."""
        now = self._clock.monotonic()
        self._next = max(self._next, now - BURST) + self._gap
        if self._next - now > GRAIN:
            await self._clock.sleep(self._next - now)


class Made(NamedTuple):
    """One message of the documents of rigs."""

    rigs: list[RigId]
    message: Outgoing


class Sending(NamedTuple):
    """A message on its way: what sends it, and what to do where that never began."""

    send: Callable[[], Awaitable[None]]
    undo: Callable[[], None]


class Sender:
    """Works through what waits, on whatever connection there is."""

    def __init__(self, waiting: Waiting, rigs: Rigs, topics: Topics, counts: Counts, clock: Clock, rate: int) -> None:
        self._waiting, self._rigs, self._topics, self._counts = waiting, rigs, topics, counts
        self._clock, self._pace = clock, Bucket(clock, rate)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._held_until = 0.0  # monotonic s
        self._made: Made | None = None
        self._batches = 0
        self._told: set[tuple[str, str]] = set()
        counts.queued["event"] = lambda: len(waiting.outbox)
        counts.outbox_bytes = lambda: waiting.outbox.bytes
        self.count_events()

    async def run(self, broker: Broker, tasks: asyncio.TaskGroup) -> None:
        """Send until cancelled; raises BrokerError when the connection breaks."""
        waiting = self._waiting
        waiting.outbox.rewind()
        try:
            while True:
                self._rigs.clear_gone()
                if waiting.retained:
                    await self._begin(tasks, self._kept(broker, waiting.retained.take()))
                elif self._events_due:
                    await self._event(broker, tasks)
                elif waiting.site:
                    await self._pace.wait()
                    await self.keep(broker, waiting.site, waiting.site.take())
                elif self._made is not None:
                    await self._send_made(broker)
                elif waiting.batch:
                    self._make_batch(waiting.batch)
                elif waiting.states and waiting.batch is None:
                    self._make()
                else:
                    await self._rest()
        finally:
            if self._made is not None:
                self._back(self._made)

    async def _begin(self, tasks: asyncio.TaskGroup, sending: Sending) -> None:
        """Start to send; the message is on the wire when this returns, its acknowledgement comes in its own time."""
        started = False

        async def send() -> None:
            nonlocal started
            started = True
            try:
                await sending.send()
            finally:
                self._room.release()

        def ended(_: asyncio.Task[None]) -> None:
            if not started:  # cancelled before its first step
                sending.undo()
                self._room.release()

        try:
            await self._room.acquire()
        except BaseException:
            sending.undo()
            raise
        tasks.create_task(send()).add_done_callback(ended)
        await asyncio.sleep(0)
        await self._pace.wait()

    async def keep(self, broker: Broker, queue: Latest, message: Outgoing) -> bool:
        """Send a message that was taken from `queue`; return whether the broker took it, raise BrokerError when the
        connection broke, with the message back in its queue.
        """
        try:
            await broker.publish(message)
        except BrokerError as error:
            if error.of_message:
                queue.refused(error.reason)
                self._complain(message.topic, error)
                return False
            queue.back(message)
            raise
        except BaseException:
            queue.back(message)
            raise
        queue.sent(message)
        return True

    def _kept(self, broker: Broker, message: Outgoing) -> Sending:
        queue = self._waiting.retained

        async def send() -> None:
            await self.keep(broker, queue, message)

        return Sending(send, lambda: queue.back(message))

    # -- events -------------------------------------------------------------
    @property
    def _events_due(self) -> bool:
        return self._waiting.outbox.waiting and self._clock.monotonic() >= self._held_until

    def count_events(self) -> None:
        """Take over what the outbox counts."""
        outbox = self._waiting.outbox
        self._counts.produced["event"] = outbox.produced
        for reason, count in outbox.dropped.items():
            self._counts.dropped["event", reason] = count

    async def _event(self, broker: Broker, tasks: asyncio.TaskGroup) -> None:
        row = await self._waiting.outbox.take()
        self.count_events()
        if row is None:
            return
        await self._begin(tasks, Sending(lambda: self._deliver(broker, row), lambda: None))

    async def _deliver(self, broker: Broker, row: OutboxMessage) -> None:
        """Send an event; it leaves the outbox only when the broker has it, or can never take it."""
        outbox = self._waiting.outbox
        try:
            await broker.publish(Outgoing(row.topic, row.payload, 1))
        except BrokerError as error:
            if not error.of_message:
                raise
            self._complain(row.topic, error)
            if error.reason in ("oversize", "protocol"):
                outbox.drop(row, error.reason)
                self.count_events()
            else:
                self._held_until = self._clock.monotonic() + HELD
                outbox.rewind()
        else:
            if outbox.done(row):
                self._counts.confirmed["event"] += 1

    # -- rigs ---------------------------------------------------------------
    def _make(self) -> None:
        """Make the next rig's document; a change of its availability that this brings to light goes out before it."""
        states = self._waiting.states
        rig = states.take()
        told = self._rigs.tell(rig)
        if told is None:
            states.refused("bug")
        else:
            self._made = Made([rig], self._rigs.message(told))

    def _make_batch(self, due: int) -> None:
        """Make one message of up to a hundred rigs, or 128 KiB."""
        states = self._waiting.states
        rigs: list[RigId] = []
        payloads: list[bytes] = []
        while states and due and len(rigs) < BATCH_RIGS and sum(map(len, payloads)) < BATCH_BYTES:
            rig = states.take()
            due -= 1
            told = self._rigs.tell(rig)
            if told is None:
                states.refused("bug")
            else:
                rigs.append(rig)
                payloads.append(told.payload)
        self._waiting.batch = due if states else 0
        if rigs:
            document = b'{"ts":%s,"rigs":[%s]}' % (orjson.dumps(round(self._clock.time(), 3)), b",".join(payloads))
            self._made = Made(rigs, Outgoing(self._topics.batch(self._batches), document))
            self._batches += 1
        if not self._waiting.batch:
            self._batches = 0

    async def _send_made(self, broker: Broker) -> None:
        states, made = self._waiting.states, self._made
        if made is None:
            return
        await self._pace.wait()
        self._made = None
        try:
            await broker.publish(made.message)
        except BrokerError as error:
            if not error.of_message:
                self._back(made)
                raise
            self._complain(made.message.topic, error)
            for _ in made.rigs:
                states.refused(error.reason)
        except BaseException:
            self._back(made)
            raise
        else:
            for _ in made.rigs:
                states.sent()

    def _back(self, made: Made) -> None:
        self._made = None
        for rig in made.rigs:
            self._waiting.states.back(rig)

    async def _rest(self) -> None:
        """Wait for new work; while events are held back, no longer than that."""
        work = self._waiting.work
        work.clear()
        held = self._held_until - self._clock.monotonic() if self._waiting.outbox.waiting else 0.0
        if held <= 0:
            await work.wait()
            return
        bell = asyncio.ensure_future(work.wait())
        sleep = asyncio.ensure_future(self._clock.sleep(held))
        try:
            await asyncio.wait((bell, sleep), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (bell, sleep):
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one

    def _complain(self, topic: str, error: BrokerError) -> None:
        """Log what the broker refuses, once for each kind of topic and reason."""
        kind = "/".join(topic.split("/")[-1:]) if "/event/" not in topic else "event"
        if (kind, error.reason) not in self._told:
            self._told.add((kind, error.reason))
            log.warning("the broker refuses a message; told once", topic=topic, reason=str(error))
