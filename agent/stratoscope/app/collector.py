"""Keeps Python's garbage collector from stopping the loop: readings hold no cycles, and walking ten thousand costs.

What lives long is set aside (`gc.freeze`) once a minute, so that a collection never walks more than the last minute's
young objects. Reference counts free what is set aside as ever; only cycles that grew older than a minute stay, and
those are looked for once a day.
"""

import gc
from typing import Final

YOUNG: Final = 5_000
MIDDLE: Final = 3
"""Both young generations are collected in some ten milliseconds; a hundred thousand objects would take 250."""

NEVER: Final = 1_000_000
FULL_AFTER: Final = 1440
"""Calls of `settle` between two full collections: a day of minutes."""


class Collector:
    """The collector's settings for a long-running agent."""

    def __init__(self) -> None:
        self._calls = 0

    def start(self) -> None:
        """Set aside what the start has made, and collect young objects only from now on."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG, MIDDLE, NEVER)

    def settle(self) -> None:
        """Set aside what has lived until now; to be called once a minute."""
        self._calls += 1
        if self._calls % FULL_AFTER == 0:
            gc.unfreeze()
            gc.collect()
        else:
            gc.collect(1)
        gc.freeze()
