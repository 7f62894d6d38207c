"""Encodes and decodes base58check, the format of legacy Bitcoin addresses and of stratum V2 authority keys."""

import hashlib
from typing import Final

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
MAX_BASE58_CHARS: Final = 128
"""Longer texts are not decoded; an authority key has 52 characters."""


def base58check(payload: bytes) -> str:
    """Encode `payload` in base58 with its four checksum bytes."""
    whole = payload + _double_sha(payload)[:4]
    number = int.from_bytes(whole)
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = _BASE58[digit] + digits
    return "1" * (len(whole) - len(whole.lstrip(b"\x00"))) + digits


def base58check_decode(text: str) -> bytes | None:
    """Decode a base58check text; return None if a character or the checksum is wrong."""
    number = 0
    if not 0 < len(text) <= MAX_BASE58_CHARS:
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
