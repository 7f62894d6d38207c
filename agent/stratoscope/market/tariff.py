"""Computes the price of one kWh at a point in time under a tariff.

There are two prices. The *marginal* price is what running one more kWh costs now, including the credit that curtailing
it would earn: it decides about curtailment. The *average* price also includes everything that the bill spreads over the
kWh: it is used for margins. Prices are Decimal fiat per kWh at the meter and can be negative; times are UTC seconds.
"""

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
    local_time,
    microseconds,
    month_microseconds,
    zone_price,
)
from stratoscope.units import HOUR, KILOWATT

EnergyPriceSource = Literal["fixed", "zone", "external", "last", "default"]
"""Where the energy price comes from; `last` and `default` are fallbacks for a stale external price."""

Fallback = Literal["default", "last", "none"]

ZERO: Final = Decimal(0)
MICROSECONDS_PER_HOUR: Final = int(HOUR) * MICROSECONDS


@dataclass(frozen=True, slots=True)
class PowerQuote:
    """An external price of power (fiat per kWh, finite, can be negative), valid from `at`."""

    price: Decimal
    at: float  # UTC s

    def __post_init__(self) -> None:
        if not self.price.is_finite():
            raise ValueError("a price must be a finite number")


@dataclass(frozen=True, slots=True)
class ExternalPrice:
    """How long an external price is valid, and what is used after that."""

    max_age: float  # s
    fallback: Fallback = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adders:
    """What is added to the energy price: losses, then delivery, then tax on the sum."""

    per_kwh: Decimal = ZERO  # fiat
    markup_ratio: Decimal = ZERO  # 0.0825 = 8.25 %
    loss_ratio: Decimal = ZERO  # energy bought over energy metered, minus one


@dataclass(frozen=True, slots=True)
class PowerBlock:
    """Power bought ahead at a fixed price; the unused part is sold back at the market price."""

    power: Decimal  # W
    price: Decimal  # fiat per kWh


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """One power contract. `price` applies outside the zones, and is the fallback of an external price."""

    currency: str
    timezone: ZoneInfo
    price: Decimal | None = None  # fiat per kWh
    zones: tuple[Zone, ...] = ()  # the last zone that matches wins
    external: ExternalPrice | None = None
    adders: Adders = Adders()
    block: PowerBlock | None = None
    per_month: Decimal = ZERO  # fiat, independent of use
    credit_per_kwh: Decimal = ZERO  # fiat that a curtailed kWh earns
    overhead_ratio: Decimal = Decimal(1)  # power at the meter over power of the rigs: fans, transformers, distribution

    def metered(self, power: float) -> float:
        """Return the power at the meter (W) for a power of the rigs (W)."""
        return power * float(self.overhead_ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class KwhPrice:
    """The price of one kWh at one time; None is unknown.

    `stale` is True if the tariff has an external price but no fresh one: the fallback price is good enough for a bill,
    but not for a curtailment decision.
    """

    energy: Decimal | None = None  # before adders
    marginal: Decimal | None = None
    average: Decimal | None = None  # at the given load
    source: EnergyPriceSource | None = None
    age: float | None = None  # s, of the external price, stale or not
    stale: bool = False


@dataclass(frozen=True, slots=True)
class EnergyPrice:
    """The price of the energy alone: its source, the age of the external price (s), and whether that is stale."""

    price: Decimal | None
    source: EnergyPriceSource | None
    age: float | None = None
    stale: bool = False


def price_at(tariff: Tariff, moment: float, quotes: Sequence[PowerQuote] = (), power: float | None = None) -> KwhPrice:
    """Return the price of one kWh at UTC `moment`.

    `quotes` are the external prices, sorted by time. `power` is the total load at the meter (W): the costs of a block
    and of a month are spread over it. Such a tariff has no average price without a load above zero.
    """
    now = microseconds(moment)
    energy = energy_price(tariff, now, quotes)
    if energy.price is None:
        return KwhPrice(age=energy.age, stale=energy.stale)
    metered = price_per_metered_kwh(tariff, energy.price)
    return KwhPrice(
        energy=energy.price,
        marginal=as_decimal(metered + Fraction(tariff.credit_per_kwh)),
        average=_average(metered, fixed_cost_per_hour(tariff, energy.price, now), power),
        source=energy.source,
        age=energy.age,
        stale=energy.stale,
    )


def as_decimal(value: Fraction) -> Decimal:
    """Return a fraction as Decimal, to 28 digits."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def energy_price(tariff: Tariff, now: int, quotes: Sequence[PowerQuote]) -> EnergyPrice:
    """Return the price of the energy at `now` (µs since 1970 UTC), from zone, external price or fallback."""
    in_zone = zone_price(tariff.zones, local_time(now, tariff.timezone)) if tariff.zones else None
    default = tariff.price if in_zone is None else in_zone
    external = tariff.external
    if external is None:
        return EnergyPrice(default, None if default is None else "fixed" if in_zone is None else "zone")
    started = bisect_right(quotes, now, key=lambda quote: microseconds(quote.at))
    quote = quotes[started - 1] if started else None
    since = None if quote is None else now - microseconds(quote.at)
    age = None if since is None else since / MICROSECONDS
    if quote is not None and since is not None and since < microseconds(external.max_age):
        return EnergyPrice(quote.price, "external", age)
    if external.fallback == "last" and quote is not None:
        return EnergyPrice(quote.price, "last", age, stale=True)
    if external.fallback == "default" and default is not None:
        return EnergyPrice(default, "default", age, stale=True)
    return EnergyPrice(None, None, age, stale=True)


def price_per_metered_kwh(tariff: Tariff, energy: Decimal) -> Fraction:
    """Return what each metered kWh adds to the bill: losses at the energy price, then delivery, then tax."""
    adders = tariff.adders
    bought = Fraction(energy) * (1 + Fraction(adders.loss_ratio))
    return (bought + Fraction(adders.per_kwh)) * (1 + Fraction(adders.markup_ratio))


def fixed_cost_per_hour(tariff: Tariff, energy: Decimal, now: int) -> Fraction:
    """Return the fiat per hour that does not depend on the load, at `now` (µs since 1970 UTC).

    A block swaps the market price for its own price over its whole power, used or not. So the marginal price is the
    market price even within the block.
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


def _average(metered: Fraction, fixed_per_hour: Fraction, power: float | None) -> Decimal | None:
    if not fixed_per_hour:
        return as_decimal(metered)
    if power is None or power <= 0:
        return None
    return as_decimal(metered + fixed_per_hour * Fraction(KILOWATT) / Fraction(power))
