"""Takes the network from the newest job of a watched stratum endpoint: what the pool tells rigs to work on.

A job builds the block *after* the tip: its height is one more than the tip's, and at the start of an epoch its
difficulty already is the new one.
"""

from typing import Final

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.market.chain import BLOCKS_PER_DAY, BLOCKS_PER_EPOCH
from stratoscope.market.sources.source import Network
from stratoscope.market.template import TEMPLATE_MAX_AGE, Template, Templates
from stratoscope.outside.source_metrics import SourceTally

ENOUGH: Final = 0.75
"""Part of the last 144 heights whose jobs must have been seen for their fees to stand for those of the blocks."""


class Watched:
    """The network as the watched endpoints' jobs tell it: height and difficulty at once, fees after most of a day."""

    def __init__(self, name: str, templates: Templates | None, clock: Clock, tally: SourceTally) -> None:
        self.name = name
        self._templates, self._clock, self._tally = templates, clock, tally
        self._fees: dict[int, int] = {}  # height of a job → sat in the last job seen of it
        self._before: tuple[int, float] | None = None  # epoch and difficulty of the job before

    async def network(self) -> Network:
        """Return the network; raise SourceError where no job is at hand, or the tip's difficulty is not known yet."""
        try:
            found = self._network()
        except SourceError as error:
            self._tally.count(self.name, error.reason)
            raise
        self._tally.count(self.name, "ok")
        return found

    def _network(self) -> Network:
        template = None if self._templates is None else self._templates.newest()
        if template is None:
            none = "no stratum endpoint is watched" if self._templates is None else "no job was seen yet"
            raise SourceError("unreachable", none)
        age = self._clock.time() - template.at
        if age > TEMPLATE_MAX_AGE:
            raise SourceError("unreachable", f"the newest job is {age:.0f} s old")
        if not template.whole:
            raise SourceError("inconsistent", "the newest job's coinbase pays less than the subsidy of its height")
        tip = template.height - 1
        difficulty = self._of_tip(template, tip)
        self._fees[template.height] = template.fees
        self._fees = {height: fees for height, fees in self._fees.items() if height > tip - BLOCKS_PER_DAY}
        fees = self._mean_fees(tip)
        wrong = {} if fees is not None else {"fees": "fewer jobs were seen than a day's mean of fees needs"}
        return Network(height=tip, difficulty=difficulty, fees=fees, wrong=wrong)

    def _of_tip(self, template: Template, tip: int) -> float:
        """Return the tip's difficulty: the job's own, but for the first job of an epoch."""
        epoch, before = template.height // BLOCKS_PER_EPOCH, self._before
        if tip // BLOCKS_PER_EPOCH == epoch:
            self._before = epoch, template.difficulty
            return template.difficulty
        if before is None or before[0] != epoch - 1:
            raise SourceError("refused", "the newest job begins an epoch: it does not tell the tip's difficulty")
        return before[1]

    def _mean_fees(self, tip: int) -> float | None:
        seen = [fees for height, fees in self._fees.items() if height <= tip]  # of blocks that were found since
        return sum(seen) / len(seen) if len(seen) >= ENOUGH * BLOCKS_PER_DAY else None
