"""Judges hashprices that others publish, by the block reward they imply; and says what they are in one unit."""

from dataclasses import dataclass
from typing import Final, Literal

from stratoscope.market.chain import hashes_per_block
from stratoscope.units import DAY, PH, SATOSHIS, TH

FEE_SHARE_TOLERANCE: Final = 0.01
"""How far the fee share inside a published hashprice may be from our own mean before we doubt it."""

ROUNDING: Final = 1e-4
"""Published hashprices carry five digits: the implied reward may fall short of the subsidy by that rounding."""

Unit = Literal["btc_per_ph_day", "sats_per_th_day", "fiat_per_ph_day", "fiat_per_th_day"]
Verdict = Literal["fits", "below_subsidy", "fees_differ", "unchecked"]
VERDICTS: Final[tuple[Verdict, ...]] = ("fits", "below_subsidy", "fees_differ", "unchecked")


@dataclass(frozen=True, slots=True)
class RewardCheck:
    """What a published hashprice implies of the block reward.

    `plausible` (hard) is False when it implies less than the subsidy: difficulty or hashprice is wrong. `agrees`
    (soft) is False when its share of fees is not our own; None when we have no mean of fees to hold against it.
    """

    implied_reward: float  # sat
    implied_fee_share: float  # fees / reward
    plausible: bool
    agrees: bool | None

    @property
    def verdict(self) -> Verdict:
        """Return the outcome in one word; the hard check comes first."""
        if not self.plausible:
            return "below_subsidy"
        return {None: "unchecked", True: "fits", False: "fees_differ"}[self.agrees]  # type: ignore[return-value]  # mypy widens the words to str


def implied_reward(btc_per_ph_day: float, difficulty: float) -> float:
    """Return the block reward (sat) at which this difficulty gives this hashprice."""
    return btc_per_ph_day * SATOSHIS * hashes_per_block(difficulty) / (DAY * PH)


def check_published(
    btc_per_ph_day: float,
    difficulty: float,
    subsidy: int,
    fees: float | None = None,
    tolerance: float = FEE_SHARE_TOLERANCE,
) -> RewardCheck | None:
    """Hold a published hashprice (BTC per PH/s per day) against subsidy and our own mean fees (sat per block).

    None when hashprice or difficulty is not above zero: there is nothing to check.
    """
    if not (btc_per_ph_day > 0 and difficulty > 0):
        return None
    reward = implied_reward(btc_per_ph_day, difficulty)
    share = 1 - subsidy / reward
    agrees = None if fees is None else abs(share - own_fee_share(subsidy, fees)) <= tolerance
    return RewardCheck(reward, share, reward >= subsidy * (1 - ROUNDING), agrees)


def own_fee_share(subsidy: int, fees: float) -> float:
    """Return the part of the reward that is fees, both in sat per block; 0 where there is no reward at all."""
    return fees / (subsidy + fees) if subsidy + fees > 0 else 0.0


def in_bitcoin(value: float, unit: Unit, price: float | None) -> float | None:
    """Return a hashprice as BTC per PH/s per day; None where it is fiat and the price (fiat per BTC) is unknown."""
    if unit == "btc_per_ph_day":
        return value
    if unit == "sats_per_th_day":
        return value / SATOSHIS * PH / TH
    if not price:
        return None
    return value / price * (PH / TH if unit == "fiat_per_th_day" else 1)
