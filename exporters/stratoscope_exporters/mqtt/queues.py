"""Holds what waits for the broker: the newest per topic, never a history, so that no outage makes it grow."""

import asyncio

from stratoscope.fleet import ChangedRigs, Fleet, RigId
from stratoscope.outside.broker import Outgoing
from stratoscope_exporters.mqtt.counts import Counts


class Latest:
    """Messages of one kind, the newest per topic, in the order in which their topics first waited."""

    def __init__(self, kind: str, counts: Counts, work: asyncio.Event) -> None:
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
        """Let `message` wait, in place of an older one of its topic."""
        self._counts.produced[self.kind] += 1
        if message.topic in self._waiting:
            self._counts.conflated[self.kind] += 1
        self._waiting[message.topic] = message
        self._work.set()

    def take(self) -> Outgoing:
        """Return the next message; `sent`, `refused` or `back` must follow."""
        topic = next(iter(self._waiting))
        self._sending += 1
        return self._waiting.pop(topic)

    def take_topic(self, topic: str) -> Outgoing:
        """Return the message of `topic`, before all others."""
        self._sending += 1
        return self._waiting.pop(topic)

    def sent(self, message: Outgoing) -> None:
        """Note that the connection took `message`, and for QoS 1 that the broker has it."""
        self._sending -= 1
        (self._counts.confirmed if message.qos else self._counts.sent)[self.kind] += 1

    def refused(self, reason: str) -> None:
        """Note that the broker will not have a message."""
        self._sending -= 1
        self._counts.drop(self.kind, reason)

    def back(self, message: Outgoing) -> None:
        """Let `message` wait again, unless a newer one of its topic does."""
        self._sending -= 1
        if message.topic in self._waiting:
            self._counts.conflated[self.kind] += 1
        else:
            self._waiting[message.topic] = message


class States(ChangedRigs):
    """The rigs whose document waits. It is made when its turn comes, so that an outage costs nothing but this set."""

    __slots__ = ("_counts", "_energies", "_fleet", "_sending", "_work", "energy", "gone")

    def __init__(self, fleet: Fleet, counts: Counts, work: asyncio.Event) -> None:
        super().__init__()
        self._fleet, self._counts, self._work = fleet, counts, work
        self._sending = 0
        self._energies: dict[RigId, float] = {}
        self.energy = 0.0  # J that all rigs drew since the start
        self.gone: dict[RigId, None] = {}
        counts.queued["state"] = lambda: len(self._changed) + self._sending

    def mark(self, rig: RigId) -> None:
        """Note that `rig` changed or is gone; a rig that was never heard has no document."""
        snapshot = self._fleet.snapshots.get(rig)
        if snapshot is None:
            self.gone[rig] = None
            self._energies.pop(rig, None)
            if self._changed.pop(rig, rig) is None:
                self._counts.conflated["state"] += 1  # by the news that it is gone
        elif snapshot.identity is not None:
            self._counts.produced["state"] += 1
            if rig in self._changed:
                self._counts.conflated["state"] += 1
            self._changed[rig] = None
            if snapshot.counters.energy is not None:
                self._spend(rig, snapshot.counters.energy)
        self._work.set()

    def again(self) -> None:
        """Let the document of every rig wait that does not yet: a broker that was away may have lost what it had."""
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
        """Return the next rig; `sent`, `refused` or `back` must follow."""
        rig = next(iter(self._changed))
        del self._changed[rig]
        self._sending += 1
        return rig

    def sent(self) -> None:
        """Note that the connection took a document."""
        self._sending -= 1
        self._counts.sent["state"] += 1

    def refused(self, reason: str) -> None:
        """Note that the broker will not have a document."""
        self._sending -= 1
        self._counts.drop("state", reason)

    def back(self, rig: RigId) -> None:
        """Let the document of `rig` wait again, unless a newer one does or the rig is gone."""
        self._sending -= 1
        if rig in self._changed or rig not in self._fleet.snapshots:
            self._counts.conflated["state"] += 1
        else:
            self._changed[rig] = None

    def _spend(self, rig: RigId, energy: float) -> None:
        before = self._energies.get(rig)
        if before is not None:
            self.energy += max(0.0, energy - before)
        self._energies[rig] = energy
