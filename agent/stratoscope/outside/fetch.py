"""Fetches small answers from services on the internet, politely and with suspicion.

https only but for loopback and where it is allowed; no redirects, no proxies from the environment, no cookies; one
deadline; at most 2 MiB after decompression; pauses that a service asks for are kept, and one that keeps failing is left
alone for a while. A login goes to the configured scheme, host and port only.
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
from stratoscope.outside.source_metrics import SourceTally
from stratoscope.units import HOUR, MINUTE

MOST: Final = 2 << 20
"""Bytes of an answer, after decompression, unless a service is allowed more."""
LARGE: Final = 64 << 10
"""Bytes of an answer from which on it is parsed in a thread, so that the loop runs on."""
OWN_HEADERS: Final = frozenset(
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
"""What the agent says itself, or must not say: who writes a config cannot set them."""
RATIO: Final = 100
"""How much larger an answer may become by decompression, once it is over RATIO_FROM bytes."""
RATIO_FROM: Final = 64 << 10
DEADLINE: Final = 10.0
CONNECT: Final = 5.0
LONGEST_PAUSE: Final = HOUR
PAUSE_UNTOLD: Final = 5 * MINUTE
"""Pause after "too many requests" without a Retry-After: mempool.space bans who goes on."""
PATIENCE: Final = 3
"""Failures in a row after which a service is left alone for a minute, then two, four, up to MOST_ALONE."""
MOST_ALONE: Final = 15 * MINUTE
BREAKER: Final = Backoff(MINUTE, MOST_ALONE, jitter=(0.9, 1.1))
HEADERS: Final = {
    "User-Agent": f"stratoscope/{__version__} (mining telemetry agent)",
    "Accept": "application/json, text/plain;q=0.5",
    "Accept-Encoding": "gzip",
}
BREAKING: Final = frozenset({"unreachable", "timeout", "tls", "redirect", "oversize", "not_json", "auth"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Said(Generic[T]):
    """An answer, and for how many seconds a cache on the way says it had held it."""

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
    """Return the URL of a service without its trailing slash; raise ValueError with what is wrong and the remedy."""
    try:
        url = URL(text)
        host, _ = url.host, url.port
    except ValueError:
        raise ValueError("it is no URL: write one such as https://mempool.space") from None
    if url.scheme not in ("http", "https") or not host:
        raise ValueError("it must start with https:// and name a host, as https://mempool.space")
    if url.user is not None or url.password is not None:
        raise ValueError("it holds a login: write that as user and password")
    if url.query_string or url.fragment:
        raise ValueError("it holds a query or fragment: write scheme, host, port and path only")
    if url.scheme == "http" and not allow_http and not is_loopback(host):
        raise ValueError("http would let anyone on the way change the figures: write https, or add allow_http: true")
    return str(url).rstrip("/")


def header(name: str, value: str) -> None:
    """Raise ValueError, which never holds `value`, where these cannot be a header that the user may set."""
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", name):
        raise ValueError("a header's name is letters, digits and dashes, as X-Api-Key")
    if name.lower() in OWN_HEADERS:
        raise ValueError(f"{name} is not yours to set: remove it")
    if not value or len(value) > 4096 or not all(" " <= letter <= "~" for letter in value):
        raise ValueError(f"the value of {name} must be printable ASCII, at most 4096 characters")


class Fetcher:
    """One pool of connections for all services; `inbox` is where what comes over MQTT is found."""

    def __init__(
        self, clock: Clock, chance: Callable[[], float], tally: SourceTally, inbox: Inbox | None = None
    ) -> None:
        self.clock, self.chance, self.tally, self.inbox = clock, chance, tally, inbox
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Return the session, made at the first request."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,  # else a gzip bomb unfolds before anyone counts
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=16, limit_per_host=4),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT),
                headers=HEADERS,
            )
        return self._session

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class Remote:
    """One service: its address, its pauses and how it fares."""

    def __init__(self, name: str, url: str, fetcher: Fetcher, *, allow_http: bool = False, most: int = MOST) -> None:
        self.name = name
        self.url = base_url(url, allow_http=allow_http)
        self._fetcher, self._most = fetcher, most
        self._failures = 0
        self._not_before = 0.0  # monotonic s

    async def get(self, path: str, parse: Callable[[bytes], T]) -> Said[T]:
        """Return what `parse` makes of the answer to GET `path`; raise SourceError."""
        return await self.ask("GET", path, parse, {})

    async def post(self, path: str, document: Any, parse: Callable[[bytes], T], login: str) -> Said[T]:
        """Return what `parse` makes of the answer to a JSON `document`; `login` is an Authorization header."""
        headers = {"Content-Type": "application/json", "Authorization": login}
        return await self.ask("POST", path, parse, headers, orjson.dumps(document))

    async def ask(
        self, method: str, path: str, parse: Callable[[bytes], T], headers: Mapping[str, str], body: bytes | None = None
    ) -> Said[T]:
        """Return what `parse` makes of the answer to any request; raise SourceError.

        `parse` may raise SourceError itself, for a refusal that came as a good answer; it may run in a thread.
        """
        left = self._not_before - self._fetcher.clock.monotonic()
        if left > 0:
            self._fetcher.tally.count(self.name, "waiting")
            raise SourceError("waiting", f"{self.name} is left alone for {left:.0f} s more")
        try:
            age, answer = await self._exchange(method, path, headers, body)
            said = Said(parse(answer) if len(answer) < LARGE else await asyncio.to_thread(parse, answer), age)
        except SourceError as error:
            self._fetcher.tally.count(self.name, error.reason)
            if error.reason == "rate_limited" and self._not_before <= self._fetcher.clock.monotonic():
                self._pause(None, told_only=False)  # it said so in a good answer
            if error.reason in BREAKING:
                self._failed()
            raise
        self._fetcher.tally.count(self.name, "ok")
        self._failures = 0
        return said

    async def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[float, bytes]:
        url = URL(self.url + path, encoded=True)
        try:
            async with (
                asyncio.timeout(DEADLINE),
                self._fetcher.session.request(method, url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                self._judge(answer)
                return _age(answer.headers), await _read(answer, self._most)
        except TimeoutError:
            raise SourceError("timeout", f"no whole answer within {DEADLINE:.0f} s") from None
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise SourceError("tls", type(error).__name__) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SourceError("unreachable", type(error).__name__) from None

    def _judge(self, answer: aiohttp.ClientResponse) -> None:
        """Raise SourceError unless `answer` is one."""
        status = answer.status
        if status in (429, 418, 503):  # 418: Binance's word for who went on after 429
            self._pause(answer.headers.get("Retry-After"), told_only=status == 503)
            raise SourceError("http" if status == 503 else "rate_limited", f"HTTP {status}")
        if 300 <= status < 400:
            raise SourceError("redirect", f"HTTP {status}: it is not followed")
        if status in (401, 403):
            raise SourceError("auth", f"HTTP {status}")
        if status != 200:
            if status >= 500:
                self._failed()
            raise SourceError("http", f"HTTP {status}")

    def _pause(self, told: str | None, *, told_only: bool) -> None:
        """Keep away for as long as asked, an hour at most, and a little longer so that not all come back at once."""
        seconds = retry_after(told, self._fetcher.clock.time())
        if seconds is None:
            if told_only:
                self._failed()
                return
            seconds = PAUSE_UNTOLD
        seconds = min(seconds, LONGEST_PAUSE)
        self._wait(seconds + min(seconds, MINUTE) * 0.1 * self._fetcher.chance())

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= PATIENCE:
            self._wait(BREAKER.delay(self._failures - PATIENCE + 1, self._fetcher.chance()))

    def _wait(self, seconds: float) -> None:
        self._not_before = max(self._not_before, self._fetcher.clock.monotonic() + seconds)


def retry_after(told: str | None, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks for, given as seconds or as a date; None where it is none."""
    if told is None:
        return None
    told = told.strip()
    if told.isascii() and told.isdigit():
        return float(told[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def _age(headers: Mapping[str, str]) -> float:
    told = headers.get("Age", "")
    return float(told[:9]) if told.isascii() and told.isdigit() else 0.0


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Return the body, decompressed; raise SourceError where it is too large or broken."""
    coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("gzip", "identity", ""):
        raise SourceError("not_json", "an encoding that was not asked for")
    unpacker = zlib.decompressobj(31) if coding == "gzip" else None
    received, body = 0, bytearray()
    async for chunk in answer.content.iter_any():
        received += len(chunk)
        try:
            body += chunk if unpacker is None else unpacker.decompress(chunk, most + 1 - len(body))
        except zlib.error:
            raise SourceError("not_json", "broken compression") from None
        if len(body) > most or (len(body) > RATIO_FROM and len(body) > RATIO * received):
            raise SourceError("oversize", f"over {most >> 20} MiB, or {RATIO} times what was sent")
    if unpacker is not None and not unpacker.eof:
        raise SourceError("not_json", "compression cut off")
    return bytes(body)
