"""Writes the metric table as Prometheus text: headers, labels and sample lines."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from stratoscope.fields import clean_text
from stratoscope.metrics import Distribution, Labels, Metric, MetricFamily, MetricKind

MAX_VALUE: Final = 1e300
TEXT_TYPE: Final = {kind: kind.value for kind in MetricKind} | {MetricKind.INFO: "gauge"}
OPENMETRICS_TYPE: Final = {kind: kind.value for kind in MetricKind}


class PageFormat(Enum):
    """A page format with its exact Content-Type: Prometheus 3 rejects unknown types."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def escaped(text: str) -> str:
    """Return `text` cleaned and escaped for use as a label value."""
    text = clean_text(text)
    if "\\" in text or '"' in text:
        return text.replace("\\", "\\\\").replace('"', '\\"')
    return text


def rig_label(rig: str) -> str:
    """Return the rig id as shown to users: cleaned, with a checksum if cleaning changed it."""
    clean = clean_text(rig)
    if clean == rig:
        return clean
    return f"{clean[:100]}~{zlib.crc32(rig.encode('utf-8', 'surrogatepass')):08x}"


def label_pairs(names: Labels, values: Labels) -> str:
    """Return `a="x",b="y"` for label `names` and `values`."""
    return ",".join(f'{name}="{escaped(value)}"' for name, value in zip(names, values, strict=True))


@dataclass(frozen=True, slots=True)
class MetricColumn:
    """One metric prepared for rendering: sample name, value function and header per format."""

    series: str
    value: Callable[[Any], float | None]
    headers: dict[PageFormat, bytes]

    @classmethod
    def of(cls, metric: Metric[Any]) -> "MetricColumn":
        """Return the column of `metric`."""
        words = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
        quoted = words.replace('"', '\\"')
        text = f"# HELP {metric.series} {words}\n# TYPE {metric.series} {TEXT_TYPE[metric.kind]}\n"
        modern = f"# HELP {metric.stem} {quoted}\n# TYPE {metric.stem} {OPENMETRICS_TYPE[metric.kind]}\n"
        headers = {PageFormat.TEXT: text.encode(), PageFormat.OPENMETRICS: modern.encode()}
        if metric.distribution is not None:
            return HistogramColumn(metric.series, metric.value, headers, metric.distribution)
        return cls(metric.series, metric.value, headers)

    def sample(self, labels: str, row: Any) -> str:
        """Return the sample line of `row` with rendered `labels` ("{…}" or ""), or "" if the value is unknown."""
        value = self.value(row)
        if value is None or not -MAX_VALUE < value < MAX_VALUE:  # also NaN
            return ""
        return f"{self.series}{labels} {value!r}\n"


@dataclass(frozen=True, slots=True)
class HistogramColumn(MetricColumn):
    """A histogram: one line per bucket, then count and sum."""

    distribution: Callable[[Any], Distribution]

    def sample(self, labels: str, row: Any) -> str:
        """Return all lines of `row`, or "" if it has no buckets."""
        distribution = self.distribution(row)
        if not distribution.buckets:
            return ""
        inner = f"{labels[1:-1]}," if labels else ""
        bounds = [(repr(bound), count) for bound, count in distribution.buckets] + [("+Inf", distribution.count)]
        lines = [f'{self.series}_bucket{{{inner}le="{bound}"}} {count}\n' for bound, count in bounds]
        return "".join(
            (
                *lines,
                f"{self.series}_count{labels} {distribution.count}\n",
                f"{self.series}_sum{labels} {distribution.total!r}\n",
            )
        )


def columns(
    families: tuple[MetricFamily[Any, Any], ...],
) -> tuple[tuple[MetricFamily[Any, Any], tuple[MetricColumn, ...]], ...]:
    """Return each family with the columns of its metrics, in order."""
    return tuple((family, tuple(MetricColumn.of(metric) for metric in family.metrics)) for family in families)
