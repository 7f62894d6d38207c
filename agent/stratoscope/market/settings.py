"""Defines what the market is told by the config: which sources to ask, how often, and how old an answer may get."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stratoscope.market.references import ReferenceSettings
from stratoscope.units import HOUR, MINUTE

MEMPOOL: Final = "https://mempool.space"
COINBASE: Final = "https://api.coinbase.com"
KRAKEN: Final = "https://api.kraken.com"
BITSTAMP: Final = "https://www.bitstamp.net"
COINGECKO: Final = "https://api.coingecko.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One source: its kind, and what that kind needs. Money is fiat per bitcoin and bitcoin per block."""

    kind: str
    url: str | None = None
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
    """Where the market comes from. Network sources are asked in order, of price sources the median is taken."""

    currency: str = "USD"
    network: tuple[SourceSettings, ...] = (SourceSettings(kind="mempool", url=MEMPOOL),)
    prices: tuple[SourceSettings, ...] = (
        SourceSettings(kind="coinbase", url=COINBASE),
        SourceSettings(kind="kraken", url=KRAKEN),
        SourceSettings(kind="bitstamp", url=BITSTAMP),
        SourceSettings(kind="mempool", url=MEMPOOL),
    )
    references: tuple[ReferenceSettings, ...] = ()  # hashprices of others, to be checked
    interval: float = MINUTE  # s between rounds
    price_max_age: float = 15 * MINUTE  # s
    tip_max_age: float = 6 * HOUR  # s since the newest block
