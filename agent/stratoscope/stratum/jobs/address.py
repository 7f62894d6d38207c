"""Converts output scripts to addresses and back: base58check, bech32 (BIP 173) and bech32m (BIP 350).

No library of the registry that does this is both small and kept up, and the whole of it is two checksums.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_CHECK: Final = 1
_BECH32M_CHECK: Final = 0x2BC830A3
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_STEPS: Final = tuple(
    reduce(xor, (generator for at, generator in enumerate(_GENERATORS) if top >> at & 1), 0) for top in range(32)
)
"""What each five bits that leave the checksum's register put back: a job may have thousands of outputs."""
LONGEST: Final = 128
"""Characters of the longest text that is looked at; the longest address has 90."""


@dataclass(frozen=True, slots=True)
class Network:
    """How a network writes its addresses: two version bytes and the prefix of segwit."""

    name: str
    key_hash: int
    script_hash: int
    prefix: str


MAIN: Final = Network("main", 0x00, 0x05, "bc")
TEST: Final = Network("test", 0x6F, 0xC4, "tb")
"""testnet3, testnet4 and signet, which write their addresses alike."""
REGTEST: Final = Network("regtest", 0x6F, 0xC4, "bcrt")
NETWORKS: Final = (MAIN, TEST, REGTEST)


def address_of(script: bytes, network: Network) -> str | None:
    """Return the address that `script` pays on `network`; None for a script without one (P2PK, bare multisig, data)."""
    size = len(script)
    if size == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return base58check(bytes((network.key_hash,)) + script[3:23])
    if size == 23 and script[:2] == b"\xa9\x14" and script[22] == 0x87:
        return base58check(bytes((network.script_hash,)) + script[2:22])
    program = witness_program(script)
    return None if program is None else _segwit(network.prefix, *program)


def script_of(address: str) -> tuple[bytes, Network] | None:
    """Return the script that `address` stands for and its network; None where it is no address.

    Old-style addresses of test networks are the same on all of them: TEST is returned.
    """
    if len(address) > LONGEST:
        return None
    lower = address.lower()
    for network in NETWORKS:
        if lower.startswith(network.prefix + "1"):
            script = _segwit_script(address, network.prefix)
            return None if script is None else (script, network)
    payload = base58check_decode(address)
    if payload is None or len(payload) != 21:
        return None
    for network in NETWORKS:
        if payload[0] == network.key_hash:
            return b"\x76\xa9\x14" + payload[1:] + b"\x88\xac", network
        if payload[0] == network.script_hash:
            return b"\xa9\x14" + payload[1:] + b"\x87", network
    return None


def witness_program(script: bytes) -> tuple[int, bytes] | None:
    """Return version and program of a segwit output script; None for any other script."""
    if not 4 <= len(script) <= 42 or script[1] != len(script) - 2:
        return None
    version = 0 if script[0] == 0 else script[0] - 0x50
    if not 0 <= version <= 16 or (version == 0 and script[1] not in (20, 32)):
        return None
    return version, script[2:]


def base58check(payload: bytes) -> str:
    """Return `payload` in base58 with its four bytes of checksum."""
    whole = payload + _double_sha(payload)[:4]
    number = int.from_bytes(whole)
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = _BASE58[digit] + digits
    return "1" * (len(whole) - len(whole.lstrip(b"\x00"))) + digits


def base58check_decode(text: str) -> bytes | None:
    """Return the payload of a base58check text; None where a letter or the checksum is wrong."""
    number = 0
    if not 0 < len(text) <= LONGEST:
        return None
    for letter in text:
        digit = _BASE58.find(letter)
        if digit < 0:
            return None
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    whole = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)
    payload, check = whole[:-4], whole[-4:]
    return payload if len(whole) > 4 and _double_sha(payload)[:4] == check else None


def _double_sha(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def _segwit(prefix: str, version: int, program: bytes) -> str:
    words = [version, *_regroup(program, 8, 5)]
    constant = _BECH32M_CHECK if version else _BECH32_CHECK
    check = _polymod([*_expanded(prefix), *words, *([0] * 6)]) ^ constant
    words += [check >> 5 * (5 - at) & 31 for at in range(6)]
    return f"{prefix}1" + "".join(_BECH32[item] for item in words)


def _segwit_script(address: str, prefix: str) -> bytes | None:
    if address not in (address.lower(), address.upper()) or len(address) > 90:
        return None
    words = [_BECH32.find(letter) for letter in address.lower()[len(prefix) + 1 :]]
    if len(words) < 7 or -1 in words:
        return None
    version, program = words[0], _packed(words[1:-6])
    constant = _BECH32M_CHECK if version else _BECH32_CHECK
    if version > 16 or program is None or _polymod([*_expanded(prefix), *words]) != constant:
        return None
    script = bytes((version + 0x50 if version else 0, len(program))) + program
    return script if witness_program(script) is not None else None


def _expanded(prefix: str) -> list[int]:
    return [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]


def _polymod(words: Iterable[int]) -> int:
    check = 1
    for item in words:
        check = (check & 0x1FFFFFF) << 5 ^ item ^ _STEPS[check >> 25]
    return check


def _regroup(values: Iterable[int], width: int, to: int) -> list[int]:
    """Return the bits of `values` (each `width` bits) as words of `to` bits, the last filled up with zeros."""
    held = bits = 0
    found = []
    for item in values:
        held, bits = held << width | item, bits + width
        while bits >= to:
            bits -= to
            found.append(held >> bits & (1 << to) - 1)
    if bits:
        found.append(held << to - bits & (1 << to) - 1)
    return found


def _packed(words: list[int]) -> bytes | None:
    """Return the bytes in 5-bit words; None where what is left over is more than filling, or not zero."""
    left = len(words) * 5 % 8
    whole = _regroup(words, 5, 8)
    if left >= 5 or (left and whole[-1]):
        return None
    return bytes(whole[:-1] if left else whole)
