"""Tracks what hashrate earns per algorithm: Bitcoin by the hashprice, others by configured prices."""

import math

from stratoscope.economics.accrual import RateMeter
from stratoscope.economics.terms import BITCOIN, MoneyTerms
from stratoscope.market.records import MarketState, MarketStateSource
from stratoscope.market.revenue import price_per_ph_day
from stratoscope.units import DAY, MICRO, PH, SATOSHIS


class AlgorithmEarnings:
    """What the hashrate of one algorithm earns now, and has earned since the agent started.

    `fiat` and `btc` are per PH/s per day before the fees, `btc` for Bitcoin's algorithm only; None is unknown. The
    meters count satoshis and millionths of fiat per H/s, after the fees.
    """

    __slots__ = ("_btc", "_btc_until", "_fiat", "_fiat_until", "btc", "fiat", "sat", "worth")

    def __init__(self, now: float) -> None:
        self.btc: float | None = None
        self.fiat: float | None = None
        self.sat = RateMeter(now)
        self.worth = RateMeter(now)
        self._btc: float | None = None
        self._fiat: float | None = None
        self._btc_until = self._fiat_until = math.inf

    def set_prices(
        self, btc: tuple[float | None, float], fiat: tuple[float | None, float], fee: float, now: float
    ) -> None:
        """Set prices, each with the monotonic time at which it expires."""
        (self._btc, self._btc_until), (self._fiat, self._fiat_until) = btc, fiat
        net = (1 - fee) / (PH * DAY)
        self.sat.set_rate(None if self._btc is None else self._btc * SATOSHIS * net, self._btc_until, now)
        self.worth.set_rate(None if self._fiat is None else self._fiat / MICRO * net, self._fiat_until, now)

    def set_fee(self, fee: float, now: float) -> None:
        """Change the fee (ratio) at monotonic `now`."""
        self.set_prices((self._btc, self._btc_until), (self._fiat, self._fiat_until), fee, now)

    def update(self, now: float) -> None:
        """Update prices and meters to monotonic `now`."""
        self.btc = self._btc if now < self._btc_until else None
        self.fiat = self._fiat if now < self._fiat_until else None
        self.sat.advance(now)
        self.worth.advance(now)


class Earnings:
    """The earnings of every algorithm with a price; other algorithms have no revenue."""

    def __init__(self, market: MarketStateSource | None, terms: MoneyTerms, now: float) -> None:
        self._market = market
        self._terms = terms
        self._last_state: MarketState | None = None
        self.bitcoin = AlgorithmEarnings(now)
        self.others: dict[str, AlgorithmEarnings] = {}
        self.apply_terms(terms, now)

    def apply_terms(self, terms: MoneyTerms, now: float) -> None:
        """Switch to new terms at monotonic `now`; keep the sums."""
        self._terms, self._last_state = terms, None
        self.bitcoin.set_fee(terms.fee, now)
        for name in [name for name in self.others if name not in terms.algorithms]:
            del self.others[name]
        for name, rate in terms.algorithms.items():
            self.others.setdefault(name, AlgorithmEarnings(now)).set_prices(
                (None, math.inf), (price_per_ph_day(rate.price, rate.unit), math.inf), terms.fee, now
            )

    def of(self, algorithm: str | None, now: float, at: float) -> AlgorithmEarnings | None:
        """Return the earnings of an algorithm, updated to monotonic `now` and UTC `at`; None if it has no price."""
        if algorithm == BITCOIN:
            if self._market is None:
                return None
            if self._market.now is not self._last_state:
                self._apply_market(self._market.now, now, at)
            found: AlgorithmEarnings | None = self.bitcoin
        else:
            found = self.others.get(algorithm) if algorithm is not None else None
        if found is not None:
            found.update(now)
        return found

    def _apply_market(self, market: MarketState, now: float, at: float) -> None:
        self._last_state = market
        terms, hashprice = self._terms, market.hashprice
        btc = fiat = None
        btc_until = fiat_until = math.inf
        if hashprice is not None and market.difficulty is not None:
            btc = hashprice.btc_per_ph_day
            btc_until = now + market.difficulty.at + terms.chain_max_age - at
            if market.price is not None and market.currency == terms.currency:
                fiat = hashprice.fiat_per_ph_day
                fiat_until = min(btc_until, now + market.price.at + terms.price_max_age - at)
        self.bitcoin.set_prices((btc, btc_until), (fiat, fiat_until), terms.fee, now)
