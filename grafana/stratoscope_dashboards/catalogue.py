"""Looks up unit, help, labels and levels of each metric that a dashboard may use."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from stratoscope.metrics import TABLE, WHOLE, MetricFamily, MetricKind, Unit
from stratoscope.metrics.metric import Levels

RULES: Final = Path(__file__).resolve().parents[2] / "deploy/prometheus/rules"
TARGET_LABELS: Final = frozenset({"job", "instance", "site"})
"""Labels that Prometheus adds to every series scraped from the agent."""
SCRAPED_MATCHERS: Final = ('job=~"$job"', 'instance=~"$instance"', 'site=~"$site"')
"""Matchers of every query of scraped series."""
RECORDED_MATCHERS: Final = ('site=~"$site"',)
"""Matchers of every query of recorded series: recording rules aggregate over jobs and instances."""

UNIT_SUFFIXES: Final = (
    ("_timestamp_seconds", Unit.TIMESTAMP.grafana),
    ("_seconds", Unit.SECONDS.grafana),
    ("_bytes", "bytes"),
)
"""Units of the metrics that Prometheus and prometheus_client add, by name suffix."""

UP_LEVELS: Final = Levels(bad=1, falling=True)

PROMETHEUS_HELP: Final = {
    "up": "1 if Prometheus scraped the agent successfully, else 0.",
    "scrape_duration_seconds": "Duration of the scrape.",
    "scrape_samples_scraped": "Samples on the page; see sample_limit in the scrape config.",
    "process_cpu_seconds_total": "CPU time used by the agent.",
    "process_resident_memory_bytes": "Resident memory of the agent.",
    "process_open_fds": "Open file descriptors of the agent, sockets included.",
    "process_max_fds": "Maximum number of open file descriptors.",
    "process_start_time_seconds": "Start time of the agent.",
}
"""Help of the metrics that Prometheus adds to each scrape and prometheus_client to each process."""


def matcher(label: str, value: object) -> str:
    """Return the matcher for `label` equal to `value`."""
    return f'{label}="{value}"'


@dataclass(frozen=True, slots=True)
class MetricEntry:
    """A metric as a panel needs it: `unit` is Grafana's unit id, `labels` is None if they are unknown."""

    name: str
    unit: str
    help: str
    labels: frozenset[str] | None = None
    levels: Levels | None = None

    def select(self, *matchers: str) -> str:
        """Return a selector with the matchers of the dashboard variables and `matchers`."""
        for condition in matchers:
            label = re.split("[=!]", condition, maxsplit=1)[0]
            if self.labels is not None and label not in self.labels | TARGET_LABELS:
                raise KeyError(f"{self.name} has no label {label}")
        return f"{self.name}{{{','.join((*(RECORDED_MATCHERS if ':' in self.name else SCRAPED_MATCHERS), *matchers))}}}"


class MetricCatalogue:
    """All metrics that a dashboard may use. Other names raise KeyError, so a misspelt metric fails the build."""

    def __init__(self) -> None:
        """Collect the metric table, the metrics that Prometheus adds, and recording rules."""
        entries = [*_table(TABLE, frozenset({"rig"})), *_table(WHOLE, frozenset()), *_added_by_prometheus()]
        self._entries = {entry.name: entry for entry in entries}
        self._entries |= {entry.name: entry for entry in self._recorded()}

    def __getitem__(self, name: str) -> MetricEntry:
        """Return the entry of `name`; raise KeyError with an explanation if there is none."""
        try:
            return self._entries[name]
        except KeyError:
            raise KeyError(f"{name} is neither in the metric table nor a recording rule") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def select(self, name: str, *matchers: str) -> str:
        """Return a selector of the metric `name`."""
        return self[name].select(*matchers)

    def _recorded(self) -> Iterator[MetricEntry]:
        """Yield an entry per recording rule, described by the metric in its name or the first one in its query."""
        for rule in _recording_rules():
            stem = rule["record"].split(":")[1]
            made_from = re.findall(r"\b[a-z]\w+", rule["expr"])
            source = next(self._entries[name] for name in (stem, f"{stem}_total", *made_from) if name in self._entries)
            yield replace(source, name=rule["record"], labels=None)


def _recording_rules() -> Iterator[dict[str, str]]:
    for file in sorted(RULES.glob("*.yml")):
        for group in YAML(typ="safe").load(file.read_text("utf-8"))["groups"]:
            yield from (rule for rule in group["rules"] if "record" in rule)


def _table(families: Iterable[MetricFamily[Any, Any]], extra_labels: frozenset[str]) -> Iterator[MetricEntry]:
    for family in families:
        for metric in family.metrics:
            labels = extra_labels | frozenset(family.labels)
            suffixes = ("_bucket", "_sum", "_count") if metric.kind is MetricKind.HISTOGRAM else ("",)
            for suffix in suffixes:
                more = {"le"} if suffix == "_bucket" else set()
                yield MetricEntry(
                    metric.series + suffix, metric.unit.grafana, metric.help, labels | more, metric.levels
                )


def _added_by_prometheus() -> Iterator[MetricEntry]:
    for name, description in PROMETHEUS_HELP.items():
        stem = name.removesuffix("_total")
        unit = next((unit for suffix, unit in UNIT_SUFFIXES if stem.endswith(suffix)), Unit.NONE.grafana)
        yield MetricEntry(name, unit, description, None, UP_LEVELS if name == "up" else None)
