"""Splits a pool's day into factors: from the value of the rigs' hashes to what the pool credited.

    realised = theoretical × uptime × acceptance × rate method × (1 − fee) × luck × residual

Every factor but the last is computed from other data. An unknown factor is None and counts as 1, so its effect ends up
in the residual (for PPLNS, TIDES and solo: in the luck). The product is always exact.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from stratoscope.market.chain import hashes_per_block
from stratoscope.pools.report import Scheme
from stratoscope.units import DAY, PH, SATOSHIS

BLOCK_SCHEMES: Final[frozenset[Scheme]] = frozenset({"pplns", "tides", "solo", "prop"})
"""Schemes that pay for blocks, not for shares: a single day says little and never raises an alarm."""

FACTORS: Final = ("uptime", "acceptance", "rate_method", "pool_fee", "luck", "residual")
"""The factors in the order in which they apply; the values of the label `factor`."""


@dataclass(slots=True, kw_only=True)
class PoolDay:
    """The sums of one UTC day at one pool; None is unknown. The fields are the columns of the ledger's table.

    Reported hashes are those that the firmware reports, valued at the difficulty of each moment. Compared hashes are
    those for which the pool's figures cover the same time. `earned_sat` is for the whole account.
    """

    day: str  # 2026-01-12
    site: str
    pool: str
    scheme: Scheme | None = None
    fee: float | None = None  # ratio, from the config, else as the pool states it
    firmware_fee: float = 0.0  # ratio of the hashes that go to the firmware's maker
    reported_hashes: float = 0.0
    reported_sat: float | None = None  # their value from subsidy and mean fees
    subsidy_sat: float | None = None  # their value from the subsidy alone
    valued_hashes: float = 0.0  # those whose value is known
    watched_seconds: float = 0.0  # time of the day in which the agent ran
    rig_seconds: float = 0.0  # sum over the rigs: their time at the pool meanwhile
    heard_seconds: float = 0.0  # of it, reachable, or stopped as the pool received no shares
    hashing_seconds: float = 0.0  # of it, hashing
    curtailed_seconds: float = 0.0  # of it, not hashing because the agent advised curtailment
    accepted: float = 0.0  # shares, by the rigs' own counts
    rejected: float = 0.0
    stale: float = 0.0
    compared_hashes: float = 0.0  # reported hashes for which the pool's figures cover the same time
    credited_hashes: float = 0.0  # hashes that the pool credited in that time
    compared_shares: float = 0.0
    matched: float = 0.0  # credited hashrate of matched workers, summed over worker lists
    listed: float = 0.0  # credited hashrate of the whole account, summed in the same way
    earned_sat: int | None = None  # as the pool reports, after its fee
    pool_fee_sat: int | None = None
    rate_ratio: float | None = None  # the pool's FPPS rate of the day
    stated_hashes: float | None = None  # credited hashes of the day, if the pool states them
    until: float = 0.0  # UTC s up to which the rigs are counted

    @property
    def coverage(self) -> float | None:
        """Return the fraction of the rigs' day that is known; time in which the agent did not run is unknown."""
        if not self.rig_seconds > 0:
            return None
        return min(1.0, self.heard_seconds / self.rig_seconds * self.watched_seconds / DAY)

    @property
    def matched_ratio(self) -> float:
        """Return the fraction of the account's credited hashrate that came from matched workers."""
        return self.matched / self.listed if self.listed > 0 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """The factors and amounts (satoshis) of one day at a pool."""

    day: str
    scheme: Scheme | None
    theoretical: float  # had the rigs hashed all day, at the market's hashprice, before any fee
    realised: float | None  # the matched rigs' share of what the account earned
    factors: Mapping[str, float | None]  # keys: FACTORS
    parts: Mapping[str, float | None]  # of the acceptance; keys: firmware_fee, refused, credit
    costs: Mapping[str, float | None]  # keys: downtime, firmware_fee, rejected, stale, uncredited, pool_fee
    coverage: float
    hashprice: float | None  # BTC per PH/s and day: the market's, over the same hashes
    realised_hashprice: float | None  # BTC per PH/s and day: what the pool paid

    @property
    def ratio(self) -> float | None:
        """Return realised over theoretical."""
        return None if self.realised is None or not self.theoretical > 0 else self.realised / self.theoretical

    @property
    def pays_for_blocks(self) -> bool:
        """Return whether the pool pays for blocks, so that `realised` depends on luck."""
        return self.scheme in BLOCK_SCHEMES

    @property
    def expected(self) -> float:
        """Return what the pool should credit on average: `theoretical` times every known factor except luck."""
        known = (self.factors[name] for name in FACTORS if name not in ("luck", "residual"))
        return self.theoretical * math.prod(1.0 if factor is None else factor for factor in known)


def split_day(day: PoolDay) -> Waterfall | None:
    """Return the waterfall of a day; None if the value of its hashes or the rigs' time is unknown."""
    value, coverage = day.reported_sat, day.coverage
    if value is None or not coverage or day.valued_hashes < 1 or not day.hashing_seconds > 0:
        return None
    gross = (
        value * (day.reported_hashes / day.valued_hashes) / coverage
    )  # assumes that the unknown time is like the rest
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
        factors["luck" if day.scheme in BLOCK_SCHEMES else "residual"] = realised / expected
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
        hashprice=value / SATOSHIS / (day.valued_hashes / (PH * DAY)),
        realised_hashprice=_realised_hashprice(day, day.reported_hashes / coverage * (acceptance or 0.0)),
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _fee(day: PoolDay) -> float | None:
    """Return the pool's fee ratio: as charged that day, else as agreed."""
    if day.pool_fee_sat is not None and day.earned_sat is not None and day.earned_sat + day.pool_fee_sat > 0:
        return day.pool_fee_sat / (day.earned_sat + day.pool_fee_sat)
    return day.fee


def _rate_method(day: PoolDay) -> float | None:
    """Return what the scheme pays for the hashes, divided by their value from subsidy and mean fees.

    PPS pays the subsidy alone. FPPS multiplies the subsidy by the rate of the day, which the pool states. Foundry
    leaves out the three blocks with the highest and the three with the lowest fees, so its rate is below the mean when
    fees spike. Pools that pay for blocks pay what the blocks contain: None.
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
    """Return the parts of the acceptance: after the firmware's fee, after refused shares, and credited of the rest."""
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
    """Return the cost of each loss in satoshis, at the market's hashprice before the pool's fee."""
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
    """Return what the pool paid per credited hash: of the whole account if it states hashes, else of matched rigs."""
    if day.earned_sat is None:
        return None
    if day.stated_hashes is not None and day.stated_hashes >= 1:
        return day.earned_sat / SATOSHIS / (day.stated_hashes / (PH * DAY))
    return day.earned_sat * day.matched_ratio / SATOSHIS / (credited / (PH * DAY)) if credited >= 1 else None


@dataclass(frozen=True, slots=True)
class BlockOdds:
    """Solo mining: mean seconds to a block, and the probability of at least one within some days."""

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
