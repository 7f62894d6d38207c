"""What the tests of money stand on: a market that says what it is told, terms, and rigs as they are read."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from stratoscope.economics.days import DayBook
from stratoscope.economics.demand import Demand
from stratoscope.economics.economist import Economist
from stratoscope.economics.terms import Contract, Terms
from stratoscope.events import Event
from stratoscope.fleet import Judged, PollStatus, RigSnapshot
from stratoscope.market.hashprice import hashprice
from stratoscope.market.records import Known, MarketNow
from stratoscope.market.tariff import Tariff
from stratoscope.reading import Reading
from stratoscope.units import SATOSHIS, TH

AT = 1_768_200_000.0  # 12 January 2026, 06:40 UTC: midnight and a bit in Chicago
DIFFICULTY = 146.48088e12
FEES = 1_686_508.0
PRICE = 91_132.0


class ToldMarket:
    """Knows difficulty, fees and price as of `at`; None of them where told so."""

    def __init__(self, at: float = AT, **values: Any) -> None:
        self.tell(at, **values)

    def tell(
        self,
        at: float,
        *,
        difficulty: float | None = DIFFICULTY,
        price: float | None = PRICE,
        price_at: float | None = None,
        currency: str = "USD",
    ) -> None:
        reward = 3.125 * SATOSHIS + FEES
        self.now = MarketNow(
            at=at,
            currency=currency,
            difficulty=None if difficulty is None else Known(value=difficulty, at=at, source="told"),
            fees=Known(value=FEES, at=at, source="told"),
            subsidy=312_500_000,
            price=None if price is None else Known(value=price, at=price_at or at, source="told"),
            hashprice=None if difficulty is None else hashprice(difficulty, reward, price),
        )


def tariff(**more: Any) -> Tariff:
    return Tariff(**{"currency": "USD", "timezone": ZoneInfo("America/Chicago"), "price": Decimal("0.05"), **more})


def terms(**more: Any) -> Terms:
    return Terms(**{"currency": "USD", "tariffs": {"default": Contract(tariff=tariff())}, **more})


class Bench:
    """An economist, and what it told."""

    def __init__(self, market: ToldMarket | None = None, **more: Any) -> None:
        self.market = market
        self.events: list[Event] = []
        own = more.pop("terms", None) or terms(**more)
        self.days = DayBook("north", own.currency, rig_days=own.rig_days)
        self.economist = Economist(own, market, self.days, Demand("north"), self.events.append, 0.0)


def reading(**more: Any) -> Reading:
    return Reading(
        **{"driver": "fake", "make": "Antminer", "model": "S21", "algorithm": "sha256", "hashing": True, **more}
    )


def snapshot(
    rig: str = "a", at: float = AT, hashrate: float | None = 200 * TH, power: float | None = 3500.0, **more: Any
) -> RigSnapshot:
    efficiency = power / (hashrate / TH) if power and hashrate else None
    judged = Judged(hashrate=hashrate, power=power, efficiency=efficiency, flatline=more.pop("flatline", False))
    return RigSnapshot(
        rig=rig,
        state="hashing",
        polling=PollStatus(address="10.0.0.1", interval=30.0),
        judged=judged,
        reading=more.pop("reading", reading()),
        at=at,
        **more,
    )
