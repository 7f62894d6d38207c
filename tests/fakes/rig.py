"""Fakes rigs that misbehave, on real loopback sockets, and records every request they receive."""

import asyncio
import hashlib
import json
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from stratoscope.wire.target import Target

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def cgminer_object(command: str, **row: Any) -> dict[str, Any]:
    status = {"STATUS": "S", "When": 1, "Code": 11, "Msg": command, "Description": "cgminer 4.11.1"}
    return {"STATUS": [status], command.upper(): [row], "id": 1}


def refusal(code: int, text: str) -> dict[str, Any]:
    return {"STATUS": [{"STATUS": "E", "When": 1, "Code": code, "Msg": text, "Description": "cgminer"}], "id": 1}


def dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


async def read_object(reader: asyncio.StreamReader) -> bytes:
    """Read one JSON request; the client does not mark its end."""
    got = b""
    while True:
        piece = await reader.read(4096)
        got += piece
        if not piece or got.endswith(b"}"):
            return got


class FakeServer:
    """A server on 127.0.0.1 that runs `talk` per connection and counts: `most` connections at once, all `requests`."""

    def __init__(self, talk: Talk | None = None, host: str = "127.0.0.1") -> None:
        self._talk = talk or self.talk
        self.host = host
        self.port = 0
        self.requests: list[Any] = []
        self.connections = 0
        self.open = 0
        self.most = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in asyncio.all_tasks():
            if task.get_name() == f"fake {self.port}":
                task.cancel()
        await asyncio.sleep(0)

    def target(self, *defaults: int, **more: Any) -> Target:
        return Target(self.host, dict.fromkeys(defaults or (4028,), self.port), **more)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asyncio.current_task().set_name(f"fake {self.port}")
        self.connections += 1
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()


class FakeRig(FakeServer):
    """Serves the CGMiner API. `answers` maps a command to an object, or to bytes that are sent unchanged.

    Joined commands are answered part by part unless `joins` is False (then Code 14, like stock Antminers).
    """

    def __init__(
        self,
        answers: Mapping[str, Any],
        *,
        joins: bool = True,
        end: bytes = b"\0",
        keep_open: bool = False,
        split: int = 0,
        pause: float = 0.0,
        cut: int | None = None,
        reset: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.answers = answers
        self.joins = joins
        self.end = end
        self.keep_open = keep_open
        self.split = split
        self.pause = pause
        self.cut = cut
        self.reset = reset

    @property
    def asked(self) -> list[str]:
        return [json.loads(request)["command"] for request in self.requests]

    def answer(self, command: str) -> bytes:
        parts = command.split("+")
        if len(parts) > 1:
            if not self.joins:
                return dumps(refusal(14, "Invalid command"))
            return dumps({part: [self.one(part)] for part in parts} | {"id": 1})
        value = self.one(command)
        return value if isinstance(value, bytes) else dumps(value)

    def one(self, command: str) -> Any:
        return self.answers.get(command, refusal(14, "Invalid command"))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_object(reader)
        if not request:
            return
        self.requests.append(request)
        data = (self.answer(json.loads(request)["command"]) + self.end)[: self.cut]
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        step = self.split or len(data) or 1
        for at in range(0, len(data), step):
            writer.write(data[at : at + step])
            await writer.drain()
            if self.split:
                await asyncio.sleep(self.pause)
        if self.keep_open:
            await reader.read()
        if self.reset:
            abort(writer)


def abort(writer: asyncio.StreamWriter) -> None:
    """Close with RST."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_object(reader)
    abort(writer)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_object(reader)
    writer.write(b'{"STATUS":[')
    while True:
        writer.write(b'"' + b"x" * 65536 + b'",')
        await writer.drain()


def saying(data: bytes, *, keep_open: bool = False) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_object(reader)
        writer.write(data)
        await writer.drain()
        if keep_open:
            await reader.read()

    return talk


class FakeWhatsminer3(FakeServer):
    """Serves the framed API of WhatsMiner v3; `once` closes after each answer."""

    def __init__(self, answers: Mapping[tuple[str, str | None], Any], *, once: bool = False, split: int = 0) -> None:
        super().__init__()
        self.answers = answers
        self.once = once
        self.split = split

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            size = struct.unpack("<I", await reader.readexactly(4))[0]
            request = json.loads(await reader.readexactly(size))
            self.requests.append(request)
            answer = self.answers.get((request["cmd"], request.get("param")), {"code": -2, "msg": "invalid command"})
            body = answer if isinstance(answer, bytes) else dumps(answer)
            frame = struct.pack("<I", len(body)) + body
            step = self.split or len(frame)
            for at in range(0, len(frame), step):
                writer.write(frame[at : at + step])
                await writer.drain()
                await asyncio.sleep(0)
            if self.once:
                return


class WebRequest:
    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body


WebReply = tuple[int, dict[str, str], bytes]


class FakeWeb(FakeServer):
    """Serves HTTP/1.1: `handle` returns status, headers and body for each request."""

    def __init__(self, handle: Callable[[WebRequest], WebReply]) -> None:
        super().__init__()
        self.handle = handle

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {line.split(":")[0].lower(): line.split(":", 1)[1].strip() for line in head[1:] if line}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            request = WebRequest(method, path, headers, body)
            self.requests.append(request)
            status, extra, answer = self.handle(request)
            lines = {"Content-Length": str(len(answer)), "Connection": headers.get("connection", "keep-alive")} | extra
            head_out = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            writer.write(f"HTTP/1.1 {status} X\r\n{head_out}\r\n".encode() + answer)
            await writer.drain()
            if lines["Connection"] == "close":
                return

    @property
    def posts(self) -> list[WebRequest]:
        return [request for request in self.requests if request.method == "POST"]


def digest_guard(
    user: str, password: str, handle: Callable[[WebRequest], WebReply]
) -> Callable[[WebRequest], WebReply]:
    """Require a correct digest login, like lighttpd on an Antminer."""
    realm, nonce = "antMiner Configuration", "5f1ec1a0"
    challenge = {"WWW-Authenticate": f'Digest realm="{realm}", nonce="{nonce}", qop="auth"'}

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    def guarded(request: WebRequest) -> WebReply:
        auth = request.headers.get("authorization", "")
        said = {k: a or b for k, a, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', auth)}
        first, second = md5(f"{user}:{realm}:{password}"), md5(f"{request.method}:{said.get('uri')}")
        chain = (first, nonce, said.get("nc"), said.get("cnonce"), said.get("qop"), second)
        if auth.startswith("Digest ") and said.get("response") == md5(":".join(map(str, chain))):
            return handle(request)
        return 401, challenge, b"<h1>401 Unauthorized</h1>" * 2000

    return guarded
