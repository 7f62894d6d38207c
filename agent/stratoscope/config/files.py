"""Reads small regular files, bounded, without ever waiting on a pipe."""

import os
import stat
from pathlib import Path


class NotRegularError(OSError):
    """The path names a directory, a pipe or a device."""


def read_bounded(path: Path, most: int) -> tuple[bytes, int]:
    """Return up to `most` + 1 bytes of the regular file `path` and its mode; raise OSError with a readable reason."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # opening a pipe would wait for a writer
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise NotRegularError(0, "not a regular file")
        return file.read(most + 1), stat.S_IMODE(mode)
