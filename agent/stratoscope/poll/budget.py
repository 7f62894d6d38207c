"""Limits how many polls run at once, in two lanes, so that rigs that do not respond cannot delay the others."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from stratoscope.poll.poll_metrics import Tally

RESERVED_FILES: Final = 128
"""File descriptors kept for scrapers, the ledger and logs."""


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard limit and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):  # macOS refuses RLIM_INFINITY
            return soft
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def lanes_within_file_limit(healthy: int, suspect: int, files: int) -> tuple[int, int]:
    """Return the sizes of both lanes, reduced in proportion where `files` open files are not enough for them.

    An exchange may hold one connection while another is still closing: one and a half descriptors each.
    """
    max_polls = max(2, int((files - RESERVED_FILES) / 1.5)) if files > RESERVED_FILES else 2
    if healthy + suspect <= max_polls:
        return healthy, suspect
    reduced_suspect = max(1, max_polls * suspect // (healthy + suspect))
    return max(1, max_polls - reduced_suspect), reduced_suspect


class Budget:
    """Two semaphores: one for rigs that respond, a small one for those that failed twice or were never seen."""

    def __init__(self, healthy: int, suspect: int, metrics: Tally) -> None:
        self._lanes = {"healthy": asyncio.Semaphore(healthy), "suspect": asyncio.Semaphore(suspect)}
        self._in_flight = metrics.in_flight

    @asynccontextmanager
    async def lane(self, *, suspect: bool) -> AsyncIterator[None]:
        """Hold a place in a lane around connect…close."""
        name = "suspect" if suspect else "healthy"
        async with self._lanes[name]:
            self._in_flight[name] += 1
            try:
                yield
            finally:
                self._in_flight[name] -= 1
