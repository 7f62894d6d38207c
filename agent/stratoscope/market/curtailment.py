"""Advises whether to run or curtail rigs at a power price: strike price, windows, hysteresis. It switches nothing.

The advice is "run", "curtail" or "unknown". With a stale price, an unknown strike or an unknown grid call it is
"unknown", never "run". Prices are fiat per kWh, times are UTC seconds.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

from stratoscope.market.costs import breakeven_power_price
from stratoscope.market.tariff import KwhPrice

Advice = Literal["run", "curtail", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvicePolicy:
    """How fast the advice follows the price; the defaults are those of the market leader."""

    window: float = 300.0  # s, one settlement interval
    off_after: int = 2  # consecutive windows above the strike
    on_after: int = 4  # consecutive windows below the strike
    min_off: float = 600.0  # s from "curtail" to the next "run"
    high_strike: float | None = None  # fiat per kWh, curtails immediately

    def __post_init__(self) -> None:
        if not self.window > 0 or self.off_after < 1 or self.on_after < 1 or self.min_off < 0:
            raise ValueError("window and counts must be above zero, min_off at least zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class CurtailmentInputs:
    """The inputs at one time: price of the tariff, strike of the rig, and whether the grid calls for less load."""

    price: KwhPrice | None
    strike: float | None
    called: bool | None = False  # demand response or coincident peak; None is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class CurtailmentState:
    """The state of the advice (immutable). `settled` applies once the price is known again."""

    advice: Advice = "unknown"
    settled: Literal["run", "curtail"] | None = None
    since: float | None = None  # UTC s at which `advice` began
    off_since: float | None = None  # UTC s of the last "curtail"
    above: int = 0  # consecutive closed windows above the strike
    below: int = 0
    window: int | None = None  # the number of the open window
    excess: float = 0.0  # price minus strike, summed over the samples of the open window
    samples: int = 0


INITIAL_STATE: Final = CurtailmentState()


def strike_price(
    hashprice: float | None,
    efficiency: float | None,
    pool_fee: float = 0.0,
    *,
    overhead_ratio: float = 1.0,
    margin: float = 0.0,
) -> float | None:
    """Return the price (fiat per kWh at the meter) at which a rig of this efficiency has the gross margin `margin`.

    This is the breakeven power price times (1 - margin); above it the rig earns less than the margin (ratio).
    """
    if efficiency is None or overhead_ratio <= 0:
        return None
    price = breakeven_power_price(hashprice, efficiency * overhead_ratio, pool_fee)
    return None if price is None else price * (1 - margin)


def next_curtailment(
    state: CurtailmentState, policy: AdvicePolicy, outlook: CurtailmentInputs, now: float
) -> CurtailmentState:
    """Return the next state; call it for every price sample, at least once per window.

    A window counts by the mean of its samples, as in the settlement. A missing window resets the counts.
    """
    price = decision_price(outlook.price)
    high = price is not None and policy.high_strike is not None and price >= policy.high_strike
    if outlook.called or high:
        return _with_advice(_with_curtailment(_without_counts(state), now), "curtail", now)
    if price is None or outlook.strike is None or not math.isfinite(outlook.strike):
        return _with_advice(_without_counts(state), "unknown", now)
    state = _sample(state, policy, price - outlook.strike, now)
    settled = _settle(state, policy, now, below=price < outlook.strike)
    state = _with_curtailment(state, now) if settled == "curtail" else replace(state, settled=settled)
    if state.advice == "unknown" and settled == "run" and price >= outlook.strike:
        return state  # the price is known again and above the strike: wait for the windows before "run"
    if outlook.called is None and settled == "run":
        return _with_advice(state, "unknown", now)
    return _with_advice(state, settled or "unknown", now)


def decision_price(price: KwhPrice | None) -> float | None:
    """Return the marginal price for the decision; None if it is unknown or stale."""
    if price is None or price.stale or price.marginal is None:
        return None
    return float(price.marginal)


def _settle(
    state: CurtailmentState, policy: AdvicePolicy, now: float, *, below: bool
) -> Literal["run", "curtail"] | None:
    if state.settled != "curtail" and state.above >= policy.off_after:
        return "curtail"
    if state.settled == "curtail":
        # A time in the future means that the clock was set back: do not wait until then.
        rested = state.off_since is None or not 0 <= now - state.off_since < policy.min_off
        return "run" if state.below >= policy.on_after and rested and below else "curtail"
    return "run" if state.settled is None and below else state.settled


def _sample(state: CurtailmentState, policy: AdvicePolicy, excess: float, now: float) -> CurtailmentState:
    """Return the state with one more sample; the first sample of a new window closes the previous one."""
    number = math.floor(now / policy.window)
    if state.window is None or number < state.window:  # the first sample, or the clock was set back
        return replace(_without_counts(state), window=number, excess=excess, samples=1)
    if number == state.window:
        return replace(state, excess=state.excess + excess, samples=state.samples + 1)
    if number > state.window + 1:
        return replace(_without_counts(state), window=number, excess=excess, samples=1)
    is_above = state.excess >= 0
    above, below = (state.above + 1, 0) if is_above else (0, state.below + 1)
    return replace(state, above=above, below=below, window=number, excess=excess, samples=1)


def _with_curtailment(state: CurtailmentState, now: float) -> CurtailmentState:
    return state if state.settled == "curtail" else replace(state, settled="curtail", off_since=now)


def _without_counts(state: CurtailmentState) -> CurtailmentState:
    return replace(state, above=0, below=0, window=None, excess=0.0, samples=0)


def _with_advice(state: CurtailmentState, advice: Advice, now: float) -> CurtailmentState:
    return state if state.advice == advice else replace(state, advice=advice, since=now)
