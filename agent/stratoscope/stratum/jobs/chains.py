"""Identifies the chain of a single job: Bitcoin, Bitcoin Cash, a test network or another.

A job contains height, difficulty, time and whether it commits to witnesses. All these chains have a block every ten
minutes, so height and time together show when a chain started. Among the chains that started with Bitcoin, difficulty
and segwit distinguish Bitcoin from its forks. If one job is not enough, the result is None; watch/majority.py compares
several pools.
"""

from dataclasses import dataclass
from typing import Final

from stratoscope.market.chain import BLOCK_SECONDS, difficulty_of_nbits, subsidy, target_of_nbits
from stratoscope.stratum.jobs.address import MAIN, REGTEST, TEST, AddressFormat

BTC, BCH, OTHER = "BTC", "BCH", "other"
TESTNET3, TESTNET4, SIGNET, REGTEST_CHAIN = "testnet3", "testnet4", "signet", "regtest"
CHAINS: Final = (BTC, BCH, TESTNET3, TESTNET4, SIGNET, REGTEST_CHAIN, OTHER)
"""Every chain that `identify_chain` can return: a closed set, so it can be a label."""

_REGTEST_TARGET: Final = target_of_nbits(0x207FFFFF) or 0
_REGTEST_HALVING: Final = 150
_GENESIS: Final = 1_231_006_505  # UTC s, of Bitcoin and all its forks
_TESTNET4_GENESIS: Final = 1_714_777_860
_SIGNET_GENESIS: Final = 1_598_918_400
_TESTNET3_ALONE: Final = 1_400_000_000
"""Before this time (UTC s), only testnet3 had such low heights at such low difficulties."""
_SEGWIT: Final = 481_824
_FORK: Final = 478_559  # the first block of Bitcoin Cash
_LONG_AFTER: Final = 520_000
_BITCOIN_FLOOR: Final = 2.5e12
"""Bitcoin's difficulty has been above this since block 520,000; Bitcoin Cash never reached it."""
_CASH_FLOOR: Final = 1.2e11
"""Bitcoin Cash has been above this since 2019; smaller forks (BSV, eCash) are mostly below it."""
_PACE: Final = (0.85, 1.25)
"""Allowed ratio of the height to one block per ten minutes; Bitcoin's was at most 1.07 since 2012."""
_EARLY: Final = 90_000_000
"""Seconds after the genesis block: in the first three years the pace was irregular and no other chain existed."""


@dataclass(frozen=True, slots=True)
class ChainMarks:
    """The parts of a job that identify its chain; `witness` is whether the coinbase commits to witnesses."""

    height: int | None
    nbits: int
    ntime: int
    witness: bool
    empty: bool


def identify_chain(marks: ChainMarks) -> tuple[str | None, tuple[str, ...]]:
    """Return the chain (one of CHAINS, None if unclear) and the hints that led to it."""
    target, height = target_of_nbits(marks.nbits), marks.height
    if target is None:
        return None, ("the target is invalid",)
    if target >= _REGTEST_TARGET:
        return REGTEST_CHAIN, ("the target is the easiest possible",)
    difficulty = difficulty_of_nbits(marks.nbits) or 0.0
    if height is None:
        return (BTC, ("the difficulty",)) if difficulty >= _BITCOIN_FLOOR else (None, ("no height",))
    early = 0 <= marks.ntime - _GENESIS < _EARLY
    if difficulty < 1 or not (early or _in_pace(height, marks.ntime, _GENESIS)):
        return _test_network(height, marks.ntime, difficulty)
    if height < _FORK:
        return BTC, ("before any fork",)
    return _of_the_forks(marks, height, difficulty)


def address_format_of(chain: str | None) -> AddressFormat:
    """Return the address format of a chain; Bitcoin's if the chain is unknown."""
    if chain == REGTEST_CHAIN:
        return REGTEST
    return TEST if chain in (TESTNET3, TESTNET4, SIGNET) else MAIN


def subsidy_on(chain: str | None, height: int) -> int:
    """Return the block subsidy at `height` in satoshis; regtest halves it every 150 blocks."""
    return subsidy(height // _REGTEST_HALVING * 210_000) if chain == REGTEST_CHAIN else subsidy(height)


def _of_the_forks(marks: ChainMarks, height: int, difficulty: float) -> tuple[str | None, tuple[str, ...]]:
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
    """Identify a test network by height and time; test networks have less than a millionth of Bitcoin's hashrate."""
    hints = ("height and time are not Bitcoin's",)
    if difficulty >= _BITCOIN_FLOOR or ntime < _GENESIS:
        return OTHER, hints
    if difficulty < 1:
        return SIGNET if _in_pace(height, ntime, _SIGNET_GENESIS) else OTHER, (*hints, "the difficulty is below 1")
    if ntime < _TESTNET3_ALONE and difficulty < 1e6:
        return TESTNET3, (*hints, "only testnet3 existed then")
    if _in_pace(height, ntime, _TESTNET4_GENESIS, 2.0):
        return TESTNET4, hints
    if height > 1.25 * (ntime - _GENESIS) / BLOCK_SECONDS:
        return TESTNET3, (*hints, "blocks came far too fast")
    return OTHER, hints


def _in_pace(height: int, ntime: int, genesis: int, max_ratio: float = _PACE[1]) -> bool:
    due = (ntime - genesis) / BLOCK_SECONDS
    return due > 0 and _PACE[0] <= height / due <= max_ratio
