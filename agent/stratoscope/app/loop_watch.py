"""Detects a blocked event loop and reports the stack that blocks it."""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Final

BEAT_INTERVAL_S: Final = 0.1
MIN_STALL_S: Final = 1.0


class LoopWatch:
    """Measures how late a timer of the loop fires; a thread reports the main stack when it is over a second late."""

    def __init__(self, report: Callable[[float, str], None]) -> None:
        self.worst = 0.0  # s, since the last `take_worst`
        self.stalls = 0
        self._beat = time.monotonic()
        self._report = report
        self._main = threading.get_ident()
        self._stop = threading.Event()

    def take_worst(self) -> float:
        """Return the longest delay in s since the last call, and start over."""
        worst, self.worst = self.worst, 0.0
        return worst

    async def run(self) -> None:
        """Run the timer until cancelled."""
        thread = threading.Thread(target=self._watch, name="loop-watch", daemon=True)
        thread.start()
        try:
            while True:
                planned = time.monotonic() + BEAT_INTERVAL_S
                await asyncio.sleep(BEAT_INTERVAL_S)
                self._beat = time.monotonic()
                self.worst = max(self.worst, self._beat - planned)
        finally:
            self._stop.set()

    def _watch(self) -> None:
        reported = 0.0
        while not self._stop.wait(MIN_STALL_S / 4):
            beat = self._beat
            late = time.monotonic() - beat
            if late > MIN_STALL_S and beat != reported:
                reported = beat
                self.stalls += 1
                frame = sys._current_frames().get(self._main)  # noqa: SLF001 — the documented way to read another thread's stack
                self._report(late, format_stack(frame))


def format_stack(frame: FrameType | None) -> str:
    """Return the innermost ten lines of `frame`'s stack as text."""
    return "".join(traceback.format_stack(frame, limit=10)) if frame else ""
