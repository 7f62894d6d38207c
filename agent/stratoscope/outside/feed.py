"""Reads one figure that something outside keeps up to date, in a file, a service or an MQTT topic: a price, a call."""

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
from stratoscope.outside.fetch import Fetcher, Remote
from stratoscope.units import DAY, KILO

MOST: Final = 1 << 20
"""Bytes of an answer."""
MILLISECONDS_FROM: Final = 1e11
"""A time above this counts milliseconds: as seconds it would lie beyond the year 5000."""
AHEAD: Final = 2 * DAY
"""How far ahead a price may be told: day-ahead markets close at noon for the whole next day."""
MOST_PRICE: Final = 1_000_000

Way = tuple[str, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Feed:
    """Where a figure is, how to find it there, and how often to look. `factor` makes fiat per kWh of a price.

    Exactly one of `file`, `url` and `topic` (of MQTT) says where. `headers` go with each request; they may hold a key.
    """

    file: Path | None
    url: str | None
    allow_http: bool
    path: Way
    time_path: Way | None
    factor: Decimal
    interval: float  # s
    topic: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def at_topic(cls, topic: str, path: Way, time_path: Way | None) -> "Feed":
        """Return the feed of an MQTT topic whose figure is taken as it is."""
        return cls(None, None, False, path, time_path, Decimal(1), 0.0, topic)  # noqa: FBT003 — no http at all

    def walk(self, document: Any) -> Any:
        """Return what stands in a JSON document at the feed's path; raise SourceError."""
        return _walk(document, self.path)


def dotted_path(text: str) -> Way:
    """Return the steps of "data.prices.0.value"; raise ValueError where one is empty."""
    if not text:
        return ()
    steps = tuple(text.split("."))
    if not all(steps):
        raise ValueError("a step of the path is empty: write keys and list indexes with dots, as data.0.price")
    return steps


def found_in(body: bytes) -> Any:
    """Return the JSON document in `body`; raise SourceError."""
    if len(body) > MOST:
        raise SourceError("oversize", f"over {MOST >> 20} MiB")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise SourceError("not_json", "it is no JSON, not even a plain number or true") from None


def begins_at(document: Any, feed: Feed, at: float) -> float:
    """Return the UTC seconds from which the document holds: the time it names, else `at`; raise SourceError."""
    begins = at if feed.time_path is None else _moment(_walk(document, feed.time_path))
    if begins > at + AHEAD:
        raise SourceError("schema", "it is from the future")
    return begins


Parse = Callable[[bytes, Feed, float], T]
"""Makes something of a body, as of UTC seconds; raises SourceError."""


class Reader(Generic[T]):
    """Reads one feed, over and over."""

    def __init__(self, name: str, feed: Feed, fetcher: Fetcher, parse: Parse[T]) -> None:
        """Make a reader; `name` is what its requests are counted under."""
        self.feed = feed
        self._parse, self._name, self._tally = parse, name, fetcher.tally
        self._inbox = fetcher.inbox
        self._remote: Remote | None = None
        self._query = ""
        if feed.topic is not None and fetcher.inbox is not None:
            fetcher.inbox.follow(feed.topic)
        if feed.url is not None:
            base, _, query = feed.url.partition("?")
            whole = URL(base)
            self._query = whole.raw_path + (f"?{query}" if query else "")
            self._remote = Remote(name, str(whole.origin()), fetcher, allow_http=feed.allow_http)

    async def read(self, at: float) -> T:
        """Return what the feed says as of UTC `at`; raise SourceError."""
        if self.feed.topic is not None:
            return self._counted(lambda: self._received(self.feed.topic or "", at))
        if self._remote is not None:
            headers = dict(self.feed.headers)
            answer = await self._remote.ask("GET", self._query, lambda body: self._parse(body, self.feed, at), headers)
            return answer.value
        if self.feed.file is None:
            raise SourceError("unreachable", "the feed has neither file nor url")
        try:
            body, modified = await asyncio.to_thread(load, self.feed.file)
        except SourceError as error:
            self._tally.count(self._name, error.reason)
            raise
        return self._counted(lambda: self._parse(body, self.feed, min(modified, at)))

    def _received(self, topic: str, at: float) -> T:
        """Return what the newest message says; it is as old as its time says, else as long as it is here."""
        if self._inbox is None:
            raise SourceError("unreachable", "no broker is configured")
        mail = self._inbox.newest(topic)
        if mail.retained and self.feed.time_path is None:
            raise SourceError(
                "schema",
                f"the broker had kept the message at {topic} for an unknown time: name a "
                "time_path, or publish it without retain",
            )
        return self._parse(mail.payload, self.feed, min(mail.at, at))

    def _counted(self, read: Callable[[], T]) -> T:
        try:
            said = read()
        except SourceError as error:
            self._tally.count(self._name, error.reason)
            raise
        self._tally.count(self._name, "ok")
        return said


def load(path: Path) -> tuple[bytes, float]:
    """Return what a regular file holds, up to a byte beyond MOST, and the UTC s it was written; raise SourceError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # opening a pipe would wait for a writer
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SourceError("unreachable", f"{path} is not a regular file")
            return file.read(MOST + 1), status.st_mtime
    except OSError as error:
        raise SourceError("unreachable", f"{path}: {(error.strerror or 'error').lower()}") from None


def _walk(document: Any, way: Way) -> Any:
    for at, step in enumerate(way):
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            raise SourceError("schema", f"there is no {'.'.join(way[: at + 1])}")
    return document


def decimal_of(value: Any) -> Decimal:
    """Return a price as it is written; raise SourceError where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise SourceError("schema", "the price is no number")
    try:
        price = Decimal(str(value).strip())
    except InvalidOperation:
        raise SourceError("schema", "the price is no number") from None
    if not price.is_finite() or abs(price) > MOST_PRICE:
        raise SourceError("schema", "the price cannot be true")
    return price


def _moment(value: Any) -> float:
    """Return UTC seconds of seconds, milliseconds, or an ISO 8601 time with its offset."""
    if isinstance(value, str):
        try:
            told = datetime.fromisoformat(value)
        except ValueError:
            raise SourceError("schema", "the time is not ISO 8601") from None
        if told.tzinfo is None:
            raise SourceError("schema", "the time names no offset from UTC")
        return told.timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SourceError("schema", "the time is no number")
    return value / KILO if value > MILLISECONDS_FROM else float(value)
