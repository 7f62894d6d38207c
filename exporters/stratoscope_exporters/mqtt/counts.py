"""Counts every message of the MQTT exporter from its making to its end, so that none is lost unseen.

For each kind, at any moment: produced = confirmed + sent_unconfirmed + conflated + dropped (by reason) + queued.
"""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

KINDS: Final = ("state", "site", "retained", "event")
"""A rig's document, a document of site or agent, a retained message (status, availability, discovery), an event."""
DROPPED: Final = ("oversize", "denied", "protocol", "busy", "full", "disk")
"""Refused by the broker for its size, by its rules, for its form or for want of room; the outbox or the disk full."""


class Counts:
    """A prometheus_client collector; `queued` holds what says how many messages of a kind wait or are on their way."""

    def __init__(self) -> None:
        self.produced = dict.fromkeys(KINDS, 0)
        self.confirmed = dict.fromkeys(KINDS, 0)
        self.sent = dict.fromkeys(KINDS, 0)
        self.conflated = dict.fromkeys(KINDS, 0)
        self.dropped: dict[tuple[str, str], int] = {(kind, reason): 0 for kind in KINDS for reason in DROPPED}
        self.queued: dict[str, Callable[[], int]] = {}
        self.failures: dict[str, int] = {}
        self.connects = 0
        self.connected = False
        self.outbox_bytes: Callable[[], int] = lambda: 0

    def drop(self, kind: str, reason: str) -> None:
        """Count a message that no broker will get."""
        self.dropped[kind, reason] = self.dropped.get((kind, reason), 0) + 1

    def fail(self, reason: str) -> None:
        """Count a connection that was not had, or was lost."""
        self.failures[reason] = self.failures.get(reason, 0) + 1

    def waiting(self, kind: str) -> int:
        """Return how many messages of `kind` wait or are on their way."""
        return self.queued[kind]() if kind in self.queued else 0

    def balance(self, kind: str) -> int:
        """Return produced less everything that became of it: zero, always."""
        gone = sum(count for (of, _), count in self.dropped.items() if of == kind)
        known = self.confirmed[kind] + self.sent[kind] + self.conflated[kind] + gone + self.waiting(kind)
        return self.produced[kind] - known

    def collect(self) -> Iterator[Metric]:
        """Yield the families (prometheus_client's collector protocol)."""
        yield GaugeMetricFamily(
            "stratoscope_mqtt_connected", "1 while the broker is connected, else 0.", self.connected
        )
        yield CounterMetricFamily("stratoscope_mqtt_connects", "Connections made to the broker.", self.connects)
        failures = CounterMetricFamily(
            "stratoscope_mqtt_failures", "Connections to the broker not had or lost, by reason.", labels=["reason"]
        )
        for reason, count in sorted(self.failures.items()):
            failures.add_metric([reason], count)
        yield failures
        yield from self._messages()
        yield GaugeMetricFamily(
            "stratoscope_mqtt_outbox_bytes",
            "Size of the events that wait for the broker's acknowledgement.",
            self.outbox_bytes(),
        )

    def _messages(self) -> Iterator[Metric]:
        ends = (
            ("produced", "Messages made for the broker, by kind.", self.produced),
            ("confirmed", "Messages that the broker acknowledged (QoS 1).", self.confirmed),
            (
                "sent_unconfirmed",
                "Messages handed to the connection, with nobody to acknowledge them (QoS 0).",
                self.sent,
            ),
            (
                "conflated",
                "Messages that a newer one of the same topic replaced before they were sent.",
                self.conflated,
            ),
        )
        for name, words, by_kind in ends:
            family = CounterMetricFamily(f"stratoscope_mqtt_messages_{name}", words, labels=["kind"])
            for kind, count in by_kind.items():
                family.add_metric([kind], count)
            yield family
        dropped = CounterMetricFamily(
            "stratoscope_mqtt_messages_dropped",
            "Messages given up, by reason: oversize, denied, protocol, busy (the "
            "broker refused them), full (the outbox), disk (the ledger lost them).",
            labels=["kind", "reason"],
        )
        for (kind, reason), count in sorted(self.dropped.items()):
            dropped.add_metric([kind, reason], count)
        yield dropped
        queued = GaugeMetricFamily(
            "stratoscope_mqtt_messages_queued", "Messages that wait or are on their way.", labels=["kind"]
        )
        for kind in KINDS:
            queued.add_metric([kind], self.waiting(kind))
        yield queued
