"""Holds what every pool credits against what the rigs at it reported, worker by worker, over the same spans of time.

Pure: it reads no clock, opens nothing, logs nothing. The agent shows it the rigs a few times a minute and every list
of workers once; between slices of work it yields, so that the loop can run.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from stratoscope.fleet import RigId, RigSnapshot
from stratoscope.market.chain import HASHES_PER_DIFFICULTY
from stratoscope.pools.report import Tally, WorkerReport
from stratoscope.reading import Reading
from stratoscope.reconcile.comparison import SPAN, Piece, best_window, credit_of, share_size
from stratoscope.reconcile.matching import Matching, Seat, active_slot
from stratoscope.reconcile.tracks import NOTHING, Stretch, Track
from stratoscope.units import MINUTE

SHARE_INTERVAL: Final = 15.0
"""Seconds between a rig's shares where neither rig nor pool tells their difficulty; most pools want them more often."""
LATE: Final = MINUTE
"""Seconds by which a pool's books may be behind the moment they are told for: web pages are written once a minute."""
SLICE: Final = 500
"""Rigs that are looked at without a pause."""
PIECES: Final = 100
"""Workers that are compared without a pause."""
WHOLE: Final = ""
"""Stands for the account as a whole where a pool lists no workers."""
NO_WORKER_OF_THEIRS: Final = 100.0
"""Times the due beyond which what a pool credits is another's work, or no number at all."""
BITCOIN: Final = "sha256"


@dataclass(slots=True)
class _Base:
    """Where the next comparison of a worker begins: UTC s, the pool's sum then, the rigs that were the worker."""

    at: float
    total: float | None
    rigs: tuple[RigId, ...]


class Ties:
    """Rigs with their curves, and the workers that they are; makes pieces of what a pool says."""

    def __init__(self, span: float = SPAN) -> None:
        self.matching = Matching()
        self.span = span
        self.firmware_fee = 0.0
        self._tracks: dict[RigId, tuple[Seat, Track]] = {}
        self._bases: dict[Seat, _Base] = {}
        self._rigs: dict[Seat, list[RigId]] = {}

    def sit(self, matching: Matching) -> None:
        """Take who is who from now on; a rig that changed its seat begins a new curve there."""
        self.matching = matching
        self._rigs = {}
        for rig, seat in matching.seats.items():
            self._rigs.setdefault(seat, []).append(rig)
        for rig in [rig for rig, (seat, _) in self._tracks.items() if matching.seats.get(rig) != seat]:
            del self._tracks[rig]
        for seat in self._bases.keys() - self._rigs.keys():
            del self._bases[seat]

    def look(self, snapshot: RigSnapshot) -> Stretch:
        """Take a rig's newest snapshot; return what it adds at its pool. Only Bitcoin's rigs are compared."""
        seat, reading = self.matching.seats.get(snapshot.rig), snapshot.reading
        if seat is None or reading is None or reading.algorithm not in (None, BITCOIN):
            return NOTHING
        known = self._tracks.get(snapshot.rig)
        if known is None:
            known = self._tracks[snapshot.rig] = seat, Track()
        track = known[1]
        track.per_share = _difficulty(reading) or track.per_share
        return track.look(snapshot)

    def rigs_of(self, seat: Seat) -> list[RigId]:
        """Return the rigs at a seat."""
        return self._rigs.get(seat, [])

    def share_rate(self, pool: str) -> float:
        """Return how many shares a second the rigs at a pool find."""
        return sum(
            track.rate / _share_hashes(track, None) for seat, track in self._tracks.values() if seat.pool == pool
        )

    def pieces(self, pool: str, workers: Iterable[WorkerReport], at: float) -> Iterator[Piece | None]:
        """Yield a piece for each worker that can be compared up to UTC `at`; None now and then, to let others run."""
        for count, worker in enumerate(workers, 1):
            piece = self.piece(Seat(pool, worker.name), worker.hashrate, worker.work, at)
            if piece is not None:
                yield piece
            if count % PIECES == 0:
                yield None

    def piece(self, seat: Seat, hashrate: Mapping[float, float], work: Iterable[Tally], at: float) -> Piece | None:
        """Return what came since the last piece of a worker; None where nothing can be compared (yet)."""
        rigs = tuple(self._rigs.get(seat, ()))
        if not rigs or any(rig not in self._tracks for rig in rigs):
            return None
        credit = credit_of(hashrate, work, at)
        size = share_size(work)
        base = self._bases.get(seat)
        if base is not None and (base.rigs != rigs or at < base.at):
            base = None
        if credit.total is not None:
            return self._by_sum(seat, rigs, credit.total, base, at, size)
        window = best_window(credit.windows, self.span)
        if window is None or (base is not None and at < base.at + window):
            return None
        piece = self._made(seat, rigs, at - window, at, credit.windows[window] * window, size)
        if piece is not None:
            self._bases[seat] = _Base(at, None, rigs)
        return piece

    def _by_sum(
        self, seat: Seat, rigs: tuple[RigId, ...], total: float, base: _Base | None, at: float, size: float | None
    ) -> Piece | None:
        if base is None or base.total is None or total < base.total:  # begun, or the pool counts anew
            self._bases[seat] = _Base(at, total, rigs)
            return None
        if at - base.at < self.span:
            return None
        self._bases[seat] = _Base(at, total, rigs)
        return self._made(seat, rigs, base.at, at, total - base.total, size)

    def _made(
        self, seat: Seat, rigs: tuple[RigId, ...], start: float, end: float, credited: float, size: float | None
    ) -> Piece | None:
        reported = due = shares = 0.0
        own: float | None = 0.0
        for rig in rigs:
            track = self._tracks[rig][1]
            span = track.between(start, end)
            if span is None:
                return None
            part = span.hashes * (1 - self.firmware_fee) * track.taken
            own = None if own is None or span.accepted is None else own + span.accepted
            reported += span.hashes
            due += part
            shares += part / _share_hashes(track, size)
        if not due > 0 or not 0 <= credited <= NO_WORKER_OF_THEIRS * due:
            return None
        return Piece(seat.worker, start, end, reported, due, credited, shares, len(rigs), own)


def _share_hashes(track: Track, size: float | None) -> float:
    """Return how many hashes one of a rig's shares stands for."""
    difficulty = track.per_share or size
    return difficulty * HASHES_PER_DIFFICULTY if difficulty else max(track.rate * SHARE_INTERVAL, 1.0)


def _difficulty(reading: Reading) -> float | None:
    """Return the mean difficulty of the shares that a rig's slot had accepted."""
    slot = active_slot(reading)
    if slot is None or not slot.accepted or not slot.difficulty_accepted:
        return None
    return slot.difficulty_accepted / slot.accepted
