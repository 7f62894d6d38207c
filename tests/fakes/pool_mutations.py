"""Mutates a response as a pool's next release might, and checks that the adapter reads no wrong figure."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

from stratoscope.errors import SOURCE_REASONS, SourceError
from stratoscope.pools.pool import (
    LIST_FIELDS,
    PartialReport,
    PoolCall,
    RequestContext,
    add_account_total,
    drop_doubtful_lists,
)

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


def parse_documents(body: bytes) -> list[Any] | None:
    """Return the JSON documents in `body`: one, or one per line; None if it is not JSON."""
    try:
        return [json.loads(body)]
    except json.JSONDecodeError:
        pass
    try:
        return [json.loads(line) for line in body.splitlines() if line.strip()]
    except json.JSONDecodeError:
        return None


def iter_mutations(value: Any) -> Iterator[tuple[Any, bool]]:
    """Yield `value` with one part removed, renamed or of another type, and whether that may empty a list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            rest = {k: v for k, v in value.items() if k != key}
            yield rest, not rest
            yield {**rest, f"{key}_v2": inner}, False
            for other, emptied in _iter_replacements(inner):
                yield {**value, key: other}, emptied
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            for other, _ in _iter_replacements(inner):
                yield [*value[:at], other, *value[at + 1 :]], True


def _iter_replacements(inner: Any) -> Iterator[tuple[Any, bool]]:
    yield from ((other, other in ([], {})) for other in WRONG_TYPES)
    yield from iter_mutations(inner)


def iter_numbers(value: Any, *, numerals: bool = False) -> Iterator[float]:
    """Yield every number in a PartialReport or a document; with `numerals` also numbers in text."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from iter_numbers(getattr(value, field.name), numerals=numerals)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from iter_numbers(inner, numerals=numerals)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from iter_numbers(inner, numerals=numerals)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)
    elif isinstance(value, str) and numerals:
        try:
            yield float(value)
        except ValueError:
            return


def read(call: PoolCall, body: bytes, context: RequestContext) -> PartialReport | None:
    """Return what the call reads; None if it raises SourceError, whose reason must be a documented one."""
    try:
        return add_account_total(drop_doubtful_lists(call.read(body, context)))
    except SourceError as error:
        reason = error.reason
    assert reason in SOURCE_REASONS
    return None


def assert_mutations_read_no_wrong_figure(call: PoolCall, body: bytes, context: RequestContext) -> None:
    """Assert that every mutation of `body` is either rejected, or yields only numbers that are in it."""
    documents = parse_documents(body)
    original = read(call, body, context)
    assert original is not None
    for garbage in GARBAGE:
        read(call, garbage, context)
    for cut in range(0, len(body), max(1, len(body) // 200)):
        read(call, body[:cut], context)
    if documents is None:
        return
    known = {*iter_numbers(dict(original)), *iter_numbers(documents, numerals=True)}
    for at, document in enumerate(documents):
        for other, emptied in iter_mutations(document):
            lines = [*documents[:at], other, *documents[at + 1 :]]
            report = read(call, b"\n".join(json.dumps(line).encode() for line in lines), context)
            if report is not None:
                new = {number for number in iter_numbers(dict(report)) if number not in known}
                assert not new, (other, report)
                lost = [key for key in LIST_FIELDS if original.get(key) and report.get(key) == ()]
                assert emptied or not lost, (other, report)
