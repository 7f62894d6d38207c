"""Keeps what each rig reported as a curve over time, so that any span that a pool tells of can be held against it.

A curve is the integral of the reported hashrate and, beside it, for how many seconds that is known: over a gap
nothing is added to either.
"""

from array import array
from bisect import bisect_right
from typing import Final, NamedTuple

from stratoscope.fleet import RigSnapshot
from stratoscope.judgement.counters import MAX_GAP_INTERVALS
from stratoscope.units import MINUTE

POINTS: Final = 40
SPACING: Final = 2 * MINUTE
KNOWN: Final = 0.95
"""Part of a span that must be known for a rig to be compared over it."""


class Stretch(NamedTuple):
    """What passed between two looks: hashes, seconds that are known, shares by their fate."""

    hashes: float = 0.0
    seconds: float = 0.0
    accepted: float = 0.0
    rejected: float = 0.0
    stale: float = 0.0


NOTHING: Final = Stretch()


class Span(NamedTuple):
    """What a rig did in a span: hashes reported, and shares that it counted as accepted; None where it counts none."""

    hashes: float
    accepted: float | None


class Track:
    """One rig's curve since it took its present seat at a pool. Times are UTC seconds."""

    __slots__ = (
        "_at",
        "_counts",
        "_curves",
        "_raw",
        "_reach",
        "_spacing",
        "accepted",
        "at",
        "counts",
        "hashes",
        "per_share",
        "rate",
        "refused",
        "seconds",
    )

    def __init__(self, spacing: float = SPACING) -> None:
        self._spacing = spacing
        self._at = array("d")
        self._curves = array("d"), array("d"), array("d")  # hashes, known seconds, accepted shares
        self.at: float | None = None  # of the newest reading
        self.hashes = self.seconds = 0.0
        self.rate = 0.0  # H/s
        self.accepted = self.refused = 0.0  # shares
        self.counts = True  # whether the rig counts its accepted shares
        self.per_share: float | None = None  # difficulty of a share on average
        self._raw = 0.0
        self._counts = (0, 0, 0)
        self._reach = 0.0  # s after `at` for which the rate still tells what the rig does

    @property
    def taken(self) -> float:
        """Return which part of its shares the pool accepted, as the rig counts them; 1 where it counts none."""
        total = self.accepted + self.refused
        return self.accepted / total if total else 1.0

    def look(self, snapshot: RigSnapshot) -> Stretch:
        """Take a rig's snapshot; return what it adds. A rig that flatlines is taken as not heard."""
        judged, hashes, at = snapshot.judged, snapshot.counters.hashes, snapshot.at
        if snapshot.reading is None or judged.hashrate is None or judged.flatline or hashes is None:
            return NOTHING
        if self.at is not None and at <= self.at:
            return NOTHING
        before, self.at = self.at, at
        self._reach, self.rate = MAX_GAP_INTERVALS * snapshot.polling.interval, judged.hashrate
        more, self._raw = hashes - self._raw, hashes
        fate = self._fates(snapshot)
        self.counts = snapshot.counters.accepted is not None
        if before is None or more < 0 or at - before > self._reach:
            self._mark()
            return NOTHING
        self.hashes += more
        self.seconds += at - before
        self.accepted += fate[0]
        self.refused += fate[1] + fate[2]
        if at - self._at[-1] >= self._spacing:
            self._mark()
        return Stretch(more, at - before, *fate)

    def _fates(self, snapshot: RigSnapshot) -> tuple[int, int, int]:
        sums, before = snapshot.counters, self._counts
        now = (sums.accepted or 0, sums.rejected or 0, sums.stale or 0)
        self._counts = now
        return (max(0, now[0] - before[0]), max(0, now[1] - before[1]), max(0, now[2] - before[2]))

    def _mark(self) -> None:
        for curve, value in zip((self._at, *self._curves), (self.at or 0.0, *self._newest()), strict=True):
            curve.append(value)
            if len(curve) > POINTS:
                del curve[0]

    def _newest(self) -> tuple[float, float, float]:
        return self.hashes, self.seconds, self.accepted

    def between(self, start: float, end: float) -> Span | None:
        """Return what the rig did from `start` to `end`; None unless nearly all of that time is known."""
        first, last = self._value(start), self._value(end)
        if first is None or last is None or not start < end:
            return None
        known = last[1] - first[1]
        if known < KNOWN * (end - start):
            return None
        scale = (end - start) / known
        return Span((last[0] - first[0]) * scale, (last[2] - first[2]) * scale if self.counts else None)

    def _value(self, at: float) -> tuple[float, float, float] | None:
        """Return hashes, known seconds and accepted shares at a moment, a little beyond the newest reading too."""
        if self.at is None or not self._at or at < self._at[0] or at > self.at + self._reach:
            return None
        if at >= self.at:
            more = at - self.at
            return self.hashes + self.rate * more, self.seconds + more, self.accepted + self._share_rate * more
        index = bisect_right(self._at, at)
        hashes, known, accepted = self._curves
        begin = hashes[index - 1], known[index - 1], accepted[index - 1]
        whole = index < len(self._at)
        stop = (hashes[index], known[index], accepted[index]) if whole else self._newest()
        since, until = self._at[index - 1], self._at[index] if whole else self.at
        part = (at - since) / (until - since) if until > since else 0.0
        return (
            begin[0] + part * (stop[0] - begin[0]),
            begin[1] + part * (stop[1] - begin[1]),
            begin[2] + part * (stop[2] - begin[2]),
        )

    @property
    def _share_rate(self) -> float:
        """Return how many accepted shares a second the rig counted since its oldest point."""
        passed = self.seconds - self._curves[1][0]
        return (self.accepted - self._curves[2][0]) / passed if passed > 0 else 0.0
