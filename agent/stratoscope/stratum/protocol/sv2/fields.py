"""Decodes and encodes the data types of stratum V2: little-endian numbers and length-prefixed byte strings."""

import struct
from typing import Final

from stratoscope.stratum.protocol.messages import MAX_BRANCHES

U256_BYTES: Final = 32


class InvalidPayload(ValueError):
    """A payload is too short for its fields, or a sequence in it is too long."""


class PayloadReader:
    """Reads the fields of a payload in order; raises InvalidPayload at its end."""

    __slots__ = ("_at", "_payload")

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        end = self._at + size
        if end > len(self._payload):
            raise InvalidPayload
        piece = self._payload[self._at : end]
        self._at = end
        return piece

    def number(self, size: int) -> int:
        """Return an unsigned number of `size` bytes: U8, U16, U24, U32, U64, U256."""
        return int.from_bytes(self.take(size), "little")

    def flag(self) -> bool:
        """Return a BOOL, its lowest bit."""
        return bool(self.take(1)[0] & 1)

    def octets(self, width: int = 1) -> bytes:
        """Return a byte string after a length of `width` bytes: B0_32, B0_255 (1), B0_64K (2), B0_16M (3)."""
        return self.take(self.number(width))

    def text(self) -> str:
        """Return a STR0_255; invalid UTF-8 is replaced."""
        return self.octets().decode("utf-8", "replace")

    def option(self) -> int | None:
        """Return an OPTION[U32]; None if it is empty."""
        count = self.number(1)
        if count > 1:
            raise InvalidPayload
        return self.number(4) if count else None

    def hashes(self) -> tuple[bytes, ...]:
        """Return a SEQ0_255[U256]."""
        count = self.number(1)
        if count > MAX_BRANCHES:
            raise InvalidPayload
        return tuple(self.take(U256_BYTES) for _ in range(count))


def encode_number(value: int, size: int) -> bytes:
    """Encode an unsigned number in `size` bytes."""
    return value.to_bytes(size, "little")


def encode_bytes(value: bytes, width: int = 1) -> bytes:
    """Encode a byte string after a length of `width` bytes."""
    return encode_number(len(value), width) + value


def encode_text(value: str) -> bytes:
    """Encode a STR0_255, truncated to 255 bytes."""
    return encode_bytes(value.encode()[:255])


def encode_float(value: float) -> bytes:
    """Encode an F32."""
    return struct.pack("<f", value)
