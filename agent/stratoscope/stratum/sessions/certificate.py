"""Reads the expiry time from a TLS certificate in DER, the only form that Python gives of an unverified certificate."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

VERSION: Final = 0xA0
TIMES: Final = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}  # UTCTime, GeneralizedTime
VALIDITY: Final = 3
"""Index of this field in a certificate without its version: after serial, signature algorithm and issuer."""
_MAX_LENGTH_BYTES: Final = 4


def certificate_end(certificate: bytes | None) -> float | None:
    """Return the UTC second at which a DER certificate expires; None if it cannot be read."""
    try:
        (_, whole), *_ = _iter_values(certificate or b"")
        (_, signed), *_ = _iter_values(whole)
        fields = [field for field in _iter_values(signed) if field[0] != VERSION]
        _, (kind, written) = _iter_values(fields[VALIDITY][1])
        return datetime.strptime(written.decode("ascii"), TIMES[kind]).replace(tzinfo=UTC).timestamp()
    except (ValueError, IndexError, KeyError, OverflowError):
        return None


def _iter_values(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each value in a sequence of DER values; raise ValueError or IndexError if malformed."""
    at = 0
    while at < len(der):
        tag, size, at = der[at], der[at + 1], at + 2
        if size & 0x80:
            octets = size & 0x7F
            if not 0 < octets <= _MAX_LENGTH_BYTES:
                raise ValueError("the length has an invalid size")
            size, at = int.from_bytes(der[at : at + octets]), at + octets
        if at + size > len(der):
            raise ValueError("truncated")
        yield tag, der[at : at + size]
        at += size
