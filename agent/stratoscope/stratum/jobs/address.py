"""Converts output scripts to addresses: base58check, bech32 (BIP 173) and bech32m (BIP 350).

No published library for this is both small and maintained, and the code is little more than two checksums.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final

from stratoscope.stratum.protocol.base58 import base58check

BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32_CHECK: Final = 1
BECH32M_CHECK: Final = 0x2BC830A3
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_STEPS: Final = tuple(
    reduce(xor, (generator for at, generator in enumerate(_GENERATORS) if top >> at & 1), 0) for top in range(32)
)
"""Lookup table of the checksum polynomial for each 5-bit value; a job can have thousands of outputs."""


@dataclass(frozen=True, slots=True)
class AddressFormat:
    """The address format of a network: two version bytes and the segwit prefix."""

    name: str
    key_hash: int
    script_hash: int
    prefix: str


MAIN: Final = AddressFormat("main", 0x00, 0x05, "bc")
TEST: Final = AddressFormat("test", 0x6F, 0xC4, "tb")
"""testnet3, testnet4 and signet, which use the same format."""
REGTEST: Final = AddressFormat("regtest", 0x6F, 0xC4, "bcrt")


def address_of(script: bytes, address_format: AddressFormat) -> str | None:
    """Return the address of an output script; None if it has none (P2PK, bare multisig, data)."""
    size = len(script)
    if size == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return base58check(bytes((address_format.key_hash,)) + script[3:23])
    if size == 23 and script[:2] == b"\xa9\x14" and script[22] == 0x87:
        return base58check(bytes((address_format.script_hash,)) + script[2:22])
    program = witness_program(script)
    return None if program is None else _segwit(address_format.prefix, *program)


def witness_program(script: bytes) -> tuple[int, bytes] | None:
    """Return the version and program of a segwit output script; None for any other script."""
    if not 4 <= len(script) <= 42 or script[1] != len(script) - 2:
        return None
    version = 0 if script[0] == 0 else script[0] - 0x50
    if not 0 <= version <= 16 or (version == 0 and script[1] not in (20, 32)):
        return None
    return version, script[2:]


def _segwit(prefix: str, version: int, program: bytes) -> str:
    words = [version, *regroup_bits(program, 8, 5)]
    constant = BECH32M_CHECK if version else BECH32_CHECK
    check = polymod([*expand_prefix(prefix), *words, *([0] * 6)]) ^ constant
    words += [check >> 5 * (5 - at) & 31 for at in range(6)]
    return f"{prefix}1" + "".join(BECH32[item] for item in words)


def expand_prefix(prefix: str) -> list[int]:
    """Return a segwit prefix as the checksum reads it (BIP 173)."""
    return [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]


def polymod(words: Iterable[int]) -> int:
    """Return the bech32 checksum of 5-bit words (BIP 173)."""
    check = 1
    for item in words:
        check = (check & 0x1FFFFFF) << 5 ^ item ^ _STEPS[check >> 25]
    return check


def regroup_bits(values: Iterable[int], width: int, to: int) -> list[int]:
    """Regroup the bits of `values` (`width` bits each) into words of `to` bits; pad the last word with zeros."""
    pending = bits = 0
    found = []
    for item in values:
        pending, bits = pending << width | item, bits + width
        while bits >= to:
            bits -= to
            found.append(pending >> bits & (1 << to) - 1)
    if bits:
        found.append(pending << to - bits & (1 << to) - 1)
    return found
