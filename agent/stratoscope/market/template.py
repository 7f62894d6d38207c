"""Defines the block that a stratum job builds, and finds contradictions between it and the market.

The stratum package imports this one, so it provides its jobs through `TemplateSource`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from stratoscope.market.chain import BLOCKS_PER_EPOCH, DIFFICULTY_TOLERANCE, subsidy
from stratoscope.units import MINUTE

MAX_TEMPLATE_AGE_S: Final = 15 * MINUTE
"""Pools send a job at least every one or two minutes; an older job is not used."""

NO_JOB_YET: Final = "no job has been received yet"
"""Why there is no template right after the start: not a fault, so it is not logged."""

MAX_HEIGHT_DIFFERENCE: Final = 3
"""Blocks that a job may be ahead or behind; four blocks in a one-minute round occur about twice a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTemplate:
    """The block that a job builds, as far as its header and coinbase describe the network."""

    height: int  # of the next block
    difficulty: float  # of the next block, from its nbits
    coinbase_value: int  # sat, all outputs of the coinbase
    at: float  # UTC s of the job's arrival
    endpoint: str  # configured name of the endpoint

    @property
    def subsidy(self) -> int:
        """Return the newly created satoshis of the block."""
        return subsidy(self.height)

    @property
    def fees(self) -> int:
        """Return the fees (sat) in the coinbase; negative if it pays less than the subsidy."""
        return self.coinbase_value - self.subsidy

    @property
    def is_plausible(self) -> bool:
        """Return whether the coinbase pays at least the subsidy: no pool gives away part of it."""
        return self.height > 0 and self.difficulty > 0 and self.fees >= 0


class TemplateSource(Protocol):
    """A source of stratum jobs: the watched endpoints."""

    def newest(self) -> BlockTemplate | None:
        """Return the newest job of all endpoints (highest, then latest); None before the first one."""
        ...


def find_disagreements(template: BlockTemplate, tip: tuple[int, float] | None) -> Mapping[str, bool]:
    """Return "height", "difficulty" and "coinbase" with whether a job and the market disagree about it.

    `tip` is height and difficulty of the market's tip. Heights may differ by MAX_HEIGHT_DIFFERENCE blocks until the
    next round. Difficulties are compared within one epoch only. `coinbase` is True for a coinbase below the subsidy of
    its height; that needs no market. What cannot be compared is absent.
    """
    found = {"coinbase": template.fees < 0}
    if tip is None:
        return found
    height, difficulty = tip
    found["height"] = abs(template.height - 1 - height) > MAX_HEIGHT_DIFFERENCE
    if template.height // BLOCKS_PER_EPOCH == height // BLOCKS_PER_EPOCH:
        found["difficulty"] = abs(template.difficulty / difficulty - 1) > DIFFICULTY_TOLERANCE
    return found
