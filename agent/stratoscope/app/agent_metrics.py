"""Supplies the agent's own state to its metrics: config, ledger, event loop and events."""

from collections.abc import Callable, Iterator

from prometheus_client.core import Metric

from stratoscope import __version__
from stratoscope.app.loop_watch import LoopWatch
from stratoscope.events import Event
from stratoscope.exporter import AgentHealth
from stratoscope.ledger import LedgerStatus
from stratoscope.metrics.collector import collect
from stratoscope.metrics.own import AGENT_FAMILIES, AgentState


class AgentMetrics:
    """Counts events and reads everything else at the scrape. `targets` returns the number of polled addresses."""

    def __init__(
        self, health: AgentHealth, watch: LoopWatch, ledger: LedgerStatus | None, targets: Callable[[], int]
    ) -> None:
        self._health, self._watch, self._ledger, self._targets = health, watch, ledger, targets
        self._events: dict[str, int] = {}

    def count_event(self, event: Event) -> None:
        """Count an event."""
        self._events[event.kind] = self._events.get(event.kind, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families (prometheus_client's collector protocol); this resets the loop lag."""
        state = AgentState(
            version=__version__,
            config_ok=self._health.config_ok,
            config_loaded=self._health.config_loaded,
            targets=self._targets(),
            loop_lag=self._watch.take_worst(),
            loop_stalls=self._watch.stalls,
            events=self._events,
            ledger=self._ledger,
        )
        return collect(AGENT_FAMILIES, state)
