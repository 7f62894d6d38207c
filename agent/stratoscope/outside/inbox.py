"""Hears what others publish: keeps the newest message of each topic that something asked for, with when it came."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from stratoscope.clock import Clock
from stratoscope.errors import BROKER_REASONS, BrokerError, SourceError, first_error
from stratoscope.outside.backoff import ReconnectBackoff
from stratoscope.outside.broker import Broker

MOST_TOPICS: Final = 200
MOST_LEVELS: Final = 32
MOST_BYTES: Final = 512

log = structlog.get_logger("stratoscope")


def topic_of(text: str) -> str:
    """Return `text` when it is one topic; raise ValueError with what is wrong otherwise."""
    if not text or "\0" in text or len(text.encode("utf-8", "replace")) > MOST_BYTES or text.count("/") >= MOST_LEVELS:
        raise ValueError(f"a topic has 1 to {MOST_BYTES} bytes and {MOST_LEVELS} levels at most")
    if "+" in text or "#" in text:
        raise ValueError("it has + or #, which stand for many topics: name the one that holds the figure")
    if text.startswith("$"):
        raise ValueError("it starts with $: such topics are the broker's own")
    return text


@dataclass(frozen=True, slots=True)
class Mail:
    """A message: when it came (UTC s), and whether the broker had kept it for an unknown time before that."""

    payload: bytes
    at: float
    retained: bool


class Inbox:
    """The topics that are followed. It connects once there is one; a prometheus_client collector."""

    def __init__(
        self,
        connection: Callable[[], Broker],
        clock: Clock,
        chance: Callable[[], float],
        ending: Callable[[], bool] = lambda: False,
    ) -> None:
        """`ending` tells that the agent ends: a connection that is lost then is not had again."""
        self._connection, self._clock, self._chance, self._ending = connection, clock, chance, ending
        self._newest: dict[str, Mail | None] = {}
        self._denied: set[str] = set()
        self._more = asyncio.Event()
        self._trouble: str | None = None
        self.failures: dict[str, int] = {}
        self.received = self.unasked = 0
        self.connected = False

    def follow(self, topic: str) -> None:
        """Hear `topic` from now on."""
        if topic not in self._newest and len(self._newest) < MOST_TOPICS:
            self._newest[topic] = None
            self._more.set()

    def newest(self, topic: str) -> Mail:
        """Return the newest message of `topic`; raise SourceError while there is none."""
        mail = self._newest.get(topic)
        if mail is not None:
            return mail
        if topic in self._denied:
            raise SourceError("auth", f"the broker does not let us read {topic}")
        if not self.connected:
            raise SourceError("unreachable", f"no broker: {self._trouble or 'not connected yet'}")
        raise SourceError("waiting", f"nothing was published at {topic} yet")

    async def run(self) -> None:
        """Hear until cancelled."""
        backoff = ReconnectBackoff()
        while True:
            await self._asked_for_something()
            broker, since, reason = self._connection(), self._clock.monotonic(), "lost"
            try:
                await broker.connect()
                since = self._clock.monotonic()
                await self._hear(broker)
            except* BrokerError as group:
                reason = self._lost(group)
            finally:
                self.connected = False
                await broker.close(clean=True)
            # A TaskGroup of Python 3.11 loses a cancellation when one of its tasks fails at the same moment.
            if self._ending():
                return
            await self._clock.sleep(backoff.next_delay(self._clock.monotonic() - since, reason, self._chance()))

    async def _asked_for_something(self) -> None:
        while not self._newest:
            self._more.clear()
            await self._more.wait()

    async def _hear(self, broker: Broker) -> None:
        self.connected = True
        if self._trouble is not None:
            log.info("the broker is back for what is read there")
        self._trouble = None
        self._denied.clear()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive(broker))
            tasks.create_task(self._subscribe(broker))

    async def _subscribe(self, broker: Broker) -> None:
        """Ask for every topic, and for those that come later."""
        asked: set[str] = set()
        while True:
            self._more.clear()
            for topic in [topic for topic in self._newest if topic not in asked]:
                asked.add(topic)
                try:
                    await broker.subscribe([topic])
                except BrokerError as error:
                    if not error.of_message:
                        raise
                    self._denied.add(topic)
                    log.warning("the broker does not let us read a topic", topic=topic, reason=str(error))
            await self._more.wait()

    async def _receive(self, broker: Broker) -> None:
        while True:
            message = await broker.receive()
            if message.topic in self._newest:
                self._newest[message.topic] = Mail(message.payload, self._clock.time(), message.retained)
                self.received += 1
            else:
                self.unasked += 1

    def _lost(self, group: BaseExceptionGroup[Any]) -> str:
        error = first_error(group)
        reason = error.reason if isinstance(error, BrokerError) and error.reason in BROKER_REASONS else "lost"
        self.failures[reason] = self.failures.get(reason, 0) + 1
        if reason != self._trouble:
            self._trouble = reason
            log.warning("no broker for what is read there; figures keep their age", reason=str(error))
        return reason

    def collect(self) -> Iterator[Metric]:
        """Yield the families (prometheus_client's collector protocol)."""
        yield GaugeMetricFamily(
            "stratoscope_mqtt_inbox_connected",
            "1 while the broker is connected that figures are read from, else 0.",
            self.connected,
        )
        messages = CounterMetricFamily(
            "stratoscope_mqtt_inbox_messages",
            "Messages that came: of topics that something reads, and others.",
            labels=["asked"],
        )
        messages.add_metric(["yes"], self.received)
        messages.add_metric(["no"], self.unasked)
        yield messages
        failures = CounterMetricFamily(
            "stratoscope_mqtt_inbox_failures", "Connections for reading not had or lost, by reason.", labels=["reason"]
        )
        for reason, count in sorted(self.failures.items()):
            failures.add_metric([reason], count)
        yield failures
