"""Spells the metric table as Prometheus text: headers, label strings and sample lines, made once and kept."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from stratoscope.fields import clean_text
from stratoscope.metrics import Family, Kind, Labels, Metric, Spread

BIG: Final = 1e300
TEXT_TYPE: Final = {kind: kind.value for kind in Kind} | {Kind.INFO: "gauge"}
OPENMETRICS_TYPE: Final = {kind: kind.value for kind in Kind}


class Form(Enum):
    """A format of the page, by its exact Content-Type: Prometheus 3 refuses a page whose type it does not know."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def escaped(text: str) -> str:
    """Return `text` as it may stand between the quotes of a label value, whatever it was before."""
    text = clean_text(text)
    if "\\" in text or '"' in text:
        return text.replace("\\", "\\\\").replace('"', '\\"')
    return text


def rig_label(rig: str) -> str:
    """Return the rig id as people and Prometheus see it: clean, and still unique when cleaning changed it."""
    clean = clean_text(rig)
    if clean == rig:
        return clean
    return f"{clean[:100]}~{zlib.crc32(rig.encode('utf-8', 'surrogatepass')):08x}"


def pairs(names: Labels, values: Labels) -> str:
    """Return `a="x",b="y"` for label `names` and `values`."""
    return ",".join(f'{name}="{escaped(value)}"' for name, value in zip(names, values, strict=True))


@dataclass(frozen=True, slots=True)
class Column:
    """One metric, ready to render: its sample name, its value and its header in each format."""

    series: str
    value: Callable[[Any], float | None]
    headers: dict[Form, bytes]

    @classmethod
    def of(cls, metric: Metric[Any]) -> "Column":
        """Return the column of `metric`."""
        words = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
        quoted = words.replace('"', '\\"')
        text = f"# HELP {metric.series} {words}\n# TYPE {metric.series} {TEXT_TYPE[metric.kind]}\n"
        modern = f"# HELP {metric.stem} {quoted}\n# TYPE {metric.stem} {OPENMETRICS_TYPE[metric.kind]}\n"
        headers = {Form.TEXT: text.encode(), Form.OPENMETRICS: modern.encode()}
        if metric.spread is not None:
            return HistogramColumn(metric.series, metric.value, headers, metric.spread)
        return cls(metric.series, metric.value, headers)

    def sample(self, labels: str, row: Any) -> str:
        """Return the sample line of `row` with finished `labels` ("{…}" or ""), or "" where its value is unknown."""
        value = self.value(row)
        if value is None or not -BIG < value < BIG:  # also NaN
            return ""
        return f"{self.series}{labels} {value!r}\n"


@dataclass(frozen=True, slots=True)
class HistogramColumn(Column):
    """A histogram: one line for each bucket, then their count and sum."""

    spread: Callable[[Any], Spread]

    def sample(self, labels: str, row: Any) -> str:
        """Return all lines of `row`, or "" where there is nothing in it yet."""
        spread = self.spread(row)
        if not spread.buckets:
            return ""
        inner = f"{labels[1:-1]}," if labels else ""
        bounds = [(repr(bound), count) for bound, count in spread.buckets] + [("+Inf", spread.count)]
        lines = [f'{self.series}_bucket{{{inner}le="{bound}"}} {count}\n' for bound, count in bounds]
        return "".join(
            (*lines, f"{self.series}_count{labels} {spread.count}\n", f"{self.series}_sum{labels} {spread.total!r}\n")
        )


def columns(families: tuple[Family[Any, Any], ...]) -> tuple[tuple[Family[Any, Any], tuple[Column, ...]], ...]:
    """Return each family with the columns of its metrics, in order."""
    return tuple((family, tuple(Column.of(metric) for metric in family.metrics)) for family in families)
