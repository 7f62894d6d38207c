"""Finds the jobs in what people have of a stratum session: params, one message, raw lines, or a recording.

A recording has a JSON object per line: `line` (what went over the wire), `dir` ("s2c" from the pool, "c2s" to it) and,
where it holds several connections, `conn`; a line with `scenario` begins a new one. Raw lines need no wrapping.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from stratoscope.stratum.messages import (
    Message,
    Notify,
    Reply,
    SetExtranonce,
    number,
    octets,
    parse,
    parse_notify,
    subscription,
)


class Job(NamedTuple):
    """A job with the extranonce of its session; None where the session did not tell."""

    notify: Notify
    extranonce1: bytes | None = None
    extranonce2_size: int | None = None


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
    scenario = ""
    for raw in lines:
        row = _row(raw)
        if row is not None:
            scenario = str(row.get("scenario", scenario))
            if row.get("dir") == "c2s" or not isinstance(row.get("line"), str):
                continue
            raw = row["line"].encode("utf-8", "replace")
        connection = scenario if row is None else f"{scenario}/{row.get('conn')}"
        message = parse(raw)
        told = _extranonce(message)
        if told is not None:
            granted[connection] = told
        elif isinstance(message, Notify):
            yield Job(message, *granted.get(connection, (None, None)))


def _row(raw: bytes) -> dict[str, Any] | None:
    """Return a line of a recording; None for a bare line of a session."""
    try:
        row = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and ("line" in row or "scenario" in row) else None


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
