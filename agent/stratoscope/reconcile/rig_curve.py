"""Records each rig's reported work as a curve over time, to compare any span that a pool reports.

A curve is the integral of the reported hashrate, plus the number of seconds for which it is known. Neither grows over
a gap.
"""

from array import array
from bisect import bisect_right
from typing import Final, NamedTuple

from stratoscope.fleet import RigSnapshot
from stratoscope.judgement.counters import MAX_GAP_INTERVALS
from stratoscope.units import MINUTE

MAX_POINTS: Final = 40
POINT_SPACING_S: Final = 2 * MINUTE
MIN_KNOWN_RATIO: Final = 0.95
"""Fraction of a span that must be known to compare a rig over it."""


class RigProgress(NamedTuple):
    """The progress between two snapshots: hashes, known seconds, and shares by result."""

    hashes: float = 0.0
    seconds: float = 0.0
    accepted: float = 0.0
    rejected: float = 0.0
    stale: float = 0.0


NO_PROGRESS: Final = RigProgress()


class RigSpan(NamedTuple):
    """A rig's work in a span: reported hashes, and shares counted as accepted; None if it does not count them."""

    hashes: float
    accepted: float | None


class RigCurve:
    """One rig's curve since it was assigned to its current worker. Times are UTC seconds."""

    __slots__ = (
        "_at",
        "_curves",
        "_last_counts",
        "_last_hashes",
        "_reach",
        "_spacing",
        "accepted",
        "at",
        "counts_shares",
        "hashes",
        "rate",
        "refused",
        "seconds",
        "share_difficulty",
    )

    def __init__(self, spacing: float = POINT_SPACING_S) -> None:
        self._spacing = spacing
        self._at = array("d")
        self._curves = array("d"), array("d"), array("d")  # hashes, known seconds, accepted shares
        self.at: float | None = None  # of the newest reading
        self.hashes = self.seconds = 0.0
        self.rate = 0.0  # H/s
        self.accepted = self.refused = 0.0  # shares
        self.counts_shares = True  # whether the rig counts its accepted shares
        self.share_difficulty: float | None = None  # mean
        self._last_hashes = 0.0
        self._last_counts = (0, 0, 0)
        self._reach = 0.0  # s after `at` for which `rate` is assumed to continue

    @property
    def accepted_ratio(self) -> float:
        """Return the fraction of shares that the pool accepted, by the rig's own counts; 1 without counts."""
        total = self.accepted + self.refused
        return self.accepted / total if total else 1.0

    def add_snapshot(self, snapshot: RigSnapshot) -> RigProgress:
        """Add a rig's snapshot; return the progress since the last one. A flatlined rig counts as unreachable."""
        judged, hashes, at = snapshot.judged, snapshot.counters.hashes, snapshot.at
        if snapshot.reading is None or judged.hashrate is None or judged.flatline or hashes is None:
            return NO_PROGRESS
        if self.at is not None and at <= self.at:
            return NO_PROGRESS
        before, self.at = self.at, at
        self._reach, self.rate = MAX_GAP_INTERVALS * snapshot.polling.interval, judged.hashrate
        more, self._last_hashes = hashes - self._last_hashes, hashes
        shares = self._count_shares(snapshot)
        self.counts_shares = snapshot.counters.accepted is not None
        if before is None or more < 0 or at - before > self._reach:
            self._add_point()
            return NO_PROGRESS
        self.hashes += more
        self.seconds += at - before
        self.accepted += shares[0]
        self.refused += shares[1] + shares[2]
        if at - self._at[-1] >= self._spacing:
            self._add_point()
        return RigProgress(more, at - before, *shares)

    def _count_shares(self, snapshot: RigSnapshot) -> tuple[int, int, int]:
        sums, before = snapshot.counters, self._last_counts
        now = (sums.accepted or 0, sums.rejected or 0, sums.stale or 0)
        self._last_counts = now
        return (max(0, now[0] - before[0]), max(0, now[1] - before[1]), max(0, now[2] - before[2]))

    def _add_point(self) -> None:
        for curve, value in zip((self._at, *self._curves), (self.at or 0.0, *self._newest()), strict=True):
            curve.append(value)
            if len(curve) > MAX_POINTS:
                del curve[0]

    def _newest(self) -> tuple[float, float, float]:
        return self.hashes, self.seconds, self.accepted

    def between(self, start: float, end: float) -> RigSpan | None:
        """Return the rig's work from `start` to `end`; None unless nearly all of that time is known."""
        first, last = self._value(start), self._value(end)
        if first is None or last is None or not start < end:
            return None
        known = last[1] - first[1]
        if known < MIN_KNOWN_RATIO * (end - start):
            return None
        scale = (end - start) / known
        return RigSpan((last[0] - first[0]) * scale, (last[2] - first[2]) * scale if self.counts_shares else None)

    def _value(self, at: float) -> tuple[float, float, float] | None:
        """Return hashes, known seconds and accepted shares at `at`, which may be slightly after the newest reading."""
        if self.at is None or not self._at or at < self._at[0] or at > self.at + self._reach:
            return None
        if at >= self.at:
            more = at - self.at
            return self.hashes + self.rate * more, self.seconds + more, self.accepted + self._share_rate * more
        index = bisect_right(self._at, at)
        hashes, known, accepted = self._curves
        begin = hashes[index - 1], known[index - 1], accepted[index - 1]
        inside = index < len(self._at)
        stop = (hashes[index], known[index], accepted[index]) if inside else self._newest()
        since, until = self._at[index - 1], self._at[index] if inside else self.at
        part = (at - since) / (until - since) if until > since else 0.0
        return (
            begin[0] + part * (stop[0] - begin[0]),
            begin[1] + part * (stop[1] - begin[1]),
            begin[2] + part * (stop[2] - begin[2]),
        )

    @property
    def _share_rate(self) -> float:
        """Return the rig's accepted shares per second since its oldest point."""
        passed = self.seconds - self._curves[1][0]
        return (self.accepted - self._curves[2][0]) / passed if passed > 0 else 0.0
