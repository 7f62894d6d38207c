"""Finds the jobs in what people have of a stratum session: params, one message, raw lines, or a recording.

A recording has a JSON object per line: `line` (what went over the wire), `dir` ("s2c" from the pool, "c2s" to it) and,
where it holds several connections, `conn`; a line with `scenario` begins a new one. Raw lines need no wrapping. A
recording of stratum V2 has `msg_type` and `payload` (hex, as it was before it was sealed) instead of `line`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from stratoscope.stratum.jobs.template import Job
from stratoscope.stratum.protocol.messages import (
    Message,
    Notify,
    Reply,
    SetExtranonce,
    parse,
    parse_notify,
    subscription,
)
from stratoscope.stratum.protocol.sv2 import messages as v2
from stratoscope.stratum.protocol.sv2.noise import Frame
from stratoscope.stratum.protocol.sv2.work import Work
from stratoscope.stratum.protocol.values import number, octets

_MARKS: Final = frozenset({"line", "scenario", "msg_type"})


def jobs_of_document(document: Any) -> Iterator[Job]:
    """Return the jobs in one JSON document: params of mining.notify, an object with `params`, or several of these."""
    if isinstance(document, list):
        job = parse_notify(document)
        if job is not None:
            yield Job(job)
        else:
            for part in document:
                if isinstance(part, list | dict):
                    yield from jobs_of_document(part)
    elif isinstance(document, dict):
        job = parse_notify(document.get("params"))
        if job is not None:
            yield Job(job, *_told(document))
        else:
            for part in document.values():
                if isinstance(part, dict):
                    yield from jobs_of_document(part)


def jobs_of_lines(lines: Iterable[bytes]) -> Iterator[Job]:
    """Return the jobs in the lines of a session or a recording, each with what its connection had been granted."""
    granted: dict[str, tuple[bytes, int]] = {}
    work: dict[str, Work] = {}
    scenario = ""
    for raw in lines:
        row = _row(raw)
        connection = scenario
        if row is not None:
            scenario = str(row.get("scenario", scenario))
            connection = f"{scenario}/{row.get('conn')}"
            if row.get("dir") == "c2s":
                continue
            job = _v2_job(row, work.setdefault(connection, Work())) if "msg_type" in row else None
            if job is not None:
                yield job
            raw = _line(row)
        message = parse(raw)
        told = _extranonce(message)
        if told is not None:
            granted[connection] = told
        elif isinstance(message, Notify):
            yield Job(message, *granted.get(connection, (None, None)))


def _line(row: dict[str, Any]) -> bytes:
    line = row.get("line")
    return line.encode("utf-8", "replace") if isinstance(line, str) else b""


def _v2_job(row: dict[str, Any], work: Work) -> Job | None:
    type_, payload = row["msg_type"], octets(row.get("payload"))
    if payload is None or not isinstance(type_, int):
        return None
    return work.take(v2.parse(Frame(0, type_, payload)))


def _row(raw: bytes) -> dict[str, Any] | None:
    """Return a line of a recording; None for a bare line of a session."""
    try:
        row = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and not row.keys().isdisjoint(_MARKS) else None


def _extranonce(message: Message) -> tuple[bytes, int] | None:
    if isinstance(message, SetExtranonce):
        return message.extranonce1, message.extranonce2_size
    granted = subscription(message.result) if isinstance(message, Reply) else None
    return None if granted is None else (granted.extranonce1, granted.extranonce2_size)


def _told(document: dict[str, Any]) -> tuple[bytes | None, int | None]:
    first, size = octets(document.get("extranonce1")), number(document.get("extranonce2_size"))
    if first is None or size is None or size % 1 or not 0 <= size <= 128:
        return None, None
    return first, int(size)
