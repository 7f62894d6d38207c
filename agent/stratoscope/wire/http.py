"""Reads pages from rigs over HTTP: size limit after decompression, no redirects, one request at a time per rig."""

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, DigestAuthMiddleware
from yarl import URL

from stratoscope.errors import Garbled, PollError, TimedOut, Unreachable
from stratoscope.wire.connect import to_poll_error
from stratoscope.wire.dns import AiohttpResolver, DnsResolver
from stratoscope.wire.paths import http_path, login_path

SUPPORTED_ENCODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})


@dataclass(frozen=True, slots=True)
class WebResponse:
    """One HTTP response: status, headers with lower-case names, cookies it sets, decompressed body."""

    status: int
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class WebEndpoint:
    """The web server of one rig, with its connect timeout (s) and maximum response size (bytes)."""

    host: str
    port: int
    connect: float
    size: int

    def url(self, path: str) -> URL:
        """Return the URL of `path`, which was checked against the allow-list."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return URL(f"http://{host}:{self.port}{path}")


class WebClient:
    """The HTTP client of the wire; its one session is created at the first HTTP request."""

    def __init__(self, resolver: DnsResolver) -> None:
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            # One connection per request: rigs' web servers allow few, and an idle one would be a second next to 4028.
            connector = aiohttp.TCPConnector(
                limit=0, force_close=True, resolver=AiohttpResolver(self._resolver), use_dns_cache=False
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None),
                max_line_size=8190,
                max_field_size=8190,
                skip_auto_headers=("User-Agent",),
                headers={"Accept-Encoding": "identity"},
            )
        return self._session

    async def get(
        self,
        site: WebEndpoint,
        path: str,
        headers: Mapping[str, str],
        digest: DigestAuthMiddleware | None = None,
        *,
        cut: bool = False,
    ) -> WebResponse:
        """GET `path` and return any response; with `cut`, a body over the size limit is cut there.

        Raises Unreachable, TimedOut, Garbled; ForbiddenCommand before any connection is opened.
        """
        url = site.url(http_path(path))
        middlewares = (digest, _close_refusals) if digest is not None else ()
        return await self._send("GET", site, url, headers=headers, middlewares=middlewares, cut=cut)

    async def log_in(self, site: WebEndpoint, path: str, body: Mapping[str, str], *, form: bool) -> WebResponse:
        """POST a login and return the response; raises as `get` does."""
        url = site.url(login_path(path))
        sent: dict[str, Any] = {"data": dict(body)} if form else {"json": dict(body)}
        return await self._send("POST", site, url, headers={}, cut=True, **sent)

    async def _send(self, method: str, site: WebEndpoint, url: URL, *, cut: bool, **request: Any) -> WebResponse:
        limit = aiohttp.ClientTimeout(total=None, sock_connect=site.connect)
        try:
            async with self._open_session().request(
                method, url, timeout=limit, allow_redirects=False, **request
            ) as answer:
                body_closed = answer.status == 401 and request.get("middlewares")
                body = b"" if body_closed else await _body(answer, site.size, cut=cut)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                cookies = {name: morsel.value for name, morsel in answer.cookies.items()}
                return WebResponse(answer.status, headers, cookies, body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise to_web_poll_error(error, site) from error

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _close_refusals(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Close a 401 response before the digest login repeats the request, so that a rig never sees two connections."""
    answer = await handler(request)
    if answer.status == 401:
        answer.close()
        await asyncio.sleep(0)
    return answer


async def _body(answer: ClientResponse, size: int, *, cut: bool) -> bytes:
    """Return the decompressed body of at most `size` bytes; raises Garbled."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    decompressor = zlib.decompressobj(47) if encoding in SUPPORTED_ENCODINGS else None
    if decompressor is None and encoding not in ("", "identity"):
        raise Garbled("decode", f"unknown content encoding {encoding[:20]!r}")
    body = bytearray()
    async for chunk in answer.content.iter_any():
        try:
            body += chunk if decompressor is None else decompressor.decompress(chunk, size + 1 - len(body))
        except zlib.error as error:
            raise Garbled("decode", "the compressed body is invalid") from error
        if len(body) > size:
            answer.close()
            if not cut:
                raise Garbled("oversize", f"the page {answer.url.path} exceeds {size} bytes")
            return bytes(body[:size])
    if decompressor is not None and not decompressor.eof and not cut:
        raise Garbled("truncated", "the compressed body ends early")
    return bytes(body)


def to_web_poll_error(error: Exception, site: WebEndpoint) -> PollError:
    """Return the PollError for an exception of the HTTP client."""
    where = f"{site.host} port {site.port}"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return TimedOut("connect_timeout", f"no connection to {where} in time")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Unreachable("dns", f"{site.host} has no address: check the name and the DNS server")
    if isinstance(error, aiohttp.ClientConnectorError):
        return to_poll_error(error.os_error, site.host, site.port)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Unreachable("reset", f"{where} closed the connection without an answer")
    if isinstance(error, aiohttp.ClientPayloadError):
        return Garbled("truncated", f"the response of {where} ended early")
    if isinstance(error, OSError):
        return to_poll_error(error, site.host, site.port)
    return Garbled("decode", f"{where} sent no valid HTTP response: {type(error).__name__}")
