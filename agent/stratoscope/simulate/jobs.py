"""Builds realistic stratum jobs: a coinbase that pays subsidy and fees, merkle branches, the hash of the tip."""

from random import Random
from typing import Any, Final

from stratoscope.simulate.chain import Chain, Tip, subsidy

EXTRANONCE2_SIZE: Final = 8
_EXTRANONCE = 4 + EXTRANONCE2_SIZE
_TAG = b"/simulated pool/"
_VERSION = "20000000"


def push(data: bytes) -> bytes:
    """Return a script push of up to 75 bytes."""
    return bytes((len(data),)) + data


def height_push(height: int) -> bytes:
    """Return the BIP 34 push of `height`, the first item of a coinbase script."""
    return push(height.to_bytes((height.bit_length() + 8) // 8, "little"))


def compact_size(number: int) -> bytes:
    """Return a small `number` in Bitcoin's variable-length encoding."""
    return bytes((number,)) if number < 0xFD else b"\xfd" + number.to_bytes(2, "little")


def swap_words(data: bytes) -> bytes:
    """Return `data` with every 4-byte word reversed, as in the previous hash of a stratum job."""
    return b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))


class JobMaker:
    """Builds the params of `mining.notify`; job ids count up. `payout` is the 20-byte key hash that is paid.

    Without `witness` the coinbase has no witness commitment, as on Bitcoin Cash. `tag` is the pool tag in the coinbase.
    """

    def __init__(self, chain: Chain, *, seed: int, witness: bool = True, tag: bytes = _TAG) -> None:
        self._chain, self._witness, self._tag = chain, witness, tag
        self._rng = Random(f"{seed}/jobs")
        self.payout = self._rng.randbytes(20)
        self._count = 0

    def make(self, now: float, *, clean: bool, tip: Tip | None = None, empty: bool = False) -> list[Any]:
        """Return [job_id, prevhash, coinb1, coinb2, branches, version, nbits, ntime, clean] for UTC second `now`.

        The job builds on `tip` (None: the tip of the chain); `empty` omits all other transactions.
        """
        tip = tip or self._chain.tip()
        self._count += 1
        value = subsidy(tip.height + 1) + (0 if empty else self._chain.fees(tip))
        first, second = self._coinbase(tip.height + 1, value, int(now))
        count = 0 if empty else self._rng.choice((11, 12, 12, 13))
        branches = [self._rng.randbytes(32).hex() for _ in range(count)]
        return [
            f"{self._count:x}",
            swap_words(tip.hash).hex(),
            first.hex(),
            second.hex(),
            branches,
            _VERSION,
            f"{self._chain.bits:08x}",
            f"{int(now):08x}",
            clean,
        ]

    def _coinbase(self, height: int, value: int, now: int) -> tuple[bytes, bytes]:
        """Return the coinbase transaction before and after the extranonce (no witness)."""
        tag = push(self._tag)
        before = height_push(height) + push(now.to_bytes(4, "little")) + bytes((_EXTRANONCE,))
        script_length = len(before) + _EXTRANONCE + len(tag)
        outputs = value.to_bytes(8, "little") + push(b"\x00\x14" + self.payout if self._witness else self._key_hash())
        if self._witness:
            outputs += bytes(8) + push(b"\x6a\x24\xaa\x21\xa9\xed" + self._rng.randbytes(32))
        head = (1).to_bytes(4, "little") + b"\x01" + bytes(32) + b"\xff" * 4 + compact_size(script_length)
        return head + before, tag + b"\xff" * 4 + bytes((1 + self._witness,)) + outputs + bytes(4)

    def _key_hash(self) -> bytes:
        """Return the script that pays the same key without segwit."""
        return b"\x76\xa9\x14" + self.payout + b"\x88\xac"
