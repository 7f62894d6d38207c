"""Builds the messages of every rig and keeps their state: topic id, number of documents, last availability."""

import asyncio
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson
import structlog

from stratoscope.clock import Clock
from stratoscope.fleet import Fleet, RigId, RigSnapshot
from stratoscope.metrics import UNKNOWN_IDENTITY, Identity
from stratoscope.outside.broker import Outgoing
from stratoscope_exporters.mqtt.documents import Availability, RigDocuments, availability
from stratoscope_exporters.mqtt.queues import LatestQueue, StateQueue
from stratoscope_exporters.mqtt.topics import Topics, rig_id, rig_level
from stratoscope_exporters.mqtt.tree import Object

EXPIRY_INTERVALS: Final = 3
RIGS_PER_SLICE: Final = 200
"""Rigs processed before other tasks can run: about 2 ms."""
log = structlog.get_logger(__name__)


class RigDocument(NamedTuple):
    """The document of a rig, ready to send."""

    snapshot: RigSnapshot
    document: Object
    payload: bytes


@dataclass(slots=True)
class PublishedRig:
    """State of one published rig."""

    topic_id: str
    seq: int = 0
    availability: Availability | None = None
    identity: Identity = UNKNOWN_IDENTITY


class RigPublisher:
    """Builds the messages of every rig."""

    def __init__(
        self,
        fleet: Fleet,
        topics: Topics,
        documents: RigDocuments,
        retained: LatestQueue,
        states: StateQueue,
        clock: Clock,
        *,
        retain_state: bool,
    ) -> None:
        self._fleet, self._topics, self._documents, self._clock = fleet, topics, documents, clock
        self._retained, self._states = retained, states
        self._retain_state = retain_state
        self._entries: dict[RigId, PublishedRig] = {}
        self._owner: dict[str, RigId] = {}  # topic id → rig
        self.document_listeners: list[Callable[[RigSnapshot, Object], None]] = []
        self.removal_listeners: list[Callable[[RigId], None]] = []
        self._logged: set[str] = set()

    def topic_id(self, rig: RigId) -> str | None:
        """Return the id of `rig` in topics; None before its first successful poll."""
        snapshot = self._fleet.snapshots.get(rig)
        if snapshot is not None and snapshot.identity is not None:
            return rig_level(snapshot.identity)
        entry = self._entries.get(rig)
        return None if entry is None else entry.topic_id

    def make_document(self, rig: RigId) -> RigDocument | None:
        """Return the document of `rig`, None after an internal error; queue its availability if it changed."""
        snapshot = self._fleet.snapshots[rig]
        entry = self._entry(snapshot)
        if entry is None:
            return None
        self._announce(entry, snapshot)
        if snapshot.reading is not None:
            entry.identity = Identity.of(snapshot.reading)
        entry.seq += 1
        try:
            document = self._documents.document(snapshot, entry.seq, self._clock.time(), entry.identity)
            rig_document = RigDocument(snapshot, document, orjson.dumps(document))
            for listener in self.document_listeners:
                listener(snapshot, document)
        except Exception as error:  # noqa: BLE001 — one rig must not stop the others; its document is dropped and counted
            self._log_error(error)
            return None
        return rig_document

    def make_message(self, rig_document: RigDocument) -> Outgoing:
        """Return the message for a document."""
        topic = self._topics.rig_state(self._entries[rig_document.snapshot.rig].topic_id)
        if not self._retain_state:
            return Outgoing(topic, rig_document.payload)
        return Outgoing(
            topic,
            rig_document.payload,
            retain=True,
            expiry=round(EXPIRY_INTERVALS * rig_document.snapshot.polling.interval),
        )

    async def republish_availability(self, known: Iterable[str]) -> None:
        """Queue the availability of every rig, because the broker may have lost it."""
        for at, snapshot in enumerate(list(self._fleet.snapshots.values())):
            if at % RIGS_PER_SLICE == RIGS_PER_SLICE - 1:
                await asyncio.sleep(0)
            snapshot = self._fleet.snapshots.get(snapshot.rig, snapshot)
            entry = self._entry(snapshot) if snapshot.rig in self._fleet.snapshots else None
            if entry is not None:
                entry.availability = None
                self._announce(entry, snapshot)
        await self.publish_absent(known)

    async def publish_absent(self, known: Iterable[str]) -> None:
        """Queue offline for machines with `known` identities that are not in the fleet."""
        for at, key in enumerate(known):
            if at % RIGS_PER_SLICE == RIGS_PER_SLICE - 1:
                await asyncio.sleep(0)
            topic_id = rig_level(key)
            if topic_id not in self._owner:
                self._retained.put(Outgoing(self._topics.rig_availability(topic_id), b"offline", 1, retain=True))

    def clear_removed(self) -> None:
        """Clear the retained messages of rigs that left the fleet."""
        while self._states.removed:
            rig, _ = self._states.removed.popitem()
            if rig in self._fleet.snapshots:
                continue  # it was added again
            entry = self._entries.pop(rig, None)
            if entry is not None:
                self._clear(rig, entry)
            for listener in self.removal_listeners:
                listener(rig)

    def _clear(self, rig: RigId, entry: PublishedRig) -> None:
        if self._owner.get(entry.topic_id) != rig:
            return  # the machine has another name now
        del self._owner[entry.topic_id]
        topics = [self._topics.rig_availability(entry.topic_id)]
        if self._retain_state:
            topics.append(self._topics.rig_state(entry.topic_id))
        for topic in topics:
            self._retained.put(Outgoing(topic, b"", 1, retain=True))

    def _entry(self, snapshot: RigSnapshot) -> PublishedRig | None:
        """Return the state of a rig; a new one if a different machine has its name."""
        topic_id = rig_id(snapshot)
        if topic_id is None:
            return None
        entry = self._entries.get(snapshot.rig)
        if entry is None or entry.topic_id != topic_id:
            if entry is not None:
                self._clear(snapshot.rig, entry)
            entry = self._entries[snapshot.rig] = PublishedRig(topic_id)
        self._owner[topic_id] = snapshot.rig
        return entry

    def _announce(self, entry: PublishedRig, snapshot: RigSnapshot) -> None:
        now = availability(snapshot)
        if now != entry.availability:
            entry.availability = now
            topic = self._topics.rig_availability(entry.topic_id)
            self._retained.put(Outgoing(topic, now.encode(), 1, retain=True))

    def _log_error(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        if text not in self._logged and len(self._logged) < 100:
            self._logged.add(text)
            trace = "".join(traceback.format_exception(error))
            log.error("rig document failed: internal error, please report (document dropped; logged once)", trace=trace)
