"""Serves rigs over the network: CGMiner TCP, framed TCP of WhatsMiner v3, and HTTP with digest login."""

import asyncio
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import orjson

from stratoscope.simulate.families import envelope
from stratoscope.simulate.families.envelope import Answer
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest, Transport
from stratoscope.simulate.http import HttpReader, answer_all, digest_allows, digest_page
from stratoscope.simulate.rig import Rig

_MAX_REQUEST_BYTES: Final = 1 << 16
_MAX_COMMANDS: Final = 4096
_GARBAGE: Final = b"\xff\xfe<html>\xc3(not json{{{"


class CommandLog:
    """Counts commands to the fleet: `commands` by (family, verb), `privileged` those that would change a rig."""

    __slots__ = ("commands", "privileged")

    def __init__(self) -> None:
        self.commands: Counter[tuple[str, str]] = Counter()
        self.privileged = 0

    def note(self, family: str, verb: str, privileged: bool) -> None:
        """Count one command; once the table is full, new verbs share one entry per family."""
        key = (family, verb[:80])
        if key not in self.commands and len(self.commands) >= _MAX_COMMANDS:
            key = (family, "…")
        self.commands[key] += 1
        self.privileged += privileged


class RigServer:
    """The state shared by all connections to one rig, and its open connections."""

    __slots__ = ("command_log", "family", "rig", "transports")

    def __init__(self, rig: Rig, family: SimulatedFamily, command_log: CommandLog) -> None:
        self.rig, self.family, self.command_log = rig, family, command_log
        self.transports: set[asyncio.Transport] = set()

    def abort_connections(self) -> None:
        """Abort every open connection, as a power cut does."""
        for transport in tuple(self.transports):
            transport.abort()

    def begin_request(self, transport: asyncio.Transport) -> bool:
        """Update the rig; return whether it can answer. If it cannot, act out its trouble on `transport`."""
        self.rig.advance()
        presence = self.rig.presence
        if presence == "answers":
            return True
        if presence == "refused":
            transport.abort()
        elif presence == "garbage":
            transport.write(_GARBAGE)
            transport.close()
        return False  # hung: the request is ignored


class Connection(asyncio.Protocol):
    """A connection to a rig; subclasses read requests in `data_received`."""

    __slots__ = ("rig_server", "transport")
    transport: asyncio.Transport

    def __init__(self, rig_server: RigServer) -> None:
        self.rig_server = rig_server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection, so that a reboot can abort it."""
        self.transport = transport  # type: ignore[assignment]  # a stream server hands out stream transports
        self.rig_server.transports.add(self.transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Unregister the connection."""
        self.rig_server.transports.discard(self.transport)


class CgminerConnection(Connection):
    """CGMiner API: one segment is one request; send the answer and a NUL, then close."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Answer one request."""
        if self.rig_server.begin_request(self.transport):
            self.transport.write(cgminer_answer(self.rig_server, data) + b"\0")
            if not self.rig_server.family.keeps_socket_open:
                self.transport.close()


def cgminer_answer(rig_server: RigServer, data: bytes) -> bytes:
    """Return the answer to a request in JSON ({"command":"a+b"}) or as text ("a+b|parameter"), without the NUL."""
    rig, family = rig_server.rig, rig_server.family
    text = data[:_MAX_REQUEST_BYTES].rstrip(b"\0\r\n ")
    if not text.startswith(b"{"):
        command, _, parameter = text.decode("latin-1").partition("|")
        return envelope.format_pipe_text(_dispatch(rig_server, command, parameter, {}))
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError:
        return orjson.dumps(envelope.invalid_json_reply(rig, family.description))
    command = request.get("command", request.get("cmd", ""))
    parameter = str(request.get("parameter", request.get("param", "")))
    verbs = family.new_api if request.get("new_api") is True else {}
    answer = orjson.dumps(_dispatch(rig_server, str(command), parameter, verbs))
    return family.rewrite_bytes(answer) if family.rewrite_bytes else answer


def _dispatch(rig_server: RigServer, command: str, parameter: str, first: Any) -> Answer:
    rig, family = rig_server.rig, rig_server.family
    parts = command.split("+")
    if len(parts) == 1:
        return _one(rig_server, command, parameter, first)
    if any(family.is_unjoinable(part) for part in parts):
        rig_server.command_log.note(family.name, command, any(envelope.is_privileged(part) for part in parts))
        return (family.refuse or envelope.refusal)(rig, command, family.description)
    return envelope.join_answers(parts, [_one(rig_server, part, parameter, first) for part in parts])


def _one(rig_server: RigServer, verb: str, parameter: str, first: Any) -> Answer:
    rig, family = rig_server.rig, rig_server.family
    rig_server.command_log.note(family.name, verb, envelope.is_privileged(verb))
    compose = first.get(verb) or family.verbs.get(verb)
    answer: Answer | None = compose(rig, parameter) if compose else None
    return (family.refuse or envelope.refusal)(rig, verb, family.description) if answer is None else answer


class Whatsminer3Connection(Connection):
    """WhatsMiner v3: u32 little-endian length and JSON, with any number of requests per connection."""

    __slots__ = ("_buffer",)

    def __init__(self, rig_server: RigServer) -> None:
        super().__init__(rig_server)
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        """Answer every complete request received; an invalid length ends the connection."""
        if not self.rig_server.begin_request(self.transport):
            return
        self._buffer += data
        while len(self._buffer) >= 4:
            size = struct.unpack_from("<I", self._buffer)[0]
            if size > _MAX_REQUEST_BYTES:
                self.transport.abort()
                return
            if len(self._buffer) < 4 + size:
                return
            body = orjson.dumps(whatsminer3_answer(self.rig_server, self._buffer[4 : 4 + size]))
            self._buffer = self._buffer[4 + size :]
            self.transport.write(struct.pack("<I", len(body)) + body)


def whatsminer3_answer(rig_server: RigServer, data: bytes) -> Answer:
    """Return the answer to one v3 request."""
    try:
        request = orjson.loads(data)
    except orjson.JSONDecodeError:
        request = None
    ask = rig_server.family.answer_v3
    if not isinstance(request, dict) or ask is None:
        return {"code": -1, "when": rig_server.rig.when, "msg": "invalid json", "desc": ""}
    command = str(request.get("cmd", ""))
    rig_server.command_log.note(rig_server.family.name, command, not command.startswith("get."))
    return ask(rig_server.rig, command, request.get("param"))


class PageConnection(Connection):
    """A connection to the web server of a rig."""

    __slots__ = ("_reader",)

    def __init__(self, rig_server: RigServer) -> None:
        super().__init__(rig_server)
        self._reader = HttpReader()

    def data_received(self, data: bytes) -> None:
        """Answer every complete request received."""
        if self.rig_server.begin_request(self.transport):
            self._reader.feed(data)
            answer_all(self.transport, self._reader, self._answer)

    def _answer(self, request: SimulatedRequest) -> SimulatedPage:
        return page_answer(self.rig_server, request)


def page_answer(rig_server: RigServer, request: SimulatedRequest) -> SimulatedPage:
    """Return a page of a rig; families with a realm require a digest login."""
    rig, family = rig_server.rig, rig_server.family
    nonce, verb = rig.token, f"{request.method} {request.path}"
    if family.realm and not digest_allows(
        request, realm=family.realm, nonce=nonce, user=rig.user, password=rig.password
    ):
        rig_server.command_log.note(family.name, verb, request.method not in ("GET", "HEAD"))
        return digest_page(family.realm, nonce)
    if request.method == "HEAD":
        request = replace(request, method="GET")  # the transport omits the body
    page = family.serve(rig, request) if family.serve else NOT_FOUND
    rig_server.command_log.note(family.name, verb, page.privileged)
    return page


CONNECTIONS: Final[dict[Transport, Callable[[RigServer], Connection]]] = {
    "cgminer": CgminerConnection,
    "whatsminer3": Whatsminer3Connection,
    "http": PageConnection,
}
