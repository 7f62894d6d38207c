"""Parses coinbase transactions completely, wherever the pool placed the extranonce."""

from dataclasses import dataclass
from typing import Final

MAX_EXTRANONCE_TRIED_BYTES: Final = 128
"""Largest total size of both extranonces that is tried if the session does not report it."""
MAX_OUTPUTS: Final = 10_000
MAX_OUTPUTS_TRIED: Final = 20_000
"""Limit on all outputs parsed while searching for the extranonce size; a malicious job could cost too much time."""
MAX_MONEY_SAT: Final = 2_100_000_000_000_000  # sat
_FINAL_SEQUENCES: Final = (0xFFFFFFFF, 0, 0xFFFFFFFE)
_MERGED: Final = b"\xfa\xbemm"
_MERGED_SIZE: Final = 44  # mark, root, size of the tree, nonce
_MIN_TAG_CHARS: Final = 5
_VOTES: Final = frozenset({"/P2SH/", "/NYA/", "/SEGWIT/"})
"""Votes on protocol changes that pools put into the script; they are not pool names."""
_MAX_TAG_CHARS: Final = 96
_MAX_HEIGHT_BYTES: Final = 5
_MAX_HEIGHT: Final = 500_000_000
"""A larger lock time is a timestamp, so no chain has a higher block."""


class MalformedCoinbase(ValueError):
    """The bytes are not a coinbase transaction; `outputs_read` outputs were parsed before the error."""

    def __init__(self, why: str, outputs_read: int = 0) -> None:
        super().__init__(why)
        self.outputs_read = outputs_read


@dataclass(frozen=True, slots=True)
class Coinbase:
    """A coinbase transaction. Outputs are (satoshis, script); `stripped` is the serialisation without a witness."""

    version: int
    script: bytes
    sequence: int
    outputs: tuple[tuple[int, bytes], ...]
    lock_time: int
    witness: bool
    stripped: bytes

    @property
    def value(self) -> int:
        """Return the sum of all outputs in satoshis."""
        return sum(sat for sat, _ in self.outputs)


def parse_coinbase(raw: bytes) -> Coinbase:
    """Parse a coinbase transaction that fills `raw` completely; raise MalformedCoinbase otherwise."""
    cursor = _Cursor(raw)
    version = cursor.number(4)
    witness = raw[4:6] == b"\x00\x01"
    body = 6 if witness else 4
    cursor.at = body
    if cursor.size() != 1 or cursor.take(36) != bytes(32) + b"\xff" * 4:
        raise MalformedCoinbase("its input spends an output")
    script = cursor.take(cursor.size())
    sequence = cursor.number(4)
    count = cursor.size()
    if not 0 < count <= MAX_OUTPUTS:
        raise MalformedCoinbase(f"{count} outputs")
    outputs = _outputs(cursor, count)
    stripped = raw[:4] + raw[body : cursor.at]
    if witness:
        for _ in range(min(cursor.size(), 100)):
            cursor.take(cursor.size())
    lock_time = cursor.number(4)
    if cursor.at != len(raw):
        raise MalformedCoinbase(f"{len(raw) - cursor.at} bytes after the end", count)
    return Coinbase(version, script, sequence, outputs, lock_time, witness, stripped + lock_time.to_bytes(4, "little"))


def assemble_coinbase(before: bytes, after: bytes, size: int | None) -> tuple[Coinbase, int] | None:
    """Assemble the coinbase with an extranonce of `size` zero bytes; return it with that size, or None if none fits.

    If the size is unknown (None) or does not fit, try all sizes: only the right one makes the transaction end exactly
    at the last byte. If several fit, prefer one with a plausible value and a final sequence number.
    """
    if size is not None:
        try:
            return parse_coinbase(before + bytes(size) + after), size
        except MalformedCoinbase:
            pass
    return _find_extranonce_size(before, after)


def _find_extranonce_size(before: bytes, after: bytes) -> tuple[Coinbase, int] | None:
    """Return the most plausible coinbase that ends exactly at the last byte, and the size of its extranonce."""
    fitting: list[tuple[Coinbase, int]] = []
    outputs_left = MAX_OUTPUTS_TRIED
    for size in range(MAX_EXTRANONCE_TRIED_BYTES + 1):
        try:
            candidate = parse_coinbase(before + bytes(size) + after)
        except MalformedCoinbase as failure:
            outputs_left -= failure.outputs_read
        else:
            fitting.append((candidate, size))
            outputs_left -= len(candidate.outputs)
        if outputs_left <= 0:
            break
    return max(fitting, key=lambda pair: _plausibility(pair[0]), default=None)


def parse_height(script: bytes) -> int | None:
    """Return the height at the start of a coinbase script (BIP 34); None if there is none."""
    if not script:
        return None
    size = script[0]
    if size == 0:
        return 0
    if 0x51 <= size <= 0x60:
        return size - 0x50
    if size > _MAX_HEIGHT_BYTES or len(script) <= size or script[size] & 0x80:
        return None  # script numbers are signed, a height is never negative
    height = int.from_bytes(script[1 : 1 + size], "little")
    return height if height < _MAX_HEIGHT else None


def height_size(script: bytes) -> int:
    """Return the number of script bytes that the height occupies; 0 without a height."""
    if parse_height(script) is None:
        return 0
    return 1 + script[0] if 1 <= script[0] <= _MAX_HEIGHT_BYTES else 1


def merged_mining_root(script: bytes) -> bytes | None:
    """Return the merge-mining merkle root that the script commits to; None if there is none."""
    at = script.find(_MERGED)
    return script[at + 4 : at + 36] if at >= 0 and len(script) >= at + _MERGED_SIZE else None


def find_tags(script: bytes) -> tuple[str, ...]:
    """Return the readable texts of a coinbase script, the one most likely to be the pool's tag first."""
    rest = script[height_size(script) :]
    at = rest.find(_MERGED)
    pieces = [rest] if at < 0 else [rest[:at], rest[at + _MERGED_SIZE :]]
    runs = [
        tag
        for piece in pieces
        for tag in map(_trimmed, _runs(piece))
        if len(tag) >= _MIN_TAG_CHARS and tag not in _VOTES
    ]
    return tuple(sorted(runs, key=_tag_likelihood, reverse=True))


def _outputs(cursor: "_Cursor", count: int) -> tuple[tuple[int, bytes], ...]:
    found: list[tuple[int, bytes]] = []
    try:
        for _ in range(count):
            found.append((cursor.number(8), cursor.take(cursor.size())))  # noqa: PERF401 — the number of outputs parsed before an error is needed
    except MalformedCoinbase as failure:
        raise MalformedCoinbase(str(failure), len(found)) from None
    return tuple(found)


def _plausibility(candidate: Coinbase) -> tuple[bool, bool, bool]:
    all_pay = all(script for _, script in candidate.outputs)
    return candidate.value <= MAX_MONEY_SAT, candidate.sequence in _FINAL_SEQUENCES, all_pay


def _runs(piece: bytes) -> list[str]:
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "\n" for byte in piece)
    return [run[:_MAX_TAG_CHARS] for run in text.split("\n") if run]


def _trimmed(run: str) -> str:
    """Strip a push's size byte, and up to three stray characters before a tag in slashes."""
    if len(run) > 1 and ord(run[0]) == len(run) - 1:
        run = run[1:]
    first = run.find("/")
    if 0 < first <= 3 and run.endswith("/") and run.count("/") > 1:
        run = run[first:]
    return run.strip()


def _tag_likelihood(tag: str) -> tuple[bool, int]:
    """Return a sort key: tags in slashes first, then long texts of mostly letters."""
    letters = sum(letter.isalnum() or letter in " ./-_" for letter in tag)
    return tag.startswith("/") or tag.endswith("/"), letters - 2 * (len(tag) - letters)


class _Cursor:
    """A read position in bytes; raises MalformedCoinbase at their end."""

    __slots__ = ("at", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.raw):
            raise MalformedCoinbase("truncated")
        piece = self.raw[self.at : end]
        self.at = end
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def size(self) -> int:
        """Read a number in Bitcoin's variable-length format."""
        first = self.take(1)[0]
        return first if first < 0xFD else self.number(1 << first - 0xFC)
