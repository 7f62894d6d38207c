"""Defines the agent's own metrics (`stratoscope_*`): agent, ledger, polling and pages.

The code that measures only supplies the values; names, units, labels and help texts are here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from stratoscope.ledger import LedgerStatus
from stratoscope.metrics.metric import (
    BROKEN,
    FLAG,
    WORKS,
    Distribution,
    Labels,
    Levels,
    MetricFamily,
    MetricsOf,
    same_value,
)
from stratoscope.metrics.unit import Unit
from stratoscope.outside.source_metrics import SourceMetrics

OWN_NAMESPACE: Final = "stratoscope"
S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """The agent at one scrape."""

    version: str
    config_ok: bool
    config_loaded: float | None  # UTC s
    targets: int
    loop_lag: float  # s
    loop_stalls: int
    events: Mapping[str, int]  # by kind
    ledger: LedgerStatus | None


class PollCounts(Protocol):
    """What the agent counts while it polls rigs."""

    outcomes: dict[str, int]
    in_flight: dict[str, int]  # by lane
    skipped: int
    defects: int
    received: int  # bytes

    def durations(self) -> Distribution:
        """Return the durations of all polls in seconds."""
        ...


class PageCounts(Protocol):
    """What the Prometheus exporter counts about its pages."""

    dropped: dict[str, int]  # by reason
    errors: dict[str, int]  # by family
    refused: dict[str, int]  # by reason
    series: int
    join: float  # s
    insecure: bool


def counted(counts: Mapping[str, float]) -> Iterable[tuple[Labels, float]]:
    """Return the rows of a family with one label, sorted by the label's value."""
    return (((key,), value) for key, value in sorted(counts.items()))


def _whole(subject: S) -> Iterable[tuple[Labels, S]]:
    return (((), subject),)


def _version(agent: AgentState) -> Iterable[tuple[Labels, float]]:
    return (((agent.version,), 1),)


def _ledger(agent: AgentState) -> Iterable[tuple[Labels, LedgerStatus]]:
    return () if agent.ledger is None else (((), agent.ledger),)


def _requests(sources: SourceMetrics) -> Iterable[tuple[Labels, float]]:
    return sorted(sources.outcomes.items())


per_agent = MetricsOf[AgentState](OWN_NAMESPACE)
per_ledger = MetricsOf[LedgerStatus](OWN_NAMESPACE)
per_poller = MetricsOf[PollCounts](OWN_NAMESPACE)
per_page = MetricsOf[PageCounts](OWN_NAMESPACE)
per_series = MetricsOf[float](OWN_NAMESPACE)

BUILD: MetricFamily[AgentState, float] = MetricFamily("agent: version", _version, ("version",)).with_metrics(
    per_series.info("build").means("Version of the agent as a label; value 1.")
)

STATE: MetricFamily[AgentState, AgentState] = MetricFamily("agent: config and event loop", _whole).with_metrics(
    per_agent.gauge("config_last_reload_successful", Unit.NONE, lambda a: a.config_ok, WORKS).means(
        "1 if the last load of the config succeeded, else 0."
    ),
    per_agent.gauge("config_last_reload_success", Unit.TIMESTAMP, lambda a: a.config_loaded).means(
        "Time at which the current config was loaded."
    ),
    per_agent.gauge("targets", Unit.NONE, lambda a: a.targets).means("Number of polled addresses."),
    per_agent.gauge("loop_lag", Unit.SECONDS, lambda a: a.loop_lag, Levels(attention=0.25, bad=1.0)).means(
        "Longest delay of the event loop since the last scrape."
    ),
    per_agent.counter("loop_stalls", Unit.NONE, lambda a: a.loop_stalls).means(
        "Times the event loop was blocked for more than one second."
    ),
)

EVENTS: MetricFamily[AgentState, float] = MetricFamily(
    "agent: events", lambda a: counted(a.events), ("kind",)
).with_metrics(per_series.counter("events", Unit.NONE, same_value).means("Events by kind."))

LEDGER: MetricFamily[AgentState, LedgerStatus] = MetricFamily(
    "agent: ledger", _ledger, condition="a ledger"
).with_metrics(
    per_ledger.gauge("ledger_degraded", Unit.NONE, lambda s: s.degraded is not None, BROKEN).means(
        "1 while the ledger cannot be written, else 0."
    ),
    per_ledger.counter("ledger_rows_written", Unit.NONE, lambda s: s.written).means("Rows written to the ledger."),
    per_ledger.counter("ledger_rows_lost", Unit.NONE, lambda s: s.lost).means("Rows that could not be written."),
    per_ledger.gauge("ledger_quarantined", Unit.NONE, lambda s: s.quarantined).means(
        "Damaged ledger files set aside at this start."
    ),
)

POLLS: MetricFamily[PollCounts, float] = MetricFamily(
    "agent: polls by outcome", lambda p: counted(p.outcomes), ("outcome",)
).with_metrics(
    per_series.counter("polls", Unit.NONE, same_value).means(
        "Polls of rigs by outcome: ok, or the reason of the failure."
    )
)

LANES: MetricFamily[PollCounts, float] = MetricFamily(
    "agent: polls in flight", lambda p: counted(p.in_flight), ("lane",)
).with_metrics(
    per_series.gauge("polls_in_flight", Unit.NONE, same_value).means(
        "Running polls by lane: healthy, or suspect (failed before, or never answered)."
    )
)

POLLING: MetricFamily[PollCounts, PollCounts] = MetricFamily("agent: polling", _whole).with_metrics(
    per_poller.counter("ticks_skipped", Unit.NONE, lambda p: p.skipped).means(
        "Scheduled polls skipped because the previous one was still running."
    ),
    per_poller.counter("defects", Unit.NONE, lambda p: p.defects).means(
        "Fields of rig responses that were present but could not be read."
    ),
    per_poller.counter("received", Unit.BYTES, lambda p: p.received).means("Bytes received from rigs."),
    per_poller.histogram("poll_duration", Unit.SECONDS, lambda p: p.durations()).means(
        "Duration of a poll, from connect to the last byte."
    ),
)

SOURCES: MetricFamily[SourceMetrics, float] = MetricFamily(
    "agent: requests to market sources", _requests, ("source", "outcome"), condition="a market or a tariff"
).with_metrics(
    per_series.counter("source_requests", Unit.NONE, same_value).means(
        "Requests to market and tariff sources by outcome; waiting ones were not sent."
    )
)

DROPPED: MetricFamily[PageCounts, float] = MetricFamily(
    "Prometheus exporter: dropped series", lambda p: counted(p.dropped), ("reason",), condition="the exporter"
).with_metrics(
    per_series.counter("series_dropped", Unit.NONE, same_value).means(
        "Series left out of the page, counted at each rendering of their rig: rig_limit (max_series_per_rig), "
        "global_limit (max_series), label_churn (too many different label values of one rig; replaced by 'other')."
    )
)

RENDER_ERRORS: MetricFamily[PageCounts, float] = MetricFamily(
    "Prometheus exporter: errors", lambda p: counted(p.errors), ("family",), condition="the exporter"
).with_metrics(
    per_series.counter("render_errors", Unit.NONE, same_value).means(
        "Metric families of one rig that could not be rendered because of an internal error."
    )
)

REFUSED: MetricFamily[PageCounts, float] = MetricFamily(
    "Prometheus exporter: refused requests", lambda p: counted(p.refused), ("reason",), condition="the exporter"
).with_metrics(
    per_series.counter("http_refused", Unit.NONE, same_value).means(
        "Refused requests and connections: host (not in allowed_hosts), crowded (too many connections), slow."
    )
)

PAGE: MetricFamily[PageCounts, PageCounts] = MetricFamily(
    "Prometheus exporter: page", _whole, condition="the exporter"
).with_metrics(
    per_page.gauge("page_series", Unit.NONE, lambda p: p.series).means("Series of rigs on the whole page."),
    per_page.gauge("page_join", Unit.SECONDS, lambda p: p.join).means("Time to build the last page."),
    per_page.gauge("insecure_listen", Unit.NONE, lambda p: p.insecure, FLAG).means(
        "1 if other machines can read the pages without a login, else 0."
    ),
)

Families = tuple[MetricFamily[Any, Any], ...]
AGENT_FAMILIES: Final[Families] = (BUILD, STATE, EVENTS, LEDGER)
POLL_FAMILIES: Final[Families] = (POLLS, LANES, POLLING)
SOURCE_FAMILIES: Final[Families] = (SOURCES,)
PAGE_FAMILIES: Final[Families] = (DROPPED, RENDER_ERRORS, REFUSED, PAGE)
