"""Keeps per rig what its messages need: its topic id, the count of its documents, what was last said of its health."""

import asyncio
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson
import structlog

from stratoscope.clock import Clock
from stratoscope.fleet import Fleet, RigId, RigSnapshot
from stratoscope.metrics import NOBODY, Identity
from stratoscope.outside.broker import Outgoing
from stratoscope_exporters.mqtt.documents import Availability, RigDocuments, availability
from stratoscope_exporters.mqtt.queues import Latest, States
from stratoscope_exporters.mqtt.topics import Topics, rig_id, rig_level
from stratoscope_exporters.mqtt.tree import Object

EXPIRY_INTERVALS: Final = 3
SLICE: Final = 200
"""Rigs gone through before the loop gets its turn: some 2 ms."""
log = structlog.get_logger(__name__)


class Told(NamedTuple):
    """A rig's document, ready to be sent."""

    snapshot: RigSnapshot
    document: Object
    payload: bytes


@dataclass(slots=True)
class Entry:
    """One rig."""

    topic_id: str
    seq: int = 0
    said: Availability | None = None
    identity: Identity = NOBODY


class Rigs:
    """Makes the messages of every rig."""

    def __init__(
        self,
        fleet: Fleet,
        topics: Topics,
        documents: RigDocuments,
        retained: Latest,
        states: States,
        clock: Clock,
        *,
        retain_state: bool,
    ) -> None:
        self._fleet, self._topics, self._documents, self._clock = fleet, topics, documents, clock
        self._retained, self._states = retained, states
        self._retain_state = retain_state
        self._entries: dict[RigId, Entry] = {}
        self._owner: dict[str, RigId] = {}  # topic id → rig
        self.listeners: list[Callable[[RigSnapshot, Object], None]] = []
        self.left: list[Callable[[RigId], None]] = []
        self._logged: set[str] = set()

    def topic_id(self, rig: RigId) -> str | None:
        """Return the id of `rig` in topics, as far as it was ever heard."""
        snapshot = self._fleet.snapshots.get(rig)
        if snapshot is not None and snapshot.identity is not None:
            return rig_level(snapshot.identity)
        entry = self._entries.get(rig)
        return None if entry is None else entry.topic_id

    def tell(self, rig: RigId) -> Told | None:
        """Return the document of `rig` as of now, and let its availability wait where that changed; None on a bug."""
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
            told = Told(snapshot, document, orjson.dumps(document))
            for listener in self.listeners:
                listener(snapshot, document)
        except Exception as error:  # noqa: BLE001 — one rig's oddity must not stop the others: left out, counted
            self._complain(error)
            return None
        return told

    def message(self, told: Told) -> Outgoing:
        """Return the message of a document."""
        topic = self._topics.rig_state(self._entries[told.snapshot.rig].topic_id)
        if not self._retain_state:
            return Outgoing(topic, told.payload)
        return Outgoing(
            topic, told.payload, retain=True, expiry=round(EXPIRY_INTERVALS * told.snapshot.polling.interval)
        )

    async def all_again(self, known: Iterable[str]) -> None:
        """Let the availability of every rig wait, as for a broker that may have forgotten it."""
        for at, snapshot in enumerate(list(self._fleet.snapshots.values())):
            if at % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            snapshot = self._fleet.snapshots.get(snapshot.rig, snapshot)
            entry = self._entry(snapshot) if snapshot.rig in self._fleet.snapshots else None
            if entry is not None:
                entry.said = None
                self._announce(entry, snapshot)
        await self.absent(known)

    async def absent(self, known: Iterable[str]) -> None:
        """Say of machines with `known` identities that are not in the fleet that they are offline."""
        for at, key in enumerate(known):
            if at % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            topic_id = rig_level(key)
            if topic_id not in self._owner:
                self._retained.put(Outgoing(self._topics.rig_availability(topic_id), b"offline", 1, retain=True))

    def clear_gone(self) -> None:
        """Take back what is retained of rigs that left the fleet."""
        while self._states.gone:
            rig, _ = self._states.gone.popitem()
            if rig in self._fleet.snapshots:
                continue  # it is back
            entry = self._entries.pop(rig, None)
            if entry is not None:
                self._clear(rig, entry)
            for listener in self.left:
                listener(rig)

    def _clear(self, rig: RigId, entry: Entry) -> None:
        if self._owner.get(entry.topic_id) != rig:
            return  # the machine goes on under another name
        del self._owner[entry.topic_id]
        topics = [self._topics.rig_availability(entry.topic_id)]
        if self._retain_state:
            topics.append(self._topics.rig_state(entry.topic_id))
        for topic in topics:
            self._retained.put(Outgoing(topic, b"", 1, retain=True))

    def _entry(self, snapshot: RigSnapshot) -> Entry | None:
        """Return the entry of a rig; one that has become another machine begins anew."""
        topic_id = rig_id(snapshot)
        if topic_id is None:
            return None
        entry = self._entries.get(snapshot.rig)
        if entry is None or entry.topic_id != topic_id:
            if entry is not None:
                self._clear(snapshot.rig, entry)
            entry = self._entries[snapshot.rig] = Entry(topic_id)
        self._owner[topic_id] = snapshot.rig
        return entry

    def _announce(self, entry: Entry, snapshot: RigSnapshot) -> None:
        now = availability(snapshot)
        if now != entry.said:
            entry.said = now
            topic = self._topics.rig_availability(entry.topic_id)
            self._retained.put(Outgoing(topic, now.encode(), 1, retain=True))

    def _complain(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        if text not in self._logged and len(self._logged) < 100:
            self._logged.add(text)
            trace = "".join(traceback.format_exception(error))
            log.error("cannot make a rig's document; logged once", trace=trace)
