"""Keeps messages for the broker until it acknowledges them, across restarts: in order, capped, oldest dropped first.

Numbers and sizes of all messages are in memory, so that counts are always exact. The newest messages are in memory
whole; older ones are read from the ledger when they are due. Without a ledger all are in memory, with a smaller cap.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

MAX_ROWS: Final = 100_000
MAX_BYTES: Final = 64 << 20
MAX_ROWS_IN_MEMORY: Final = 12_000
"""Newest rows in memory: more than the ledger's write queue holds, so that every row is in memory or on disk."""
PAGE_ROWS: Final = 200

ADD: Final = "INSERT OR REPLACE INTO outbox(number, topic, payload) VALUES(?,?,?)"
REMOVE: Final = "DELETE FROM outbox WHERE number = ?"
SIZES: Final = "SELECT number, length(payload) FROM outbox ORDER BY number"
ROWS: Final = "SELECT number, topic, payload FROM outbox WHERE number >= ? ORDER BY number LIMIT ?"


class OutboxMessage(NamedTuple):
    """One message; `number` orders them, also across restarts."""

    number: int
    topic: str
    payload: bytes


class OutboxStore(Protocol):
    """What the outbox needs of the ledger."""

    def queue_statement(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Queue a statement with each of `rows`; returns at once."""
        ...

    def read_rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows, without waiting for the writer; [] while the file cannot be read."""
        ...


class Outbox:
    """The unacknowledged messages. `put` and `done` return at once."""

    def __init__(self, store: OutboxStore | None = None, rows: int = MAX_ROWS, size: int = MAX_BYTES) -> None:
        """Load what an earlier run left in `store`; keep at most `rows` messages and `size` bytes."""
        self._store = store
        self._max_rows = rows if store is not None else min(rows, MAX_ROWS_IN_MEMORY)
        self._max_bytes = size
        self._sizes: OrderedDict[int, int] = OrderedDict()  # number → bytes, oldest first
        self._in_memory: OrderedDict[int, OutboxMessage] = OrderedDict()
        self._page: deque[OutboxMessage] = deque()
        self._next = 1  # first number not yet taken on this connection
        self.bytes = 0
        self.produced = 0
        self.dropped = {"full": 0, "disk": 0}
        for number, length in store.read_rows(SIZES) if store is not None else ():
            self._sizes[number] = length
            self.bytes += length
        self.produced = len(self._sizes)
        self._number = max(self._sizes, default=0)
        self._trim()

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def waiting(self) -> bool:
        """Tell whether there is a message that was not taken yet."""
        return bool(self._page) or self._number >= self._next

    def put(self, topic: str, payload: bytes) -> None:
        """Add a message."""
        self._number += 1
        row = OutboxMessage(self._number, topic, payload)
        self._sizes[row.number] = len(payload)
        self._in_memory[row.number] = row
        self.bytes += len(payload)
        self.produced += 1
        if self._store is not None:
            self._store.queue_statement(ADD, [row])
            while len(self._in_memory) > MAX_ROWS_IN_MEMORY:
                self._in_memory.popitem(last=False)
        self._trim()

    async def take(self) -> OutboxMessage | None:
        """Return the oldest message not taken since `rewind`, or None; it stays until `done`."""
        while True:
            while self._page:
                row = self._page.popleft()
                if row.number in self._sizes:  # otherwise it was dropped in the meantime
                    self._next = row.number + 1
                    return row
            if not await self._fill_page():
                return None

    def rewind(self) -> None:
        """Take every message again: the connection is lost, and these were not acknowledged on it."""
        self._page.clear()
        self._next = 1

    def done(self, row: OutboxMessage) -> bool:
        """Remove `row`, which the broker acknowledged; return False if it was dropped before."""
        return self._remove(row.number)

    def drop(self, row: OutboxMessage, reason: str) -> None:
        """Remove `row`, which the broker will never accept, and count `reason`."""
        if self._remove(row.number):
            self.dropped[reason] = self.dropped.get(reason, 0) + 1

    async def _fill_page(self) -> bool:
        """Fill the page with the next messages; return False when there are none."""
        wanted = list(islice((number for number in self._sizes if number >= self._next), PAGE_ROWS))
        if not wanted:
            self._next = self._number + 1
            return False
        missing = [number for number in wanted if number not in self._in_memory]
        found = {number: self._in_memory[number] for number in wanted if number in self._in_memory}
        if missing and self._store is not None:
            rows = await asyncio.to_thread(self._store.read_rows, ROWS, missing[0], PAGE_ROWS)
            found |= {row[0]: OutboxMessage(*row) for row in rows}
        for number in wanted:
            if number in found:
                self._page.append(found[number])
            elif self._remove(number):
                self.dropped["disk"] += 1
        return True

    def _trim(self) -> None:
        while len(self._sizes) > self._max_rows or self.bytes > self._max_bytes:
            self._remove(next(iter(self._sizes)))
            self.dropped["full"] += 1

    def _remove(self, number: int) -> bool:
        length = self._sizes.pop(number, None)
        if length is None:
            return False
        self._in_memory.pop(number, None)
        self.bytes -= length
        if self._store is not None:
            self._store.queue_statement(REMOVE, [(number,)])
        return True
