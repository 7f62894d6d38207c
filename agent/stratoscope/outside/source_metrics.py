"""Counts requests to market sources by outcome, for the agent's own metrics."""


class SourceMetrics:
    """Requests to all sources since the agent started; `metrics/own.py` makes a metric of them."""

    def __init__(self) -> None:
        self.outcomes: dict[tuple[str, str], int] = {}  # by source and outcome

    def count(self, source: str, outcome: str) -> None:
        """Count one request to `source`."""
        self.outcomes[source, outcome] = self.outcomes.get((source, outcome), 0) + 1
