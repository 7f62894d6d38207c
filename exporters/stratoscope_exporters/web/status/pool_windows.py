"""Chooses which averaging windows of a pool's hashrate the status page shows."""

from stratoscope.pools.report import PoolReport
from stratoscope.text.quantities import duration
from stratoscope.units import DAY, HOUR


def credited_hashrates(report: PoolReport | None) -> list[tuple[float, float]]:
    """Return (window in s, hashrate in H/s) for the window nearest to an hour, and for a day if the pool reports it."""
    reported = {} if report is None else dict(report.hashrate)
    if not reported:
        return []
    nearest = min(reported, key=lambda window: (abs(window - HOUR), window))
    return [(window, reported[window]) for window in dict.fromkeys((nearest, DAY)) if window in reported]


def window_label(seconds: float) -> str:
    """Return the averaging window as text: "in 1 h", "in 10 min"; "now" for an unknown window."""
    return f"in {duration(seconds)}" if seconds else "now"
