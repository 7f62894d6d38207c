"""Changes an answer in every way that a pool's next release may, and says what must still be true of what is read."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

from stratoscope.errors import SOURCE_REASONS, SourceError
from stratoscope.pools.pool import LISTS, Call, Part, Turn, believed, totalled

WRONG_TYPES = (True, None, "abc", [], {}, -1, "NaN", [[1]], "", "1_000", 10**400)
GARBAGE = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"{}",
    b"3",
    b'"text"',
    b"<!DOCTYPE html><html><title>Just a moment...</title></html>",
    b"\xff\xfe{\x00}\x00",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"\x00" * 100,
    b'{"code":0,"data":null}',
    b'{"result":[]}',
    b'{"data":{"data":[[],1,"x",null]}}',
    b'{"workers":[null,1,[],{}]}',
)


def lines_of(body: bytes) -> list[Any] | None:
    """Return the JSON documents in `body`, one per line where it is several; None where it is no JSON."""
    try:
        return [json.loads(body)]
    except json.JSONDecodeError:
        pass
    try:
        return [json.loads(line) for line in body.splitlines() if line.strip()]
    except json.JSONDecodeError:
        return None


def changed(value: Any) -> Iterator[tuple[Any, bool]]:
    """Yield `value` with one part dropped, renamed, or of another type, and whether that may empty a list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            rest = {k: v for k, v in value.items() if k != key}
            yield rest, not rest
            yield {**rest, f"{key}_v2": inner}, False
            for other, emptied in _others(inner):
                yield {**value, key: other}, emptied
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            for other, _ in _others(inner):
                yield [*value[:at], other, *value[at + 1 :]], True


def _others(inner: Any) -> Iterator[tuple[Any, bool]]:
    yield from ((other, other in ([], {})) for other in WRONG_TYPES)
    yield from changed(inner)


def figures(value: Any, *, numerals: bool = False) -> Iterator[float]:
    """Yield every number in a Part or a document, with `numerals` those in text too."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from figures(getattr(value, field.name), numerals=numerals)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from figures(inner, numerals=numerals)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from figures(inner, numerals=numerals)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)
    elif isinstance(value, str) and numerals:
        try:
            yield float(value)
        except ValueError:
            return


def read(call: Call, body: bytes, turn: Turn) -> Part | None:
    """Return what is read; None for a refusal, whose reason must be of the closed set."""
    try:
        return totalled(believed(call.read(body, turn)))
    except SourceError as error:
        reason = error.reason
    assert reason in SOURCE_REASONS
    return None


def assert_survives_every_change(call: Call, body: bytes, turn: Turn) -> None:
    documents = lines_of(body)
    whole = read(call, body, turn)
    assert whole is not None
    for garbage in GARBAGE:
        read(call, garbage, turn)
    for cut in range(0, len(body), max(1, len(body) // 200)):
        read(call, body[:cut], turn)
    if documents is None:
        return
    known = {*figures(dict(whole)), *figures(documents, numerals=True)}
    for at, document in enumerate(documents):
        for other, emptied in changed(document):
            lines = [*documents[:at], other, *documents[at + 1 :]]
            part = read(call, b"\n".join(json.dumps(line).encode() for line in lines), turn)
            if part is not None:
                new = {number for number in figures(dict(part)) if number not in known}
                assert not new, (other, part)
                lost = [key for key in LISTS if whole.get(key) and part.get(key) == ()]
                assert emptied or not lost, (other, part)
