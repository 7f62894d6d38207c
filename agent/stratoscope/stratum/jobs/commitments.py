"""Identifies the commitments in the data outputs of a coinbase."""

from typing import Final

_RETURN: Final = 0x6A
_MARKS: Final = (
    (b"\xaa\x21\xa9\xed", "witness"),  # BIP 141
    (b"RSKBLOCK:", "rsk"),
    (b"CORE\x01", "coredao"),
    (b"EXSAT\x01", "exsat"),
    (b"Hath", "hathor"),
    (b"sys", "syscoin"),
    (b"X2", "stacks"),
    (b"omni", "omni"),
    (b"\xd7\x7d\x17\x76", "drivechain"),  # BIP 300
    (b"\xd1\x61\x73\x68", "drivechain"),  # BIP 301
)
COMMITMENT_NAMES: Final = (*dict.fromkeys(name for _, name in _MARKS), "runestone", "merged_mining", "other")
"""Every name of a commitment: a closed set, so it can be a label."""


def parse_commitment(script: bytes) -> tuple[str, bytes] | None:
    """Return the name (one of COMMITMENT_NAMES) and payload of a data output; None for an output that pays.

    The payload does not include the marker bytes.
    """
    if not script or script[0] != _RETURN:
        return None
    if script[1:2] == b"\x5d":
        return "runestone", script[2:]
    payload = _pushed(script[1:])
    for mark, name in _MARKS:
        if payload.startswith(mark):
            return name, payload[len(mark) :]
    return "other", payload


def _pushed(script: bytes) -> bytes:
    """Return the concatenated data that a script pushes; the script itself if it contains other operations."""
    found, at = b"", 0
    while at < len(script):
        size = script[at]
        at += 1
        width = {0x4C: 1, 0x4D: 2, 0x4E: 4}.get(size, 0)
        if width:
            size = int.from_bytes(script[at : at + width], "little")
            at += width
        elif size > 0x4B:
            return script
        if at + size > len(script):
            return script
        found += script[at : at + size]
        at += size
    return found
