"""Chooses the price from several quotes, and decides whether a new state of the network is plausible.

Doubtful values are held back until later rounds confirm them. Pure functions; times are monotonic seconds.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from stratoscope.market.chain import BLOCKS_PER_EPOCH, DIFFICULTY_TOLERANCE, implied_hashrate
from stratoscope.market.sources.source import NetworkReport
from stratoscope.units import MINUTE

MAX_QUOTE_AGE_S: Final = 10 * MINUTE
MAX_DEVIATION: Final = 0.02
"""Relative deviation from the median that a quote may have."""
MAX_JUMP: Final = 0.25
"""Relative change of the price above which confirmation is required."""
CONFIRMATIONS: Final = 2
"""Later rounds that must agree with a value that was held back."""
MAX_ADJUSTMENT_FACTOR: Final = 4.0
"""Largest factor by which consensus changes difficulty per epoch."""
MAX_REORG_BLOCKS: Final = 6
"""Blocks that the tip may go back: a reorganisation, or another source that is slightly behind."""
MIN_HASHRATE_BLOCKS: Final = 1008
MAX_HASHRATE_RATIO: Final = 2.5
"""Largest factor between the hashrate over MIN_HASHRATE_BLOCKS or more blocks and that implied by difficulty."""


@dataclass(frozen=True, slots=True)
class PriceQuote:
    """A price from one source, as of a time (monotonic s)."""

    source: str
    price: float
    as_of: float


@dataclass(frozen=True, slots=True)
class MedianPrice:
    """A price that enough sources agree on; it is as old as the oldest of them."""

    price: float
    as_of: float
    newest: float  # time of the newest quote in it
    sources: tuple[str, ...]


def choose_price(quotes: Sequence[PriceQuote], quorum: int, now: float) -> MedianPrice | str:
    """Return the median of the quotes that agree, or the reason why there is none."""
    usable = [q for q in quotes if 0 < q.price < math.inf and now - q.as_of <= MAX_QUOTE_AGE_S]
    if len(usable) < max(quorum, 1):
        return f"{len(usable)} of {quorum} required prices" if quorum else "no price source is configured"
    middle = statistics.median(q.price for q in usable)
    agreed = [q for q in usable if abs(q.price / middle - 1) <= MAX_DEVIATION]
    if len(agreed) < quorum:
        return f"the prices disagree: {len(agreed)} within {MAX_DEVIATION:.0%} of the median, {quorum} required"
    return MedianPrice(
        price=statistics.median(q.price for q in agreed),
        as_of=min(q.as_of for q in agreed),
        newest=max(q.as_of for q in agreed),
        sources=tuple(sorted(q.source for q in agreed)),
    )


@dataclass(frozen=True, slots=True)
class SuspectPrice:
    """A price after a jump: the newest one at the new level, and how often it was confirmed."""

    chosen: MedianPrice
    confirmed: int = 0


@dataclass(frozen=True, slots=True)
class PriceState:
    """The price in use, a suspect price, and the last price that was accepted (also in an earlier run)."""

    good: MedianPrice | None = None
    suspect: SuspectPrice | None = None
    reference: float | None = None


def next_price(state: PriceState, chosen: MedianPrice) -> PriceState:
    """Return the state after one more round. Only newer quotes confirm a jump."""
    if state.reference is None or abs(chosen.price / state.reference - 1) <= MAX_JUMP:
        return PriceState(good=chosen, reference=chosen.price)
    held = state.suspect
    if held is None or abs(chosen.price / held.chosen.price - 1) > MAX_DEVIATION:
        return replace(state, suspect=SuspectPrice(chosen))
    if chosen.newest <= held.chosen.newest:
        return state
    if held.confirmed + 1 >= CONFIRMATIONS:
        return PriceState(good=chosen, reference=chosen.price)
    return replace(state, suspect=SuspectPrice(chosen, held.confirmed + 1))


def why_suspect(state: PriceState) -> str | None:
    """Return why a price is suspect, for log and pages; None if it is not."""
    if state.suspect is None or state.reference is None:
        return None
    change = state.suspect.chosen.price / state.reference - 1
    return f"a jump by {change:+.0%} is waiting for confirmation ({state.suspect.confirmed} of {CONFIRMATIONS})"


@dataclass(frozen=True, slots=True)
class SourcedNetwork:
    """A report of the network with its source, the time of the tip and the time of the request (monotonic s)."""

    network: NetworkReport
    source: str
    tip_as_of: float
    fetched: float


@dataclass(frozen=True, slots=True)
class NetworkState:
    """The network in use, and a contradicting report: `doubt` is the contradiction, `confirmed` its repetitions."""

    seen: SourcedNetwork | None = None
    rival: SourcedNetwork | None = None
    doubt: str | None = None
    confirmed: int = 0


def next_network(state: NetworkState, seen: SourcedNetwork) -> NetworkState:
    """Return the state after one more round.

    If a report contradicts the last good one, neither is used until one of them is repeated: the old one once, the new
    one CONFIRMATIONS times. A new epoch with the old difficulty is never accepted.
    """
    good = state.seen
    doubt = None if good is None else find_contradiction(good.network, seen.network)
    if doubt is None:
        return NetworkState(seen=_aged(good, seen))
    rival = state.rival
    again = rival is not None and find_contradiction(rival.network, seen.network) is None
    confirmed = state.confirmed + 1 if again else 0
    if confirmed >= CONFIRMATIONS and doubt is not DIFFICULTY_UNCHANGED:
        return NetworkState(seen=_aged(rival, seen))
    return NetworkState(seen=good, rival=seen, doubt=doubt, confirmed=confirmed)


DIFFICULTY_UNCHANGED: Final = "a new epoch started, but the difficulty is still the old one"


def find_contradiction(before: NetworkReport, after: NetworkReport) -> str | None:
    """Return why `after` cannot follow `before`; None if it can."""
    if after.height < before.height - MAX_REORG_BLOCKS:
        return "the tip went back by more than a reorganisation"
    epochs = abs(after.height // BLOCKS_PER_EPOCH - before.height // BLOCKS_PER_EPOCH)
    ratio = after.difficulty / before.difficulty
    same = abs(ratio - 1) <= DIFFICULTY_TOLERANCE
    if epochs == 0:
        return None if same else "the difficulty changed inside an epoch"
    if same:
        return DIFFICULTY_UNCHANGED
    most = MAX_ADJUSTMENT_FACTOR**epochs
    return None if 1 / most <= ratio <= most else "the difficulty changed by more than consensus allows"


def why_implausible(network: NetworkReport) -> str | None:
    """Return why a report contradicts itself: hashrate and difficulty do not match. None if they do."""
    for blocks, rate in network.hashrate.items():
        if (
            blocks >= MIN_HASHRATE_BLOCKS
            and not 1 / MAX_HASHRATE_RATIO <= rate / implied_hashrate(network.difficulty) <= MAX_HASHRATE_RATIO
        ):
            return f"inconsistent: the hashrate of the last {blocks} blocks does not match the difficulty"
    return None


def _aged(before: SourcedNetwork | None, seen: SourcedNetwork) -> SourcedNetwork:
    """Return `seen`; if the source does not report the tip's time, it is when this height was first reported."""
    if seen.network.tip_time is None and before is not None and before.network.height == seen.network.height:
        return replace(seen, tip_as_of=before.tip_as_of)
    return seen
