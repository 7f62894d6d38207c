"""Compares every rig's reported hashrate with its accepted shares, and sums accepted work by endpoint.

The reported hashrate is the rig's own claim; a pool confirmed the accepted shares. Only increases of the rig's counters
of accepted difficulty count, and a restart begins a new window. One window in twenty is outside its 95 % interval by
chance, so an alarm requires two consecutive windows on the same side.
"""

from typing import Final

from stratoscope.fleet import Judged, ShareProof
from stratoscope.reading import PoolSlot, Reading
from stratoscope.stratum.jobs.shares import HashrateEstimate, MismatchStreak, ShareWork, estimate_hashrate
from stratoscope.tamper.detector import host_and_port
from stratoscope.units import HASHES_PER_DIFFICULTY_1, HOUR, MINUTE

WINDOW_S: Final = HOUR
MAX_PAST_WINDOWS: Final = 24
"""Windows from which the unaccounted part of the work is estimated."""
MAX_ENDPOINTS: Final = 64
OTHER_ENDPOINT: Final = "other"
"""Counts the work at all endpoints above MAX_ENDPOINTS."""
MAX_GAP_S: Final = 15 * MINUTE
"""After a longer gap between readings, the mean of the reported hashrate is unknown."""


class _RigWindow:
    """The current window of one rig, and its last complete windows."""

    __slots__ = ("at", "begun", "claimed", "counters", "past", "pools", "proof", "rate", "streak", "uptime", "work")

    def __init__(self) -> None:
        self.pools: tuple[PoolSlot, ...] | None = None
        self.counters: dict[tuple[int, str], tuple[float, int | None]] = {}  # slot → last difficulty and shares
        self.uptime: float | None = None
        self.at = 0.0  # monotonic s of the last reading
        self.rate: float | None = None  # H/s reported then
        self.begun = 0.0  # monotonic s at which the window began
        self.claimed = 0.0  # hashes since then, by the reported hashrate
        self.work = ShareWork()
        self.past: list[tuple[ShareWork, float]] = []  # work and claimed hashes of complete windows, newest last
        self.streak = MismatchStreak()
        self.proof: ShareProof | None = None

    def restart(self, now: float) -> None:
        """Begin a window with the next counters, as after a gap or a restart; keep the last proof."""
        self.counters = {}
        self.begin(now)

    def begin(self, now: float) -> None:
        """Begin a window."""
        self.begun, self.claimed, self.work = now, 0.0, ShareWork()


class ShareProver:
    """Tracks all rigs by identity key. `accepted` is the difficulty of accepted shares by endpoint."""

    def __init__(self) -> None:
        self.accepted: dict[str, float] = {}
        self._rigs: dict[str, _RigWindow] = {}

    def advance(self, key: str, reading: Reading, judged: Judged, now: float) -> ShareProof | None:
        """Add a good reading at monotonic `now`; return the proof of the last complete window, if there is one."""
        if reading.algorithm not in (None, "sha256"):
            return None
        rig = self._rigs.get(key)
        if rig is None:
            rig = self._rigs[key] = _RigWindow()
            rig.restart(now)
        _add_claim(rig, judged.hashrate, now)
        if _restarted(rig, reading):
            rig.restart(now)
        rig.uptime = reading.uptime
        if reading.pools is not rig.pools:  # an identical tuple is the same response of a slow command, decoded once
            rig.pools = reading.pools
            self._add_counters(rig, reading.pools, now)
            if now - rig.begun >= WINDOW_S:
                _finish_window(rig, now)
        return rig.proof

    def _add_counters(self, rig: _RigWindow, pools: tuple[PoolSlot, ...], now: float) -> None:
        """Add the increase of each slot's counters to the window and to the sum of the endpoint."""
        counters: dict[tuple[int, str], tuple[float, int | None]] = {}
        for slot in pools:
            if slot.difficulty_accepted is None or not slot.url:
                continue
            key = slot.index, slot.url
            counters[key] = slot.difficulty_accepted, slot.accepted
            before = rig.counters.get(key)
            if before is None:
                continue
            difficulty = slot.difficulty_accepted - before[0]
            shares = None if slot.accepted is None or before[1] is None else slot.accepted - before[1]
            if difficulty < 0 or (shares is not None and shares < 0):
                rig.begin(now)
            elif difficulty > 0:
                self._add_work(rig, slot.url, difficulty, shares)
        if not rig.counters:
            rig.begin(now)
        rig.counters = counters

    def _add_work(self, rig: _RigWindow, url: str, difficulty: float, shares: int | None) -> None:
        count = shares or 1  # without a share count, one large share makes the interval too wide, never too narrow
        rig.work = rig.work.plus(difficulty / count, count)
        endpoint = host_and_port(url)
        if endpoint not in self.accepted and len(self.accepted) >= MAX_ENDPOINTS:
            endpoint = OTHER_ENDPOINT
        self.accepted[endpoint] = self.accepted.get(endpoint, 0.0) + difficulty


def _add_claim(rig: _RigWindow, rate: float | None, now: float) -> None:
    """Add the hashes that the rig claims since its last reading."""
    if rig.rate is not None and rate is not None and now - rig.at <= MAX_GAP_S:
        rig.claimed += 0.5 * (rig.rate + rate) * (now - rig.at)
    else:
        rig.restart(now)
    rig.rate, rig.at = rate, now


def _finish_window(rig: _RigWindow, now: float) -> None:
    """Compare the claimed hashes of the window with its accepted shares, and begin the next window."""
    seconds = now - rig.begun
    past = sum((work for work, _ in rig.past), ShareWork())
    shares_before = sum(work.effective_count for work, _ in rig.past)
    estimate = estimate_hashrate(rig.work, seconds, past.difficulty / shares_before if shares_before else None)
    claimed = rig.claimed / seconds
    if estimate is not None and claimed > 0:
        rig.streak = rig.streak.after(estimate, claimed)
        rig.past = [*rig.past[1 - MAX_PAST_WINDOWS :], (rig.work, rig.claimed)]
        rig.proof = _proof(rig, estimate, claimed)
    rig.begin(now)


def _proof(rig: _RigWindow, estimate: HashrateEstimate, claimed: float) -> ShareProof:
    accepted_hashes = sum(work.difficulty for work, _ in rig.past) * HASHES_PER_DIFFICULTY_1
    claimed_hashes = sum(claimed for _, claimed in rig.past)
    shares = sum(work.effective_count for work, _ in rig.past)
    ratio = accepted_hashes / claimed_hashes if claimed_hashes > 0 else None
    return ShareProof(
        hashrate=estimate.value,
        low=estimate.low,
        high=estimate.high,
        reported=claimed,
        alarm=rig.streak.alarm,
        unaccounted=None if ratio is None else 1 - ratio,
        unaccounted_error=None if ratio is None or shares <= 0 else shares**-0.5 * ratio,
        windows=len(rig.past),
    )


def _restarted(rig: _RigWindow, reading: Reading) -> bool:
    return rig.uptime is not None and reading.uptime is not None and reading.uptime < rig.uptime
