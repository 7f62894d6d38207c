"""An oracle for the address tests: decodes addresses back to output scripts, which the product never needs to do."""

from stratoscope.stratum.jobs.address import (
    BECH32,
    BECH32_CHECK,
    BECH32M_CHECK,
    MAIN,
    REGTEST,
    TEST,
    AddressFormat,
    expand_prefix,
    polymod,
    regroup_bits,
    witness_program,
)
from stratoscope.stratum.protocol.base58 import base58check_decode

ADDRESS_FORMATS = (MAIN, TEST, REGTEST)
MAX_ADDRESS_CHARS = 128


def script_of(address: str) -> tuple[bytes, AddressFormat] | None:
    """Return the output script of `address` and its format; None if the address is invalid.

    Legacy addresses are the same on all test networks; for them the format is TEST.
    """
    if len(address) > MAX_ADDRESS_CHARS:
        return None
    lower = address.lower()
    for network in ADDRESS_FORMATS:
        if lower.startswith(network.prefix + "1"):
            script = _segwit_script(address, network.prefix)
            return None if script is None else (script, network)
    payload = base58check_decode(address)
    if payload is None or len(payload) != 21:
        return None
    for network in ADDRESS_FORMATS:
        if payload[0] == network.key_hash:
            return b"\x76\xa9\x14" + payload[1:] + b"\x88\xac", network
        if payload[0] == network.script_hash:
            return b"\xa9\x14" + payload[1:] + b"\x87", network
    return None


def _segwit_script(address: str, prefix: str) -> bytes | None:
    if address not in (address.lower(), address.upper()) or len(address) > 90:
        return None
    words = [BECH32.find(letter) for letter in address.lower()[len(prefix) + 1 :]]
    if len(words) < 7 or -1 in words:
        return None
    version, program = words[0], _pack_bytes(words[1:-6])
    constant = BECH32M_CHECK if version else BECH32_CHECK
    if version > 16 or program is None or polymod([*expand_prefix(prefix), *words]) != constant:
        return None
    script = bytes((version + 0x50 if version else 0, len(program))) + program
    return script if witness_program(script) is not None else None


def _pack_bytes(words: list[int]) -> bytes | None:
    """Return the bytes in 5-bit words; None if the padding is longer than 4 bits or not zero."""
    left = len(words) * 5 % 8
    whole = regroup_bits(words, 5, 8)
    if left >= 5 or (left and whole[-1]):
        return None
    return bytes(whole[:-1] if left else whole)
