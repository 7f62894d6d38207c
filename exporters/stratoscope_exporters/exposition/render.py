"""Renders each rig once, when its snapshot changes, into one chunk of finished lines per metric."""

import asyncio
import math
import traceback
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import structlog

from stratoscope.clock import Clock
from stratoscope.fleet import Fleet, RigSnapshot
from stratoscope.metrics import NOBODY, TABLE, Identity, Labels, RigFamily, Subject, Tally, fresh_for, without_reading
from stratoscope.units import DAY
from stratoscope_exporters.exposition.meters import Meters
from stratoscope_exporters.exposition.settings import Settings
from stratoscope_exporters.exposition.text import BIG, Column, columns, escaped, pairs, rig_label

SLICE: Final = 48
"""Rigs rendered before the loop gets its turn: some 5 ms."""
MAX_WORDS: Final = 32
"""Different label values that a rig may bring into one family per day; beyond it they are called `other`."""

Group = tuple[tuple[str, Callable[[Any], float | None]], ...]
log = structlog.get_logger(__name__)


class Row(NamedTuple):
    """One rig as a page sees it; never changed, only replaced."""

    chunks: tuple[bytes, ...]  # by column
    tally: Tally
    crc: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """An immutable shallow copy of all rows, for one page."""

    generation: int
    rows: list[Row]
    energy: float  # J since the exporter started


class Entry:
    """What is kept per rig between renders."""

    __slots__ = ("at", "energy", "expires", "identity", "label", "row", "series", "words", "words_since")

    def __init__(self, rig: str) -> None:
        self.label = rig_label(rig)
        self.row: Row | None = None
        self.series = 0
        self.at: float | None = None  # UTC s of the reading
        self.expires = math.inf  # monotonic s at which the reading becomes stale
        self.identity = NOBODY
        self.energy: float | None = None  # J, as counted last
        self.words: dict[str, dict[Labels, str]] = {}  # family → label values → finished labels
        self.words_since = 0.0  # monotonic s


class Renderer:
    """Follows the fleet and keeps every rig's finished lines.

    A family that raises is left out for that rig, counted and logged once; the rest of the page is unharmed.
    """

    def __init__(self, fleet: Fleet, clock: Clock, meters: Meters, settings: Settings) -> None:
        self.generation = 0
        self.series = 0
        self._fleet, self._clock, self._meters = fleet, clock, meters
        self._per_rig, self._in_all = settings.max_series_per_rig, settings.max_series
        chosen = columns(tuple(f for f in TABLE if f.option is None or f.option in settings.options))
        self.columns: list[Column] = [column for _, group in chosen for column in group]
        self._families: tuple[tuple[RigFamily, Group], ...] = tuple(
            (family, tuple((column.series, column.value) for column in group)) for family, group in chosen
        )
        self._entries: dict[str, Entry] = {}
        self._closed: dict[str, dict[Labels, str]] = {family.title: {} for family, _ in self._families}
        self._energy = 0.0
        self._next_expiry = math.inf
        self._dirty = fleet.subscribe()
        self._turn = asyncio.Lock()
        self._logged: set[str] = set()

    async def run(self) -> None:
        """Render changed rigs as they come, until cancelled."""
        try:
            while True:
                await self._dirty.wait()
                await self.catch_up()
        finally:
            self._fleet.unsubscribe(self._dirty)

    async def catch_up(self) -> None:
        """Render every rig that changed or became stale; return when none is left of those known at the call."""
        async with self._turn:
            for at, rig in enumerate((*self._dirty.drain(), *self._expired())):
                if at % SLICE == SLICE - 1:
                    await asyncio.sleep(0)
                self._update(rig)

    def as_of_now(self, snapshot: RigSnapshot) -> RigSnapshot:
        """Return `snapshot`, without its reading once that has become stale."""
        entry = self._entries.get(snapshot.rig)
        if entry is not None and entry.at == snapshot.at and entry.expires <= self._clock.monotonic():
            return without_reading(snapshot)
        return snapshot

    def identity(self, rig: str) -> Identity:
        """Return who `rig` is, as far as it ever said."""
        entry = self._entries.get(rig)
        return NOBODY if entry is None else entry.identity

    def sheet(self, part: tuple[int, int] | None = None) -> Sheet:
        """Return the rows of all rigs, or of part k of n: those whose crc32 leaves k − 1 modulo n."""
        rows = [entry.row for entry in self._entries.values() if entry.row is not None]
        if part is not None:
            k, n = part
            rows = [row for row in rows if row.crc % n == k - 1]
        return Sheet(self.generation, rows, self._energy)

    def _expired(self) -> list[str]:
        now = self._clock.monotonic()
        if now < self._next_expiry:
            return []
        gone = [rig for rig, e in self._entries.items() if e.expires <= now and e.row is not None and e.row.tally.fresh]
        self._next_expiry = min((e.expires for e in self._entries.values() if e.expires > now), default=math.inf)
        return gone

    def _update(self, rig: str) -> None:
        """Render `rig` anew, or forget it when it is gone or cannot be rendered: old lines must not stay."""
        self.generation += 1
        snapshot = self._fleet.snapshots.get(rig)
        try:
            if snapshot is not None:
                self._render(self._entries.get(rig) or self._entries.setdefault(rig, Entry(rig)), snapshot)
        except Exception as error:  # noqa: BLE001 — one rig must not stop the exporter: left out and counted
            self._failed("rig", error)
            snapshot = None
        if snapshot is None:
            gone = self._entries.pop(rig, None)
            self.series -= gone.series if gone is not None else 0
        self._meters.series.set(self.series)

    def _render(self, entry: Entry, snapshot: RigSnapshot) -> None:
        snapshot = self._dated(entry, snapshot)
        if snapshot.reading is not None:
            entry.identity = Identity.of(snapshot.reading)
        start = f'{{rig="{escaped(entry.label)}"'
        subject = Subject(snapshot, entry.identity)
        chunks: list[bytes] = []
        room = self._room(entry)
        for family, group in self._families:
            before = len(chunks)
            try:
                room -= self._family(entry, family, group, start, subject, chunks, room)
            except Exception as error:  # noqa: BLE001 — one rig's oddity must not take the page down: left out, counted
                chunks[before:] = [b""] * len(group)
                self._failed(family.title, error)
        taken = self._room(entry) - room
        self.series += taken - entry.series
        entry.series = taken
        entry.row = Row(tuple(chunks), Tally.of(snapshot), zlib.crc32(entry.label.encode()))

    def _room(self, entry: Entry) -> int:
        """Return how many series the rig may have: its own limit, and what the others leave of the global one."""
        return min(self._per_rig, self._in_all - self.series + entry.series)

    def _dated(self, entry: Entry, snapshot: RigSnapshot) -> RigSnapshot:
        """Return `snapshot`, without its reading when that is stale.

        The age is taken by the wall clock once, when a reading comes, and counted on by the monotonic clock, so that
        a stepped wall clock ages nothing. A failed poll publishes the old reading again: same `at`, same expiry.
        """
        now = self._clock.monotonic()
        if snapshot.reading is None:
            entry.at, entry.expires = None, math.inf
            return snapshot
        if snapshot.at != entry.at:
            age = max(0.0, self._clock.time() - snapshot.at)
            entry.at, entry.expires = snapshot.at, now + fresh_for(snapshot) - age
        if entry.expires <= now:
            return without_reading(snapshot)
        self._next_expiry = min(self._next_expiry, entry.expires)
        self._spend(entry, snapshot.counters.energy)
        return snapshot

    def _spend(self, entry: Entry, energy: float | None) -> None:
        """Add what the rig drew since it was last rendered; what it drew before this run is not the run's."""
        if energy is not None:
            if entry.energy is not None:
                self._energy += max(0.0, energy - entry.energy)
            entry.energy = energy

    def _family(
        self,
        entry: Entry,
        family: RigFamily,
        group: Group,
        start: str,
        subject: Subject,
        chunks: list[bytes],
        room: int,
    ) -> int:
        """Append the finished lines of each metric to `chunks`; return how many of the `room` lines were taken."""
        known = self._words(entry, family.title) if family.free else self._closed[family.title]
        rows = [(known.get(labels) or self._labels(known, family, labels), row) for labels, row in family.rows(subject)]
        if family.free and len(rows) > 1:
            rows = list(dict(reversed(rows)).items())  # words that clean to the same make one series: the first
            rows.reverse()
        taken = 0
        for series, value_of in group:
            name, text, count = series + start, "", 0
            for finished, row in rows:
                value = value_of(row)
                if value is not None and -BIG < value < BIG:  # also NaN
                    text += f"{name}{finished}{value!r}\n"  # a handful of lines: cheaper than a list and a join
                    count += 1
            if taken + count > room:
                self._drop(entry, count)
                text, count = "", 0
            taken += count
            chunks.append(text.encode() if text else b"")
        return taken

    def _drop(self, entry: Entry, count: int) -> None:
        """Leave a whole metric of a rig out and count it: a part of it would make sums that mislead."""
        own = self._room(entry) == self._per_rig
        self._meters.dropped.labels("rig_limit" if own else "global_limit").inc(count)

    def _labels(self, known: dict[Labels, str], family: RigFamily, labels: Labels) -> str:
        """Return the finished labels after `rig`, with the closing brace and a blank, and keep them in `known`."""
        crowded = bool(family.free) and len(known) >= MAX_WORDS
        if crowded:
            self._meters.dropped.labels("label_churn").inc()
            pieces = zip(family.labels, labels, strict=True)
            labels = tuple("other" if name in family.free else value for name, value in pieces)
        finished = f",{pairs(family.labels, labels)}}} " if labels else "} "
        if not crowded:
            known[labels] = finished
        return finished

    def _words(self, entry: Entry, title: str) -> dict[Labels, str]:
        now = self._clock.monotonic()
        if now - entry.words_since > DAY:
            entry.words.clear()
            entry.words_since = now
        return entry.words.setdefault(title, {})

    def _failed(self, title: str, error: Exception) -> None:
        self._meters.errors.labels(title).inc()
        if title not in self._logged:
            self._logged.add(title)
            trace = "".join(traceback.format_exception(error))  # as text: a renderer that shows locals meets the oddity
            log.error("cannot render a family of metrics; logged once", family=title, trace=trace)
