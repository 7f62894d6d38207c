"""Counts requests to market sources by outcome, for the agent's own metrics."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric


class SourceTally:
    """A prometheus_client collector over all sources since the agent started."""

    def __init__(self) -> None:
        self.outcomes: dict[tuple[str, str], int] = {}

    def count(self, source: str, outcome: str) -> None:
        """Count one request to `source`."""
        self.outcomes[source, outcome] = self.outcomes.get((source, outcome), 0) + 1

    def collect(self) -> Iterator[Metric]:
        """Yield the family (prometheus_client's collector protocol)."""
        family = CounterMetricFamily(
            "stratoscope_source_requests",
            "Requests to market sources by outcome; waiting ones were not sent.",
            labels=["source", "outcome"],
        )
        for (source, outcome), count in sorted(self.outcomes.items()):
            family.add_metric([source, outcome], count)
        yield family
