"""Shows the agent's own state as metrics: its config, its ledger, its loop, its events."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from stratoscope import __version__
from stratoscope.app.loop_watch import LoopWatch
from stratoscope.events import Event
from stratoscope.exporter import AgentHealth
from stratoscope.ledger import LedgerStatus


class Vitals:
    """A prometheus_client collector; values are read at the scrape."""

    def __init__(
        self, health: AgentHealth, watch: LoopWatch, ledger: LedgerStatus | None, targets: Callable[[], int]
    ) -> None:
        self._health = health
        self._watch = watch
        self._ledger = ledger
        self._targets = targets
        self._events: dict[str, int] = {}

    def heard(self, event: Event) -> None:
        """Count an event."""
        self._events[event.kind] = self._events.get(event.kind, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """Yield the families (prometheus_client's collector protocol)."""
        build = GaugeMetricFamily("stratoscope_build_info", "1; the version is a label.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        health = self._health
        yield GaugeMetricFamily(
            "stratoscope_config_last_reload_successful", "1 when the last load was good, else 0.", health.config_ok
        )
        if health.config_loaded is not None:
            yield GaugeMetricFamily(
                "stratoscope_config_last_reload_success_timestamp_seconds",
                "When the config in force was loaded.",
                health.config_loaded,
            )
        yield GaugeMetricFamily("stratoscope_targets", "Addresses that are polled.", self._targets())
        yield GaugeMetricFamily(
            "stratoscope_loop_lag_seconds",
            "Longest delay of the event loop since the last scrape.",
            self._watch.take_worst(),
        )
        yield CounterMetricFamily(
            "stratoscope_loop_stalls", "Times the event loop stood still for over a second.", self._watch.stalls
        )
        events = CounterMetricFamily("stratoscope_events", "Events by kind.", labels=["kind"])
        for kind, count in sorted(self._events.items()):
            events.add_metric([kind], count)
        yield events
        if self._ledger is not None:
            yield from self._ledger_families(self._ledger)

    def _ledger_families(self, ledger: LedgerStatus) -> Iterator[Metric]:
        degraded = ledger.degraded is not None
        yield GaugeMetricFamily("stratoscope_ledger_degraded", "1 while the ledger cannot be written.", degraded)
        yield CounterMetricFamily("stratoscope_ledger_rows_written", "Rows written.", ledger.written)
        yield CounterMetricFamily("stratoscope_ledger_rows_lost", "Rows that could not be kept.", ledger.lost)
        yield GaugeMetricFamily(
            "stratoscope_ledger_quarantined", "Damaged ledgers set aside at this start.", ledger.quarantined
        )
