"""Keeps events for the broker until it acknowledged them, over restarts: in order, capped, the oldest dropped first.

The numbers and sizes of all rows are in memory, so that counts are exact at once; the newest rows are there whole, the
rest is read from the ledger when its turn comes. Without a ledger everything is in memory, under a smaller cap.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

MAX_ROWS: Final = 100_000
MAX_BYTES: Final = 64 << 20
MAX_ROWS_IN_MEMORY: Final = 12_000
"""Newest rows in memory: more than the ledger has waiting to be written, so that a row is always in one place."""
PAGE_ROWS: Final = 200

ADD: Final = "INSERT OR REPLACE INTO outbox(number, topic, payload) VALUES(?,?,?)"
REMOVE: Final = "DELETE FROM outbox WHERE number = ?"
SIZES: Final = "SELECT number, length(payload) FROM outbox ORDER BY number"
ROWS: Final = "SELECT number, topic, payload FROM outbox WHERE number >= ? ORDER BY number LIMIT ?"


class OutboxMessage(NamedTuple):
    """One message; `number` orders them, over restarts too."""

    number: int
    topic: str
    payload: bytes


class OutboxStore(Protocol):
    """What the ledger does for the outbox; writing returns at once."""

    def change(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Queue a statement for each of `rows`."""
        ...

    def look(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows, read beside the writer; [] where the file cannot be read now."""
        ...


class Outbox:
    """The messages that wait. `put` and `done` return at once."""

    def __init__(self, store: OutboxStore | None = None, rows: int = MAX_ROWS, size: int = MAX_BYTES) -> None:
        """Take over what an earlier run left in `store`."""
        self._store = store
        self._most_rows = rows if store is not None else min(rows, MAX_ROWS_IN_MEMORY)
        self._most_bytes = size
        self._sizes: OrderedDict[int, int] = OrderedDict()  # whose oldest entry is at hand at any size
        self._at_hand: OrderedDict[int, OutboxMessage] = OrderedDict()
        self._page: deque[OutboxMessage] = deque()
        self._next = 1  # the first number that was not yet handed out on this connection
        self.bytes = 0
        self.produced = 0
        self.dropped = {"full": 0, "disk": 0}
        for number, length in store.look(SIZES) if store is not None else ():
            self._sizes[number] = length
            self.bytes += length
        self.produced = len(self._sizes)
        self._number = max(self._sizes, default=0)
        self._trim()

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def waiting(self) -> bool:
        """Tell whether there is anything that was not handed out yet."""
        return bool(self._page) or self._number >= self._next

    def put(self, topic: str, payload: bytes) -> None:
        """Keep a message."""
        self._number += 1
        row = OutboxMessage(self._number, topic, payload)
        self._sizes[row.number] = len(payload)
        self._at_hand[row.number] = row
        self.bytes += len(payload)
        self.produced += 1
        if self._store is not None:
            self._store.change(ADD, [row])
            while len(self._at_hand) > MAX_ROWS_IN_MEMORY:
                self._at_hand.popitem(last=False)
        self._trim()

    async def take(self) -> OutboxMessage | None:
        """Return the oldest message that was not handed out since `rewind`, or None; it stays until `done`."""
        while True:
            while self._page:
                row = self._page.popleft()
                if row.number in self._sizes:  # else it was dropped meanwhile
                    self._next = row.number + 1
                    return row
            if not await self._read():
                return None

    def rewind(self) -> None:
        """Hand out everything anew: what was not acknowledged on a connection that is lost."""
        self._page.clear()
        self._next = 1

    def done(self, row: OutboxMessage) -> bool:
        """Forget `row`, which the broker has; return False where it had been dropped already."""
        return self._forget(row.number)

    def drop(self, row: OutboxMessage, reason: str) -> None:
        """Forget `row`, which no broker will ever take."""
        if self._forget(row.number):
            self.dropped[reason] = self.dropped.get(reason, 0) + 1

    async def _read(self) -> bool:
        """Fill the page with the next rows; return False when there are none."""
        wanted = list(islice((number for number in self._sizes if number >= self._next), PAGE_ROWS))
        if not wanted:
            self._next = self._number + 1
            return False
        missing = [number for number in wanted if number not in self._at_hand]
        found = {number: self._at_hand[number] for number in wanted if number in self._at_hand}
        if missing and self._store is not None:
            rows = await asyncio.to_thread(self._store.look, ROWS, missing[0], PAGE_ROWS)
            found |= {row[0]: OutboxMessage(*row) for row in rows}
        for number in wanted:
            if number in found:
                self._page.append(found[number])
            elif self._forget(number):
                self.dropped["disk"] += 1
        return True

    def _trim(self) -> None:
        while len(self._sizes) > self._most_rows or self.bytes > self._most_bytes:
            self._forget(next(iter(self._sizes)))
            self.dropped["full"] += 1

    def _forget(self, number: int) -> bool:
        length = self._sizes.pop(number, None)
        if length is None:
            return False
        self._at_hand.pop(number, None)
        self.bytes -= length
        if self._store is not None:
            self._store.change(REMOVE, [(number,)])
        return True
