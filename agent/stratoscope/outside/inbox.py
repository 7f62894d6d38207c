"""Subscribes to MQTT topics that others publish, and keeps the newest message of each with its time of arrival."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from stratoscope.clock import Clock
from stratoscope.errors import BROKER_REASONS, BrokerError, SourceError, first_error
from stratoscope.outside.backoff import ReconnectBackoff
from stratoscope.outside.broker import Broker

MAX_TOPICS: Final = 200
MAX_TOPIC_LEVELS: Final = 32
MAX_TOPIC_BYTES: Final = 512

log = structlog.get_logger("stratoscope")


def topic_of(text: str) -> str:
    """Return `text` if it is a single topic; raise ValueError with the problem otherwise."""
    if (
        not text
        or "\0" in text
        or len(text.encode("utf-8", "replace")) > MAX_TOPIC_BYTES
        or text.count("/") >= MAX_TOPIC_LEVELS
    ):
        raise ValueError(f"a topic has 1 to {MAX_TOPIC_BYTES} bytes and {MAX_TOPIC_LEVELS} levels at most")
    if "+" in text or "#" in text:
        raise ValueError("it contains + or #, which match many topics: write the topic of the figure")
    if text.startswith("$"):
        raise ValueError("it starts with $: such topics are reserved for the broker")
    return text


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message, its time of arrival (UTC s), and whether it was retained: then it was published at an unknown time."""

    payload: bytes
    at: float
    retained: bool


class Inbox:
    """Follows topics; connects once there is one. Also a prometheus_client collector."""

    def __init__(
        self,
        connection: Callable[[], Broker],
        clock: Clock,
        random01: Callable[[], float],
        ending: Callable[[], bool] = lambda: False,
    ) -> None:
        """Create an inbox; it no longer reconnects once `ending` returns True, when the agent stops."""
        self._connection, self._clock, self._random01, self._ending = connection, clock, random01, ending
        self._newest: dict[str, ReceivedMessage | None] = {}
        self._denied: set[str] = set()
        self._topic_added = asyncio.Event()
        self._last_failure: str | None = None
        self.failures: dict[str, int] = {}
        self.received = self.unsolicited = 0
        self.connected = False

    def follow(self, topic: str) -> None:
        """Subscribe to `topic`."""
        if topic not in self._newest and len(self._newest) < MAX_TOPICS:
            self._newest[topic] = None
            self._topic_added.set()

    def newest(self, topic: str) -> ReceivedMessage:
        """Return the newest message of `topic`; raise SourceError if none has arrived."""
        message = self._newest.get(topic)
        if message is not None:
            return message
        if topic in self._denied:
            raise SourceError("auth", f"the broker denies reading {topic}")
        if not self.connected:
            raise SourceError(
                "unreachable", f"no connection to the broker: {self._last_failure or 'not connected yet'}"
            )
        raise SourceError("waiting", f"nothing has been published at {topic} yet")

    async def run(self) -> None:
        """Receive messages until cancelled; reconnect after failures."""
        backoff = ReconnectBackoff()
        while True:
            await self._wait_for_topic()
            broker, since, reason = self._connection(), self._clock.monotonic(), "lost"
            try:
                await broker.connect()
                since = self._clock.monotonic()
                await self._serve(broker)
            except* BrokerError as group:
                reason = self._record_loss(group)
            finally:
                self.connected = False
                await broker.close(clean=True)
            # A TaskGroup of Python 3.11 loses a cancellation if one of its tasks fails at the same moment.
            if self._ending():
                return
            await self._clock.sleep(backoff.next_delay(self._clock.monotonic() - since, reason, self._random01()))

    async def _wait_for_topic(self) -> None:
        while not self._newest:
            self._topic_added.clear()
            await self._topic_added.wait()

    async def _serve(self, broker: Broker) -> None:
        self.connected = True
        if self._last_failure is not None:
            log.info("MQTT input broker reconnected")
        self._last_failure = None
        self._denied.clear()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive(broker))
            tasks.create_task(self._subscribe(broker))

    async def _subscribe(self, broker: Broker) -> None:
        """Subscribe to every topic, including topics that are added later."""
        subscribed: set[str] = set()
        while True:
            self._topic_added.clear()
            for topic in [topic for topic in self._newest if topic not in subscribed]:
                subscribed.add(topic)
                try:
                    await broker.subscribe([topic])
                except BrokerError as error:
                    if not error.of_message:
                        raise
                    self._denied.add(topic)
                    log.warning("MQTT subscription denied: this topic cannot be read", topic=topic, reason=str(error))
            await self._topic_added.wait()

    async def _receive(self, broker: Broker) -> None:
        while True:
            message = await broker.receive()
            if message.topic in self._newest:
                self._newest[message.topic] = ReceivedMessage(message.payload, self._clock.time(), message.retained)
                self.received += 1
            else:
                self.unsolicited += 1

    def _record_loss(self, group: BaseExceptionGroup[Any]) -> str:
        error = first_error(group)
        reason = error.reason if isinstance(error, BrokerError) and error.reason in BROKER_REASONS else "lost"
        self.failures[reason] = self.failures.get(reason, 0) + 1
        if reason != self._last_failure:
            self._last_failure = reason
            log.warning("MQTT input broker unreachable; last values will expire", reason=str(error))
        return reason
