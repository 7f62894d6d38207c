"""A loopback HTTP service whose every answer a test decides, byte for byte; it remembers what it was asked."""

import asyncio
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Says:
    """An answer: JSON of `body` unless that is bytes."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: int | None = None  # bytes of the body that are sent, though all are promised

    def bytes(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        kind = (
            {}
            if any(name.lower() == "content-type" for name in self.headers)
            else {"Content-Type": "text/html" if body[:1] == b"<" else "application/json"}
        )
        head = "".join(f"{name}: {value}\r\n" for name, value in {**kind, **self.headers}.items())
        start = f"HTTP/1.1 {self.status} X\r\n{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        return start.encode() + body[: self.cut]


def gzipped(body: bytes, status: int = 200) -> Says:
    return Says(gzip.compress(body), status, {"Content-Encoding": "gzip"})


Answer = Says | Callable[[Asked], Says]


class Web:
    """`answers` by path; what is not there is a 404."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.answers: dict[str, Any] = answers or {}
        self.asked: list[Asked] = []
        self.url = ""
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = lines[0].split(" ")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            exact = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            asked = Asked(method, path, exact, body)
            self.asked.append(asked)
            answer = self.answers.get(path, Says(b"not found", 404))
            if callable(answer):
                answer = answer(asked)
            if not isinstance(answer, Says):
                answer = Says(answer)
            await asyncio.sleep(answer.delay)
            writer.write(answer.bytes())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
