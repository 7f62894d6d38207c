"""Puts a block header together and says what a share of it is worth; all hashes in header order."""

import hashlib
import struct
from collections.abc import Iterable
from typing import Final

from stratoscope.market.chain import LARGEST_TARGET

WORDS: Final = struct.Struct("<I")


def sha256d(payload: bytes) -> bytes:
    """Return SHA-256 of SHA-256, as Bitcoin hashes everything."""
    return hashlib.sha256(hashlib.sha256(payload).digest()).digest()


def merkle_root(coinbase: bytes, branches: Iterable[bytes]) -> bytes:
    """Return the merkle root over a coinbase transaction (without witness) and the branches of a job."""
    root = sha256d(coinbase)
    for branch in branches:
        root = sha256d(root + branch)
    return root


def header(version: int, prev_hash: bytes, root: bytes, ntime: int, nbits: int, nonce: int) -> bytes:
    """Return the 80 bytes of a block header."""
    tail = struct.pack("<III", ntime, nbits, nonce)
    return WORDS.pack(version) + prev_hash + root + tail


def rolled(version: int, bits: int, mask: int) -> int:
    """Return a job's version with the bits that a miner rolled within `mask` (BIP 310)."""
    return version & ~mask | bits & mask


def shown(digest: bytes) -> str:
    """Return a hash as people read it: hex, most significant byte first."""
    return digest[::-1].hex()


def share_difficulty(block_header: bytes) -> float:
    """Return the difficulty that the hash of a header reaches; infinity for the hash 0."""
    reached = int.from_bytes(sha256d(block_header), "little")
    return LARGEST_TARGET / reached if reached else float("inf")
