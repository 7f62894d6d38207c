"""Defines the settings of the market: its sources, how often they are queried, and how old their values may get."""

from dataclasses import dataclass, field
from pathlib import Path

from stratoscope.market.references import ReferenceSettings
from stratoscope.units import HOUR, MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSourceSettings:
    """One source: its kind and the keys of that kind. Prices are fiat per bitcoin, fees are bitcoin per block."""

    kind: str
    url: str | None = None  # None: the default of the kind
    allow_http: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    cookie: Path | None = None
    path: Path | None = None
    topic: str | None = None
    price_path: str | None = None
    time_path: str | None = None
    price: float | None = None
    height: int | None = None
    difficulty: float | None = None
    fees: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSettings:
    """The sources of the market. Network sources are queried in order; of the price sources the median is used."""

    currency: str = "USD"
    network: tuple[MarketSourceSettings, ...] = (MarketSourceSettings(kind="mempool"),)
    prices: tuple[MarketSourceSettings, ...] = (
        MarketSourceSettings(kind="coinbase"),
        MarketSourceSettings(kind="kraken"),
        MarketSourceSettings(kind="bitstamp"),
        MarketSourceSettings(kind="mempool"),
    )
    references: tuple[ReferenceSettings, ...] = ()  # published hashprices that are compared with our own
    interval: float = MINUTE  # s between rounds
    price_max_age: float = 15 * MINUTE  # s
    tip_max_age: float = 6 * HOUR  # s since the newest block
