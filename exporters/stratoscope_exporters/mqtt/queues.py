"""Queues messages for the broker: only the newest per topic, so that an outage does not fill the memory."""

import asyncio

from stratoscope.fleet import ChangedRigs, Fleet, RigId
from stratoscope.outside.broker import Outgoing
from stratoscope_exporters.mqtt.metrics import MqttMetrics


class LatestQueue:
    """Messages of one kind: the newest per topic, in the order in which their topics were first queued."""

    def __init__(self, kind: str, counts: MqttMetrics, work: asyncio.Event) -> None:
        self.kind = kind
        self._counts, self._work = counts, work
        self._waiting: dict[str, Outgoing] = {}
        self._sending = 0
        counts.queued[kind] = lambda: len(self._waiting) + self._sending

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Outgoing) -> None:
        """Queue `message`; it replaces an older one of its topic."""
        self._counts.produced[self.kind] += 1
        if message.topic in self._waiting:
            self._counts.conflated[self.kind] += 1
        self._waiting[message.topic] = message
        self._work.set()

    def take(self) -> Outgoing:
        """Return the next message; `record_sent`, `record_rejected` or `put_back` must follow."""
        topic = next(iter(self._waiting))
        self._sending += 1
        return self._waiting.pop(topic)

    def take_topic(self, topic: str) -> Outgoing:
        """Return the message of `topic` before all others."""
        self._sending += 1
        return self._waiting.pop(topic)

    def record_sent(self, message: Outgoing) -> None:
        """Count `message` as sent, or as confirmed with QoS 1."""
        self._sending -= 1
        (self._counts.confirmed if message.qos else self._counts.sent)[self.kind] += 1

    def record_rejected(self, reason: str) -> None:
        """Count a message that the broker rejected."""
        self._sending -= 1
        self._counts.drop(self.kind, reason)

    def put_back(self, message: Outgoing) -> None:
        """Queue `message` again, unless a newer one of its topic is queued."""
        self._sending -= 1
        if message.topic in self._waiting:
            self._counts.conflated[self.kind] += 1
        else:
            self._waiting[message.topic] = message


class StateQueue(ChangedRigs):
    """Rigs whose document is due. Documents are built when they are sent, so that an outage only grows this set."""

    __slots__ = ("_counts", "_energies", "_fleet", "_sending", "_work", "energy", "removed")

    def __init__(self, fleet: Fleet, counts: MqttMetrics, work: asyncio.Event) -> None:
        super().__init__()
        self._fleet, self._counts, self._work = fleet, counts, work
        self._sending = 0
        self._energies: dict[RigId, float] = {}
        self.energy = 0.0  # J used by all rigs since the start
        self.removed: dict[RigId, None] = {}
        counts.queued["state"] = lambda: len(self._changed) + self._sending

    def mark(self, rig: RigId) -> None:
        """Queue a changed or removed rig; a rig without a successful poll has no document."""
        snapshot = self._fleet.snapshots.get(rig)
        if snapshot is None:
            self.removed[rig] = None
            self._energies.pop(rig, None)
            if self._changed.pop(rig, rig) is None:
                self._counts.conflated["state"] += 1  # replaced by the removal
        elif snapshot.identity is not None:
            self._counts.produced["state"] += 1
            if rig in self._changed:
                self._counts.conflated["state"] += 1
            self._changed[rig] = None
            if snapshot.counters.energy is not None:
                self._add_energy(rig, snapshot.counters.energy)
        self._work.set()

    def mark_all(self) -> None:
        """Queue the document of every rig: the broker may have lost its messages."""
        for rig, snapshot in self._fleet.snapshots.items():
            if rig not in self._changed and snapshot.identity is not None:
                self._counts.produced["state"] += 1
                self._changed[rig] = None
        self._work.set()

    def __bool__(self) -> bool:
        return bool(self._changed)

    def __len__(self) -> int:
        return len(self._changed)

    def take(self) -> RigId:
        """Return the next rig; `record_sent`, `record_rejected` or `put_back` must follow."""
        rig = next(iter(self._changed))
        del self._changed[rig]
        self._sending += 1
        return rig

    def record_sent(self) -> None:
        """Count a sent document."""
        self._sending -= 1
        self._counts.sent["state"] += 1

    def record_rejected(self, reason: str) -> None:
        """Count a document that the broker rejected."""
        self._sending -= 1
        self._counts.drop("state", reason)

    def put_back(self, rig: RigId) -> None:
        """Queue `rig` again, unless it is queued already or was removed."""
        self._sending -= 1
        if rig in self._changed or rig not in self._fleet.snapshots:
            self._counts.conflated["state"] += 1
        else:
            self._changed[rig] = None

    def _add_energy(self, rig: RigId, energy: float) -> None:
        before = self._energies.get(rig)
        if before is not None:
            self.energy += max(0.0, energy - before)
        self._energies[rig] = energy
