"""Finds jobs in a saved stratum session: params, one message, raw lines, or a recording.

A recording has one JSON object per line: `line` (the message as sent), `dir` ("s2c" from the pool, "c2s" to the pool)
and `conn` if it contains several connections; an object with `scenario` starts a new one. Raw lines need no wrapping.
A recording of stratum V2 has `msg_type` and `payload` (hex, unencrypted) instead of `line`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from stratoscope.stratum.jobs.coinbase import MAX_EXTRANONCE_TRIED_BYTES
from stratoscope.stratum.jobs.sv2_jobs import JobAssembler
from stratoscope.stratum.jobs.template import Job
from stratoscope.stratum.protocol.messages import (
    Message,
    Notify,
    SetExtranonce,
    StratumReply,
    parse_line,
    parse_notify,
    parse_subscription,
)
from stratoscope.stratum.protocol.sv2 import messages as v2
from stratoscope.stratum.protocol.sv2.noise import Frame
from stratoscope.stratum.protocol.values import parse_hex, parse_number

_RECORDING_KEYS: Final = frozenset({"line", "scenario", "msg_type"})


def iter_document_jobs(document: Any) -> Iterator[Job]:
    """Yield the jobs in a JSON document: params of mining.notify, an object with `params`, or several of them."""
    if isinstance(document, list):
        job = parse_notify(document)
        if job is not None:
            yield Job(job)
        else:
            for element in document:
                if isinstance(element, list | dict):
                    yield from iter_document_jobs(element)
    elif isinstance(document, dict):
        job = parse_notify(document.get("params"))
        if job is not None:
            yield Job(job, *_extranonce_in_document(document))
        else:
            for value in document.values():
                if isinstance(value, dict):
                    yield from iter_document_jobs(value)


def iter_line_jobs(lines: Iterable[bytes]) -> Iterator[Job]:
    """Yield the jobs in the lines of a session or recording, each with the extranonce of its connection."""
    extranonces: dict[str, tuple[bytes, int]] = {}
    assemblers: dict[str, JobAssembler] = {}
    scenario = ""
    for raw in lines:
        row = _row(raw)
        connection = scenario
        if row is not None:
            scenario = str(row.get("scenario", scenario))
            connection = f"{scenario}/{row.get('conn')}"
            if row.get("dir") == "c2s":
                continue
            job = _v2_job(row, assemblers.setdefault(connection, JobAssembler())) if "msg_type" in row else None
            if job is not None:
                yield job
            raw = _line(row)
        message = parse_line(raw)
        extranonce = _extranonce_in_message(message)
        if extranonce is not None:
            extranonces[connection] = extranonce
        elif isinstance(message, Notify):
            yield Job(message, *extranonces.get(connection, (None, None)))


def _line(row: dict[str, Any]) -> bytes:
    line = row.get("line")
    return line.encode("utf-8", "replace") if isinstance(line, str) else b""


def _v2_job(row: dict[str, Any], assembler: JobAssembler) -> Job | None:
    type_, payload = row["msg_type"], parse_hex(row.get("payload"))
    if payload is None or not isinstance(type_, int):
        return None
    return assembler.add(v2.parse_frame(Frame(0, type_, payload)))


def _row(raw: bytes) -> dict[str, Any] | None:
    """Return the object in a line of a recording; None for a raw line of a session."""
    try:
        row = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and not row.keys().isdisjoint(_RECORDING_KEYS) else None


def _extranonce_in_message(message: Message) -> tuple[bytes, int] | None:
    if isinstance(message, SetExtranonce):
        return message.extranonce1, message.extranonce2_size
    subscription = parse_subscription(message.result) if isinstance(message, StratumReply) else None
    return None if subscription is None else (subscription.extranonce1, subscription.extranonce2_size)


def _extranonce_in_document(document: dict[str, Any]) -> tuple[bytes | None, int | None]:
    first, size = parse_hex(document.get("extranonce1")), parse_number(document.get("extranonce2_size"))
    if first is None or size is None or size % 1 or not 0 <= size <= MAX_EXTRANONCE_TRIED_BYTES:
        return None, None
    return first, int(size)
