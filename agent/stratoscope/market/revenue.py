"""Computes what hashes and hashrate earn: satoshis for counters, bitcoin and fiat per day for gauges.

Hashes are accepted hashes; `pool_fee` is a ratio (0.02 = 2 %). What is not known is None, and so is what follows.
"""

from collections.abc import Sequence

from stratoscope.market.chain import hashes_per_block
from stratoscope.units import PH, SATOSHIS


def satoshis_earned(hashes: float, difficulty: float, reward: float, pool_fee: float = 0.0) -> float | None:
    """Return the satoshis that `hashes` are worth at this difficulty and reward (sat per block), after the pool's fee.

    This is what a counter sums up, tick by tick, each tick with the market of its own time. None when the difficulty
    is not above zero.
    """
    if not difficulty > 0:
        return None
    return hashes / hashes_per_block(difficulty) * reward * (1 - pool_fee)


def revenue_per_day(hashrate: float | None, hashprice_per_ph_day: float | None, pool_fee: float = 0.0) -> float | None:
    """Return what `hashrate` (H/s) earns per day, in the money of the hashprice, after the pool's fee."""
    if hashrate is None or hashprice_per_ph_day is None:
        return None
    return hashrate / PH * hashprice_per_ph_day * (1 - pool_fee)


def configured_revenue_per_day(
    hashrate: float | None, unit: float, price_per_unit_day: float | None, pool_fee: float = 0.0
) -> float | None:
    """Return what a rig of another algorithm earns per day: a configured price per `unit` (H/s) of hashrate and day.

    Bitcoin's hashprice says nothing of scrypt or kHeavyHash: without a configured price the revenue is unknown.
    """
    if hashrate is None or price_per_unit_day is None or not unit > 0:
        return None
    return hashrate / unit * price_per_unit_day * (1 - pool_fee)


def fpps_rate(subsidies: Sequence[int], fees: Sequence[int], trim: int = 0) -> float | None:
    """Return the FPPS rate of a UTC day: reward over subsidy, from the day's blocks (sat each, in the same order).

    `trim` leaves out that many blocks of highest and as many of lowest fees (Foundry: 3). None without blocks left.
    """
    if len(subsidies) != len(fees):
        raise ValueError("a fee per subsidy")
    kept = sorted(zip(fees, subsidies, strict=True))[trim : len(fees) - trim]
    total = sum(subsidy for _, subsidy in kept)
    return 1 + sum(fee for fee, _ in kept) / total if total else None


def bitcoin(satoshis: float) -> float:
    """Return satoshis as bitcoin, for a gauge or a screen; sums stay in satoshis."""
    return satoshis / SATOSHIS
