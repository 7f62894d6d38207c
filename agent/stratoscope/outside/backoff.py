"""Computes the wait before a retry: exponential backoff with jitter. The only backoff in the agent."""

from dataclasses import dataclass
from typing import Final

FULL_JITTER: Final = (0.0, 1.0)
"""The wait is random between zero and the bound, so that clients that failed together retry spread out."""
SLIGHT_JITTER: Final = (1.0, 1.1)
"""The wait is the bound plus up to a tenth: for retries that no other client makes at the same time."""
MAX_DOUBLINGS: Final = 16
MAX_BROKER_WAIT_S: Final = 30.0
"""Longest wait between connection attempts, so that a broker that returns is noticed within half a minute."""
PERSISTENT_BROKER_REASONS: Final = frozenset({"auth", "denied", "tls", "taken_over", "protocol", "oversize", "bug"})
"""Failure reasons that a quick retry does not fix."""
STABLE_AFTER_S: Final = 30.0
"""A connection that lasted this long was good: the next failure counts as the first."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits (s) that double from `first_s` up to `max_s`, times a random factor within `jitter`, at least `min_s`."""

    first_s: float
    max_s: float
    min_s: float = 0.0
    jitter: tuple[float, float] = FULL_JITTER

    def delay(self, failures: int, random01: float) -> float:
        """Return the wait in s after the `failures`th failure in a row (from 1); `random01` is in [0, 1)."""
        bound = min(self.first_s * 2.0 ** min(max(0, failures - 1), MAX_DOUBLINGS), self.max_s)
        low, high = self.jitter
        return max(self.min_s, bound * (low + (high - low) * random01))


BROKER: Final = Backoff(first_s=2.0, max_s=MAX_BROKER_WAIT_S, min_s=0.1)
BROKER_PERSISTENT: Final = Backoff(first_s=MAX_BROKER_WAIT_S, max_s=MAX_BROKER_WAIT_S, jitter=(1.0, 2.0))


class ReconnectBackoff:
    """Counts the failures in a row of one broker connection and computes the wait before the next attempt."""

    def __init__(self) -> None:
        self._failures = 0

    def next_delay(self, held_s: float, reason: str, random01: float) -> float:
        """Record the loss of a connection that lasted `held_s` s (0: never established); return the wait in s."""
        self._failures = 1 if held_s > STABLE_AFTER_S else self._failures + 1
        backoff = BROKER_PERSISTENT if reason in PERSISTENT_BROKER_REASONS else BROKER
        return backoff.delay(self._failures, random01)
