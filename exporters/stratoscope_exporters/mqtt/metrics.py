"""Counts every message of the MQTT exporter from creation to its end, so that no loss is unnoticed.

At any time, for each kind: produced = confirmed + sent_unconfirmed + conflated + dropped (by reason) + queued.
"""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import Metric

from stratoscope.metrics.collector import collect
from stratoscope.metrics.own_mqtt import MQTT_FAMILIES

KINDS: Final = ("state", "site", "retained", "event")
"""State of a rig, document of site or agent, retained message (status, availability, discovery), event."""
DROPPED: Final = ("oversize", "denied", "protocol", "busy", "full", "disk")
"""Rejected by the broker (too large, not allowed, malformed, out of quota); outbox full; ledger not writable."""


class MqttMetrics:
    """Message counts by kind. `queued` holds functions that count the messages that wait or are being sent."""

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
        """Count a message that is given up."""
        self.dropped[kind, reason] = self.dropped.get((kind, reason), 0) + 1

    def fail(self, reason: str) -> None:
        """Count a failed or lost connection."""
        self.failures[reason] = self.failures.get(reason, 0) + 1

    def waiting(self, kind: str) -> int:
        """Return how many messages of `kind` wait or are being sent."""
        return self.queued[kind]() if kind in self.queued else 0

    def waiting_by_kind(self) -> dict[str, int]:
        """Return the number of messages that wait or are being sent."""
        return {kind: self.waiting(kind) for kind in KINDS}

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families (prometheus_client's collector protocol)."""
        return collect(MQTT_FAMILIES, self)
