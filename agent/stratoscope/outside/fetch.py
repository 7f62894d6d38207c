"""Fetches small documents from services on the internet, with limits in both directions.

Only https, except for loopback and where http is allowed. No redirects, no proxies from the environment, no cookies.
One deadline, and at most 2 MiB after decompression. Pauses that a service requests are kept, and a service that keeps
failing is not queried for a while. A login is sent to the configured scheme, host and port only.
"""

import asyncio
import email.utils
import ipaddress
import re
import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import aiohttp
import orjson
from yarl import URL

from stratoscope import __version__
from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.outside.backoff import Backoff
from stratoscope.outside.inbox import Inbox
from stratoscope.outside.source_metrics import SourceMetrics
from stratoscope.units import HOUR, MINUTE

MAX_RESPONSE_BYTES: Final = 2 << 20
"""Size of a response after decompression, unless a service is allowed more."""
PARSE_IN_THREAD_FROM_BYTES: Final = 64 << 10
"""Larger responses are parsed in a thread, so that the event loop is not blocked."""
RESERVED_HEADERS: Final = frozenset(
    {
        "user-agent",
        "accept",
        "accept-encoding",
        "host",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "transfer-encoding",
        "te",
        "upgrade",
        "expect",
    }
)
"""Headers that the agent sets itself or must not send; the config cannot set them."""
MAX_EXPANSION_RATIO: Final = 100
"""Maximum expansion by decompression, checked above EXPANSION_CHECK_FROM_BYTES."""
EXPANSION_CHECK_FROM_BYTES: Final = 64 << 10
DEADLINE_S: Final = 10.0
CONNECT_TIMEOUT_S: Final = 5.0
MAX_PAUSE_S: Final = HOUR
DEFAULT_PAUSE_S: Final = 5 * MINUTE
"""Pause after "too many requests" without a Retry-After: mempool.space bans clients that continue."""
MAX_FAILURES: Final = 3
"""Failures in a row after which a service is not queried for a minute, then two, four, up to MAX_BREAKER_PAUSE_S."""
MAX_BREAKER_PAUSE_S: Final = 15 * MINUTE
BREAKER: Final = Backoff(MINUTE, MAX_BREAKER_PAUSE_S, jitter=(0.9, 1.1))
HEADERS: Final = {
    "User-Agent": f"stratoscope/{__version__} (mining telemetry agent)",
    "Accept": "application/json, text/plain;q=0.5",
    "Accept-Encoding": "gzip",
}
BREAKING: Final = frozenset({"unreachable", "timeout", "tls", "redirect", "oversize", "not_json", "auth"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """A parsed response, and its age in a cache on the way (s, header Age)."""

    value: T
    age: float


def is_loopback(host: str | None) -> bool:
    """Tell whether `host` is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def base_url(text: str, *, allow_http: bool = False) -> str:
    """Return the URL of a service without its trailing slash; raise ValueError with problem and remedy."""
    try:
        url = URL(text)
        host, _ = url.host, url.port
    except ValueError:
        raise ValueError("it is not a URL: write one such as https://mempool.space") from None
    if url.scheme not in ("http", "https") or not host:
        raise ValueError("it must start with https:// and name a host, as https://mempool.space")
    if url.user is not None or url.password is not None:
        raise ValueError("it contains a login: use the keys user and password")
    if url.query_string or url.fragment:
        raise ValueError("it contains a query or fragment: write scheme, host, port and path only")
    if url.scheme == "http" and not allow_http and not is_loopback(host):
        raise ValueError(
            "http lets anyone on the network path change the figures: write https, or add allow_http: true"
        )
    return str(url).rstrip("/")


def header(name: str, value: str) -> None:
    """Raise ValueError, which never contains `value`, unless the config may set this header."""
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", name):
        raise ValueError("the name of a header has letters, digits and dashes only, as X-Api-Key")
    if name.lower() in RESERVED_HEADERS:
        raise ValueError(f"{name} is set by the agent: remove it")
    if not value or len(value) > 4096 or not all(" " <= letter <= "~" for letter in value):
        raise ValueError(f"the value of {name} must be printable ASCII, at most 4096 characters")


class Fetcher:
    """One connection pool for all services; `inbox` has the messages received over MQTT."""

    def __init__(
        self, clock: Clock, random01: Callable[[], float], tally: SourceMetrics, inbox: Inbox | None = None
    ) -> None:
        self.clock, self.random01, self.tally, self.inbox = clock, random01, tally, inbox
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Return the session, created at the first request."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,  # a gzip bomb would expand before its size is checked
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=16, limit_per_host=4),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
                headers=HEADERS,
            )
        return self._session

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class RemoteService:
    """One service: its URL, its pauses and its failures."""

    def __init__(
        self, name: str, url: str, fetcher: Fetcher, *, allow_http: bool = False, max_bytes: int = MAX_RESPONSE_BYTES
    ) -> None:
        self.name = name
        self.url = base_url(url, allow_http=allow_http)
        self._fetcher, self._max_bytes = fetcher, max_bytes
        self._failures = 0
        self._not_before = 0.0  # monotonic s

    async def get(self, path: str, parse: Callable[[bytes], T]) -> Fetched[T]:
        """GET `path` and return the response as `parse` reads it; raise SourceError."""
        return await self.request("GET", path, parse, {})

    async def post(self, path: str, document: Any, parse: Callable[[bytes], T], login: str) -> Fetched[T]:
        """POST a JSON `document` and return the response as `parse` reads it; `login` is the Authorization header."""
        headers = {"Content-Type": "application/json", "Authorization": login}
        return await self.request("POST", path, parse, headers, orjson.dumps(document))

    async def request(
        self, method: str, path: str, parse: Callable[[bytes], T], headers: Mapping[str, str], body: bytes | None = None
    ) -> Fetched[T]:
        """Send any request and return the response as `parse` reads it; raise SourceError.

        `parse` can raise SourceError too, for an error in a successful response. It may run in a thread.
        """
        left = self._not_before - self._fetcher.clock.monotonic()
        if left > 0:
            self._fetcher.tally.count(self.name, "waiting")
            raise SourceError("waiting", f"{self.name} is paused for {left:.0f} s")
        try:
            age, answer = await self._exchange(method, path, headers, body)
            fetched = Fetched(
                parse(answer) if len(answer) < PARSE_IN_THREAD_FROM_BYTES else await asyncio.to_thread(parse, answer),
                age,
            )
        except SourceError as error:
            self._fetcher.tally.count(self.name, error.reason)
            if error.reason == "rate_limited" and self._not_before <= self._fetcher.clock.monotonic():
                self._pause(None, explicit_only=False)  # the limit was reported in a successful response
            if error.reason in BREAKING:
                self._record_failure()
            raise
        self._fetcher.tally.count(self.name, "ok")
        self._failures = 0
        return fetched

    async def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[float, bytes]:
        url = URL(self.url + path, encoded=True)
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                self._fetcher.session.request(method, url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                self._check_status(answer)
                return _age(answer.headers), await _read(answer, self._max_bytes)
        except TimeoutError:
            raise SourceError("timeout", f"no complete response within {DEADLINE_S:.0f} s") from None
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise SourceError("tls", type(error).__name__) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SourceError("unreachable", type(error).__name__) from None

    def _check_status(self, answer: aiohttp.ClientResponse) -> None:
        """Raise SourceError unless the status is 200; note the pauses that the service requests."""
        status = answer.status
        if status in (429, 418, 503):  # 418: Binance, to clients that continue after 429
            self._pause(answer.headers.get("Retry-After"), explicit_only=status == 503)
            raise SourceError("http" if status == 503 else "rate_limited", f"HTTP {status}")
        if 300 <= status < 400:
            raise SourceError("redirect", f"HTTP {status}: redirects are not followed")
        if status in (401, 403):
            raise SourceError("auth", f"HTTP {status}")
        if status != 200:
            if status >= 500:
                self._record_failure()
            raise SourceError("http", f"HTTP {status}")

    def _pause(self, requested: str | None, *, explicit_only: bool) -> None:
        """Pause for as long as requested, at most an hour, plus a random bit so that clients do not return together."""
        seconds = retry_after(requested, self._fetcher.clock.time())
        if seconds is None:
            if explicit_only:
                self._record_failure()
                return
            seconds = DEFAULT_PAUSE_S
        seconds = min(seconds, MAX_PAUSE_S)
        self._wait(seconds + min(seconds, MINUTE) * 0.1 * self._fetcher.random01())

    def _record_failure(self) -> None:
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            self._wait(BREAKER.delay(self._failures - MAX_FAILURES + 1, self._fetcher.random01()))

    def _wait(self, seconds: float) -> None:
        self._not_before = max(self._not_before, self._fetcher.clock.monotonic() + seconds)


def retry_after(header_value: str | None, now: float) -> float | None:
    """Return the seconds of a Retry-After header, given in seconds or as a date; None if it is missing or invalid."""
    if header_value is None:
        return None
    text = header_value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def _age(headers: Mapping[str, str]) -> float:
    text = headers.get("Age", "")
    return float(text[:9]) if text.isascii() and text.isdigit() else 0.0


async def _read(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Return the decompressed body; raise SourceError if it is too large or broken."""
    coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("gzip", "identity", ""):
        raise SourceError("not_json", "unexpected content encoding")
    unpacker = zlib.decompressobj(31) if coding == "gzip" else None
    received, body = 0, bytearray()
    async for chunk in answer.content.iter_any():
        received += len(chunk)
        try:
            body += chunk if unpacker is None else unpacker.decompress(chunk, max_bytes + 1 - len(body))
        except zlib.error:
            raise SourceError("not_json", "corrupt compression") from None
        if len(body) > max_bytes or (
            len(body) > EXPANSION_CHECK_FROM_BYTES and len(body) > MAX_EXPANSION_RATIO * received
        ):
            raise SourceError(
                "oversize", f"over {max_bytes >> 20} MiB, or over {MAX_EXPANSION_RATIO} times its compressed size"
            )
    if unpacker is not None and not unpacker.eof:
        raise SourceError("not_json", "truncated compression")
    return bytes(body)
