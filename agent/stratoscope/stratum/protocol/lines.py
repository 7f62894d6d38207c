"""Cuts a stream of bytes into lines, with a bound on what one line may hold."""

from typing import Final

LINE: Final = 256 << 10
"""Bytes of the longest line: a job has 1 to 4 kB, one with very many outputs tens of kB."""


class Lines:
    """Whole lines out of the pieces that a socket gives; what is longer than `most` bytes is dropped to its end.

    `oversize` counts lines dropped. At most `most` bytes are held.
    """

    __slots__ = ("_dropping", "_held", "most", "oversize")

    def __init__(self, most: int = LINE) -> None:
        self.most = most
        self.oversize = 0
        self._held = bytearray()
        self._dropping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, without their ends and without empty ones."""
        found: list[bytes] = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._take(piece)
            line = bytes(self._held).rstrip(b"\r")
            if line and not self._dropping:
                found.append(line)
            self._held.clear()
            self._dropping = False
        self._take(rest)
        return found

    def _take(self, piece: bytes) -> None:
        if self._dropping:
            return
        if len(self._held) + len(piece) > self.most:
            self._held.clear()
            self._dropping = True
            self.oversize += 1
        else:
            self._held += piece
