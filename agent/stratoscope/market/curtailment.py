"""Advises whether a rig's power is worth its price: strike price, windows, hysteresis. Nothing is switched here.

The advice is "run", "curtail" or "unknown". A stale price, an unknown strike or a silent source of calls is "unknown",
never "run".
Prices are fiat per kWh, times UTC seconds.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

from stratoscope.market.costs import breakeven_power_price
from stratoscope.market.tariff import Price

Advice = Literal["run", "curtail", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How fast the advice follows the price; the defaults are those of the market leader."""

    window: float = 300.0  # s, a settlement interval
    off_after: int = 2  # windows above the strike, one after the other
    on_after: int = 4  # windows below
    min_off: float = 600.0  # s between "curtail" and the next "run": a restart costs
    high_strike: float | None = None  # fiat per kWh, curtails at once

    def __post_init__(self) -> None:
        if not self.window > 0 or self.off_after < 1 or self.on_after < 1 or self.min_off < 0:
            raise ValueError("window and counts are above zero, min_off is not below")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known at one moment: the tariff's price, the rig's strike, and whether the grid calls for less load."""

    price: Price | None
    strike: float | None
    called: bool | None = False  # demand response, coincident peak; None: its source is silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Curtailment:
    """The state of the advice; a new one replaces the old. `settled` is what holds once the price is known again."""

    advice: Advice = "unknown"
    settled: Literal["run", "curtail"] | None = None
    since: float | None = None  # UTC s at which `advice` began
    off_since: float | None = None  # UTC s of the last "curtail"
    above: int = 0  # closed windows above the strike, up to now
    below: int = 0
    window: int | None = None  # the open window: its number, and price less strike summed over its samples
    excess: float = 0.0
    samples: int = 0


START: Final = Curtailment()


def strike_price(
    hashprice: float | None,
    efficiency: float | None,
    pool_fee: float = 0.0,
    *,
    overhead_ratio: float = 1.0,
    margin: float = 0.0,
) -> float | None:
    """Return the price (fiat per kWh at the meter) above which a rig of this efficiency does not earn `margin` (ratio).

    The breakeven power price of its model, less the margin wanted: at this price the gross margin ratio is `margin`.
    """
    if efficiency is None or overhead_ratio <= 0:
        return None
    price = breakeven_power_price(hashprice, efficiency * overhead_ratio, pool_fee)
    return None if price is None else price * (1 - margin)


def advance(state: Curtailment, policy: Policy, outlook: Outlook, now: float) -> Curtailment:
    """Return the next state; call it as often as prices are looked at, once per window at least.

    A window counts by the mean of its samples, as it would be settled. A gap between windows starts the counts again.
    """
    price = decision_price(outlook.price)
    high = price is not None and policy.high_strike is not None and price >= policy.high_strike
    if outlook.called or high:
        return _become(_curtailed(_forgetting(state), now), "curtail", now)
    if price is None or outlook.strike is None or not math.isfinite(outlook.strike):
        return _become(_forgetting(state), "unknown", now)
    state = _sample(state, policy, price - outlook.strike, now)
    settled = _settle(state, policy, now, below=price < outlook.strike)
    state = _curtailed(state, now) if settled == "curtail" else replace(state, settled=settled)
    if state.advice == "unknown" and settled == "run" and price >= outlook.strike:
        return state  # back from an unknown price above the strike: do not say "run" until the windows decide
    if outlook.called is None and settled == "run":
        return _become(state, "unknown", now)
    return _become(state, settled or "unknown", now)


def decision_price(price: Price | None) -> float | None:
    """Return the marginal price to decide by; None when it is unknown or a stand-in for a stale one."""
    if price is None or price.stale or price.marginal is None:
        return None
    return float(price.marginal)


def _settle(state: Curtailment, policy: Policy, now: float, *, below: bool) -> Literal["run", "curtail"] | None:
    if state.settled != "curtail" and state.above >= policy.off_after:
        return "curtail"
    if state.settled == "curtail":
        # A time in the future means that the clock was set back: do not wait for it to come round again.
        rested = state.off_since is None or not 0 <= now - state.off_since < policy.min_off
        return "run" if state.below >= policy.on_after and rested and below else "curtail"
    return "run" if state.settled is None and below else state.settled


def _sample(state: Curtailment, policy: Policy, excess: float, now: float) -> Curtailment:
    """Return the state with one more sample; a new window first closes the one before it."""
    number = math.floor(now / policy.window)
    if state.window is None or number < state.window:  # the first, or the clock was set back
        return replace(_forgetting(state), window=number, excess=excess, samples=1)
    if number == state.window:
        return replace(state, excess=state.excess + excess, samples=state.samples + 1)
    if number > state.window + 1:
        return replace(_forgetting(state), window=number, excess=excess, samples=1)
    dear = state.excess >= 0
    above, below = (state.above + 1, 0) if dear else (0, state.below + 1)
    return replace(state, above=above, below=below, window=number, excess=excess, samples=1)


def _curtailed(state: Curtailment, now: float) -> Curtailment:
    return state if state.settled == "curtail" else replace(state, settled="curtail", off_since=now)


def _forgetting(state: Curtailment) -> Curtailment:
    return replace(state, above=0, below=0, window=None, excess=0.0, samples=0)


def _become(state: Curtailment, advice: Advice, now: float) -> Curtailment:
    return state if state.advice == advice else replace(state, advice=advice, since=now)
