"""Decides from the outcomes of polls when to retry a rig and in which lane. Pure."""

from dataclasses import dataclass
from typing import Final

from stratoscope.outside.backoff import Backoff

SUSPECT_AFTER_FAILURES: Final = 2
MIN_BACKOFF_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class PollHealth:
    """How many polls failed in a row, and the outcome of the last one (None before the first)."""

    failures: int = 0
    outcome: str | None = None

    @property
    def suspect(self) -> bool:
        """Tell whether the rig belongs in the lane of rigs that failed twice, away from the healthy ones."""
        return self.failures >= SUSPECT_AFTER_FAILURES


def health_after(health: PollHealth, outcome: str) -> PollHealth:
    """Return the health after a poll with `outcome`: "ok" or a reason of POLL_REASONS."""
    if outcome == "ok":
        return PollHealth(0, outcome)
    if outcome == "no_sockets":  # the agent's own shortage says nothing about the rig
        return PollHealth(health.failures, outcome)
    return PollHealth(health.failures + 1, outcome)


def retry_delay(health: PollHealth, interval: float, max_s: float, random01: float) -> float:
    """Return how many seconds to wait beyond the next tick of the grid; 0 while the rig is healthy.

    Full jitter over a span that doubles from 30 s (or `interval`) up to `max_s`; `random01` is in [0, 1). The first
    failure is retried on the next tick: one lost packet is not an outage.
    """
    if not health.suspect:
        return 0.0
    return Backoff(max(MIN_BACKOFF_S, interval), max_s).delay(health.failures - SUSPECT_AFTER_FAILURES + 1, random01)


def freshness(interval: float, min_s: float) -> float:
    """Return for how many seconds a reading counts as fresh: 2.5 intervals, at least `min_s`."""
    return max(2.5 * interval, min_s)
