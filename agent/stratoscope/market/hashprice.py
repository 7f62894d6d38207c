"""Computes hashprice by its two definitions.

Hashprice by *difficulty* is what a pool credits per accepted hash (FPPS) and what Luxor and Braiins publish. Hashprice
by *observed hashrate* divides the blocks of the day by the observed network hashrate; JPMorgan and some dashboards
publish it. They differ by the luck and the growth of the network, often by 5 to 10 %, so they have different types and
are never mixed.

Rewards are satoshis per block (a mean can be fractional), prices are fiat per bitcoin.
"""

from dataclasses import dataclass

from stratoscope.market.chain import BLOCKS_PER_DAY, hashes_per_block
from stratoscope.units import DAY, EH, HOUR, KILOWATT, PH, SATOSHIS, TH


@dataclass(frozen=True, slots=True)
class Hashprice:
    """The hashprice by difficulty, before the pool's fee; `fiat_per_ph_day` is None without a price."""

    btc_per_ph_day: float
    sats_per_th_day: float
    fiat_per_ph_day: float | None


@dataclass(frozen=True, slots=True)
class ObservedHashprice:
    """The hashprice by observed network hashrate; JPMorgan publishes `observed_fiat_per_eh_day`."""

    observed_btc_per_ph_day: float
    observed_sats_per_th_day: float
    observed_fiat_per_ph_day: float | None
    observed_fiat_per_eh_day: float | None


@dataclass(frozen=True, slots=True)
class TemplateHashprice:
    """The hashprice if every block paid as much as the newest template: it looks ahead and is noisy."""

    template_btc_per_ph_day: float
    template_sats_per_th_day: float
    template_fiat_per_ph_day: float | None


def hashprice(difficulty: float, reward: float, price: float | None = None) -> Hashprice | None:
    """Return the hashprice by difficulty: 86400 s × reward / (difficulty × 2**32); None unless difficulty is above 0.

    `reward` is subsidy + mean fees of the last 144 blocks (sat); `price` is fiat per bitcoin.
    """
    if not difficulty > 0:
        return None
    btc = DAY * PH * reward / SATOSHIS / hashes_per_block(difficulty)
    return Hashprice(btc, _sats_per_th(btc), None if price is None else btc * price)


def observed_hashprice(
    network_hashrate: float, reward: float, price: float | None = None, blocks: float = BLOCKS_PER_DAY
) -> ObservedHashprice | None:
    """Return the hashprice by observed network hashrate (H/s): blocks × reward / hashrate; None unless that is above 0.

    `blocks` is the number of blocks per day: 144, as JPMorgan counts, or the real number.
    """
    if not network_hashrate > 0:
        return None
    btc = blocks * reward / SATOSHIS / (network_hashrate / PH)
    fiat = None if price is None else btc * price
    return ObservedHashprice(btc, _sats_per_th(btc), fiat, None if fiat is None else fiat * EH / PH)


def template_hashprice(difficulty: float, coinbase_value: int, price: float | None = None) -> TemplateHashprice | None:
    """Return the hashprice of the newest template; `coinbase_value` (sat) includes the fees."""
    of_template = hashprice(difficulty, coinbase_value, price)
    if of_template is None:
        return None
    return TemplateHashprice(of_template.btc_per_ph_day, of_template.sats_per_th_day, of_template.fiat_per_ph_day)


def gross_profit_per_eh_day(
    revenue_per_eh_day: float | None, efficiency: float | None, power_price: float | None
) -> float | None:
    """Return JPMorgan's daily gross profit: fiat per EH/s per day minus the power cost at J/TH and fiat per kWh."""
    if revenue_per_eh_day is None or efficiency is None or power_price is None:
        return None
    kilowatts = efficiency * EH / TH / KILOWATT  # J/TH is W per TH/s
    return revenue_per_eh_day - kilowatts * (DAY / HOUR) * power_price


def _sats_per_th(btc_per_ph_day: float) -> float:
    return btc_per_ph_day * SATOSHIS * TH / PH
