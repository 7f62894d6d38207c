"""Keeps the exporter's own metrics on the agent's registry while it runs."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Meters:
    """What the exporter counts about itself: every loss has a counter."""

    def __init__(self) -> None:
        self.dropped = Counter(
            "stratoscope_series_dropped",
            "Series left out of the page, each time their rig was rendered: rig_limit and global_limit (settings "
            "max_series_per_rig, max_series), label_churn (too many different words of one rig; shown as 'other').",
            ["reason"],
            registry=None,
        )
        self.errors = Counter(
            "stratoscope_render_errors", "Families of one rig that could not be rendered.", ["family"], registry=None
        )
        self.refused = Counter(
            "stratoscope_http_refused",
            "Requests and connections refused: host (not in allowed_hosts), crowded (too many connections), slow.",
            ["reason"],
            registry=None,
        )
        self.series = Gauge("stratoscope_page_series", "Telemetry series on the whole page.", registry=None)
        self.join = Gauge("stratoscope_page_join_seconds", "How long the last page took to join.", registry=None)
        self.insecure = Gauge(
            "stratoscope_insecure_listen",
            "1 if the pages are served beyond this machine without a login, else 0.",
            registry=None,
        )
        for reason in ("rig_limit", "global_limit", "label_churn"):
            self.dropped.labels(reason)
        for reason in ("host", "crowded", "slow"):
            self.refused.labels(reason)

    @property
    def _all(self) -> tuple[Counter | Gauge, ...]:
        return self.dropped, self.errors, self.refused, self.series, self.join, self.insecure

    def register(self, registry: CollectorRegistry) -> None:
        """Show the meters on `registry`."""
        for meter in self._all:
            registry.register(meter)

    def unregister(self, registry: CollectorRegistry) -> None:
        """Take the meters off `registry`, so that the exporter can be started again."""
        for meter in self._all:
            registry.unregister(meter)
