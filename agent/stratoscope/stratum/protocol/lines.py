"""Splits a byte stream into lines of bounded length."""

from typing import Final

MAX_LINE_BYTES: Final = 256 << 10
"""A job is 1 to 4 kB, one with very many outputs tens of kB."""


class LineSplitter:
    """Returns complete lines from socket data; a line longer than `max_bytes` is dropped up to its end.

    `oversize` counts the dropped lines. At most `max_bytes` bytes are buffered.
    """

    __slots__ = ("_buffer", "_dropping", "max_bytes", "oversize")

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self.max_bytes = max_bytes
        self.oversize = 0
        self._buffer = bytearray()
        self._dropping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, without line ends and without empty lines."""
        found: list[bytes] = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._append(piece)
            line = bytes(self._buffer).rstrip(b"\r")
            if line and not self._dropping:
                found.append(line)
            self._buffer.clear()
            self._dropping = False
        self._append(rest)
        return found

    def _append(self, piece: bytes) -> None:
        if self._dropping:
            return
        if len(self._buffer) + len(piece) > self.max_bytes:
            self._buffer.clear()
            self._dropping = True
            self.oversize += 1
        else:
            self._buffer += piece
