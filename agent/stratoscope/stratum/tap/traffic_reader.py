"""Reads copies of relayed data in small slices, so that reading neither delays nor breaks the relay."""

import asyncio
from collections import deque
from typing import Final

import structlog

from stratoscope.stratum.tap.submits import SubmitTracker, TapCounts

SLICE_BYTES: Final = 16 << 10
"""Bytes read per event loop iteration over all connections: about 0.2 ms."""
MAX_WAITING_BYTES: Final = 16 << 20
"""Bytes that wait to be read over all connections; more data is skipped and counted."""

log = structlog.get_logger(__name__)


class TrafficReader:
    """Reads copies of relayed data, one slice per event loop iteration."""

    def __init__(self, counts: TapCounts) -> None:
        self.counts = counts
        self._pieces: deque[tuple[SubmitTracker, float, bool, bytes | None]] = deque()  # None: a gap; b"": the end
        self._waiting_bytes = 0
        self._gaps: set[tuple[SubmitTracker, bool]] = set()
        self._failed: set[SubmitTracker] = set()
        self._scheduled = False

    def add(self, tracker: SubmitTracker, at: float, from_pool: bool, piece: bytes) -> None:
        """Queue a copy of a piece that was relayed at the monotonic second `at`."""
        if self._waiting_bytes + len(piece) <= MAX_WAITING_BYTES:
            self._waiting_bytes += len(piece)
            self._put(tracker, at, from_pool, piece)
            return
        self.counts.skipped_bytes += len(piece)
        if (tracker, from_pool) not in self._gaps:
            self._gaps.add((tracker, from_pool))
            self._put(tracker, at, from_pool, None)

    def end(self, tracker: SubmitTracker) -> None:
        """Finish a connection's counts once its remaining data is read."""
        self._put(tracker, 0.0, from_pool=False, piece=b"")

    def _put(self, tracker: SubmitTracker, at: float, from_pool: bool, piece: bytes | None) -> None:
        self._pieces.append((tracker, at, from_pool, piece))
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._read_slice)

    def _read_slice(self) -> None:
        read = 0
        while self._pieces and read < SLICE_BYTES:
            tracker, at, from_pool, piece = self._pieces.popleft()
            if piece is not None and len(piece) > SLICE_BYTES:
                self._pieces.appendleft((tracker, at, from_pool, piece[SLICE_BYTES:]))
                piece = piece[:SLICE_BYTES]
            read += len(piece or b"") + 1
            self._read(tracker, at, from_pool, piece)
        self._scheduled = bool(self._pieces)
        if self._scheduled:
            asyncio.get_running_loop().call_soon(self._read_slice)

    def _read(self, tracker: SubmitTracker, at: float, from_pool: bool, piece: bytes | None) -> None:
        self._waiting_bytes -= len(piece or b"")
        try:
            if piece is None:
                self._gaps.discard((tracker, from_pool))
                tracker.skip_gap(from_pool=from_pool)
            elif not piece:
                self._failed.discard(tracker)
                tracker.end()
            elif tracker not in self._failed:
                tracker.feed(at, piece, from_pool=from_pool)
        except Exception:  # an internal error while reading must not stop the relay
            self.counts.faults += 1
            self._failed.add(tracker)
            log.exception("internal error while reading a connection (please report); it is still relayed")
