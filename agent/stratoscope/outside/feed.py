"""Reads one figure that another program keeps up to date, such as a price, from a file, over HTTP or from MQTT."""

import asyncio
import math
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import orjson
from yarl import URL

from stratoscope.errors import SourceError
from stratoscope.outside.fetch import Fetcher, RemoteService
from stratoscope.units import DAY, KILO

MAX_FEED_BYTES: Final = 1 << 20
"""Size of a document."""
MILLISECONDS_FROM: Final = 1e11
"""A larger time is in milliseconds: in seconds it would be after the year 5000."""
MAX_AHEAD_S: Final = 2 * DAY
"""How far in the future a price may begin: day-ahead markets close at noon for the whole next day."""
MAX_PRICE: Final = 1_000_000

JsonPath = tuple[str, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Feed:
    """Where a figure is, its path in the document, and how often it is read. A price × `factor` is fiat per kWh.

    Exactly one of `file`, `url` and `topic` (MQTT) is set. `headers` are sent with each request and may contain a key.
    """

    file: Path | None
    url: str | None
    allow_http: bool
    path: JsonPath
    time_path: JsonPath | None
    factor: Decimal
    interval: float  # s
    topic: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def at_topic(cls, topic: str, path: JsonPath, time_path: JsonPath | None) -> "Feed":
        """Return the feed of an MQTT topic, with factor 1."""
        return cls(None, None, False, path, time_path, Decimal(1), 0.0, topic)  # noqa: FBT003 — allow_http, which does not matter for a topic

    def walk(self, document: Any) -> Any:
        """Return the value at the feed's path in a JSON document; raise SourceError."""
        return _walk(document, self.path)


def dotted_path(text: str) -> JsonPath:
    """Return the steps of "data.prices.0.value"; raise ValueError if one is empty."""
    if not text:
        return ()
    steps = tuple(text.split("."))
    if not all(steps):
        raise ValueError("a step of the path is empty: write keys and list indexes joined by dots, as data.0.price")
    return steps


def parse_json(body: bytes) -> Any:
    """Return the JSON document in `body`; raise SourceError."""
    if len(body) > MAX_FEED_BYTES:
        raise SourceError("oversize", f"over {MAX_FEED_BYTES >> 20} MiB")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise SourceError("not_json", "not JSON, not even a plain number or true") from None


def begins_at(document: Any, feed: Feed, at: float) -> float:
    """Return the UTC seconds from which the document is valid: the time in it, else `at`; raise SourceError."""
    begins = at if feed.time_path is None else _moment(_walk(document, feed.time_path))
    if begins > at + MAX_AHEAD_S:
        raise SourceError("schema", "its time is in the future")
    return begins


Parse = Callable[[bytes, Feed, float], T]
"""Parses a body that is valid from UTC seconds; raises SourceError."""


class FeedReader(Generic[T]):
    """Reads one feed repeatedly."""

    def __init__(self, name: str, feed: Feed, fetcher: Fetcher, parse: Parse[T]) -> None:
        """Create a reader; its requests are counted under `name`."""
        self.feed = feed
        self._parse, self._name, self._tally = parse, name, fetcher.tally
        self._inbox = fetcher.inbox
        self._remote: RemoteService | None = None
        self._query = ""
        if feed.topic is not None and fetcher.inbox is not None:
            fetcher.inbox.follow(feed.topic)
        if feed.url is not None:
            base, _, query = feed.url.partition("?")
            whole = URL(base)
            self._query = whole.raw_path + (f"?{query}" if query else "")
            self._remote = RemoteService(name, str(whole.origin()), fetcher, allow_http=feed.allow_http)

    async def read(self, at: float) -> T:
        """Return the feed's current value; `at` is UTC now; raise SourceError."""
        if self.feed.topic is not None:
            return self._counted(lambda: self._received(self.feed.topic or "", at))
        if self._remote is not None:
            headers = dict(self.feed.headers)
            answer = await self._remote.request(
                "GET", self._query, lambda body: self._parse(body, self.feed, at), headers
            )
            return answer.value
        if self.feed.file is None:
            raise SourceError("unreachable", "the feed has no file, url or topic")
        try:
            body, modified = await asyncio.to_thread(load, self.feed.file)
        except SourceError as error:
            self._tally.count(self._name, error.reason)
            raise
        return self._counted(lambda: self._parse(body, self.feed, min(modified, at)))

    def _received(self, topic: str, at: float) -> T:
        """Parse the newest message; it is valid from the time in it, else from when it was received."""
        if self._inbox is None:
            raise SourceError("unreachable", "no MQTT broker is configured")
        message = self._inbox.newest(topic)
        if message.retained and self.feed.time_path is None:
            raise SourceError(
                "schema",
                f"the message at {topic} is retained, its age is unknown: set time_path, or publish it without retain",
            )
        return self._parse(message.payload, self.feed, min(message.at, at))

    def _counted(self, read: Callable[[], T]) -> T:
        try:
            value = read()
        except SourceError as error:
            self._tally.count(self._name, error.reason)
            raise
        self._tally.count(self._name, "ok")
        return value


def load(path: Path) -> tuple[bytes, float]:
    """Return up to MAX_FEED_BYTES + 1 bytes of a regular file, and its modification time (UTC s); raise SourceError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # opening a pipe would wait for a writer
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SourceError("unreachable", f"{path} is not a regular file")
            return file.read(MAX_FEED_BYTES + 1), status.st_mtime
    except OSError as error:
        raise SourceError("unreachable", f"{path}: {(error.strerror or 'error').lower()}") from None


def _walk(document: Any, path: JsonPath) -> Any:
    for at, step in enumerate(path):
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            raise SourceError("schema", f"no {'.'.join(path[: at + 1])} in the document")
    return document


def decimal_of(value: Any) -> Decimal:
    """Return a price with its exact digits; raise SourceError if it is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise SourceError("schema", "the price is not a number")
    try:
        price = Decimal(str(value).strip())
    except InvalidOperation:
        raise SourceError("schema", "the price is not a number") from None
    if not price.is_finite() or abs(price) > MAX_PRICE:
        raise SourceError("schema", "the price is implausible")
    return price


def _moment(value: Any) -> float:
    """Return UTC seconds of seconds, milliseconds, or an ISO 8601 time with an offset."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise SourceError("schema", "the time is not ISO 8601") from None
        if moment.tzinfo is None:
            raise SourceError("schema", "the time has no UTC offset")
        return moment.timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SourceError("schema", "the time is not a number")
    return value / KILO if value > MILLISECONDS_FROM else float(value)
