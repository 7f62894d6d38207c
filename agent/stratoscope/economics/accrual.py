"""Integrates a rate over time: what one unit of hashrate or power has earned or cost since the agent started.

Times are monotonic seconds. While the rate is unknown nothing is added; `seconds` is the time with a known rate.
"""

from typing import Final

MAX_GAP_S: Final = 600.0
"""After a longer time without an update the rate in between is unknown: the machine was suspended."""


class RateMeter:
    """The integral of one rate since its creation. It never decreases as long as the rate is not negative."""

    __slots__ = ("at", "rate", "seconds", "total", "until")

    def __init__(self, now: float) -> None:
        self.at = now  # monotonic s
        self.rate: float | None = None  # per s
        self.until = float("inf")  # monotonic s at which the rate expires
        self.total = 0.0
        self.seconds = 0.0  # with a known rate

    def advance(self, now: float) -> None:
        """Add the time up to `now` at the current rate, at most until it expires."""
        started, self.at = self.at, max(self.at, now)
        if self.rate is None or now - started > MAX_GAP_S:
            return
        seconds = min(now, self.until) - started
        if seconds > 0:
            self.total += self.rate * seconds
            self.seconds += seconds

    def set_rate(self, rate: float | None, until: float, now: float) -> None:
        """Continue with another rate, which expires at monotonic `until`."""
        self.advance(now)
        self.rate, self.until = rate, until
