"""Keeps the counters of every machine by its identity key, and which of them changed since the last checkpoint.

Counters are written to the ledger once a minute. After a kill or a power cut they resume up to a minute below the value
that was exported last. A scraper would read such a decrease as a counter reset, and its whole value as growth. So
after an unclean shutdown the integrals stay unknown until they have certainly passed every value exported before.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from stratoscope.fleet import Counters
from stratoscope.judgement import counters as sums
from stratoscope.judgement.counters import Sample

HOLD_S: Final = 150.0
"""Seconds of observation after which an integral has grown by more than a minute's worth, even at half the rate."""


class CounterStore:
    """Counters and the sample they were last advanced with, by identity key."""

    def __init__(self, rows: Iterable[tuple[str, Counters, Sample]] = (), *, unclean_shutdown: bool = False) -> None:
        """Start from the ledger's `rows`; after an `unclean_shutdown` they may be up to a minute old."""
        self._rows: dict[str, tuple[Counters, Sample | None]] = {key: (c, sample) for key, c, sample in rows}
        # key → seconds that it must still be observed before its integrals are exported
        self._held: dict[str, float] = dict.fromkeys(self._rows, HOLD_S) if unclean_shutdown else {}
        self._changed: set[str] = set()

    def sample(self, key: str) -> Sample | None:
        """Return the last sample of the machine, or None."""
        row = self._rows.get(key)
        return row[1] if row else None

    def counters(self, key: str) -> Counters:
        """Return the counters of the machine."""
        row = self._rows.get(key)
        return row[0] if row else Counters()

    def advance(self, key: str, now: Sample, interval: float) -> Counters:
        """Add what happened up to `now` and return the new counters."""
        before = self._rows.get(key)
        counters = sums.advance(before[0] if before else Counters(), before[1] if before else None, now, interval)
        self._rows[key] = (counters, now)
        self._changed.add(key)
        if key in self._held:
            self._shorten_hold(key, before[1] if before else None, now, interval)
        return counters

    def exportable(self, key: str, counters: Counters) -> Counters:
        """Return `counters` without the integrals while those may be below a value that was exported before."""
        if key not in self._held:
            return counters
        return replace(
            counters,
            energy=None,
            hashes=None,
            revenue_sat=None,
            revenue_micro=None,
            cost_micro=None,
            credit_micro=None,
            currency=None,
        )

    def _shorten_hold(self, key: str, before: Sample | None, now: Sample, interval: float) -> None:
        if before is not None and before.at is not None and now.at is not None:
            passed = now.at - before.at
            self._held[key] -= passed if passed <= sums.MAX_GAP_INTERVALS * interval else 0.0
        if self._held[key] <= 0:
            del self._held[key]

    def drain(self) -> list[tuple[str, Counters, Sample]]:
        """Return the rows changed since the last call, for the ledger."""
        changed, self._changed = self._changed, set()
        return [(key, counters, sample) for key in changed for counters, sample in [self._rows[key]] if sample]
