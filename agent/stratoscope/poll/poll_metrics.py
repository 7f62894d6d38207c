"""Counts polls, cheaply in the hot path, for the agent's own metrics."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client.core import Metric

from stratoscope.metrics import Distribution
from stratoscope.metrics.collector import collect
from stratoscope.metrics.own import POLL_FAMILIES

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the poll duration in seconds."""


class PollMetrics:
    """Sums over all rigs since the agent started. Written by the poll loops, read at a scrape."""

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.skipped = 0
        self.defects = 0
        self.received = 0  # bytes
        self.in_flight = {"healthy": 0, "suspect": 0}
        self.seconds = 0.0
        self.buckets = [0] * (len(BUCKETS) + 1)

    def count(self, outcome: str, seconds: float) -> None:
        """Count one poll that took `seconds`."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.seconds += seconds
        self.buckets[bisect_left(BUCKETS, seconds)] += 1

    def durations(self) -> Distribution:
        """Return the durations of all polls in seconds."""
        *up_to, count = accumulate(self.buckets)
        return Distribution(tuple(zip(BUCKETS, up_to, strict=True)), count, self.seconds)

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families (prometheus_client's collector protocol)."""
        return collect(POLL_FAMILIES, self)
