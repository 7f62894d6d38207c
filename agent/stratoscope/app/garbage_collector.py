"""Runs Python's garbage collector in small steps at fixed times, so that it never blocks the event loop for long.

By default the collector starts when more objects were created than freed. With each reading a fleet frees as many old
objects as it creates new ones, so the collector seldom starts, and then scans everything created within a minute: with
ten thousand rigs this blocked the loop for up to a second. Called twice a second it scans half a second's objects.
Objects that live for five seconds are frozen (`gc.freeze`) and not scanned again; reference counting still frees them,
and a full collection once a day finds cycles among them. Failed polls do create cycles (exceptions and their frames),
but those become garbage while they are young.
"""

import asyncio
import gc
from typing import Final

STEP_INTERVAL_S: Final = 0.5
STEPS_TO_FREEZE: Final = 10
"""Steps after which the objects that are left are frozen."""
STEPS_TO_FULL: Final = 2 * 86_400
"""Steps between two full collections: a day."""


class GarbageCollector:
    """Collects garbage step by step in a long-running agent."""

    def __init__(self) -> None:
        self._steps = 0

    def start(self) -> None:
        """Freeze what the start-up created, and disable automatic collection: only `step` collects."""
        gc.collect()
        gc.freeze()
        gc.disable()

    async def run(self) -> None:
        """Step twice a second until cancelled; then enable automatic collection again."""
        self.start()
        try:
            while True:
                await asyncio.sleep(STEP_INTERVAL_S)
                self.step()
        finally:
            gc.enable()

    def step(self) -> None:
        """Free the cycles of the last half second; every five seconds and once a day also older ones."""
        self._steps += 1
        if self._steps % STEPS_TO_FULL == 0:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        elif self._steps % STEPS_TO_FREEZE == 0:
            gc.collect(1)
            gc.freeze()
        else:
            gc.collect(0)
