"""Adds up what a unit would have earned or cost at the rates of every moment, so that any two moments can be compared.

Durations are monotonic seconds. A rate that is unknown adds nothing and is no zero: the known seconds stand beside.
"""

from typing import Final

LONGEST: Final = 600.0
"""Seconds without a look after which the rates in between are unknown: the machine slept."""


class Meter:
    """The integral of one rate since the meter was made; it never decreases while the rate is not below zero."""

    __slots__ = ("at", "rate", "seconds", "total", "until")

    def __init__(self, now: float) -> None:
        self.at = now  # monotonic s
        self.rate: float | None = None  # per s
        self.until = float("inf")  # monotonic s after which the rate has expired
        self.total = 0.0
        self.seconds = 0.0  # for which the rate was known

    def advance(self, now: float) -> None:
        """Add what accrued up to `now` at the present rate, as long as that was good."""
        begun, self.at = self.at, max(self.at, now)
        if self.rate is None or now - begun > LONGEST:
            return
        seconds = min(now, self.until) - begun
        if seconds > 0:
            self.total += self.rate * seconds
            self.seconds += seconds

    def turn(self, rate: float | None, until: float, now: float) -> None:
        """Go on at another rate, which is good until monotonic `until`."""
        self.advance(now)
        self.rate, self.until = rate, until
