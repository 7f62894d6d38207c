"""Tracks the power price of each tariff group, calculated once per interval and not once per rig."""

import math
from bisect import insort
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from stratoscope.economics.accrual import MAX_GAP_S, RateMeter
from stratoscope.economics.call import GridCall, is_called
from stratoscope.economics.terms import PowerContract
from stratoscope.market.tariff import KwhPrice, PowerQuote, price_at
from stratoscope.units import KILOWATT_HOUR, MICRO, MINUTE

MAX_QUOTES: Final = 512
"""External prices in memory: one day of 5-minute prices ahead, plus past ones."""


class TariffGroup:
    """The rigs of one tariff: the current price, and what one watt at the rig has cost since the agent started.

    A price is valid until the minute ends (zones start on full minutes), the next external price starts, or the current
    one becomes too old. The cost of one watt is summed over exactly these intervals.
    """

    def __init__(self, name: str, contract: PowerContract, now: float) -> None:
        self.name = name
        self.contract = contract
        self.overhead = float(contract.tariff.overhead_ratio)
        self.quotes: list[PowerQuote] = []
        self.price = KwhPrice()
        self.average: float | None = None  # fiat per kWh, float for the rigs
        self.marginal: float | None = None
        self.cost = RateMeter(now)
        self.credit = RateMeter(now)
        self.load: float | None = None  # W at the meter, of all rigs of the group
        self.call: GridCall | None = None  # the newest call of the grid
        self.reported_call: bool | None = False  # the value of `called` in the last event
        self._from = math.inf  # UTC s, start of the interval
        self._until = -math.inf

    def apply_contract(self, contract: PowerContract, now: float, at: float) -> None:
        """Switch to another contract at monotonic `now` and UTC `at`; keep sums and quotes."""
        self.update(now, at)
        if contract.call != self.contract.call:  # drop the call of the old source
            self.call = None
        self.contract = contract
        self.overhead = float(contract.tariff.overhead_ratio)
        self._until = -math.inf
        self.update(now, at)

    def set_load(self, load: float | None) -> None:
        """Set the current power (W at the meter) of all rigs of the group; it is used from the next interval."""
        if self.load is None and load is not None:
            self._until = -math.inf
        self.load = load

    def age(self, at: float) -> float | None:
        """Return the age (s) of the current external price at UTC `at`; None without one."""
        started = [quote.at for quote in self.quotes if quote.at <= at]
        return at - started[-1] if started and self.contract.tariff.external is not None else None

    def called(self, at: float) -> bool | None:
        """Return whether the grid calls for less load at UTC `at`; None is unknown, False if no call is configured."""
        return False if self.contract.call is None else is_called(self.call, self.contract.call_max_age, at)

    def add_quote(self, quote: PowerQuote, now: float, at: float) -> None:
        """Add an external price received at monotonic `now` and UTC `at`.

        It replaces a price for the same time, and the current price if it is the same value.
        """
        self.update(now, at)
        started = [one for one in self.quotes if one.at <= at]
        repeated = started[-1] if started and quote.at <= at and started[-1].price == quote.price else None
        kept = [one for one in self.quotes if one.at != quote.at and one is not repeated]
        self.quotes = kept[-MAX_QUOTES + 1 :]
        insort(self.quotes, quote, key=attrgetter("at"))
        self._until = at

    def update(self, now: float, at: float) -> None:
        """Update price and meters to monotonic `now` and UTC `at`; cheap within an interval."""
        if not self._from <= at < self._until:
            self._advance_to(now, at)
        self.cost.advance(now)
        self.credit.advance(now)

    def _advance_to(self, now: float, at: float) -> None:
        """Start every interval up to `at`; after a long gap or a clock change, start one at `at`."""
        moment = self._until
        if not (self._from <= moment <= at and at - moment <= MAX_GAP_S):
            moment = at
        while True:
            self._begin(moment, now - (at - moment))
            if self._until > at:
                return
            moment = self._until

    def _begin(self, moment: float, now: float) -> None:
        """Start an interval at UTC `moment` and monotonic `now`."""
        tariff = self.contract.tariff
        price = self.price = price_at(tariff, moment, self.quotes, self.load)
        self.average = None if price.average is None else float(price.average)
        self.marginal = None if price.marginal is None else float(price.marginal)
        rate = None if self.average is None else self.average * self.overhead / KILOWATT_HOUR / MICRO
        self.cost.set_rate(None if rate is None else max(rate, 0.0), math.inf, now)
        self.credit.set_rate(None if rate is None else max(-rate, 0.0), math.inf, now)
        self._from, self._until = moment, self._next_change(moment, self.quotes)

    def _next_change(self, moment: float, quotes: Sequence[PowerQuote]) -> float:
        changes = [(math.floor(moment / MINUTE) + 1) * MINUTE]
        external = self.contract.tariff.external
        if external is not None:
            changes += (quote.at for quote in quotes)
            changes += (quote.at + external.max_age for quote in quotes)
        return min(change for change in changes if change > moment)
