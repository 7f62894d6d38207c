"""Marks that a run ended in order, so that the next one knows whether the sums it finds are the last ones shown."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path


def begin_run(ledger: Path, warn: Callable[[str], None]) -> bool:
    """Tell whether the last run was cut off before it had written everything, and take the mark away: this one runs."""
    mark = _mark(ledger)
    cut_off = ledger.exists() and not mark.exists()
    try:
        mark.unlink(missing_ok=True)
        directory = os.open(mark.parent, os.O_RDONLY)
        try:
            os.fsync(directory)  # else a power cut could bring the mark back
        finally:
            os.close(directory)
    except OSError as error:
        warn(f"{mark}: {error.strerror}; the end of this run cannot be told from a power cut")
    return cut_off


def end_run(ledger: Path) -> None:
    """Leave the mark; without it the next start takes this end for a cut and holds sums back for a while."""
    with contextlib.suppress(OSError):
        _mark(ledger).touch(mode=0o600)


def _mark(ledger: Path) -> Path:
    return ledger.with_name("ended")
