"""Reads hashprices that others publish, so that each can be held against what it implies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.market.published import RewardCheck, Unit, check_published, in_bitcoin
from stratoscope.outside.feed import Feed, Reader, begins_at, decimal_of, found_in
from stratoscope.outside.fetch import Fetcher
from stratoscope.units import MINUTE

MOST: Final = 1e9
"""No hashprice of any unit comes to this figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSettings:
    """A hashprice that somebody else publishes: a value of the config, or where it is read."""

    name: str
    unit: Unit
    value: float | None = None
    feed: Feed | None = None
    max_age: float = 20 * MINUTE  # s


@dataclass(frozen=True, slots=True)
class Figure:
    """A published hashprice in its own unit, and when it was said (UTC s)."""

    value: float
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published hashprice as it stands beside our own; None is unknown or too old."""

    age: float  # s
    btc_per_ph_day: float | None = None
    deviation: float | None = None  # from our own by difficulty, ratio
    check: RewardCheck | None = None


def figure_of(body: bytes, feed: Feed, at: float) -> Figure:
    """Return the hashprice in `body`, as of the time it names, else of UTC `at`; raise SourceError."""
    document = found_in(body)
    value = float(decimal_of(feed.walk(document)))
    if not 0 < value < MOST:
        raise SourceError("schema", "it is no hashprice")
    return Figure(value, min(begins_at(document, feed, at), at))


class Reference:
    """One published hashprice, with the newest figure it gave."""

    def __init__(self, settings: ReferenceSettings, fetcher: Fetcher) -> None:
        self.settings = settings
        self._clock: Clock = fetcher.clock
        self._figure: Figure | None = None
        self._reader: Reader[Figure] | None = None
        if settings.feed is not None:
            self._reader = Reader(f"reference {settings.name}", settings.feed, fetcher, figure_of)

    @property
    def figure(self) -> Figure | None:
        """Return the newest figure; one of the config is always of now."""
        value = self.settings.value
        return self._figure if value is None else Figure(value, self._clock.time())

    async def ask(self) -> bool:
        """Read the figure anew; return whether there was one. What it said before stays until it is too old."""
        if self._reader is None:
            return True
        try:
            self._figure = await self._reader.read(self._clock.time())
        except SourceError:  # counted where it was read
            return False
        return True


@dataclass(frozen=True, slots=True)
class Own:
    """What we know ourselves, to hold a published hashprice against; None is unknown."""

    price: float | None = None  # fiat per BTC
    difficulty: float | None = None
    subsidy: int | None = None  # sat
    fees: float | None = None  # sat per block
    btc_per_ph_day: float | None = None


def beside(references: Mapping[str, tuple[ReferenceSettings, Figure]], own: Own, at: float) -> dict[str, Published]:
    """Return every published hashprice beside our own at UTC `at`; one that is too old keeps its age only."""
    found = {}
    for name, (settings, figure) in references.items():
        age = max(0.0, at - figure.at)
        bitcoin = in_bitcoin(figure.value, settings.unit, own.price) if age <= settings.max_age else None
        if bitcoin is None:
            found[name] = Published(age=age)
            continue
        check = None
        if own.difficulty is not None and own.subsidy is not None:
            check = check_published(bitcoin, own.difficulty, own.subsidy, own.fees)
        deviation = bitcoin / own.btc_per_ph_day - 1 if own.btc_per_ph_day else None
        found[name] = Published(age=age, btc_per_ph_day=bitcoin, deviation=deviation, check=check)
    return found
