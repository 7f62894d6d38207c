"""Counts for the agent's own metrics how many rigs Home Assistant is told of, and how many are withheld."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric


class Census:
    """A prometheus_client collector; `count` returns the rigs that are announced and those that are withheld."""

    def __init__(self, count: Callable[[], tuple[int, int]]) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:
        """Yield the family (prometheus_client's collector protocol)."""
        family = GaugeMetricFamily(
            "stratoscope_homeassistant_rigs",
            "Rigs that are announced to Home Assistant, and those that are withheld: "
            "beyond exporters.mqtt.homeassistant.max_rigs, or not in its list.",
            labels=["outcome"],
        )
        for outcome, count in zip(("announced", "withheld"), self._count(), strict=True):
            family.add_metric([outcome], count)
        yield family
