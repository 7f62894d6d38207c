"""Queries the CGMiner API over TCP: one request per connection; a NUL or the end of the stream ends the answer."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import orjson

from stratoscope.errors import Garbled, Unreachable
from stratoscope.wire import pipe_text, repair
from stratoscope.wire.connect import Deadline, connect
from stratoscope.wire.dns import DnsResolver
from stratoscope.wire.verbs import cgminer_request

MAX_PARSE_ATTEMPTS: Final = 16
"""How often an answer without NUL is test-parsed: a hostile rig must not keep the parser busy."""


class CgminerAnswer(asyncio.Protocol):
    """Sends one request and collects its answer; `done` is set when the connection is closed."""

    __slots__ = (
        "_attempts_left",
        "_buffer",
        "_depth",
        "_limit",
        "_param",
        "_transport",
        "_verb",
        "done",
        "ended",
        "oversize",
        "reset",
    )

    def __init__(self, verb: str, param: str | None, limit: int) -> None:
        self._verb = verb
        self._param = param
        self._limit = limit
        self._transport: asyncio.BaseTransport | None = None
        self._buffer: bytes | bytearray = b""
        self._depth = 0
        self._attempts_left = MAX_PARSE_ATTEMPTS
        self.done = asyncio.get_running_loop().create_future()
        self.ended = False  # the rig marked the end, or nothing can follow
        self.oversize = False
        self.reset = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Write the request."""
        self._transport = transport
        transport.write(cgminer_request(self._verb, self._param))  # type: ignore[attr-defined]  # typed as BaseTransport

    def data_received(self, data: bytes) -> None:
        """Collect bytes up to a NUL, the size limit, or the end of a complete object."""
        if self.ended or self.oversize:
            return
        end = data.find(0)
        if end >= 0:
            data = data[:end]
            self.ended = True
        self._append(data)
        if len(self._buffer) > self._limit:
            self.oversize = True
            self._buffer = b""
        elif not self.ended:
            self.ended = self._is_complete(data)
        if self.ended or self.oversize:
            self.close()

    def _append(self, data: bytes) -> None:
        if not self._buffer:
            self._buffer = data  # the usual case: the answer arrived in one piece and is not copied
        elif isinstance(self._buffer, bytearray):
            self._buffer += data
        else:
            self._buffer = bytearray(self._buffer + data)

    def _is_complete(self, data: bytes) -> bool:
        """Return whether the bytes so far are one JSON object: some WhatsMiner firmwares send no NUL and do not close.

        Parsing is tried only if braces balance and the chunk ends with one, and only a limited number of times.
        """
        self._depth += data.count(b"{") - data.count(b"}")
        if self._depth or not self._attempts_left or not data.rstrip().endswith(b"}"):
            return False
        self._attempts_left -= 1
        try:
            orjson.loads(self._buffer)
        except orjson.JSONDecodeError:
            return False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait; the caller judges the received bytes."""
        self.reset = exc is not None
        if not self.done.done():
            self.done.set_result(None)

    def close(self) -> None:
        """Close the connection immediately."""
        if self._transport is not None:
            self._transport.abort()  # type: ignore[attr-defined]  # typed as BaseTransport

    @property
    def received(self) -> bytes:
        """Return the bytes of the answer without its NUL."""
        return bytes(self._buffer)


@dataclass(slots=True)
class RawAnswer:
    """The bytes of one answer, and whether the rig marked their end."""

    body: bytes
    ended: bool
    reset: bool = False


async def fetch(
    host: str, port: int, verb: str, param: str | None, size: int, resolver: DnsResolver, deadline: Deadline
) -> RawAnswer:
    """Send `verb` to `host`:`port` and return the answer's bytes, at most `size`.

    Raises Unreachable (no connection, or closed without a byte), Garbled("oversize"), TimedOut; ForbiddenCommand before
    any connection is opened.
    """
    cgminer_request(verb, param)
    answer = await connect(lambda: CgminerAnswer(verb, param, size), host, port, resolver, deadline)
    try:
        await answer.done
    finally:
        answer.close()
    if answer.oversize:
        raise Garbled("oversize", f"the answer to {verb} exceeds {size} bytes")
    raw = RawAnswer(answer.received, answer.ended, answer.reset)
    if not raw.body and not raw.ended:  # as cgminer does for addresses outside its api-allow list
        raise Unreachable(
            "reset", f"{host} port {port} closed the connection without an answer: check its api-allow list"
        )
    return raw


def read(raw: RawAnswer) -> dict[str, Any]:
    """Parse an answer, JSON or pipe text, into an object; raises Garbled, and Unreachable if a reset cut it."""
    if pipe_text.is_pipe_text(raw.body):
        if not raw.ended:  # without NUL, a complete answer looks like one that was cut after a row
            raise _cut_error(raw)
        return pipe_text.parse(raw.body)
    try:
        value = repair.parse(raw.body)
    except Garbled as failure:
        if raw.reset and failure.reason == "truncated":
            raise _cut_error(raw) from failure
        raise
    if not isinstance(value, dict):
        raise Garbled("decode", "the answer is not a JSON object")
    return value


def _cut_error(raw: RawAnswer) -> Garbled | Unreachable:
    if raw.reset:
        return Unreachable("reset", "the connection was reset in the middle of an answer")
    return Garbled("truncated", "the answer ended early")
