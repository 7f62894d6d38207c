"""Looks metrics up for the dashboards: unit, help, labels and levels, from the metric table and what is beside it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry
from ruamel.yaml import YAML

from stratoscope.metrics import TABLE, WHOLE, Family, Kind, Unit
from stratoscope.metrics.metric import Levels

RULES: Final = Path(__file__).resolve().parents[2] / "deploy/prometheus/rules"
TARGET: Final = frozenset({"job", "instance", "site"})
"""Labels that Prometheus adds to whatever it scrapes from the agent."""
SCOPE: Final = ('job=~"$job"', 'instance=~"$instance"', 'site=~"$site"')
"""What every query of scraped series is narrowed to."""
RECORDED: Final = ('site=~"$site"',)
"""What every query of recorded series is narrowed to: rules of alerts add up over jobs and instances."""

SUFFIXES: Final = (
    ("_timestamp_seconds", Unit.TIMESTAMP.grafana),
    ("_seconds", Unit.SECONDS.grafana),
    ("_bytes", "bytes"),
)
"""Units of the agent's own metrics by the end of their name; the table has its own."""

OWN_LEVELS: Final = {
    "stratoscope_config_last_reload_successful": Levels(bad=1, falling=True),
    "stratoscope_ledger_degraded": Levels(bad=1),
    "stratoscope_insecure_listen": Levels(attention=1),
    "stratoscope_loop_lag_seconds": Levels(attention=0.25, bad=1.0),
    "up": Levels(bad=1, falling=True),
}
"""When the agent's own metrics deserve attention; they come from prometheus_client, which knows no levels."""

BESIDE: Final = {
    "up": "1 if Prometheus could scrape the agent, else 0.",
    "scrape_duration_seconds": "How long Prometheus took to scrape a page of the agent.",
    "scrape_samples_scraped": "Samples on the page; see sample_limit of the scrape config.",
    "process_cpu_seconds_total": "Processor time the agent has used.",
    "process_resident_memory_bytes": "Memory the agent holds.",
    "process_open_fds": "Files and sockets the agent has open.",
    "process_max_fds": "Files and sockets the agent may have open at most.",
    "process_start_time_seconds": "When the agent was started.",
}
"""What Prometheus writes about each scrape, and what prometheus_client tells of every process."""


def only(label: str, value: object) -> str:
    """Return the matcher of the series whose `label` is `value`."""
    return f'{label}="{value}"'


@dataclass(frozen=True, slots=True)
class Entry:
    """A metric as a panel needs it: `unit` is Grafana's id; `labels` None means that they are not known here."""

    name: str
    unit: str
    help: str
    labels: frozenset[str] | None = None
    levels: Levels | None = None

    def of(self, *matchers: str) -> str:
        """Return a selector, narrowed to what the variables of the dashboard say and by `matchers`."""
        for matcher in matchers:
            label = re.split("[=!]", matcher, maxsplit=1)[0]
            if self.labels is not None and label not in self.labels | TARGET:
                raise KeyError(f"{self.name} has no label {label}")
        return f"{self.name}{{{','.join((*(RECORDED if ':' in self.name else SCOPE), *matchers))}}}"


class Catalogue:
    """Every metric a dashboard may name. Whatever is not in here raises KeyError, so that no panel can be misspelt."""

    def __init__(self, own: CollectorRegistry) -> None:
        """Take the table, `own` (the agent's own metrics), Prometheus' own, and what is recorded from them."""
        entries = [*_table(TABLE, frozenset({"rig"})), *_table(WHOLE, frozenset()), *_own(own), *_beside()]
        self._entries = {entry.name: entry for entry in entries}
        self._entries |= {entry.name: entry for entry in self._recorded()}

    def __getitem__(self, name: str) -> Entry:
        """Return what is known of `name`; raises KeyError with a sentence."""
        try:
            return self._entries[name]
        except KeyError:
            raise KeyError(f"{name} is neither in the metric table nor recorded from it") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def select(self, name: str, *matchers: str) -> str:
        """Return a selector of the metric `name`."""
        return self[name].of(*matchers)

    def _recorded(self) -> Iterator[Entry]:
        """Yield what the rules record, as the metric it is named by, else the first one that it is made from."""
        for rule in _recordings():
            stem = rule["record"].split(":")[1]
            made_from = re.findall(r"\b[a-z]\w+", rule["expr"])
            source = next(self._entries[name] for name in (stem, f"{stem}_total", *made_from) if name in self._entries)
            yield replace(source, name=rule["record"], labels=None)


def _recordings() -> Iterator[dict[str, str]]:
    for file in sorted(RULES.glob("*.yml")):
        for group in YAML(typ="safe").load(file.read_text("utf-8"))["groups"]:
            yield from (rule for rule in group["rules"] if "record" in rule)


def _table(families: Iterable[Family[Any, Any]], before: frozenset[str]) -> Iterator[Entry]:
    for family in families:
        for metric in family.metrics:
            labels = before | frozenset(family.labels)
            ends = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
            for end in ends:
                more = {"le"} if end == "_bucket" else set()
                yield Entry(metric.series + end, metric.unit.grafana, metric.help, labels | more, metric.levels)


def _own(registry: CollectorRegistry) -> Iterator[Entry]:
    for metric in registry.collect():
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(metric.type, ("",))
        for end in ends:
            yield _named(f"{metric.name}{end}", metric.documentation)


def _beside() -> Iterator[Entry]:
    return (_named(name, text) for name, text in BESIDE.items())


def _named(name: str, text: str) -> Entry:
    stem = re.sub("_(total|bucket|sum|count)$", "", name)
    unit = next((unit for suffix, unit in SUFFIXES if stem.endswith(suffix)), Unit.NONE.grafana)
    return Entry(name, unit, text, None, OWN_LEVELS.get(name))
