"""Assembles block headers and calculates the difficulty of shares. All hashes are in header order."""

import hashlib
import struct
from collections.abc import Iterable
from typing import Final

from stratoscope.market.chain import MAX_TARGET

WORDS: Final = struct.Struct("<I")


def sha256d(payload: bytes) -> bytes:
    """Return SHA-256 of SHA-256, Bitcoin's hash function."""
    return hashlib.sha256(hashlib.sha256(payload).digest()).digest()


def merkle_root(coinbase: bytes, branches: Iterable[bytes]) -> bytes:
    """Return the merkle root of a coinbase transaction (without witness) and the branches of a job."""
    root = sha256d(coinbase)
    for branch in branches:
        root = sha256d(root + branch)
    return root


def block_header(version: int, prev_hash: bytes, root: bytes, ntime: int, nbits: int, nonce: int) -> bytes:
    """Return a block header (80 bytes)."""
    tail = struct.pack("<III", ntime, nbits, nonce)
    return WORDS.pack(version) + prev_hash + root + tail


def roll_version(version: int, bits: int, mask: int) -> int:
    """Return a job's version with the bits within `mask` replaced by those that a miner rolled (BIP 310)."""
    return version & ~mask | bits & mask


def display_hash(digest: bytes) -> str:
    """Return a hash as block explorers show it: hex, most significant byte first."""
    return digest[::-1].hex()


def share_difficulty(header: bytes) -> float:
    """Return the difficulty of a header's hash; infinity for the hash 0."""
    reached = int.from_bytes(sha256d(header), "little")
    return MAX_TARGET / reached if reached else float("inf")
