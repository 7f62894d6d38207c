"""Tells from one job alone which chain it builds on: Bitcoin, Bitcoin Cash, a test network or another.

A single job shows height, difficulty, time and whether it commits to witnesses. Blocks come every ten minutes on all
these chains, so height against time says which of them began when; of those that began with Bitcoin, difficulty and
segwit tell Bitcoin from its forks. Where one job leaves doubt, the answer is None; several pools together know more.
"""

from dataclasses import dataclass
from typing import Final

from stratoscope.market.chain import BLOCK_SECONDS, difficulty_of_nbits, subsidy, target_of
from stratoscope.stratum.jobs.address import MAIN, REGTEST, TEST, Network

BTC, BCH, OTHER = "BTC", "BCH", "other"
TESTNET3, TESTNET4, SIGNET, REGTEST_CHAIN = "testnet3", "testnet4", "signet", "regtest"
CHAINS: Final = (BTC, BCH, TESTNET3, TESTNET4, SIGNET, REGTEST_CHAIN, OTHER)
"""Every chain a job can be said to build on: a closed set, so that it may be a label."""

_REGTEST_TARGET: Final = target_of(0x207FFFFF) or 0
_REGTEST_HALVING: Final = 150
_GENESIS: Final = 1_231_006_505  # s, of Bitcoin and every fork of it
_TESTNET4_GENESIS: Final = 1_714_777_860
_SIGNET_GENESIS: Final = 1_598_918_400
_TESTNET3_ALONE: Final = 1_400_000_000
"""Until then nothing but testnet3 had heights so low at difficulties so low."""
_SEGWIT: Final = 481_824
_FORK: Final = 478_559  # the first block of Bitcoin Cash
_LONG_AFTER: Final = 520_000
_BITCOIN_FLOOR: Final = 2.5e12
"""Bitcoin's difficulty was never below this since block 520,000; Bitcoin Cash never came near it."""
_CASH_FLOOR: Final = 1.2e11
"""Bitcoin Cash stays above this since 2019; the smaller forks (BSV, eCash) below it most of the time."""
_PACE: Final = (0.85, 1.25)
"""Height over the height that ten minutes a block would give: Bitcoin had 1.07 at most since 2012."""
_EARLY: Final = 90_000_000
"""Seconds after the genesis: in the first three years blocks came as they liked, and there was nothing to confuse."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What of a job tells its chain; `witness` whether the coinbase commits to witnesses."""

    height: int | None
    nbits: int
    ntime: int
    witness: bool
    empty: bool


def chain_of(marks: Marks) -> tuple[str | None, tuple[str, ...]]:
    """Return the chain (one of CHAINS, None where the job leaves it open) and the hints that told it."""
    target, height = target_of(marks.nbits), marks.height
    if target is None:
        return None, ("the target is invalid",)
    if target >= _REGTEST_TARGET:
        return REGTEST_CHAIN, ("the easiest target of all",)
    difficulty = difficulty_of_nbits(marks.nbits) or 0.0
    if height is None:
        return (BTC, ("the difficulty",)) if difficulty >= _BITCOIN_FLOOR else (None, ("no height",))
    early = 0 <= marks.ntime - _GENESIS < _EARLY
    if difficulty < 1 or not (early or _in_pace(height, marks.ntime, _GENESIS)):
        return _test_network(height, marks.ntime, difficulty)
    if height < _FORK:
        return BTC, ("before any fork",)
    return _of_the_forks(marks, height, difficulty)


def network_of(chain: str | None) -> Network:
    """Return how addresses are written on a chain; as Bitcoin's where the chain is not known."""
    if chain == REGTEST_CHAIN:
        return REGTEST
    return TEST if chain in (TESTNET3, TESTNET4, SIGNET) else MAIN


def subsidy_on(chain: str | None, height: int) -> int:
    """Return the new satoshis of the block at `height`; regtest halves every 150 blocks."""
    return subsidy(height // _REGTEST_HALVING * 210_000) if chain == REGTEST_CHAIN else subsidy(height)


def _of_the_forks(marks: Marks, height: int, difficulty: float) -> tuple[str | None, tuple[str, ...]]:
    hints = []
    if marks.witness:
        hints.append("commits to witnesses")
    elif height >= _SEGWIT and not marks.empty:
        hints.append("transactions without a witness commitment")
    if height >= _LONG_AFTER:
        low = difficulty < _BITCOIN_FLOOR
        hints.append(f"the difficulty is {'far below' if low else 'that of'} Bitcoin")
        chain = BTC if not low else BCH if difficulty >= _CASH_FLOOR and not marks.witness else OTHER
        return chain, tuple(hints)
    if not hints:
        return None, ("near the fork",)
    return BTC if marks.witness else BCH, tuple(hints)


def _test_network(height: int, ntime: int, difficulty: float) -> tuple[str | None, tuple[str, ...]]:
    """Return which test network has such a height at such a time; they have less than a millionth of the hashrate."""
    hints = ("height and time are not Bitcoin's",)
    if difficulty >= _BITCOIN_FLOOR or ntime < _GENESIS:
        return OTHER, hints
    if difficulty < 1:
        return SIGNET if _in_pace(height, ntime, _SIGNET_GENESIS) else OTHER, (*hints, "the difficulty is below 1")
    if ntime < _TESTNET3_ALONE and difficulty < 1e6:
        return TESTNET3, (*hints, "before there was another test network")
    if _in_pace(height, ntime, _TESTNET4_GENESIS, 2.0):
        return TESTNET4, hints
    if height > 1.25 * (ntime - _GENESIS) / BLOCK_SECONDS:
        return TESTNET3, (*hints, "blocks came far too fast")
    return OTHER, hints


def _in_pace(height: int, ntime: int, genesis: int, most: float = _PACE[1]) -> bool:
    due = (ntime - genesis) / BLOCK_SECONDS
    return due > 0 and _PACE[0] <= height / due <= most
