"""Keeps the power price of each tariff group, worked out once per stretch of time and not once per rig."""

import math
from bisect import insort
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from stratoscope.economics.accrual import LONGEST, Meter
from stratoscope.economics.call import Call, called
from stratoscope.economics.terms import Contract
from stratoscope.market.tariff import Price, Quote, price_at
from stratoscope.units import KILOWATT_HOUR, MICRO, MINUTE

MOST_QUOTES: Final = 512
"""External prices kept: a day of 5-minute prices ahead, and what has passed of it."""


class PowerGroup:
    """The rigs that share a tariff: the price now, and what a watt at the rig has cost since the agent started.

    A price holds until the minute ends (zones begin on full minutes), an external price begins, or the one in force
    gets too old; what a watt costs is added up over exactly these stretches.
    """

    def __init__(self, name: str, contract: Contract, now: float) -> None:
        self.name = name
        self.contract = contract
        self.overhead = float(contract.tariff.overhead_ratio)
        self.quotes: list[Quote] = []
        self.price = Price()
        self.average: float | None = None  # fiat per kWh, as a float, for the rigs
        self.marginal: float | None = None
        self.cost = Meter(now)
        self.credit = Meter(now)
        self.load: float | None = None  # W at the meter, of all rigs of the group
        self.call: Call | None = None  # the newest word of the grid
        self.told: bool | None = False  # of `called`, as events told it
        self._from = math.inf  # UTC s of the stretch
        self._until = -math.inf

    def follow(self, contract: Contract, now: float, at: float) -> None:
        """Go on under another contract from monotonic `now` / UTC `at`."""
        self.look(now, at)
        if contract.call != self.contract.call:  # what another source said counts no longer
            self.call = None
        self.contract = contract
        self.overhead = float(contract.tariff.overhead_ratio)
        self._until = -math.inf
        self.look(now, at)

    def load_is(self, load: float | None) -> None:
        """Take the power at the meter (W) that all rigs of the group draw now; the next stretch is priced by it."""
        if self.load is None and load is not None:
            self._until = -math.inf
        self.load = load

    def age(self, at: float) -> float | None:
        """Return how old the newest external price that has begun is at UTC `at`, in s; None without one."""
        begun = [quote.at for quote in self.quotes if quote.at <= at]
        return at - begun[-1] if begun and self.contract.tariff.external is not None else None

    def called(self, at: float) -> bool | None:
        """Return whether the grid calls for less load at UTC `at`: None unknown, False where nobody was to say."""
        return False if self.contract.call is None else called(self.call, self.contract.call_max_age, at)

    def offer(self, quote: Quote, now: float, at: float) -> None:
        """Take an external price, told at monotonic `now` / UTC `at`.

        It takes the place of one for the same moment, and of the one in force where that says the same.
        """
        self.look(now, at)
        begun = [known for known in self.quotes if known.at <= at]
        repeated = begun[-1] if begun and quote.at <= at and begun[-1].price == quote.price else None
        kept = [known for known in self.quotes if known.at != quote.at and known is not repeated]
        self.quotes = kept[-MOST_QUOTES + 1 :]
        insort(self.quotes, quote, key=attrgetter("at"))
        self._until = at

    def look(self, now: float, at: float) -> None:
        """Bring price and meters up to monotonic `now` / UTC `at`; cheap while the stretch goes on."""
        if not self._from <= at < self._until:
            self._turn_pages(now, at)
        self.cost.advance(now)
        self.credit.advance(now)

    def _turn_pages(self, now: float, at: float) -> None:
        """Go from stretch to stretch up to `at`; after a long pause or a step of the clock, start at `at`."""
        moment = self._until
        if not (self._from <= moment <= at and at - moment <= LONGEST):
            moment = at
        while True:
            self._begin(moment, now - (at - moment))
            if self._until > at:
                return
            moment = self._until

    def _begin(self, moment: float, now: float) -> None:
        """Start a stretch at UTC `moment` / monotonic `now`."""
        tariff = self.contract.tariff
        price = self.price = price_at(tariff, moment, self.quotes, self.load)
        self.average = None if price.average is None else float(price.average)
        self.marginal = None if price.marginal is None else float(price.marginal)
        rate = None if self.average is None else self.average * self.overhead / KILOWATT_HOUR / MICRO
        self.cost.turn(None if rate is None else max(rate, 0.0), math.inf, now)
        self.credit.turn(None if rate is None else max(-rate, 0.0), math.inf, now)
        self._from, self._until = moment, self._next_change(moment, self.quotes)

    def _next_change(self, moment: float, quotes: Sequence[Quote]) -> float:
        changes = [(math.floor(moment / MINUTE) + 1) * MINUTE]
        external = self.contract.tariff.external
        if external is not None:
            changes += (quote.at for quote in quotes)
            changes += (quote.at + external.max_age for quote in quotes)
        return min(change for change in changes if change > moment)
