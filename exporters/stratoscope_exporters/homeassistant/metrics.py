"""Counts the rigs that are announced to Home Assistant and those that are withheld, for the agent's own metrics."""

from collections.abc import Callable, Iterator

from prometheus_client.core import Metric

from stratoscope.metrics.collector import collect
from stratoscope.metrics.own_mqtt import HOMEASSISTANT_FAMILIES


class HomeAssistantMetrics:
    """`count` returns the number of announced rigs and the number of withheld rigs."""

    def __init__(self, count: Callable[[], tuple[int, int]]) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:
        """Yield the metric family (prometheus_client's collector protocol)."""
        announced, withheld = self._count()
        return collect(HOMEASSISTANT_FAMILIES, {"announced": announced, "withheld": withheld})
