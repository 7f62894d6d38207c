"""Holds every rig's reported hashrate against its accepted shares, window by window, and adds work up by endpoint.

A rig's own figure is a claim; accepted shares are what a pool saw. Only the growth of the rig's counters of accepted
difficulty counts, and a restart begins the window anew. One window in twenty lies outside its 95 % interval by chance,
so an alarm takes two in a row on the same side.
"""

from typing import Final

from stratoscope.fleet import Judged, ShareProof
from stratoscope.reading import PoolSlot, Reading
from stratoscope.stratum.jobs.shares import Hashrate, Streak, Work, hashrate
from stratoscope.tamper.detector import place_of
from stratoscope.units import HASHES_PER_DIFFICULTY_1, HOUR

WINDOW: Final = HOUR
LONG: Final = 24
"""Windows that the estimate of unaccounted work looks back over."""
MOST_ENDPOINTS: Final = 64
OTHER: Final = "other"
GAP: Final = 15 * 60.0
"""A rig that was not heard for longer has no known mean of its reported hashrate."""


class _Rig:
    """One rig's window under way, and its last full ones."""

    __slots__ = ("at", "begun", "claimed", "counted", "past", "pools", "proof", "rate", "streak", "uptime", "work")

    def __init__(self) -> None:
        self.pools: tuple[PoolSlot, ...] | None = None
        self.counted: dict[tuple[int, str], tuple[float, int | None]] = {}  # slot → difficulty and shares, as last seen
        self.uptime: float | None = None
        self.at = 0.0  # monotonic s of the last reading
        self.rate: float | None = None  # H/s reported then
        self.begun = 0.0  # monotonic s of the window's start
        self.claimed = 0.0  # hashes, by the reported hashrate, since then
        self.work = Work()
        self.past: list[tuple[Work, float]] = []  # work and hashes claimed of full windows, newest last
        self.streak = Streak()
        self.proof: ShareProof | None = None

    def restart(self, now: float) -> None:
        """Begin anew with the next count, as after a gap or a restart; what was proved stands."""
        self.counted = {}
        self.begin(now)

    def begin(self, now: float) -> None:
        """Begin a window."""
        self.begun, self.claimed, self.work = now, 0.0, Work()


class Prover:
    """All rigs, by identity key. `accepted` is the difficulty that shares brought, by the endpoint they went to."""

    def __init__(self) -> None:
        self.accepted: dict[str, float] = {}
        self._rigs: dict[str, _Rig] = {}

    def advance(self, key: str, reading: Reading, judged: Judged, now: float) -> ShareProof | None:
        """Take a good reading at monotonic `now`; return what the rig's last full window proves, if there was one."""
        if reading.algorithm not in (None, "sha256"):
            return None
        rig = self._rigs.get(key)
        if rig is None:
            rig = self._rigs[key] = _Rig()
            rig.restart(now)
        self._claim(rig, judged.hashrate, now)
        if _restarted(rig, reading):
            rig.restart(now)
        rig.uptime = reading.uptime
        if reading.pools is not rig.pools:  # slow commands are decoded once: the same tuple is the same answer
            rig.pools = reading.pools
            self._count(rig, reading.pools, now)
            if now - rig.begun >= WINDOW:
                self._close(rig, now)
        return rig.proof

    @staticmethod
    def _claim(rig: _Rig, rate: float | None, now: float) -> None:
        """Add what the rig claims to have hashed since its last reading."""
        if rig.rate is not None and rate is not None and now - rig.at <= GAP:
            rig.claimed += 0.5 * (rig.rate + rate) * (now - rig.at)
        else:
            rig.restart(now)
        rig.rate, rig.at = rate, now

    def _count(self, rig: _Rig, pools: tuple[PoolSlot, ...], now: float) -> None:
        """Add the growth of each slot's counters to the window and to the endpoint's sum."""
        counted: dict[tuple[int, str], tuple[float, int | None]] = {}
        for slot in pools:
            if slot.difficulty_accepted is None or not slot.url:
                continue
            of = slot.index, slot.url
            counted[of] = slot.difficulty_accepted, slot.accepted
            before = rig.counted.get(of)
            if before is None:
                continue
            grown = slot.difficulty_accepted - before[0]
            shares = None if slot.accepted is None or before[1] is None else slot.accepted - before[1]
            if grown < 0 or (shares is not None and shares < 0):
                rig.begin(now)
            elif grown > 0:
                self._add(rig, slot.url, grown, shares)
        if not rig.counted:
            rig.begin(now)
        rig.counted = counted

    def _add(self, rig: _Rig, url: str, grown: float, shares: int | None) -> None:
        count = shares or 1  # where shares are not counted, taking all as one makes the interval wide, never narrow
        rig.work = rig.work.plus(grown / count, count)
        place = place_of(url)
        if place not in self.accepted and len(self.accepted) >= MOST_ENDPOINTS:
            place = OTHER
        self.accepted[place] = self.accepted.get(place, 0.0) + grown

    @staticmethod
    def _close(rig: _Rig, now: float) -> None:
        """End the window: hold what was claimed against what was proved, and begin the next."""
        seconds = now - rig.begun
        usual = sum(work.difficulty for work, _ in rig.past), sum(work.equal for work, _ in rig.past)
        proved = hashrate(rig.work, seconds, usual[0] / usual[1] if usual[1] else None)
        claimed = rig.claimed / seconds
        if proved is not None and claimed > 0:
            rig.streak = rig.streak.after(proved, claimed)
            rig.past = [*rig.past[1 - LONG :], (rig.work, rig.claimed)]
            rig.proof = _proof(rig, proved, claimed)
        rig.begin(now)


def _proof(rig: _Rig, proved: Hashrate, claimed: float) -> ShareProof:
    work = sum(one.difficulty for one, _ in rig.past) * HASHES_PER_DIFFICULTY_1
    hashes = sum(one for _, one in rig.past)
    equal = sum(one.equal for one, _ in rig.past)
    return ShareProof(
        hashrate=proved.value,
        low=proved.low,
        high=proved.high,
        reported=claimed,
        alarm=rig.streak.alarm,
        unaccounted=1 - work / hashes if hashes > 0 else None,
        unaccounted_error=equal**-0.5 * work / hashes if equal > 0 and hashes > 0 else None,
        windows=len(rig.past),
    )


def _restarted(rig: _Rig, reading: Reading) -> bool:
    return rig.uptime is not None and reading.uptime is not None and reading.uptime < rig.uptime
