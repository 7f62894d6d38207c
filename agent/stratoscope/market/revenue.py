"""Computes what hashrate earns per day, from the hashprice or from a configured price.

`pool_fee` is a ratio (0.02 = 2 %). Unknown inputs are None, and so is the result.
"""

from stratoscope.units import PH


def revenue_per_day(hashrate: float | None, hashprice_per_ph_day: float | None, pool_fee: float = 0.0) -> float | None:
    """Return what `hashrate` (H/s) earns per day after the pool's fee, in the currency of the hashprice."""
    if hashrate is None or hashprice_per_ph_day is None:
        return None
    return hashrate / PH * hashprice_per_ph_day * (1 - pool_fee)


def price_per_ph_day(price: float, unit: float) -> float:
    """Return a configured price per `unit` (H/s > 0) and day as a price per PH/s and day.

    Other algorithms than Bitcoin's need such a price: the hashprice does not apply to scrypt or kHeavyHash.
    """
    return price / unit * PH
