"""Presents families of the metric table to prometheus_client, which serves the agent's own metrics."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as ClientFamily

from stratoscope.metrics.metric import Distribution, Labels, Metric, MetricFamily, MetricKind

Rows = Sequence[tuple[Labels, Any]]


def collect(families: Iterable[MetricFamily[Any, Any]], subject: Any) -> Iterator[ClientFamily]:
    """Yield each metric of `families` with its values for `subject`.

    A metric without labels is left out while it has no value; one with labels keeps its header.
    """
    for family in families:
        rows = list(family.rows(subject))
        for metric in family.metrics:
            found = _client_family(metric, family.labels, rows)
            if found.samples or family.labels:
                yield found


def _client_family(metric: Metric[Any], names: Labels, rows: Rows) -> ClientFamily:
    if metric.distribution is not None:
        histogram = HistogramMetricFamily(metric.series, metric.help, labels=names)
        for labels, row in rows:
            spread = metric.distribution(row)
            histogram.add_metric(labels, _buckets(spread), spread.total)
        return histogram
    made = CounterMetricFamily if metric.kind is MetricKind.COUNTER else GaugeMetricFamily
    family = made(metric.series, metric.help, labels=names)
    for labels, row in rows:
        value = metric.value(row)
        if value is not None:
            family.add_metric(labels, value)
    return family


def _buckets(spread: Distribution) -> list[tuple[str, float]]:
    return [*((str(bound), float(count)) for bound, count in spread.buckets), ("+Inf", float(spread.count))]


class OwnCollector:
    """Collects the own metrics of a part of the agent that does not know the metric table."""

    def __init__(self, families: Iterable[MetricFamily[Any, Any]], subject: Any) -> None:
        self._families, self._subject = tuple(families), subject

    def collect(self) -> Iterator[ClientFamily]:
        """Yield the families (prometheus_client's collector protocol)."""
        return collect(self._families, self._subject)
