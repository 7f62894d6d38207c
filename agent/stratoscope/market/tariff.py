"""Prices power: what a kWh costs at a moment, and what an interval costs, under one tariff.

Two prices, never one. The *marginal* price is what running one more kWh costs now, forgone credits included: it decides
about curtailment. The *average* cost is what the kWh cost with everything the bill spreads over them: it goes into
margins. Negative prices are legal. Prices are Decimal fiat per kWh at the meter, moments are UTC seconds.
"""

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal
from zoneinfo import ZoneInfo

from stratoscope.market.tariff_zones import (
    MICROSECONDS,
    Zone,
    edges,
    local_time,
    microseconds,
    month_microseconds,
    zone_price,
)
from stratoscope.units import HOUR, KILOWATT

Source = Literal["fixed", "zone", "external", "last", "default"]
"""Where the energy price came from; `last` and `default` are fallbacks for an external price that is too old."""

Fallback = Literal["default", "last", "none"]

ZERO: Final = Decimal(0)
MICROSECONDS_PER_HOUR: Final = int(HOUR) * MICROSECONDS


@dataclass(frozen=True, slots=True)
class Quote:
    """An external price (fiat per kWh, finite, may be negative), in force from `at` on."""

    price: Decimal
    at: float  # UTC s

    def __post_init__(self) -> None:
        if not self.price.is_finite():
            raise ValueError("a price is a finite number")


@dataclass(frozen=True, slots=True)
class External:
    """How long an external price holds, and what stands in for it afterwards."""

    max_age: float  # s
    fallback: Fallback = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adders:
    """What is added to the energy price: delivery, losses, then tax on all of it."""

    per_kwh: Decimal = ZERO  # fiat
    markup_ratio: Decimal = ZERO  # 0.0825 = 8.25 %
    loss_ratio: Decimal = ZERO  # energy bought per energy metered, less one


@dataclass(frozen=True, slots=True)
class Block:
    """Power bought ahead at a fixed price; what is not used of it is sold back at the market's price."""

    power: Decimal  # W
    price: Decimal  # fiat per kWh


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """One power contract. `price` holds where no zone does, and stands in for an external price."""

    currency: str
    timezone: ZoneInfo
    price: Decimal | None = None  # fiat per kWh
    zones: tuple[Zone, ...] = ()  # the last that holds wins
    external: External | None = None
    adders: Adders = Adders()
    block: Block | None = None
    per_month: Decimal = ZERO  # fiat, whatever is used
    credit_per_kwh: Decimal = ZERO  # fiat a curtailed kWh would earn
    overhead_ratio: Decimal = Decimal(1)  # meter over rigs: fans, transformers, distribution

    def metered(self, power: float) -> float:
        """Return the power at the meter (W) behind `power` (W) at the rigs."""
        return power * float(self.overhead_ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of a kWh at one moment; None where it is unknown.

    `stale` tells that the tariff wants an external price and has none that is fresh: whatever the fallback gives is
    good enough for a bill, and no ground for a decision.
    """

    energy: Decimal | None = None  # before adders
    marginal: Decimal | None = None
    average: Decimal | None = None  # at the load asked for
    source: Source | None = None
    age: float | None = None  # s, of the external price, fresh or not
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Charges:
    """What an interval costs, split so that it adds up exactly: a part per kW of load, and a part that stands anyway.

    `covered` is the time with a known price; the rest of the interval has no cost here, and is no free power either.
    """

    per_kilowatt: Fraction = Fraction(0)  # fiat per kW of constant load
    standing: Fraction = Fraction(0)  # fiat
    covered: Fraction = Fraction(0)  # s

    def __add__(self, other: "Charges") -> "Charges":
        return Charges(
            self.per_kilowatt + other.per_kilowatt, self.standing + other.standing, self.covered + other.covered
        )

    def cost(self, power: float) -> Decimal | None:
        """Return the fiat that a constant `power` (W at the meter) cost; None when no price was known."""
        if not self.covered:
            return None
        return as_decimal(self.per_kilowatt * Fraction(power) / Fraction(KILOWATT) + self.standing)


def price_at(tariff: Tariff, moment: float, quotes: Sequence[Quote] = (), power: float | None = None) -> Price:
    """Return the price of a kWh at a moment (UTC s).

    `quotes` are the external prices in order of time. `power` is the whole load at the meter (W): a block or a monthly
    charge is spread over it, so that without a load above zero such a tariff has no average.
    """
    now = microseconds(moment)
    energy, source, age, stale = _energy(tariff, now, quotes)
    if energy is None:
        return Price(age=age, stale=stale)
    volumetric = _volumetric(tariff, energy)
    return Price(
        energy=energy,
        marginal=as_decimal(volumetric + Fraction(tariff.credit_per_kwh)),
        average=_average(volumetric, _standing(tariff, energy, now), power),
        source=source,
        age=age,
        stale=stale,
    )


def charges_between(tariff: Tariff, start: float, end: float, quotes: Sequence[Quote] = ()) -> Charges:
    """Return what the interval from `start` to `end` (UTC s) costs, each stretch at the price that held in it.

    However an interval is split, the charges of its parts add up to the charges of the whole, exactly. An interval
    that does not run forward, as after a clock was set back, costs nothing and covers nothing.
    """
    first, last = microseconds(start), microseconds(end)
    if last <= first:
        return Charges()
    cuts = sorted({first, *_changes(tariff, first, last, quotes), last})
    total = Charges()
    for begin, until in itertools.pairwise(cuts):
        energy, *_ = _energy(tariff, begin, quotes)
        if energy is not None:
            hours = Fraction(until - begin, MICROSECONDS_PER_HOUR)
            total += Charges(
                _volumetric(tariff, energy) * hours,
                _standing(tariff, energy, begin) * hours,
                Fraction(until - begin, MICROSECONDS),
            )
    return total


def as_decimal(value: Fraction) -> Decimal:
    """Return a fraction as Decimal, to 28 digits."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def _energy(
    tariff: Tariff, now: int, quotes: Sequence[Quote]
) -> tuple[Decimal | None, Source | None, float | None, bool]:
    """Return the energy price, its source, the age of the external price, and whether that is stale."""
    in_zone = zone_price(tariff.zones, local_time(now, tariff.timezone)) if tariff.zones else None
    default = tariff.price if in_zone is None else in_zone
    external = tariff.external
    if external is None:
        return default, None if default is None else "fixed" if in_zone is None else "zone", None, False
    begun = bisect_right(quotes, now, key=_begins)
    quote = quotes[begun - 1] if begun else None
    since = None if quote is None else now - _begins(quote)
    age = None if since is None else since / MICROSECONDS
    if quote is not None and since is not None and since < microseconds(external.max_age):
        return quote.price, "external", age, False
    if external.fallback == "last" and quote is not None:
        return quote.price, "last", age, True
    if external.fallback == "default" and default is not None:
        return default, "default", age, True
    return None, None, age, True


def _begins(quote: Quote) -> int:
    return microseconds(quote.at)


def _volumetric(tariff: Tariff, energy: Decimal) -> Fraction:
    """Return what each metered kWh adds to the bill: losses are bought at the energy price, tax comes on all of it."""
    adders = tariff.adders
    bought = Fraction(energy) * (1 + Fraction(adders.loss_ratio))
    return (bought + Fraction(adders.per_kwh)) * (1 + Fraction(adders.markup_ratio))


def _standing(tariff: Tariff, energy: Decimal, now: int) -> Fraction:
    """Return the fiat per hour that does not depend on the load.

    A block is a swap of the market's price for its own over its whole power, used or not: so the marginal price stays
    the market's even inside the block.
    """
    total = Fraction(0)
    if tariff.block is not None:
        kilowatts = Fraction(tariff.block.power) / Fraction(KILOWATT)
        swap = kilowatts * (Fraction(tariff.block.price) - Fraction(energy))
        total += swap * (1 + Fraction(tariff.adders.markup_ratio))
    if tariff.per_month:
        month = month_microseconds(local_time(now, tariff.timezone), tariff.timezone)
        total += Fraction(tariff.per_month) * MICROSECONDS_PER_HOUR / month
    return total


def _average(volumetric: Fraction, standing: Fraction, power: float | None) -> Decimal | None:
    if not standing:
        return as_decimal(volumetric)
    if power is None or power <= 0:
        return None
    return as_decimal(volumetric + standing * Fraction(KILOWATT) / Fraction(power))


def _changes(tariff: Tariff, first: int, last: int, quotes: Sequence[Quote]) -> set[int]:
    """Return the moments strictly between `first` and `last` at which the price may change."""
    found: set[int] = set()
    if tariff.zones or tariff.per_month:
        found.update(edges(tariff.zones, tariff.timezone, first, last))
    if tariff.external is not None:
        for quote in quotes:
            found.update((_begins(quote), _begins(quote) + microseconds(tariff.external.max_age)))
    return {moment for moment in found if first < moment < last}
