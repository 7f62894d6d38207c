"""Keeps Python's garbage collector from stopping the loop: it looks at little, often, and at set times.

By itself the collector starts when more objects were made than freed. A fleet frees as many old objects with each
reading as it makes new ones, so it seldom starts, and then walks all that was made in a minute: ten thousand rigs stood
still for up to a second. Called twice a second it walks what half a second made. What has lived for five seconds is set
aside (`gc.freeze`) and not walked again; reference counts free it as ever, and cycles in it are looked for once a day.
Failed polls do make cycles (exceptions and their frames), but those are young when they are lost.
"""

import asyncio
import gc
from typing import Final

TICK: Final = 0.5
"""Seconds between two looks."""
SETTLE_AFTER: Final = 10
"""Looks until what is left is set aside."""
FULL_AFTER: Final = 2 * 86_400
"""Looks between two collections of everything: a day."""


class GarbageCollector:
    """The collector's work in a long-running agent."""

    def __init__(self) -> None:
        self._looks = 0

    def start(self) -> None:
        """Set aside what the start has made, and collect by `look` only from now on."""
        gc.collect()
        gc.freeze()
        gc.disable()

    async def run(self) -> None:
        """Look twice a second until cancelled; then Python's own rules hold again."""
        self.start()
        try:
            while True:
                await asyncio.sleep(TICK)
                self.look()
        finally:
            gc.enable()

    def look(self) -> None:
        """Free the cycles of the last half second; now and then of more."""
        self._looks += 1
        if self._looks % FULL_AFTER == 0:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        elif self._looks % SETTLE_AFTER == 0:
            gc.collect(1)
            gc.freeze()
        else:
            gc.collect(0)
