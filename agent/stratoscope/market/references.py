"""Reads hashprices that third parties publish, and compares them with our own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.market.adjustment import change_ratio
from stratoscope.market.published import HashpriceUnit, RewardCheck, check_published, to_btc_per_ph_day
from stratoscope.outside.feed import Feed, FeedReader, begins_at, decimal_of, parse_json
from stratoscope.outside.fetch import Fetcher
from stratoscope.units import MINUTE

MAX_FIGURE: Final = 1e9
"""Above any hashprice, whatever the unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSettings:
    """A published hashprice: a fixed value, or the feed that it is read from."""

    name: str
    unit: HashpriceUnit
    value: float | None = None
    feed: Feed | None = None
    max_age: float = 20 * MINUTE  # s


@dataclass(frozen=True, slots=True)
class PublishedFigure:
    """A published hashprice in its own unit, and its time (UTC s)."""

    value: float
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedHashprice:
    """A published hashprice compared with our own; None is unknown or too old."""

    age: float  # s
    btc_per_ph_day: float | None = None
    deviation: float | None = None  # ratio, from our own by difficulty
    check: RewardCheck | None = None


def parse_figure(body: bytes, feed: Feed, at: float) -> PublishedFigure:
    """Return the hashprice in `body` with the time in it, else with UTC `at`; raise SourceError."""
    document = parse_json(body)
    value = float(decimal_of(feed.walk(document)))
    if not 0 < value < MAX_FIGURE:
        raise SourceError("schema", "the value is not a hashprice")
    return PublishedFigure(value, min(begins_at(document, feed, at), at))


class ReferenceReader:
    """Reads one published hashprice and keeps its newest figure."""

    def __init__(self, settings: ReferenceSettings, fetcher: Fetcher) -> None:
        self.settings = settings
        self._clock: Clock = fetcher.clock
        self._figure: PublishedFigure | None = None
        self._reader: FeedReader[PublishedFigure] | None = None
        if settings.feed is not None:
            self._reader = FeedReader(f"reference {settings.name}", settings.feed, fetcher, parse_figure)

    @property
    def figure(self) -> PublishedFigure | None:
        """Return the newest figure; a fixed value always has the current time."""
        value = self.settings.value
        return self._figure if value is None else PublishedFigure(value, self._clock.time())

    async def update(self) -> bool:
        """Read the figure again; return whether that worked. A failure keeps the last figure until it is too old."""
        if self._reader is None:
            return True
        try:
            self._figure = await self._reader.read(self._clock.time())
        except SourceError:  # counted by the reader
            return False
        return True


@dataclass(frozen=True, slots=True)
class OwnHashprice:
    """Our own values, to compare a published hashprice with; None is unknown."""

    price: float | None = None  # fiat per BTC
    difficulty: float | None = None
    subsidy: int | None = None  # sat
    fees: float | None = None  # sat per block
    btc_per_ph_day: float | None = None


def compare_references(
    references: Mapping[str, tuple[ReferenceSettings, PublishedFigure]], own: OwnHashprice, at: float
) -> dict[str, PublishedHashprice]:
    """Return every published hashprice compared with our own at UTC `at`; one that is too old has only its age."""
    found = {}
    for name, (settings, figure) in references.items():
        age = max(0.0, at - figure.at)
        btc = to_btc_per_ph_day(figure.value, settings.unit, own.price) if age <= settings.max_age else None
        if btc is None:
            found[name] = PublishedHashprice(age=age)
            continue
        check = None
        if own.difficulty is not None and own.subsidy is not None:
            check = check_published(btc, own.difficulty, own.subsidy, own.fees)
        deviation = change_ratio(btc, own.btc_per_ph_day)
        found[name] = PublishedHashprice(age=age, btc_per_ph_day=btc, deviation=deviation, check=check)
    return found
