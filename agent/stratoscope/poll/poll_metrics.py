"""Counts what polling did, cheaply in the hot path, for the agent's own metrics."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Tally:
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

    def collect(self) -> Iterator[Metric]:
        """Yield the families of the agent's polling (prometheus_client's collector protocol)."""
        polls = CounterMetricFamily("stratoscope_polls", "Polls of rigs by outcome.", labels=["outcome"])
        for outcome, count in sorted(self.outcomes.items()):
            polls.add_metric([outcome], count)
        yield polls
        flight = GaugeMetricFamily("stratoscope_polls_in_flight", "Polls under way by lane.", labels=["lane"])
        for lane, count in self.in_flight.items():
            flight.add_metric([lane], count)
        yield flight
        yield CounterMetricFamily(
            "stratoscope_ticks_skipped", "Ticks left out because the poll before had not ended.", value=self.skipped
        )
        yield CounterMetricFamily(
            "stratoscope_defects", "Fields of rig answers that could not be read.", value=self.defects
        )
        yield CounterMetricFamily("stratoscope_received_bytes", "Bytes received from rigs.", value=self.received)
        total, rows = 0, []
        for edge, count in zip((*map(str, BUCKETS), "+Inf"), self.buckets, strict=True):
            total += count
            rows.append((edge, float(total)))
        yield HistogramMetricFamily(
            "stratoscope_poll_duration_seconds", "Duration of one poll, connect to last byte.", rows, self.seconds
        )
