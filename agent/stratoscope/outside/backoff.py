"""Says how long to leave a broker alone after a connection was not had or was lost."""

from typing import Final

LONGEST: Final = 30.0
"""Seconds between tries at most, so that a broker that is back is found within half a minute."""
STUBBORN: Final = frozenset({"auth", "denied", "tls", "taken_over", "protocol", "oversize", "bug"})
"""Reasons that do not go away by trying again soon."""
STEADY: Final = 30.0
"""Seconds after which a connection counts as good, and the next failure as the first."""


def pause(failures: int, reason: str, chance: float) -> float:
    """Return the seconds to wait after the `failures`th failure in a row; `chance` is 0 to 1 (full jitter)."""
    if reason in STUBBORN:
        return LONGEST * (1.0 + chance)
    return max(0.1, chance * min(LONGEST, 2.0 ** min(failures, 10)))


class Patience:
    """Counts failures in a row of one connection."""

    def __init__(self) -> None:
        self._failures = 0

    def after(self, held: float, reason: str, chance: float) -> float:
        """Return the seconds to wait after a connection that held for `held` s was lost, or was not had (0)."""
        self._failures = 1 if held > STEADY else self._failures + 1
        return pause(self._failures, reason, chance)
