"""Keeps what hashrate earns, per algorithm: Bitcoin's by the market's hashprice, others' by the operator's prices."""

import math

from stratoscope.economics.accrual import Meter
from stratoscope.economics.terms import BITCOIN, Rate, Terms
from stratoscope.market.records import Market, MarketNow
from stratoscope.units import DAY, MICRO, PH, SATOSHIS


class Yield:
    """What one algorithm's hashrate earns now and has earned since the agent started.

    `fiat` and `btc` are per PH/s per day before the fees, `btc` only for Bitcoin's own algorithm; None is unknown. The
    meters count satoshis and millionths of fiat per H/s after the fees.
    """

    __slots__ = ("_btc", "_btc_until", "_fiat", "_fiat_until", "btc", "fiat", "sat", "worth")

    def __init__(self, now: float) -> None:
        self.btc: float | None = None
        self.fiat: float | None = None
        self.sat = Meter(now)
        self.worth = Meter(now)
        self._btc: float | None = None
        self._fiat: float | None = None
        self._btc_until = self._fiat_until = math.inf

    def turn(self, btc: tuple[float | None, float], fiat: tuple[float | None, float], fee: float, now: float) -> None:
        """Go on at other prices, each with the monotonic moment until which it is good."""
        (self._btc, self._btc_until), (self._fiat, self._fiat_until) = btc, fiat
        kept = (1 - fee) / (PH * DAY)
        self.sat.turn(None if self._btc is None else self._btc * SATOSHIS * kept, self._btc_until, now)
        self.worth.turn(None if self._fiat is None else self._fiat / MICRO * kept, self._fiat_until, now)

    def charge(self, fee: float, now: float) -> None:
        """Go on at another fee from monotonic `now`."""
        self.turn((self._btc, self._btc_until), (self._fiat, self._fiat_until), fee, now)

    def look(self, now: float) -> None:
        """Bring prices and meters up to monotonic `now`."""
        self.btc = self._btc if now < self._btc_until else None
        self.fiat = self._fiat if now < self._fiat_until else None
        self.sat.advance(now)
        self.worth.advance(now)


class Earnings:
    """The yields of every algorithm that has a price. Unknown algorithms have none, and so no revenue."""

    def __init__(self, market: Market | None, terms: Terms, now: float) -> None:
        self._market = market
        self._terms = terms
        self._seen: MarketNow | None = None
        self.bitcoin = Yield(now)
        self.others: dict[str, Yield] = {}
        self.follow(terms, now)

    def follow(self, terms: Terms, now: float) -> None:
        """Reckon by other terms from monotonic `now` on."""
        self._terms, self._seen = terms, None
        self.bitcoin.charge(terms.fee, now)
        for name in [name for name in self.others if name not in terms.algorithms]:
            del self.others[name]
        for name, rate in terms.algorithms.items():
            self.others.setdefault(name, Yield(now)).turn((None, math.inf), (_fiat(rate), math.inf), terms.fee, now)

    def of(self, algorithm: str | None, now: float, at: float) -> Yield | None:
        """Return the yield of an algorithm, brought up to monotonic `now` / UTC `at`; None when it has no price."""
        if algorithm == BITCOIN:
            if self._market is None:
                return None
            if self._market.now is not self._seen:
                self._follow_market(self._market.now, now, at)
            found: Yield | None = self.bitcoin
        else:
            found = self.others.get(algorithm) if algorithm is not None else None
        if found is not None:
            found.look(now)
        return found

    def _follow_market(self, market: MarketNow, now: float, at: float) -> None:
        self._seen = market
        terms, hashprice = self._terms, market.hashprice
        btc = fiat = None
        btc_until = fiat_until = math.inf
        if hashprice is not None and market.difficulty is not None:
            btc = hashprice.btc_per_ph_day
            btc_until = now + market.difficulty.at + terms.chain_max_age - at
            if market.price is not None and market.currency == terms.currency:
                fiat = hashprice.fiat_per_ph_day
                fiat_until = min(btc_until, now + market.price.at + terms.price_max_age - at)
        self.bitcoin.turn((btc, btc_until), (fiat, fiat_until), terms.fee, now)


def _fiat(rate: Rate) -> float:
    """Return fiat per PH/s per day."""
    return rate.price / rate.unit * PH
