"""Counts what the Prometheus exporter serves, drops and refuses, for the agent's own metrics."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from stratoscope.metrics.collector import collect
from stratoscope.metrics.own import PAGE_FAMILIES


class PageMetrics:
    """Counts since the exporter started; every series or request that is lost is counted."""

    def __init__(self) -> None:
        self.dropped = dict.fromkeys(("rig_limit", "global_limit", "label_churn"), 0)
        self.errors: dict[str, int] = {}  # by family
        self.refused = dict.fromkeys(("host", "crowded", "slow"), 0)
        self.series = 0
        self.join = 0.0  # s
        self.insecure = False

    def count_error(self, family: str) -> None:
        """Count a family that could not be rendered."""
        self.errors[family] = self.errors.get(family, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families (prometheus_client's collector protocol)."""
        return collect(PAGE_FAMILIES, self)
