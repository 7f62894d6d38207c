"""Reads copies of what the relay passed on, a little at a time, so that reading neither delays nor breaks the relay."""

import asyncio
from collections import deque
from typing import Final

import structlog

from stratoscope.stratum.tap.submits import Book, Conversation

SLICE: Final = 16 << 10
"""Bytes read by the listener in one turn of the loop, over all connections: some 0.2 ms."""
MOST_HEARD: Final = 16 << 20
"""Bytes that wait to be read by the listener, over all connections; what comes on top is skipped and counted."""

log = structlog.get_logger(__name__)


class Listener:
    """Reads copies of what was relayed, a slice per turn of the loop."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._pieces: deque[tuple[Conversation, float, bool, bytes | None]] = deque()  # None: a gap; b"": the end
        self._waiting = 0  # bytes
        self._gaps: set[tuple[Conversation, bool]] = set()
        self._deaf: set[Conversation] = set()
        self._due = False

    def heard(self, conversation: Conversation, at: float, from_pool: bool, piece: bytes) -> None:
        """Take a copy of a piece that was passed on at the monotonic second `at`."""
        if self._waiting + len(piece) <= MOST_HEARD:
            self._waiting += len(piece)
            self._put(conversation, at, from_pool, piece)
            return
        self.book.skipped_bytes += len(piece)
        if (conversation, from_pool) not in self._gaps:
            self._gaps.add((conversation, from_pool))
            self._put(conversation, at, from_pool, None)

    def ended(self, conversation: Conversation, at: float) -> None:
        """Close the counts of a conversation once what is left of it has been read."""
        self._put(conversation, at, from_pool=False, piece=b"")

    def _put(self, conversation: Conversation, at: float, from_pool: bool, piece: bytes | None) -> None:
        self._pieces.append((conversation, at, from_pool, piece))
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        read = 0
        while self._pieces and read < SLICE:
            conversation, at, from_pool, piece = self._pieces.popleft()
            if piece is not None and len(piece) > SLICE:
                self._pieces.appendleft((conversation, at, from_pool, piece[SLICE:]))
                piece = piece[:SLICE]
            read += len(piece or b"") + 1
            self._read(conversation, at, from_pool, piece)
        self._due = bool(self._pieces)
        if self._due:
            asyncio.get_running_loop().call_soon(self._turn)

    def _read(self, conversation: Conversation, at: float, from_pool: bool, piece: bytes | None) -> None:
        self._waiting -= len(piece or b"")
        try:
            if piece is None:
                self._gaps.discard((conversation, from_pool))
                conversation.missed(from_pool=from_pool)
            elif not piece:
                self._deaf.discard(conversation)
                conversation.ended(at)
            elif conversation not in self._deaf:
                conversation.hear(at, piece, from_pool=from_pool)
        except Exception:  # whatever the reading does, the relay goes on
            self.book.faults += 1
            self._deaf.add(conversation)
            log.exception("a conversation is relayed but no longer read")
