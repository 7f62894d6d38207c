"""Keeps the running sums of every machine by its identity key, and says which changed since the last checkpoint."""

from collections.abc import Iterable

from stratoscope.fleet import Counters
from stratoscope.judgement import counters as sums
from stratoscope.judgement.counters import Sample


class Book:
    """Counters and the sample they were last advanced with, by identity key."""

    def __init__(self, rows: Iterable[tuple[str, Counters, Sample]] = ()) -> None:
        self._rows: dict[str, tuple[Counters, Sample | None]] = {key: (c, sample) for key, c, sample in rows}
        self._changed: set[str] = set()

    def sample(self, key: str) -> Sample | None:
        """Return the last sample of the machine, or None."""
        row = self._rows.get(key)
        return row[1] if row else None

    def counters(self, key: str) -> Counters:
        """Return the sums of the machine."""
        row = self._rows.get(key)
        return row[0] if row else Counters()

    def advance(self, key: str, now: Sample, interval: float) -> Counters:
        """Add what happened up to `now` and return the sums."""
        before = self._rows.get(key)
        counters = sums.advance(before[0] if before else Counters(), before[1] if before else None, now, interval)
        self._rows[key] = (counters, now)
        self._changed.add(key)
        return counters

    def drain(self) -> list[tuple[str, Counters, Sample]]:
        """Return the rows changed since the last call, for the ledger."""
        changed, self._changed = self._changed, set()
        return [(key, counters, sample) for key in changed for counters, sample in [self._rows[key]] if sample]
