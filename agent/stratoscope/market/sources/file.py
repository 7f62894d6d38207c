"""Reads the market from a JSON file that another program keeps up to date, for sites without internet.

`{"time": 1768209000, "currency": "USD", "price": 91000, "height": 931392, "difficulty": 146472570619930.8,
"fees": 0.0169}`: fees are BTC per block, the mean of 144; time is UTC seconds, by default the modification time of the
file. Values that are not used can be left out.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, TypeAdapter

from stratoscope.errors import SourceError
from stratoscope.market.sources.answer import (
    Difficulty,
    Height,
    Positive,
    SourceAnswer,
    UtcSeconds,
    number,
    parse_answer,
)
from stratoscope.market.sources.kind import SourceContext, SourceKind
from stratoscope.market.sources.source import NetworkReport, PriceReport
from stratoscope.outside.feed import load
from stratoscope.outside.source_metrics import SourceMetrics
from stratoscope.units import SATOSHIS

MAX_FILE_BYTES: Final = 64 << 10
Bitcoin = Annotated[float, BeforeValidator(number), Field(ge=0, lt=1000)]


class MarketFile(SourceAnswer):
    """The content of the file."""

    time: UtcSeconds | None = None
    currency: str | None = None
    price: Positive | None = None
    height: Height | None = None
    difficulty: Difficulty | None = None
    fees: Bitcoin | None = None


MARKET_FILE: Final = TypeAdapter(MarketFile)


def parse(body: bytes) -> MarketFile:
    """Return the content of `body`; raise SourceError."""
    return parse_answer(MARKET_FILE, body)


class FileSource:
    """The market in one file."""

    def __init__(self, name: str, path: Path, tally: SourceMetrics) -> None:
        self.name = name
        self._path = path
        self._tally = tally

    async def network(self) -> NetworkReport:
        """Return the network in the file with the file's time; raise SourceError."""
        content, at = await self._content()
        if content.height is None or content.difficulty is None:
            raise SourceError("schema", "the file has no height or no difficulty")
        fees = None if content.fees is None else content.fees * SATOSHIS
        return NetworkReport(height=content.height, difficulty=content.difficulty, fees=fees, tip_time=at)

    async def price(self, currency: str) -> PriceReport:
        """Return the price in the file with the file's time; raise SourceError, also for another currency."""
        content, at = await self._content()
        if content.price is None or (content.currency or currency).upper() != currency:
            raise SourceError("schema", f"the file has no price in {currency}")
        return PriceReport(content.price, at)

    async def _content(self) -> tuple[MarketFile, float]:
        try:
            found = await asyncio.to_thread(self._read)
        except SourceError as error:
            self._tally.count(self.name, error.reason)
            raise
        self._tally.count(self.name, "ok")
        return found

    def _read(self) -> tuple[MarketFile, float]:
        body, modified = load(self._path)
        if len(body) > MAX_FILE_BYTES:
            raise SourceError("oversize", f"over {MAX_FILE_BYTES >> 10} KiB")
        content = parse(body)
        return content, content.time if content.time is not None else modified


def _build(context: SourceContext) -> FileSource:
    if context.settings.path is None:
        raise ValueError("a source of kind file requires a path")
    return FileSource(context.name, context.settings.path, context.tally)


KIND: Final = SourceKind(
    name="file",
    provides=("network", "price"),
    build=_build,
    for_network=("path",),
    for_prices=("path",),
)
