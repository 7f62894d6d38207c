"""Decides what to believe: a price of several quotes, and whether a network's state can follow the one before.

Pure: times are monotonic seconds given as arguments. What is in doubt is held as suspect until it was confirmed.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from stratoscope.market.chain import BLOCKS_PER_EPOCH, implied_hashrate
from stratoscope.market.sources.source import Network
from stratoscope.units import MINUTE

QUOTE_MAX_AGE: Final = 10 * MINUTE
OUTLIER: Final = 0.02
"""How far from the median a quote may be."""
JUMP: Final = 0.25
"""A larger change of price than this is held until confirmed."""
CONFIRMATIONS: Final = 2
"""Later rounds that must agree with what was held as suspect."""
SAME: Final = 1e-6
"""Relative difference of two difficulties that are the same one, written differently."""
MOST_ADJUSTED: Final = 4.0
"""Consensus changes difficulty by at most this factor per epoch."""
BACK: Final = 6
"""Blocks a tip may fall back: a reorganisation, or another source that is a little behind."""
SURE: Final = 1008
FAR: Final = 2.5
"""Factor by which the hashrate over SURE blocks and the one that difficulty implies are never apart."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A price from one source; `born` is when it was true (monotonic s)."""

    source: str
    price: float
    born: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """A price that enough sources agree on, as old as the oldest of them."""

    price: float
    born: float
    newest: float  # birth of the youngest quote in it
    sources: tuple[str, ...]


def choose_price(quotes: Sequence[Quote], quorum: int, now: float) -> Chosen | str:
    """Return the median of the quotes that agree, or why there is none."""
    usable = [q for q in quotes if 0 < q.price < math.inf and now - q.born <= QUOTE_MAX_AGE]
    if len(usable) < max(quorum, 1):
        return f"{len(usable)} of {quorum} prices needed" if quorum else "no price source is configured"
    middle = statistics.median(q.price for q in usable)
    agreed = [q for q in usable if abs(q.price / middle - 1) <= OUTLIER]
    if len(agreed) < quorum:
        return f"the prices disagree: {len(agreed)} within {OUTLIER:.0%} of the median, {quorum} needed"
    return Chosen(
        price=statistics.median(q.price for q in agreed),
        born=min(q.born for q in agreed),
        newest=max(q.born for q in agreed),
        sources=tuple(sorted(q.source for q in agreed)),
    )


@dataclass(frozen=True, slots=True)
class Suspect:
    """A price that jumped: the newest one at its level, and how often it was confirmed."""

    chosen: Chosen
    confirmed: int = 0


@dataclass(frozen=True, slots=True)
class PriceState:
    """The price in force, what is held against it, and the last price ever believed (of an earlier run too)."""

    good: Chosen | None = None
    suspect: Suspect | None = None
    reference: float | None = None


def next_price(state: PriceState, chosen: Chosen) -> PriceState:
    """Return the state after one more round; a jump counts as confirmed only by quotes that are newer."""
    if state.reference is None or abs(chosen.price / state.reference - 1) <= JUMP:
        return PriceState(good=chosen, reference=chosen.price)
    held = state.suspect
    if held is None or abs(chosen.price / held.chosen.price - 1) > OUTLIER:
        return replace(state, suspect=Suspect(chosen))
    if chosen.newest <= held.chosen.newest:
        return state
    if held.confirmed + 1 >= CONFIRMATIONS:
        return PriceState(good=chosen, reference=chosen.price)
    return replace(state, suspect=Suspect(chosen, held.confirmed + 1))


def why_suspect(state: PriceState) -> str | None:
    """Return what is held against the price, for people."""
    if state.suspect is None or state.reference is None:
        return None
    change = state.suspect.chosen.price / state.reference - 1
    return f"a jump by {change:+.0%} waits for confirmation ({state.suspect.confirmed} of {CONFIRMATIONS})"


@dataclass(frozen=True, slots=True)
class Seen:
    """A network's state with its origin: when its tip was made and when it was fetched (monotonic s)."""

    network: Network
    source: str
    tip_born: float
    fetched: float


@dataclass(frozen=True, slots=True)
class NetworkState:
    """The network in force; `doubt` says why its difficulty cannot be, `confirmed` how often that came again."""

    seen: Seen | None = None
    rival: Seen | None = None
    doubt: str | None = None
    confirmed: int = 0


def next_network(state: NetworkState, seen: Seen) -> NetworkState:
    """Return the state after one more round.

    A state that cannot follow the last good one stands against it: neither is believed until one of them comes again,
    the old one at once, the new one CONFIRMATIONS times. A new epoch with the old difficulty is never believed.
    """
    good = state.seen
    doubt = None if good is None else contradiction(good.network, seen.network)
    if doubt is None:
        return NetworkState(seen=_aged(good, seen))
    rival = state.rival
    again = rival is not None and contradiction(rival.network, seen.network) is None
    confirmed = state.confirmed + 1 if again else 0
    if confirmed >= CONFIRMATIONS and doubt is not STUCK:
        return NetworkState(seen=_aged(rival, seen))
    return NetworkState(seen=good, rival=seen, doubt=doubt, confirmed=confirmed)


STUCK: Final = "a new epoch began, but the difficulty is still the old one"


def contradiction(before: Network, after: Network) -> str | None:
    """Return why `after` cannot be what `before` became; None if it can."""
    if after.height < before.height - BACK:
        return "the tip fell back by more than a reorganisation"
    epochs = abs(after.height // BLOCKS_PER_EPOCH - before.height // BLOCKS_PER_EPOCH)
    ratio = after.difficulty / before.difficulty
    same = abs(ratio - 1) <= SAME
    if epochs == 0:
        return None if same else "the difficulty changed inside an epoch"
    if same:
        return STUCK
    most = MOST_ADJUSTED**epochs
    return None if 1 / most <= ratio <= most else "the difficulty changed by more than consensus allows"


def implausible(network: Network) -> str | None:
    """Return what is wrong with one source's statement in itself: hashrate and difficulty of different networks."""
    for blocks, rate in network.hashrate.items():
        if blocks >= SURE and not 1 / FAR <= rate / implied_hashrate(network.difficulty) <= FAR:
            return f"inconsistent: the hashrate of the last {blocks} blocks is not one of this difficulty"
    return None


def _aged(before: Seen | None, seen: Seen) -> Seen:
    """Return `seen`; where the source does not tell the tip's time, it is when this height was first seen."""
    if seen.network.tip_time is None and before is not None and before.network.height == seen.network.height:
        return replace(seen, tip_born=before.tip_born)
    return seen
