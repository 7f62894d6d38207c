"""Validates shares at the simulated pool by hashing their headers, and adjusts the difficulty of sessions."""

from dataclasses import dataclass
from typing import Any, Final

from stratoscope.simulate.jobs import EXTRANONCE2_SIZE
from stratoscope.stratum.jobs.header import block_header, roll_version, share_difficulty
from stratoscope.stratum.jobs.template import share_merkle_root
from stratoscope.stratum.protocol.messages import parse_notify
from stratoscope.stratum.protocol.values import parse_hex, parse_hex_word

_SHARES_PER_ADJUSTMENT: Final = 6  # shares between two adjustments
_MAX_STEP: Final = 4.0  # maximum factor of one change of difficulty
_TOLERANCE: Final = 1.5  # factor around the target rate within which the difficulty stays
MASK: Final = 0x1FFFE000


@dataclass(frozen=True, slots=True)
class Share:
    """A submitted share, parsed from its hex fields; an invalid field is None."""

    extranonce: bytes | None
    ntime: int | None
    nonce: int | None
    bits: int | None

    @classmethod
    def of(cls, params: list[str], extranonce1: str) -> "Share":
        """Parse the params of `mining.submit` in a session with `extranonce1`."""
        second = parse_hex(params[2])
        whole = None if second is None or len(second) != EXTRANONCE2_SIZE else parse_hex(extranonce1 + params[2])
        return cls(
            whole,
            parse_hex_word(params[3]),
            parse_hex_word(params[4]),
            parse_hex_word(params[5]) if len(params) > 5 else 0,
        )

    def worth(self, params: list[Any]) -> float | None:
        """Return the difficulty of the share on the job with `params`; None if the share is malformed."""
        job = parse_notify(params)
        if job is None or self.extranonce is None or self.ntime is None or self.nonce is None or self.bits is None:
            return None
        root = share_merkle_root(job, self.extranonce)
        if root is None:
            return None
        version = roll_version(job.version, self.bits, MASK) if self.bits else job.version
        return share_difficulty(block_header(version, job.prev_hash, root, self.ntime, job.nbits, self.nonce))


class Vardiff:
    """The difficulty of one session, adjusted every few shares to one share per `wanted` seconds."""

    def __init__(self, difficulty: float, wanted: float | None, now: float) -> None:
        self.difficulty = difficulty
        self._wanted, self._since, self._count = wanted, now, 0

    def share(self, now: float) -> float | None:
        """Count an accepted share at monotonic second `now`; return the new difficulty if it changes, else None."""
        if self._wanted is None:
            return None
        self._count += 1
        if self._count < _SHARES_PER_ADJUSTMENT:
            return None
        pace = max(now - self._since, 1e-3) / self._count
        self._since, self._count = now, 0
        factor = min(max(self._wanted / pace, 1 / _MAX_STEP), _MAX_STEP)
        if 1 / _TOLERANCE < factor < _TOLERANCE:
            return None
        self.difficulty *= factor
        return self.difficulty
