"""Marks a clean shutdown, so that the next run knows whether the counters it finds are the last ones exported."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path


def begin_run(ledger: Path, warn: Callable[[str], None]) -> bool:
    """Remove the mark of a clean shutdown; return whether the last run ended without one (kill, power cut)."""
    mark = _mark(ledger)
    unclean = ledger.exists() and not mark.exists()
    try:
        mark.unlink(missing_ok=True)
        directory = os.open(mark.parent, os.O_RDONLY)
        try:
            os.fsync(directory)  # otherwise a power cut could restore the mark
        finally:
            os.close(directory)
    except OSError as error:
        warn(
            f"{mark}: cannot remove it: {error.strerror} (a power cut during this run will look like a clean shutdown)"
        )
    return unclean


def end_run(ledger: Path) -> None:
    """Write the mark; without it the next run holds back the integrals for a while."""
    with contextlib.suppress(OSError):
        _mark(ledger).touch(mode=0o600)


def _mark(ledger: Path) -> Path:
    return ledger.with_name("ended")
