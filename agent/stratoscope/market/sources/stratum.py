"""Reads the network from the newest job of a watched stratum endpoint: what the pool lets rigs work on.

A job builds the block *after* the tip: its height is one above the tip's, and at the start of an epoch it already has
the new difficulty.
"""

from typing import Final

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.market.chain import BLOCKS_PER_DAY, BLOCKS_PER_EPOCH
from stratoscope.market.sources.kind import SourceKind
from stratoscope.market.sources.source import NetworkReport
from stratoscope.market.template import MAX_TEMPLATE_AGE_S, NO_JOB_YET, BlockTemplate, TemplateSource
from stratoscope.outside.source_metrics import SourceMetrics

MIN_FEE_COVERAGE: Final = 0.75
"""Share of the last 144 heights whose jobs are required for a mean of the fees."""


class StratumSource:
    """The network in the jobs of the watched endpoints: height and difficulty at once, fees after most of a day."""

    def __init__(self, name: str, templates: TemplateSource | None, clock: Clock, tally: SourceMetrics) -> None:
        self.name = name
        self._templates, self._clock, self._tally = templates, clock, tally
        self._fees: dict[int, int] = {}  # height of a job → sat in the newest job of that height
        self._last_epoch: tuple[int, float] | None = None  # epoch and difficulty of the previous job

    async def network(self) -> NetworkReport:
        """Return the network; raise SourceError without a fresh job, or while the tip's difficulty is unknown."""
        try:
            found = self._network()
        except SourceError as error:
            self._tally.count(self.name, error.reason)
            raise
        self._tally.count(self.name, "ok")
        return found

    def _network(self) -> NetworkReport:
        template = None if self._templates is None else self._templates.newest()
        if template is None:
            reason = "no stratum endpoint is watched" if self._templates is None else NO_JOB_YET
            raise SourceError("unreachable", reason)
        age = self._clock.time() - template.at
        if age > MAX_TEMPLATE_AGE_S:
            raise SourceError("unreachable", f"the newest job is {age:.0f} s old")
        if not template.is_plausible:
            raise SourceError("inconsistent", "the coinbase of the newest job pays less than the subsidy of its height")
        tip = template.height - 1
        difficulty = self._tip_difficulty(template, tip)
        self._fees[template.height] = template.fees
        self._fees = {height: fees for height, fees in self._fees.items() if height > tip - BLOCKS_PER_DAY}
        fees = self._mean_fees(tip)
        wrong = {} if fees is not None else {"fees": "too few jobs were received for the mean fees of a day"}
        return NetworkReport(height=tip, difficulty=difficulty, fees=fees, wrong=wrong)

    def _tip_difficulty(self, template: BlockTemplate, tip: int) -> float:
        """Return the difficulty of the tip: that of the job, except for the first job of an epoch."""
        epoch, last = template.height // BLOCKS_PER_EPOCH, self._last_epoch
        if tip // BLOCKS_PER_EPOCH == epoch:
            self._last_epoch = epoch, template.difficulty
            return template.difficulty
        if last is None or last[0] != epoch - 1:
            raise SourceError("refused", "the newest job starts an epoch: it does not contain the tip's difficulty")
        return last[1]

    def _mean_fees(self, tip: int) -> float | None:
        found = [fees for height, fees in self._fees.items() if height <= tip]  # blocks that have been found since
        return sum(found) / len(found) if len(found) >= MIN_FEE_COVERAGE * BLOCKS_PER_DAY else None


KIND: Final = SourceKind(
    name="stratum",
    provides=("network",),
    build=lambda context: StratumSource(context.name, context.templates, context.clock, context.tally),
)
