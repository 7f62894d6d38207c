"""Makes believable stratum jobs: a coinbase that pays subsidy and fees, merkle branches, the tip's hash."""

from random import Random
from typing import Any, Final

from stratoscope.simulate.chain import Chain, subsidy

EXTRANONCE2_SIZE: Final = 8
_EXTRANONCE = 4 + EXTRANONCE2_SIZE
_TAG = b"/simulated pool/"
_VERSION = "20000000"


def push(data: bytes) -> bytes:
    """Return a script push of up to 75 bytes."""
    return bytes((len(data),)) + data


def height_push(height: int) -> bytes:
    """Return the BIP 34 push of `height` with which a coinbase script begins."""
    return push(height.to_bytes((height.bit_length() + 8) // 8, "little"))


def compact_size(number: int) -> bytes:
    """Return Bitcoin's variable-length form of a small `number`."""
    return bytes((number,)) if number < 0xFD else b"\xfd" + number.to_bytes(2, "little")


def swap_words(data: bytes) -> bytes:
    """Return `data` with every 4-byte word reversed, as stratum writes a previous hash."""
    return b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))


class JobMaker:
    """Makes the params of `mining.notify` from the chain; job ids count up. `payout` is the 20-byte key hash paid."""

    def __init__(self, chain: Chain, *, seed: int) -> None:
        self._chain = chain
        self._rng = Random(f"{seed}/jobs")
        self.payout = self._rng.randbytes(20)
        self._count = 0

    def make(self, now: float, *, clean: bool) -> list[Any]:
        """Return [job_id, prevhash, coinb1, coinb2, branches, version, nbits, ntime, clean] for UTC second `now`."""
        tip = self._chain.tip()
        self._count += 1
        first, second = self._coinbase(tip.height + 1, subsidy(tip.height + 1) + self._chain.fees(), int(now))
        branches = [self._rng.randbytes(32).hex() for _ in range(self._rng.choice((11, 12, 12, 13)))]
        return [f"{self._count:x}", swap_words(tip.hash).hex(), first.hex(), second.hex(), branches, _VERSION,
                f"{self._chain.bits:08x}", f"{int(now):08x}", clean]  # fmt: skip

    def _coinbase(self, height: int, value: int, now: int) -> tuple[bytes, bytes]:
        """Return the coinbase transaction before and after the extranonce (no witness)."""
        before = height_push(height) + push(now.to_bytes(4, "little")) + bytes((_EXTRANONCE,))
        script_length = len(before) + _EXTRANONCE + len(push(_TAG))
        commitment = b"\x6a\x24\xaa\x21\xa9\xed" + self._rng.randbytes(32)
        outputs = b"\x02" + value.to_bytes(8, "little") + push(b"\x00\x14" + self.payout) + bytes(8) + push(commitment)
        head = (1).to_bytes(4, "little") + b"\x01" + bytes(32) + b"\xff" * 4 + compact_size(script_length)
        return head + before, push(_TAG) + b"\xff" * 4 + outputs + bytes(4)
