"""Reads and writes the data types of stratum V2: little-endian numbers, byte strings with their length before them."""

import struct
from typing import Final

from stratoscope.stratum.protocol.messages import MAX_BRANCHES

U256: Final = 32


class Short(ValueError):
    """A message ends before its fields do, or holds more of something than it may."""


class Reader:
    """A place in a payload; reading beyond its end raises Short."""

    __slots__ = ("_at", "_payload")

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        end = self._at + size
        if end > len(self._payload):
            raise Short
        piece = self._payload[self._at : end]
        self._at = end
        return piece

    def number(self, size: int) -> int:
        """Return an unsigned number of `size` bytes: U8, U16, U24, U32, U64, U256."""
        return int.from_bytes(self.take(size), "little")

    def flag(self) -> bool:
        """Return a BOOL; only its lowest bit counts."""
        return bool(self.take(1)[0] & 1)

    def octets(self, width: int = 1) -> bytes:
        """Return a byte string with `width` bytes of length before it: B0_32, B0_255 (1), B0_64K (2), B0_16M (3)."""
        return self.take(self.number(width))

    def text(self) -> str:
        """Return a STR0_255; what is no UTF-8 is replaced."""
        return self.octets().decode("utf-8", "replace")

    def option(self) -> int | None:
        """Return an OPTION[U32]; None where it is empty."""
        count = self.number(1)
        if count > 1:
            raise Short
        return self.number(4) if count else None

    def hashes(self) -> tuple[bytes, ...]:
        """Return a SEQ0_255[U256]."""
        count = self.number(1)
        if count > MAX_BRANCHES:
            raise Short
        return tuple(self.take(U256) for _ in range(count))


def number(value: int, size: int) -> bytes:
    """Return an unsigned number of `size` bytes."""
    return value.to_bytes(size, "little")


def octets(value: bytes, width: int = 1) -> bytes:
    """Return a byte string with `width` bytes of length before it."""
    return number(len(value), width) + value


def text(value: str) -> bytes:
    """Return a STR0_255, cut off after 255 bytes."""
    return octets(value.encode()[:255])


def single(value: float) -> bytes:
    """Return an F32."""
    return struct.pack("<f", value)


def hashes(values: tuple[bytes, ...]) -> bytes:
    """Return a SEQ0_255[U256]."""
    return number(len(values), 1) + b"".join(values)
