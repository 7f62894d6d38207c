"""Defines the block that a stratum job builds, and says where it is at odds with what the market knows.

The stratum room stands above this one, so it hands its jobs down through `Templates`; nothing here opens a connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from stratoscope.market.chain import BLOCKS_PER_EPOCH, subsidy
from stratoscope.units import MINUTE

TEMPLATE_MAX_AGE: Final = 15 * MINUTE
"""Pools send a job at least every minute or two; after this long the endpoint is silent and its job says nothing."""

NO_JOB_YET: Final = "no job was seen yet"
"""Why there is no template at a start: nothing is wrong, so nobody is told."""

APART: Final = 3
"""Blocks that a job may be ahead or behind; four blocks within a minute's round come about once in half a year."""
SAME: Final = 1e-6
"""Relative difference of two difficulties that are the same one, written differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The block that a job builds: everything its coinbase and header tell of the network."""

    height: int  # of the block to come
    difficulty: float  # of the block to come, from its nbits
    coinbase_value: int  # sat, all outputs of the coinbase
    at: float  # UTC s when the job came
    endpoint: str  # the operator's name of the endpoint

    @property
    def subsidy(self) -> int:
        """Return the new satoshis in the coinbase."""
        return subsidy(self.height)

    @property
    def fees(self) -> int:
        """Return the satoshis of fees in the coinbase; below zero where it pays less than the subsidy."""
        return self.coinbase_value - self.subsidy

    @property
    def whole(self) -> bool:
        """Tell whether the coinbase pays what the height allows: no pool gives away part of the subsidy."""
        return self.height > 0 and self.difficulty > 0 and self.fees >= 0


class Templates(Protocol):
    """Something that watches stratum endpoints."""

    def newest(self) -> Template | None:
        """Return the newest job over all endpoints (highest, then latest), at once; None before the first one."""
        ...


def apart(template: Template, tip: tuple[int, float] | None) -> Mapping[str, bool]:
    """Return whether a job and the market disagree about what both know, by what it is.

    `tip` is height and difficulty of the market's tip. A job is up to APART blocks ahead or behind while the market
    waits for its next round. Difficulty compares only inside one epoch; across its end nothing is said of it.
    `coinbase` is a coinbase below the subsidy of its height, which needs no market.
    """
    found = {"coinbase": template.fees < 0}
    if tip is None:
        return found
    height, difficulty = tip
    found["height"] = abs(template.height - 1 - height) > APART
    if template.height // BLOCKS_PER_EPOCH == height // BLOCKS_PER_EPOCH:
        found["difficulty"] = abs(template.difficulty / difficulty - 1) > SAME
    return found
