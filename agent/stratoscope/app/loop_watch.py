"""Notices when the event loop stands still, and writes down where it stood."""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Final

BEAT: Final = 0.1
STALL: Final = 1.0


class LoopWatch:
    """Measures how late the loop's own timer is; a thread dumps the main stack when it is over a second late."""

    def __init__(self, report: Callable[[float, str], None]) -> None:
        self.worst = 0.0  # s, since it was last asked for
        self.stalls = 0
        self._beat = time.monotonic()
        self._report = report
        self._main = threading.get_ident()
        self._stop = threading.Event()

    def take_worst(self) -> float:
        """Return the longest delay in s since the last call."""
        worst, self.worst = self.worst, 0.0
        return worst

    async def run(self) -> None:
        """Beat until cancelled."""
        thread = threading.Thread(target=self._watch, name="loop-watch", daemon=True)
        thread.start()
        try:
            while True:
                planned = time.monotonic() + BEAT
                await asyncio.sleep(BEAT)
                self._beat = time.monotonic()
                self.worst = max(self.worst, self._beat - planned)
        finally:
            self._stop.set()

    def _watch(self) -> None:
        reported = 0.0
        while not self._stop.wait(STALL / 4):
            beat = self._beat
            late = time.monotonic() - beat
            if late > STALL and beat != reported:
                reported = beat
                self.stalls += 1
                frame = sys._current_frames().get(self._main)  # noqa: SLF001 — the documented way to see another thread
                self._report(late, stack(frame))


def stack(frame: FrameType | None) -> str:
    """Return the innermost ten lines of `frame`'s stack as text."""
    return "".join(traceback.format_stack(frame, limit=10)) if frame else ""
