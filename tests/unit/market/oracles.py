"""Exact reference calculations that the tests compare the program with."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from stratoscope.market.chain import hashes_per_block
from stratoscope.market.costs import KWH_PER_MWH, revenue_per_mwh
from stratoscope.market.hosting import HOURS_PER_MONTH
from stratoscope.market.tariff import (
    MICROSECONDS_PER_HOUR,
    PowerQuote,
    Tariff,
    as_decimal,
    energy_price,
    fixed_cost_per_hour,
    price_per_metered_kwh,
)
from stratoscope.market.tariff_zones import (
    MICROSECONDS,
    MINUTES_PER_DAY,
    Zone,
    local_time,
    microseconds,
    microseconds_at,
)
from stratoscope.units import KILOWATT


@dataclass(frozen=True, slots=True)
class Charges:
    """The cost of an interval, split so that it adds up exactly: a cost per kW of load, and a fixed cost.

    `covered` is the time with a known price; the rest of the interval has an unknown cost.
    """

    per_kilowatt: Fraction = Fraction(0)  # fiat per kW of constant load
    fixed: Fraction = Fraction(0)  # fiat
    covered: Fraction = Fraction(0)  # s

    def __add__(self, other: "Charges") -> "Charges":
        return Charges(self.per_kilowatt + other.per_kilowatt, self.fixed + other.fixed, self.covered + other.covered)

    def cost(self, power: float) -> Decimal | None:
        """Return the cost (fiat) of a constant `power` (W at the meter); None if no price is known."""
        if not self.covered:
            return None
        return as_decimal(self.per_kilowatt * Fraction(power) / Fraction(KILOWATT) + self.fixed)


def charges_between(tariff: Tariff, start: float, end: float, quotes: Sequence[PowerQuote] = ()) -> Charges:
    """Return the cost of the interval from `start` to `end` (UTC s), each stretch at its own price.

    The charges of the parts of an interval add up exactly to the charges of the whole. An interval that does not run
    forward, as after a clock was set back, has no charges and covers nothing.
    """
    first, last = microseconds(start), microseconds(end)
    if last <= first:
        return Charges()
    cuts = sorted({first, *_price_changes(tariff, first, last, quotes), last})
    total = Charges()
    for begin, until in itertools.pairwise(cuts):
        energy = energy_price(tariff, begin, quotes).price
        if energy is not None:
            hours = Fraction(until - begin, MICROSECONDS_PER_HOUR)
            total += Charges(
                price_per_metered_kwh(tariff, energy) * hours,
                fixed_cost_per_hour(tariff, energy, begin) * hours,
                Fraction(until - begin, MICROSECONDS),
            )
    return total


def _price_changes(tariff: Tariff, first: int, last: int, quotes: Sequence[PowerQuote]) -> set[int]:
    """Return the times strictly between `first` and `last` at which the price can change."""
    found: set[int] = set()
    if tariff.zones or tariff.per_month:
        found.update(iter_zone_changes(tariff.zones, tariff.timezone, first, last))
    if tariff.external is not None:
        for quote in quotes:
            found.update((microseconds(quote.at), microseconds(quote.at) + microseconds(tariff.external.max_age)))
    return {moment for moment in found if first < moment < last}


def iter_zone_changes(zones: Sequence[Zone], zone: ZoneInfo, start: int, end: int) -> Iterator[int]:
    """Yield, unsorted, every time with start < time < end at which another zone can apply.

    These are the ends of the spans and the midnights on the wall clock, both of them in a repeated hour, and the clock
    change itself, which can skip an end or go back before it.
    """
    minutes = {0, *(minute for item in zones for span in item.hours for minute in span)} - {MINUTES_PER_DAY}
    day = local_time(start, zone).date() - timedelta(days=1)
    last = local_time(end, zone).date() + timedelta(days=1)
    while day <= last:
        found = {microseconds_at(day, minute, zone, fold) for minute in minutes for fold in (0, 1)}
        found.update(_clock_changes(day, zone))
        yield from (moment for moment in found if start < moment < end)
        day += timedelta(days=1)


def _clock_changes(day: date, zone: ZoneInfo) -> Iterator[int]:
    """Yield the time at which the offset of the zone changes during a local day, to the second."""
    low = microseconds_at(day, 0, zone, 0)
    high = microseconds_at(day + timedelta(days=1), 0, zone, 1)
    before = local_time(low, zone).utcoffset()
    if local_time(high, zone).utcoffset() == before:
        return
    while high - low > MICROSECONDS:
        middle = (low + high) // (2 * MICROSECONDS) * MICROSECONDS
        if local_time(middle, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    yield high


def satoshis_earned(hashes: float, difficulty: float, reward: float, pool_fee: float = 0.0) -> float | None:
    """Return the satoshis that `hashes` are worth at this difficulty and reward (sat per block), after the pool's fee.

    None unless the difficulty is above zero.
    """
    if not difficulty > 0:
        return None
    return hashes / hashes_per_block(difficulty) * reward * (1 - pool_fee)


def mining_net_per_mwh(
    hashprice: float | None, efficiency: float | None, power_price: float | None, pool_fee: float = 0.0
) -> float | None:
    """Return what mining earns from one MWh after paying for it: fiat per PH/s per day, J/TH, fiat per kWh, ratio."""
    revenue = revenue_per_mwh(hashprice, efficiency, pool_fee)
    return None if revenue is None or power_price is None else revenue - power_price * KWH_PER_MWH


def per_kw_month(per_mwh: float, uptime: float = 1.0) -> float:
    """Return fiat per MWh as fiat per kW and month of 730 hours, at this uptime (ratio)."""
    return per_mwh / KWH_PER_MWH * HOURS_PER_MONTH * uptime


def fpps_rate(subsidies: Sequence[int], fees: Sequence[int], trim: int = 0) -> float | None:
    """Return the FPPS rate of a UTC day: reward over subsidy of its blocks (sat each, in the same order).

    `trim` drops that many blocks with the highest and with the lowest fees (Foundry: 3). None without blocks left.
    """
    if len(subsidies) != len(fees):
        raise ValueError("one fee per subsidy is required")
    kept = sorted(zip(fees, subsidies, strict=True))[trim : len(fees) - trim]
    total = sum(subsidy for _, subsidy in kept)
    return 1 + sum(fee for fee, _ in kept) / total if total else None
