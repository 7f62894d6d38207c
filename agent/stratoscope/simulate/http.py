"""Serves the subset of HTTP/1.1 that rigs and data services use: Content-Length bodies, keep-alive, digest login."""

import asyncio
import hashlib
import re
from collections.abc import Callable
from typing import Final

import orjson

from stratoscope.simulate.families.family import HTTP_REASONS, SimulatedPage, SimulatedRequest

_MAX_HEAD_BYTES, _MAX_BODY_BYTES = 16 << 10, 64 << 10
_PAIR = re.compile(r'(\w+)=(?:"([^"]*)"|([^,\s]+))')
TOO_LARGE: Final = SimulatedPage("413", 413)
BAD_REQUEST: Final = SimulatedPage("400", 400)

PageHandler = Callable[[SimulatedRequest], SimulatedPage]


class HttpReader:
    """Parses a byte stream into requests."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> None:
        """Add received bytes to the buffer."""
        self._buffer += data

    def next(self) -> SimulatedRequest | SimulatedPage | None:
        """Return the next complete request, None if there is none yet, or the error page that ends the connection."""
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if self._buffer[:1] > b"Z":
            return BAD_REQUEST  # "{" is a CGMiner request; HTTP methods are upper case
        if not found:
            return TOO_LARGE if len(self._buffer) > _MAX_HEAD_BYTES else None
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "0")
        if len(words) != 3 or not length.isdecimal():
            return BAD_REQUEST
        size = int(length)
        if size > _MAX_BODY_BYTES:
            return TOO_LARGE
        if len(rest) < size:
            return None
        self._buffer = rest[size:]
        path, _, query = words[1].partition("?")
        return SimulatedRequest(words[0], path, query, headers, rest[:size])


def write_page(page: SimulatedPage, *, keep: bool, bodiless: bool) -> bytes:
    """Return `page` as an HTTP/1.1 response; `bodiless` omits the body (HEAD)."""
    if isinstance(page.body, str):
        body, kind = page.body.encode(), page.content_type or "text/html"
    else:
        body, kind = orjson.dumps(page.body), page.content_type or "application/json"
    extra = "".join(f"{name}: {value}\r\n" for name, value in page.headers.items())
    head = (
        f"HTTP/1.1 {page.status} {HTTP_REASONS[page.status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Connection: {'keep-alive' if keep else 'close'}\r\n{extra}\r\n"
    )
    return head.encode("latin-1") + (b"" if bodiless else body)


def digest_page(realm: str, nonce: str) -> SimulatedPage:
    """Return the 401 page that requests a digest login."""
    challenge = f'Digest realm="{realm}", nonce="{nonce}", qop="auth"'
    return SimulatedPage("<h1>401 Unauthorized</h1>", 401, {"WWW-Authenticate": challenge})


def digest_allows(request: SimulatedRequest, *, realm: str, nonce: str, user: str, password: str) -> bool:
    """Check a digest login (RFC 2617, MD5, with or without qop)."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "digest":
        return False
    given = {name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(rest)}
    target = f"{request.path}?{request.query}" if request.query else request.path
    if (given.get("username"), given.get("nonce"), given.get("uri")) != (user, nonce, target):
        return False
    secret, what = _md5(f"{user}:{realm}:{password}"), _md5(f"{request.method}:{target}")
    middle = nonce
    if "qop" in given:
        middle += f":{given.get('nc', '')}:{given.get('cnonce', '')}:{given['qop']}"
    return given.get("response") == _md5(f"{secret}:{middle}:{what}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class HttpServerConnection(asyncio.Protocol):
    """One connection to a web service whose pages come from a function."""

    __slots__ = ("_answer", "_open", "_reader", "_transport")
    _transport: asyncio.Transport

    def __init__(self, answer: PageHandler, open_: set[asyncio.Transport]) -> None:
        self._answer, self._open = answer, open_
        self._reader = HttpReader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection, so that `stop` can close it."""
        self._transport = transport  # type: ignore[assignment]  # a stream server hands out stream transports
        self._open.add(self._transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Unregister the connection."""
        self._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Answer every complete request received."""
        self._reader.feed(data)
        answer_all(self._transport, self._reader, self._answer)


def answer_all(transport: asyncio.Transport, reader: HttpReader, answer: PageHandler) -> None:
    """Answer the complete requests in `reader`; close on request of the client or after an error."""
    while not transport.is_closing() and (request := reader.next()) is not None:
        if isinstance(request, SimulatedPage):
            transport.write(write_page(request, keep=False, bodiless=False))
            transport.close()
            return
        page = answer(request)
        keep = request.headers.get("connection", "").lower() != "close"
        transport.write(write_page(page, keep=keep, bodiless=request.method == "HEAD"))
        if not keep:
            transport.close()


class HttpService:
    """A local web service, such as pool statistics or a price feed.

    `answer` returns the page for a GET or HEAD request; `requests` counts the requests by path.
    """

    def __init__(self, answer: PageHandler) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Transport] = set()
        self.requests: dict[str, int] = {}

    async def start(self, host: str, port: int) -> int:
        """Listen on `host`:`port` (0: any free port) and return the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: HttpServerConnection(self._counted, self._open), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and abort open connections."""
        if self._server is not None:
            self._server.close()
        for transport in tuple(self._open):
            transport.abort()
        await asyncio.sleep(0)

    def _counted(self, request: SimulatedRequest) -> SimulatedPage:
        if request.path in self.requests or len(self.requests) < 1024:
            self.requests[request.path] = self.requests.get(request.path, 0) + 1
        if request.method not in ("GET", "HEAD"):
            return SimulatedPage("405", 405)
        return self._answer(request)
