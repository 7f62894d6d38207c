"""Defines what market sources report: the state of the network, the price, and the past."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkReport:
    """The state of the network as one source reports it; None is what it did not report."""

    height: int  # of the tip
    difficulty: float
    tip_time: float | None = None  # UTC s in the header of the tip
    fees: float | None = None  # sat per block, mean of the last 144
    hashrate: Mapping[int, float] = field(default_factory=dict)  # window in blocks → H/s
    epoch_start: float | None = None  # UTC s in the header of the epoch's first block
    window_start: float | None = None  # UTC s in the header of the block 504 before that one
    previous_change: float | None = None  # ratio of the last adjustment
    wrong: Mapping[str, str] = field(default_factory=dict)  # input → why the source does not have it


@dataclass(frozen=True, slots=True)
class PriceReport:
    """The price of one bitcoin. `at` (UTC s) is the time of the price, if the source reports it."""

    value: float  # fiat
    at: float | None = None
    age: float = 0.0  # s that an HTTP cache had held the response


@dataclass(frozen=True, slots=True)
class PastPrice:
    """A past price and its time (UTC s)."""

    value: float
    at: float


@dataclass(frozen=True, slots=True)
class PastNetwork:
    """The network at a past time."""

    difficulty: float
    reward: int  # sat per block, mean around that time


@runtime_checkable
class NetworkSource(Protocol):
    """A source of height, difficulty and fees."""

    name: str

    async def network(self) -> NetworkReport:
        """Return the current state of the network; raise SourceError."""
        ...


@runtime_checkable
class PriceSource(Protocol):
    """A source of the price."""

    name: str

    async def price(self, currency: str) -> PriceReport:
        """Return the current price; raise SourceError."""
        ...


@runtime_checkable
class HistorySource(Protocol):
    """A source of past prices and difficulties."""

    name: str

    async def past_price(self, currency: str, moment: float) -> PastPrice:
        """Return the price nearest to `moment` (UTC s); raise SourceError."""
        ...

    async def past(self, moment: float) -> PastNetwork:
        """Return difficulty and reward at `moment` (UTC s); raise SourceError."""
        ...
