"""Reads the market from a JSON file that something else keeps up to date, for sites without internet.

`{"time": 1768209000, "currency": "USD", "price": 91000, "height": 931392, "difficulty": 146472570619930.8,
"fees": 0.0169}`: fees are BTC per block, the mean of 144; time is UTC seconds, else the file's own time counts. What is
not needed may be left out.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, TypeAdapter

from stratoscope.errors import SourceError
from stratoscope.market.sources.answer import Answer, Difficulty, Height, Moment, Positive, number, read
from stratoscope.market.sources.source import Network, Price
from stratoscope.outside.feed import load
from stratoscope.outside.source_metrics import SourceTally
from stratoscope.units import SATOSHIS

MOST: Final = 64 << 10
Bitcoin = Annotated[float, BeforeValidator(number), Field(ge=0, lt=1000)]


class Sheet(Answer):
    """What a file may hold."""

    time: Moment | None = None
    currency: str | None = None
    price: Positive | None = None
    height: Height | None = None
    difficulty: Difficulty | None = None
    fees: Bitcoin | None = None


SHEET: Final = TypeAdapter(Sheet)


def parse(body: bytes) -> Sheet:
    """Return what `body` holds; raise SourceError."""
    return read(SHEET, body)


class File:
    """The market of a file."""

    def __init__(self, name: str, path: Path, tally: SourceTally) -> None:
        self.name = name
        self._path = path
        self._tally = tally

    async def network(self) -> Network:
        """Return the network in the file, as of its time; raise SourceError."""
        sheet, at = await self._sheet()
        if sheet.height is None or sheet.difficulty is None:
            raise SourceError("schema", "the file holds no height or no difficulty")
        fees = None if sheet.fees is None else sheet.fees * SATOSHIS
        return Network(height=sheet.height, difficulty=sheet.difficulty, fees=fees, tip_time=at)

    async def price(self, currency: str) -> Price:
        """Return the price in the file, as of its time; raise SourceError, also when it is of another currency."""
        sheet, at = await self._sheet()
        if sheet.price is None or (sheet.currency or currency).upper() != currency:
            raise SourceError("schema", f"the file holds no price in {currency}")
        return Price(sheet.price, at)

    async def _sheet(self) -> tuple[Sheet, float]:
        try:
            found = await asyncio.to_thread(self._read)
        except SourceError as error:
            self._tally.count(self.name, error.reason)
            raise
        self._tally.count(self.name, "ok")
        return found

    def _read(self) -> tuple[Sheet, float]:
        body, modified = load(self._path)
        if len(body) > MOST:
            raise SourceError("oversize", "over 64 KiB")
        sheet = parse(body)
        return sheet, sheet.time if sheet.time is not None else modified
