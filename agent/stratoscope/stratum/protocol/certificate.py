"""Reads when a TLS certificate ends out of its DER form, which is all there is of one that nobody vouches for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

VERSION: Final = 0xA0
TIMES: Final = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}  # UTCTime, GeneralizedTime
VALIDITY: Final = 3
"""Fields before it in a certificate without its version: serial, signature algorithm, issuer."""


def end_of(certificate: bytes | None) -> float | None:
    """Return the UTC second at which a certificate ends; None for anything that is none."""
    try:
        (_, whole), *_ = _parts(certificate or b"")
        (_, signed), *_ = _parts(whole)
        fields = [part for part in _parts(signed) if part[0] != VERSION]
        _, (kind, written) = _parts(fields[VALIDITY][1])
        return datetime.strptime(written.decode("ascii"), TIMES[kind]).replace(tzinfo=UTC).timestamp()
    except (ValueError, IndexError, KeyError, OverflowError):
        return None


def _parts(packed: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each value in a row of DER values; raise ValueError or IndexError where it breaks."""
    at = 0
    while at < len(packed):
        tag, size, at = packed[at], packed[at + 1], at + 2
        if size & 0x80:
            octets = size & 0x7F
            if not 0 < octets <= 4:
                raise ValueError("a length that no certificate has")
            size, at = int.from_bytes(packed[at : at + octets]), at + octets
        if at + size > len(packed):
            raise ValueError("cut off")
        yield tag, packed[at : at + size]
        at += size
