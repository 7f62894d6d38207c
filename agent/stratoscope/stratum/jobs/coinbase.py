"""Parses a coinbase transaction to its last byte, with the extranonce wherever the pool put it."""

from dataclasses import dataclass
from typing import Final

LONGEST_EXTRANONCE: Final = 128
"""Bytes of both extranonces together that are tried where the session does not tell."""
MOST_OUTPUTS: Final = 10_000
MOST_TRIED: Final = 20_000
"""Outputs read in all while an extranonce's size is looked for: a job may be made to cost time."""
MAX_MONEY: Final = 2_100_000_000_000_000  # sat
_FINAL: Final = (0xFFFFFFFF, 0, 0xFFFFFFFE)
_MERGED: Final = b"\xfa\xbemm"
_MERGED_SIZE: Final = 44  # mark, root, size of the tree, nonce
_SHORTEST_TAG: Final = 5
_VOTES: Final = frozenset({"/P2SH/", "/NYA/", "/SEGWIT/"})
"""What pools wrote to vote on changes of the rules: no names."""
_LONGEST_TAG: Final = 96
_HEIGHT_BYTES: Final = 5
_HIGHEST: Final = 500_000_000
"""Above this a lock time is a date: no chain has a block so high."""


class Malformed(ValueError):
    """The bytes are no coinbase transaction; `read` counts the outputs that were read until that showed."""

    def __init__(self, why: str, read: int = 0) -> None:
        super().__init__(why)
        self.read = read


@dataclass(frozen=True, slots=True)
class Coinbase:
    """A coinbase transaction: outputs as (satoshis, script). `stripped` is what its id hashes: without a witness."""

    version: int
    script: bytes
    sequence: int
    outputs: tuple[tuple[int, bytes], ...]
    lock_time: int
    witness: bool
    stripped: bytes

    @property
    def value(self) -> int:
        """Return the satoshis that all outputs claim."""
        return sum(sat for sat, _ in self.outputs)


def read(raw: bytes) -> Coinbase:
    """Return the transaction in `raw`, which must end with its last byte; raise Malformed otherwise."""
    cursor = _Cursor(raw)
    version = cursor.number(4)
    witness = raw[4:6] == b"\x00\x01"
    body = 6 if witness else 4
    cursor.at = body
    if cursor.size() != 1 or cursor.take(36) != bytes(32) + b"\xff" * 4:
        raise Malformed("the one input spends an output")
    script = cursor.take(cursor.size())
    sequence = cursor.number(4)
    count = cursor.size()
    if not 0 < count <= MOST_OUTPUTS:
        raise Malformed(f"{count} outputs")
    outputs = _outputs(cursor, count)
    stripped = raw[:4] + raw[body : cursor.at]
    if witness:
        for _ in range(min(cursor.size(), 100)):
            cursor.take(cursor.size())
    lock_time = cursor.number(4)
    if cursor.at != len(raw):
        raise Malformed(f"{len(raw) - cursor.at} bytes too many", count)
    return Coinbase(version, script, sequence, outputs, lock_time, witness, stripped + lock_time.to_bytes(4, "little"))


def assembled(before: bytes, after: bytes, size: int | None) -> tuple[Coinbase, int] | None:
    """Return the coinbase around an extranonce of `size` zero bytes, and that size; None where none fits.

    Where the size is unknown (None), or what the session told does not fit, the one is found that makes the transaction
    end with its last byte. Of several, one with a plain sequence number and believable amounts is taken.
    """
    if size is not None:
        try:
            return read(before + bytes(size) + after), size
        except Malformed:
            pass
    return _found(before, after)


def _found(before: bytes, after: bytes) -> tuple[Coinbase, int] | None:
    """Return the most believable of the coinbases that end with their last byte, and the size of its extranonce."""
    fitting: list[tuple[Coinbase, int]] = []
    left = MOST_TRIED
    for size in range(LONGEST_EXTRANONCE + 1):
        try:
            made = read(before + bytes(size) + after)
        except Malformed as failure:
            left -= failure.read
        else:
            fitting.append((made, size))
            left -= len(made.outputs)
        if left <= 0:
            break
    return max(fitting, key=lambda pair: _believable(pair[0]), default=None)


def height_of(script: bytes) -> int | None:
    """Return the height with which a coinbase script begins (BIP 34); None where it begins with something else."""
    if not script:
        return None
    size = script[0]
    if size == 0:
        return 0
    if 0x51 <= size <= 0x60:
        return size - 0x50
    if size > _HEIGHT_BYTES or len(script) <= size or script[size] & 0x80:
        return None  # a script's numbers are signed, a height is not below zero
    height = int.from_bytes(script[1 : 1 + size], "little")
    return height if height < _HIGHEST else None


def height_size(script: bytes) -> int:
    """Return how many bytes of the script its height takes; 0 without one."""
    if height_of(script) is None:
        return 0
    return 1 + script[0] if 1 <= script[0] <= _HEIGHT_BYTES else 1


def merged_mining(script: bytes) -> bytes | None:
    """Return the root of the merge-mined chains that the script commits to; None without one."""
    at = script.find(_MERGED)
    return script[at + 4 : at + 36] if at >= 0 and len(script) >= at + _MERGED_SIZE else None


def tags_of(script: bytes) -> tuple[str, ...]:
    """Return the readable words of a coinbase script, the one that most looks like a pool's tag first."""
    rest = script[height_size(script) :]
    at = rest.find(_MERGED)
    pieces = [rest] if at < 0 else [rest[:at], rest[at + _MERGED_SIZE :]]
    runs = [
        tag
        for piece in pieces
        for tag in map(_trimmed, _runs(piece))
        if len(tag) >= _SHORTEST_TAG and tag not in _VOTES
    ]
    return tuple(sorted(runs, key=_likeness, reverse=True))


def _outputs(cursor: "_Cursor", count: int) -> tuple[tuple[int, bytes], ...]:
    found: list[tuple[int, bytes]] = []
    try:
        for _ in range(count):
            found.append((cursor.number(8), cursor.take(cursor.size())))  # noqa: PERF401 — how far it came counts
    except Malformed as failure:
        raise Malformed(str(failure), len(found)) from None
    return tuple(found)


def _believable(made: Coinbase) -> tuple[bool, bool, bool]:
    paying = all(script for _, script in made.outputs)
    return made.value <= MAX_MONEY, made.sequence in _FINAL, paying


def _runs(piece: bytes) -> list[str]:
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "\n" for byte in piece)
    return [run[:_LONGEST_TAG] for run in text.split("\n") if run]


def _trimmed(run: str) -> str:
    """Return a run without a push's size byte, or the one to three letters by chance before a tag in slashes."""
    if len(run) > 1 and ord(run[0]) == len(run) - 1:
        run = run[1:]
    first = run.find("/")
    if 0 < first <= 3 and run.endswith("/") and run.count("/") > 1:
        run = run[first:]
    return run.strip()


def _likeness(tag: str) -> tuple[bool, int]:
    """Return how much a run looks like a tag: in slashes, or mostly of letters, and long."""
    letters = sum(letter.isalnum() or letter in " ./-_" for letter in tag)
    return tag.startswith("/") or tag.endswith("/"), letters - 2 * (len(tag) - letters)


class _Cursor:
    """A place in bytes; reading beyond their end raises Malformed."""

    __slots__ = ("at", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.raw):
            raise Malformed("cut off")
        piece = self.raw[self.at : end]
        self.at = end
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def size(self) -> int:
        """Return a number in Bitcoin's variable-length form."""
        first = self.take(1)[0]
        return first if first < 0xFD else self.number(1 << first - 0xFC)
