"""Reads the price of power that something outside keeps up to date: a file, or an HTTP service."""

import asyncio
import math
import os
import stat
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import orjson
from yarl import URL

from stratoscope.errors import SourceError
from stratoscope.market.tariff import Quote
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


@dataclass(frozen=True, slots=True)
class Feed:
    """Where a price is, how to find it there, and how often to look. `factor` makes fiat per kWh of it."""

    file: Path | None
    url: str | None
    allow_http: bool
    path: Way
    time_path: Way | None
    factor: Decimal
    interval: float  # s


def dotted_path(text: str) -> Way:
    """Return the steps of "data.prices.0.value"; raise ValueError where one is empty."""
    if not text:
        return ()
    steps = tuple(text.split("."))
    if not all(steps):
        raise ValueError("a step of the path is empty: write keys and list indexes with dots, as data.0.price")
    return steps


def quote_of(body: bytes, feed: Feed, at: float) -> Quote:
    """Return the price in `body`, in force from the time it names, else from UTC `at` on; raise SourceError."""
    if len(body) > MOST:
        raise SourceError("oversize", f"over {MOST >> 20} MiB")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise SourceError("not_json", "it is no JSON, not even a plain number") from None
    price = _price(_walk(document, feed.path)) * feed.factor
    begins = at if feed.time_path is None else _moment(_walk(document, feed.time_path))
    if begins > at + AHEAD:
        raise SourceError("schema", "the price is from the future")
    return Quote(price, begins)


class Reader:
    """Reads one feed, over and over."""

    def __init__(self, name: str, feed: Feed, fetcher: Fetcher) -> None:
        self.feed = feed
        self._remote: Remote | None = None
        self._query = ""
        if feed.url is not None:
            base, _, query = feed.url.partition("?")
            whole = URL(base)
            self._query = whole.raw_path + (f"?{query}" if query else "")
            self._remote = Remote(f"tariff {name}", str(whole.origin()), fetcher, allow_http=feed.allow_http)

    async def read(self, at: float) -> Quote:
        """Return the price as of UTC `at`; raise SourceError."""
        if self._remote is not None:
            said = await self._remote.get(self._query, lambda body: quote_of(body, self.feed, at))
            return said.value
        if self.feed.file is None:
            raise SourceError("unreachable", "the feed has neither file nor url")
        body, modified = await asyncio.to_thread(_load, self.feed.file)
        return quote_of(body, self.feed, min(modified, at))


def _load(path: Path) -> tuple[bytes, float]:
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


def _price(value: Any) -> Decimal:
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
