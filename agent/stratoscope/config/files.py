"""Reads regular files up to a maximum size, without waiting on pipes."""

import os
import stat
from pathlib import Path


class NotRegularError(OSError):
    """The path is a directory, a pipe or a device."""


def read_bounded(path: Path, max_bytes: int) -> tuple[bytes, int]:
    """Return up to `max_bytes` + 1 bytes of a regular file, and its mode; raise OSError with a clear reason."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # opening a pipe would wait for a writer
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise NotRegularError(0, "not a regular file")
        return file.read(max_bytes + 1), stat.S_IMODE(mode)
