"""Defines what market sources say: the state of the network, and a price."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The state of the network as one source sees it in one round; None is what it did not say."""

    height: int  # of the tip
    difficulty: float
    tip_time: float | None = None  # UTC s in the header of the tip
    fees: float | None = None  # sat per block, mean of the last 144
    hashrate: Mapping[int, float] = field(default_factory=dict)  # blocks looked back over → H/s
    epoch_start: float | None = None  # UTC s in the header of the epoch's first block
    window_start: float | None = None  # the same 504 blocks before that one
    previous_change: float | None = None  # ratio of the last adjustment
    wrong: Mapping[str, str] = field(default_factory=dict)  # input → why the source has none


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one bitcoin; `at` (UTC s) is when it was true, where the source says so."""

    value: float  # fiat
    at: float | None = None
    age: float = 0.0  # s that a cache on the way had held it


@dataclass(frozen=True, slots=True)
class PastPrice:
    """A price of the past, with the moment (UTC s) it is of."""

    value: float
    at: float


@dataclass(frozen=True, slots=True)
class Past:
    """What the chain was at a moment of the past."""

    difficulty: float
    reward: int  # sat per block, mean around the moment


class NetworkSource(Protocol):
    """Something that knows the network."""

    name: str

    async def network(self) -> Network:
        """Return the state of the network now; raise SourceError."""
        ...


class PriceSource(Protocol):
    """Something that knows the price."""

    name: str

    async def price(self, currency: str) -> Price:
        """Return the price now; raise SourceError."""
        ...


class Archive(Protocol):
    """Something that knows the past."""

    name: str

    async def past_price(self, currency: str, moment: float) -> PastPrice:
        """Return the price nearest to `moment` (UTC s); raise SourceError."""
        ...

    async def past(self, moment: float) -> Past:
        """Return what the chain was at `moment` (UTC s); raise SourceError."""
        ...
