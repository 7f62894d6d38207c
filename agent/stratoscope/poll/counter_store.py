"""Keeps the running sums of every machine by its identity key, and says which changed since the last checkpoint.

Sums are written down once a minute. After a kill or a power cut they go on from there, up to a minute below what was
shown last; a counter that went down would be taken for one that began anew, and its whole value for growth. So
integrals stay unknown after such an end until they have surely grown past all that was ever shown.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from stratoscope.fleet import Counters
from stratoscope.judgement import counters as sums
from stratoscope.judgement.counters import Sample

HOLD_S: Final = 150.0
"""Seconds of observation after which a sum has grown by more than a minute's worth, even at half the rate."""


class CounterStore:
    """Counters and the sample they were last advanced with, by identity key."""

    def __init__(self, rows: Iterable[tuple[str, Counters, Sample]] = (), *, cut_off: bool = False) -> None:
        """Go on with `rows`; `cut_off` tells that the agent did not end in order after it wrote them."""
        self._rows: dict[str, tuple[Counters, Sample | None]] = {key: (c, sample) for key, c, sample in rows}
        self._held: dict[str, float] = (
            dict.fromkeys(self._rows, HOLD_S) if cut_off else {}
        )  # key → s yet to be observed
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
        if key in self._held:
            self._release(key, before[1] if before else None, now, interval)
        return counters

    def shown(self, key: str, counters: Counters) -> Counters:
        """Return what of the sums may be shown: without the integrals while they may be below what was shown before."""
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

    def _release(self, key: str, before: Sample | None, now: Sample, interval: float) -> None:
        if before is not None and before.at is not None and now.at is not None:
            passed = now.at - before.at
            self._held[key] -= passed if passed <= sums.MAX_GAP_INTERVALS * interval else 0.0
        if self._held[key] <= 0:
            del self._held[key]

    def drain(self) -> list[tuple[str, Counters, Sample]]:
        """Return the rows changed since the last call, for the ledger."""
        changed, self._changed = self._changed, set()
        return [(key, counters, sample) for key in changed for counters, sample in [self._rows[key]] if sample]
