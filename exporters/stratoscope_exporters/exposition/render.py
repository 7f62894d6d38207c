"""Renders each rig when its snapshot changes, into one chunk of text lines per metric."""

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
from stratoscope.metrics import (
    TABLE,
    UNKNOWN_IDENTITY,
    Identity,
    Labels,
    RigContribution,
    RigFamily,
    Subject,
    freshness_seconds,
    without_reading,
)
from stratoscope.units import DAY
from stratoscope_exporters.exposition.config import PrometheusConfig
from stratoscope_exporters.exposition.metrics import PageMetrics
from stratoscope_exporters.exposition.text import MAX_VALUE, MetricColumn, columns, escaped, label_pairs, rig_label

RIGS_PER_SLICE: Final = 48
"""Rigs rendered before other tasks can run: about 5 ms."""
MAX_LABEL_VALUES: Final = 32
"""Different label values per rig and family in one day; further values become `other`."""

Group = tuple[tuple[str, Callable[[Any], float | None]], ...]
log = structlog.get_logger(__name__)


class RenderedRig(NamedTuple):
    """One rendered rig; never changed, only replaced."""

    chunks: tuple[bytes, ...]  # by column
    contribution: RigContribution
    crc: int


@dataclass(frozen=True, slots=True)
class RenderedFleet:
    """A shallow copy of all rendered rigs, for one page."""

    generation: int
    rows: list[RenderedRig]
    energy: float  # J since the exporter started


class RigEntryState:
    """State of one rig between renderings."""

    __slots__ = ("at", "energy", "expires", "identity", "label", "row", "series", "words", "words_since")

    def __init__(self, rig: str) -> None:
        self.label = rig_label(rig)
        self.row: RenderedRig | None = None
        self.series = 0
        self.at: float | None = None  # UTC s of the reading
        self.expires = math.inf  # monotonic s when the reading becomes stale
        self.identity = UNKNOWN_IDENTITY
        self.energy: float | None = None  # J, at the last rendering
        self.words: dict[str, dict[Labels, str]] = {}  # family → label values → rendered labels
        self.words_since = 0.0  # monotonic s


class Renderer:
    """Follows the fleet and keeps the rendered lines of every rig.

    A family that raises is left out for that rig, counted and logged once; the rest of the page is not affected.
    """

    def __init__(self, fleet: Fleet, clock: Clock, meters: PageMetrics, settings: PrometheusConfig) -> None:
        self.generation = 0
        self.series = 0
        self._fleet, self._clock, self._meters = fleet, clock, meters
        self._per_rig, self._in_all = settings.max_series_per_rig, settings.max_series
        chosen = columns(tuple(f for f in TABLE if f.option is None or f.option in settings.options))
        self.columns: list[MetricColumn] = [column for _, group in chosen for column in group]
        self._families: tuple[tuple[RigFamily, Group], ...] = tuple(
            (family, tuple((column.series, column.value) for column in group)) for family, group in chosen
        )
        self._entries: dict[str, RigEntryState] = {}
        self._closed: dict[str, dict[Labels, str]] = {family.title: {} for family, _ in self._families}
        self._energy = 0.0
        self._next_expiry = math.inf
        self._dirty = fleet.subscribe()
        self._turn = asyncio.Lock()
        self._logged: set[str] = set()

    async def run(self) -> None:
        """Render rigs as they change, until cancelled."""
        try:
            while True:
                await self._dirty.wait()
                await self.catch_up()
        finally:
            self._fleet.unsubscribe(self._dirty)

    async def catch_up(self) -> None:
        """Render every rig that changed or became stale before the call."""
        async with self._turn:
            for at, rig in enumerate((*self._dirty.drain(), *self._expired())):
                if at % RIGS_PER_SLICE == RIGS_PER_SLICE - 1:
                    await asyncio.sleep(0)
                self._update(rig)

    def as_of_now(self, snapshot: RigSnapshot) -> RigSnapshot:
        """Return `snapshot`, without its reading if that is stale."""
        entry = self._entries.get(snapshot.rig)
        if entry is not None and entry.at == snapshot.at and entry.expires <= self._clock.monotonic():
            return without_reading(snapshot)
        return snapshot

    def identity(self, rig: str) -> Identity:
        """Return the last known identity of `rig`."""
        entry = self._entries.get(rig)
        return UNKNOWN_IDENTITY if entry is None else entry.identity

    def sheet(self, part: tuple[int, int] | None = None) -> RenderedFleet:
        """Return all rendered rigs, or part k of n: those with crc32 mod n = k − 1."""
        rows = [entry.row for entry in self._entries.values() if entry.row is not None]
        if part is not None:
            k, n = part
            rows = [row for row in rows if row.crc % n == k - 1]
        return RenderedFleet(self.generation, rows, self._energy)

    def _expired(self) -> list[str]:
        now = self._clock.monotonic()
        if now < self._next_expiry:
            return []
        gone = [
            rig
            for rig, e in self._entries.items()
            if e.expires <= now and e.row is not None and e.row.contribution.fresh
        ]
        self._next_expiry = min((e.expires for e in self._entries.values() if e.expires > now), default=math.inf)
        return gone

    def _update(self, rig: str) -> None:
        """Render `rig`, or remove it if it left or cannot be rendered: old lines must not stay."""
        self.generation += 1
        snapshot = self._fleet.snapshots.get(rig)
        try:
            if snapshot is not None:
                self._render(self._entries.get(rig) or self._entries.setdefault(rig, RigEntryState(rig)), snapshot)
        except Exception as error:  # noqa: BLE001 — one rig must not stop the exporter; it is left out and counted
            self._failed("rig", error)
            snapshot = None
        if snapshot is None:
            gone = self._entries.pop(rig, None)
            self.series -= gone.series if gone is not None else 0
        self._meters.series = self.series

    def _render(self, entry: RigEntryState, snapshot: RigSnapshot) -> None:
        snapshot = self._expire_reading(entry, snapshot)
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
            except Exception as error:  # noqa: BLE001 — one rig must not break the page; its family is left out and counted
                chunks[before:] = [b""] * len(group)
                self._failed(family.title, error)
        taken = self._room(entry) - room
        self.series += taken - entry.series
        entry.series = taken
        entry.row = RenderedRig(tuple(chunks), RigContribution.of(snapshot), zlib.crc32(entry.label.encode()))

    def _room(self, entry: RigEntryState) -> int:
        """Return the number of series that the rig may have within its own limit and the global limit."""
        return min(self._per_rig, self._in_all - self.series + entry.series)

    def _expire_reading(self, entry: RigEntryState, snapshot: RigSnapshot) -> RigSnapshot:
        """Return `snapshot`, without its reading if that is stale.

        The wall clock gives the age once, when a reading arrives; the monotonic clock gives the expiry from then on, so
        that a step of the wall clock has no effect. A failed poll publishes the old reading again with the same expiry.
        """
        now = self._clock.monotonic()
        if snapshot.reading is None:
            entry.at, entry.expires = None, math.inf
            return snapshot
        if snapshot.at != entry.at:
            age = max(0.0, self._clock.time() - snapshot.at)
            entry.at, entry.expires = snapshot.at, now + freshness_seconds(snapshot) - age
        if entry.expires <= now:
            return without_reading(snapshot)
        self._next_expiry = min(self._next_expiry, entry.expires)
        self._add_energy(entry, snapshot.counters.energy)
        return snapshot

    def _add_energy(self, entry: RigEntryState, energy: float | None) -> None:
        """Add the energy used since the last rendering; energy from before this run does not count."""
        if energy is not None:
            if entry.energy is not None:
                self._energy += max(0.0, energy - entry.energy)
            entry.energy = energy

    def _family(
        self,
        entry: RigEntryState,
        family: RigFamily,
        group: Group,
        start: str,
        subject: Subject,
        chunks: list[bytes],
        room: int,
    ) -> int:
        """Append the lines of each metric to `chunks`; return how many of the allowed `room` lines were used."""
        known = self._words(entry, family.title) if family.free else self._closed[family.title]
        rows = [(known.get(labels) or self._labels(known, family, labels), row) for labels, row in family.rows(subject)]
        if family.free and len(rows) > 1:
            rows = list(
                dict(reversed(rows)).items()
            )  # values that are equal after cleaning make one series: the first wins
            rows.reverse()
        taken = 0
        for series, value_of in group:
            name, text, count = series + start, "", 0
            for finished, row in rows:
                value = value_of(row)
                if value is not None and -MAX_VALUE < value < MAX_VALUE:  # also NaN
                    text += f"{name}{finished}{value!r}\n"  # few lines: cheaper than a list and a join
                    count += 1
            if taken + count > room:
                self._drop(entry, count)
                text, count = "", 0
            taken += count
            chunks.append(text.encode() if text else b"")
        return taken

    def _drop(self, entry: RigEntryState, count: int) -> None:
        """Count a whole metric that is left out. A part of a metric would give misleading sums."""
        own = self._room(entry) == self._per_rig
        self._meters.dropped["rig_limit" if own else "global_limit"] += count

    def _labels(self, known: dict[Labels, str], family: RigFamily, labels: Labels) -> str:
        """Return the rendered labels after `rig`, with the closing brace and a space, and keep them in `known`."""
        crowded = bool(family.free) and len(known) >= MAX_LABEL_VALUES
        if crowded:
            self._meters.dropped["label_churn"] += 1
            pieces = zip(family.labels, labels, strict=True)
            labels = tuple("other" if name in family.free else value for name, value in pieces)
        finished = f",{label_pairs(family.labels, labels)}}} " if labels else "} "
        if not crowded:
            known[labels] = finished
        return finished

    def _words(self, entry: RigEntryState, title: str) -> dict[Labels, str]:
        now = self._clock.monotonic()
        if now - entry.words_since > DAY:
            entry.words.clear()
            entry.words_since = now
        return entry.words.setdefault(title, {})

    def _failed(self, title: str, error: Exception) -> None:
        self._meters.count_error(title)
        if title not in self._logged:
            self._logged.add(title)
            trace = "".join(
                traceback.format_exception(error)
            )  # as text: a log renderer that prints locals could fail on the same value
            log.error(
                "metric family failed: internal error, please report (family left out for the rig; logged once)",
                family=title,
                trace=trace,
            )
