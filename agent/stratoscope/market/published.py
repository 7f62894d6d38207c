"""Checks published hashprices by the block reward they imply, and converts them to one unit."""

from dataclasses import dataclass
from typing import Final, Literal

from stratoscope.market.chain import hashes_per_block
from stratoscope.units import DAY, PH, SATOSHIS, TH

FEE_SHARE_TOLERANCE: Final = 0.01
"""Largest difference between the fee share implied by a published hashprice and our own."""

ROUNDING: Final = 1e-4
"""Published hashprices have five digits: the implied reward can be below the subsidy by that rounding."""

HashpriceUnit = Literal["btc_per_ph_day", "sats_per_th_day", "fiat_per_ph_day", "fiat_per_th_day"]
RewardVerdict = Literal["fits", "below_subsidy", "fees_differ", "unchecked"]
VERDICTS: Final[tuple[RewardVerdict, ...]] = ("fits", "below_subsidy", "fees_differ", "unchecked")


@dataclass(frozen=True, slots=True)
class RewardCheck:
    """The block reward that a published hashprice implies.

    `plausible` is False if it is below the subsidy: difficulty or hashprice is wrong. `agrees` is False if its fee
    share differs from our own; None without our own mean of the fees.
    """

    implied_reward: float  # sat
    implied_fee_share: float  # fees / reward
    plausible: bool
    agrees: bool | None

    @property
    def verdict(self) -> RewardVerdict:
        """Return the result of both checks; the one for the subsidy comes first."""
        if not self.plausible:
            return "below_subsidy"
        return {None: "unchecked", True: "fits", False: "fees_differ"}[self.agrees]  # type: ignore[return-value]  # mypy infers str for the values


def implied_reward(btc_per_ph_day: float, difficulty: float) -> float:
    """Return the block reward (sat) that gives this hashprice at this difficulty."""
    return btc_per_ph_day * SATOSHIS * hashes_per_block(difficulty) / (DAY * PH)


def check_published(
    btc_per_ph_day: float,
    difficulty: float,
    subsidy: int,
    fees: float | None = None,
    tolerance: float = FEE_SHARE_TOLERANCE,
) -> RewardCheck | None:
    """Compare a published hashprice (BTC per PH/s per day) with the subsidy and our own mean fees (sat per block).

    Return None unless hashprice and difficulty are above zero.
    """
    if not (btc_per_ph_day > 0 and difficulty > 0):
        return None
    reward = implied_reward(btc_per_ph_day, difficulty)
    share = 1 - subsidy / reward
    agrees = None if fees is None else abs(share - fee_share(subsidy, fees)) <= tolerance
    return RewardCheck(reward, share, reward >= subsidy * (1 - ROUNDING), agrees)


def fee_share(subsidy: int, fees: float) -> float:
    """Return the share of the fees in the reward, both in sat per block; 0 without a reward."""
    return fees / (subsidy + fees) if subsidy + fees > 0 else 0.0


def to_btc_per_ph_day(value: float, unit: HashpriceUnit, price: float | None) -> float | None:
    """Return a hashprice in BTC per PH/s per day; None if it is in fiat and the price (fiat per BTC) is unknown."""
    if unit == "btc_per_ph_day":
        return value
    if unit == "sats_per_th_day":
        return value / SATOSHIS * PH / TH
    if not price:
        return None
    return value / price * (PH / TH if unit == "fiat_per_th_day" else 1)
