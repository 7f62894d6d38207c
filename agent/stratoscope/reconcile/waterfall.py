"""Takes a pool's day apart: from what the rigs' hashes were worth to what the pool credited, factor by factor.

    realised = theoretical × uptime × acceptance × rate method × (1 − fee) × luck × residual

Every factor is known from elsewhere but the last. Where one is unknown it is None, counts as 1, and the residual (with
PPLNS, TIDES and solo: the luck) holds it: the product is always exact.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from stratoscope.market.chain import BLOCK_SECONDS, hashes_per_block
from stratoscope.pools.report import Scheme
from stratoscope.units import DAY, PH, SATOSHIS

BY_LUCK: Final[frozenset[Scheme]] = frozenset({"pplns", "tides", "solo", "prop"})
"""Schemes that pay for blocks, not for shares: a day says little, and nothing of it is ever an alarm."""

FACTORS: Final = ("uptime", "acceptance", "rate_method", "pool_fee", "luck", "residual")
"""The factors in the order in which they apply; the closed set behind the label `factor`."""


@dataclass(slots=True, kw_only=True)
class PoolDay:
    """The sums of one UTC day at one pool; None is unknown.

    The rigs' side: hashes as their firmware reports them, with their worth at each moment's difficulty. The compared
    part is where hashes of rigs and of the pool's books stand for the same time. `earned_sat` is the whole account's.
    """

    day: str  # 2026-01-12
    site: str
    pool: str
    scheme: Scheme | None = None
    fee: float | None = None  # ratio, as agreed with the pool
    firmware_fee: float = 0.0  # ratio of the hashes that the firmware's maker keeps
    reported_hashes: float = 0.0
    reported_sat: float | None = None  # their worth at subsidy and mean fees
    subsidy_sat: float | None = None  # their worth at the subsidy alone
    valued_hashes: float = 0.0  # those whose worth is known
    watched_seconds: float = 0.0  # of the day, while the agent ran
    rig_seconds: float = 0.0  # time that rigs passed at the pool meanwhile
    heard_seconds: float = 0.0  # of it, while they answered, or the pool saw that they stood still
    hashing_seconds: float = 0.0  # of it, while they hashed
    curtailed_seconds: float = 0.0  # heard, not hashing, and advised so
    accepted: float = 0.0  # shares, as the rigs count them
    rejected: float = 0.0
    stale: float = 0.0
    compared_hashes: float = 0.0  # reported, where the pool's books tell of the same time
    credited_hashes: float = 0.0  # credited meanwhile
    compared_shares: float = 0.0
    matched: float = 0.0  # credited hashrate of matched workers, and of all, summed over looks
    listed: float = 0.0
    earned_sat: int | None = None  # by the pool's books, after its fee
    pool_fee_sat: int | None = None
    rate_ratio: float | None = None  # the pool's FPPS rate of the day
    stated_hashes: float | None = None  # credited over the day, where the pool tells
    until: float = 0.0  # UTC s up to which the rigs' side is counted

    @property
    def coverage(self) -> float | None:
        """Return for which part of the rigs' day is known what they did; the agent's own absence is not."""
        if not self.rig_seconds > 0:
            return None
        return min(1.0, self.heard_seconds / self.rig_seconds * self.watched_seconds / DAY)

    @property
    def matched_ratio(self) -> float:
        """Return which part of what the account was credited came from matched workers."""
        return self.matched / self.listed if self.listed > 0 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """A day at a pool, taken apart. Satoshis; `realised` is the matched rigs' part of what the account earned."""

    day: str
    scheme: Scheme | None
    theoretical: float  # had the rigs hashed all the time, at the market's hashprice, no fee
    realised: float | None
    factors: Mapping[str, float | None]  # by FACTORS
    parts: Mapping[str, float | None]  # of the acceptance: firmware_fee, refused, credit
    costs: Mapping[str, float | None]  # sat: downtime, firmware_fee, rejected, stale, uncredited, pool_fee
    coverage: float
    hashprice: float | None  # BTC per PH/s per day, the market's over the same hashes
    realised_hashprice: float | None  # BTC per PH/s per day that the pool credited

    @property
    def ratio(self) -> float | None:
        """Return realised over theoretical."""
        return None if self.realised is None or not self.theoretical > 0 else self.realised / self.theoretical

    @property
    def by_luck(self) -> bool:
        """Tell whether the realised figure depends on blocks found."""
        return self.scheme in BY_LUCK

    @property
    def expected(self) -> float:
        """Return what the pool should have credited on average: the theoretical with every known factor but luck."""
        known = (self.factors[name] for name in FACTORS if name not in ("luck", "residual"))
        return self.theoretical * math.prod(1.0 if factor is None else factor for factor in known)


def waterfall(day: PoolDay) -> Waterfall | None:
    """Return the day taken apart; None while the worth of its hashes or the rigs' time is unknown."""
    worth, coverage = day.reported_sat, day.coverage
    if worth is None or not coverage or day.valued_hashes < 1 or not day.hashing_seconds > 0:
        return None
    gross = (
        worth * (day.reported_hashes / day.valued_hashes) / coverage
    )  # what is not known is taken to be like the rest
    uptime = _ratio(day.hashing_seconds, day.heard_seconds - day.curtailed_seconds)
    uptime = None if uptime is None else min(1.0, uptime)
    theoretical = gross if uptime is None else gross / uptime
    acceptance = _ratio(day.credited_hashes, day.compared_hashes)
    fee = _fee(day)
    factors: dict[str, float | None] = {
        "uptime": uptime,
        "acceptance": acceptance,
        "rate_method": _rate_method(day),
        "pool_fee": None if fee is None else 1 - fee,
        "luck": None,
        "residual": None,
    }
    realised = None if day.earned_sat is None else day.earned_sat * day.matched_ratio
    expected = theoretical * math.prod(1.0 if factor is None else factor for factor in factors.values())
    if realised is not None and expected > 0:
        factors["luck" if day.scheme in BY_LUCK else "residual"] = realised / expected
    parts = _parts(day, acceptance)
    return Waterfall(
        day=day.day,
        scheme=day.scheme,
        theoretical=theoretical,
        realised=realised,
        factors=factors,
        parts=parts,
        costs=_costs(day, theoretical, gross, factors, parts),
        coverage=coverage,
        hashprice=worth / SATOSHIS / (day.valued_hashes / (PH * DAY)),
        realised_hashprice=_realised_hashprice(day, day.reported_hashes / coverage * (acceptance or 0.0)),
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _fee(day: PoolDay) -> float | None:
    """Return the pool's fee as it was taken that day, else as agreed."""
    if day.pool_fee_sat is not None and day.earned_sat is not None and day.earned_sat + day.pool_fee_sat > 0:
        return day.pool_fee_sat / (day.earned_sat + day.pool_fee_sat)
    return day.fee


def _rate_method(day: PoolDay) -> float | None:
    """Return what the pool's rule for fees gives over subsidy plus mean fees of the same hashes.

    PPS pays the subsidy alone. FPPS multiplies the subsidy by the rate of the day, which the pool states: Foundry
    leaves out the blocks of the three highest and the three lowest fees, so it is below the mean when fees spike. Who
    pays for blocks pays what was in them.
    """
    if not day.subsidy_sat or not day.reported_sat:
        return None
    subsidy_part = day.subsidy_sat / day.reported_sat
    if day.scheme == "pps":
        return subsidy_part
    if day.scheme == "fpps" and day.rate_ratio is not None:
        return day.rate_ratio * subsidy_part
    return None


def _parts(day: PoolDay, acceptance: float | None) -> dict[str, float | None]:
    """Return what the acceptance consists of: the firmware's fee, refused shares, and what the pool's books leave."""
    refused = _ratio(day.rejected + day.stale, day.accepted + day.rejected + day.stale)
    firmware = 1 - day.firmware_fee
    known = firmware * (1 - (refused or 0.0))
    return {
        "firmware_fee": firmware,
        "refused": None if refused is None else 1 - refused,
        "credit": None if acceptance is None else _ratio(acceptance, known),
    }


def _costs(
    day: PoolDay,
    theoretical: float,
    gross: float,
    factors: Mapping[str, float | None],
    parts: Mapping[str, float | None],
) -> dict[str, float | None]:
    """Return what each loss cost in satoshis, at the market's hashprice before the pool's fee."""
    shares = day.accepted + day.rejected + day.stale
    after_firmware = gross * (1 - day.firmware_fee)
    after_refusal = after_firmware * (1.0 if parts["refused"] is None else parts["refused"])
    credit, fee = parts["credit"], factors["pool_fee"]
    credited = after_refusal * (1.0 if credit is None else credit)
    method = factors["rate_method"]
    return {
        "downtime": None if factors["uptime"] is None else theoretical - gross,
        "firmware_fee": gross - after_firmware,
        "rejected": after_firmware * day.rejected / shares if shares else None,
        "stale": after_firmware * day.stale / shares if shares else None,
        "uncredited": None if credit is None else after_refusal - credited,
        "pool_fee": None if fee is None else credited * (1.0 if method is None else method) * (1 - fee),
    }


def _realised_hashprice(day: PoolDay, credited: float) -> float | None:
    """Return what the pool paid over what it credited: of the whole account where it tells, else of matched rigs."""
    if day.earned_sat is None:
        return None
    if day.stated_hashes is not None and day.stated_hashes >= 1:
        return day.earned_sat / SATOSHIS / (day.stated_hashes / (PH * DAY))
    return day.earned_sat * day.matched_ratio / SATOSHIS / (credited / (PH * DAY)) if credited >= 1 else None


@dataclass(frozen=True, slots=True)
class BlockOdds:
    """What a hashrate may hope for alone: seconds to a block on average, and the chance of one within days."""

    seconds: float
    chances: Mapping[int, float] = field(default_factory=dict)  # days → probability


def block_odds(
    hashrate: float | None, difficulty: float | None, days: tuple[int, ...] = (1, 30, 365)
) -> BlockOdds | None:
    """Return the odds of `hashrate` (H/s) at this difficulty: E[T] = D·2**32/h, P(T) = 1 − exp(−h·T/(D·2**32))."""
    if not hashrate or not difficulty or hashrate <= 0 or difficulty <= 0:
        return None
    seconds = hashes_per_block(difficulty) / hashrate
    return BlockOdds(seconds, {span: -math.expm1(-span * DAY / seconds) for span in days})


def luck_noise(hashrate: float | None, difficulty: float | None, seconds: float) -> float | None:
    """Return one standard error of a pool's luck over a time: 1/sqrt(blocks that its hashrate finds on average)."""
    odds = block_odds(hashrate, difficulty, ())
    return math.sqrt(odds.seconds / seconds) if odds is not None and seconds >= BLOCK_SECONDS else None
