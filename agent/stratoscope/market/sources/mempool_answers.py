"""Parses the responses of mempool's HTTP API: sums are strings, -1 means missing, times are s or ms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, TypeAdapter, model_validator

from stratoscope.errors import SourceError
from stratoscope.market.chain import BLOCKS_PER_DAY, BLOCKS_PER_EPOCH, difficulty_of_nbits, subsidy
from stratoscope.market.sources.answer import (
    Compact,
    Difficulty,
    Hash,
    Hashrate,
    Height,
    Number,
    Satoshis,
    SourceAnswer,
    UtcSeconds,
    parse_answer,
    price_in_currency,
    validate,
)
from stratoscope.market.sources.source import PastPrice, PriceReport
from stratoscope.outside.document import document
from stratoscope.units import CENTI

MAX_DIFFICULTY_DEVIATION: Final = 0.005
"""Relative difference allowed between two values of the same difficulty."""

MAX_UNCLAIMED: Final = 0.01
"""Share of the subsidies that pools may have left unclaimed by mistake."""


class MempoolBlock(SourceAnswer):
    """The header of a block."""

    height: Height
    timestamp: UtcSeconds
    bits: Compact
    difficulty: Difficulty

    @model_validator(mode="after")
    def _bits_match(self) -> "MempoolBlock":
        if not same_difficulty(difficulty_of_nbits(self.bits), self.difficulty):
            raise ValueError("bits and difficulty differ")
        return self


class _RewardStats(SourceAnswer):
    startBlock: Height  # noqa: N815 — mempool's spelling
    endBlock: Height  # noqa: N815 — mempool's spelling
    totalReward: Satoshis  # noqa: N815 — mempool's spelling
    totalFee: Satoshis  # noqa: N815 — mempool's spelling


class MempoolHashrate(SourceAnswer):
    """The observed network hashrate (H/s) of the last week, and the current difficulty."""

    currentHashrate: Hashrate  # noqa: N815 — mempool's spelling
    currentDifficulty: Difficulty  # noqa: N815 — mempool's spelling


class _DifficultyAdjustment(SourceAnswer):
    remainingBlocks: Annotated[Height, Field(ge=1, le=2016)]  # noqa: N815 — mempool's spelling
    nextRetargetHeight: Height  # noqa: N815 — mempool's spelling
    previousRetarget: Annotated[Number, Field(ge=-75, le=300)]  # noqa: N815 — mempool's spelling
    previousTime: UtcSeconds  # noqa: N815 — mempool's spelling


class _BlockFees(SourceAnswer):
    avgHeight: Number  # noqa: N815 — mempool's spelling
    timestamp: UtcSeconds
    avgFees: Annotated[Number, Field(ge=0, lt=1e11)]  # noqa: N815 — mempool's spelling


class _DayReward(SourceAnswer):
    timestamp: UtcSeconds
    avgRewards: Annotated[Number, Field(gt=0, lt=1e11)]  # noqa: N815 — mempool's spelling


@dataclass(frozen=True, slots=True)
class MeanFees:
    """The mean fees (sat per block) of the blocks up to height `end`."""

    end: int
    fees: float


@dataclass(frozen=True, slots=True)
class EpochPosition:
    """The position of the tip in its epoch; `change` is the ratio of the last adjustment."""

    height: int
    start: float  # UTC s
    change: float


@dataclass(frozen=True, slots=True)
class PastAdjustment:
    """A past adjustment: the difficulty since `at` (UTC s)."""

    at: float
    difficulty: float


HASH: Final = TypeAdapter(Hash)
TIP: Final = TypeAdapter(Height)
BLOCK: Final = TypeAdapter(MempoolBlock)
REWARDS: Final = TypeAdapter(_RewardStats)
HASHRATES: Final = TypeAdapter(MempoolHashrate)
ADJUSTMENT: Final = TypeAdapter(_DifficultyAdjustment)
MOMENT: Final = TypeAdapter(UtcSeconds)
FEES: Final = TypeAdapter(list[_BlockFees])
PAST_REWARDS: Final = TypeAdapter(list[_DayReward])


def _three(row: Any) -> Any:
    return row[:3] if isinstance(row, list) else row


RETARGETS: Final = TypeAdapter(list[Annotated[tuple[UtcSeconds, Height, Difficulty], BeforeValidator(_three)]])


def same_difficulty(one: float | None, other: float) -> bool:
    """Return whether two values of a difficulty agree within half a percent."""
    return one is not None and abs(one / other - 1) <= MAX_DIFFICULTY_DEVIATION


def parse_hash(body: bytes) -> str:
    """Return the block hash, the only content of the response."""
    return validate(HASH, body.decode("ascii", "replace").strip())


def parse_height(body: bytes) -> int:
    """Return the height, the only content of the response."""
    return validate(TIP, document(body))


def parse_block(body: bytes) -> MempoolBlock:
    """Return a block; raise SourceError, also if its bits encode another difficulty."""
    return parse_answer(BLOCK, body)


def parse_rewards(body: bytes) -> MeanFees:
    """Return the mean fees of a range of blocks; raise SourceError if rewards less fees are not the subsidies."""
    sums = parse_answer(REWARDS, body)
    blocks = sums.endBlock - sums.startBlock + 1
    if not 1 <= blocks <= BLOCKS_PER_DAY:
        raise SourceError("schema", f"sums over {blocks} blocks")
    due = sum(subsidy(height) for height in range(sums.startBlock, sums.endBlock + 1))
    if not due * (1 - MAX_UNCLAIMED) <= sums.totalReward - sums.totalFee <= due:
        raise SourceError("inconsistent", "rewards minus fees are not the subsidies of these blocks")
    return MeanFees(sums.endBlock, sums.totalFee / blocks)


def parse_hashrates(body: bytes) -> MempoolHashrate:
    """Return observed hashrate and difficulty; raise SourceError."""
    return parse_answer(HASHRATES, body)


def parse_adjustment(body: bytes) -> EpochPosition:
    """Return the epoch; raise SourceError. `previousTime` is in seconds, the other dates are in milliseconds."""
    page = parse_answer(ADJUSTMENT, body)
    if page.nextRetargetHeight % BLOCKS_PER_EPOCH or page.nextRetargetHeight < BLOCKS_PER_EPOCH:
        raise SourceError("schema", "an adjustment at a height that is not a multiple of 2016")
    return EpochPosition(
        page.nextRetargetHeight - page.remainingBlocks, page.previousTime, page.previousRetarget * CENTI
    )


def parse_block_fees(body: bytes) -> MeanFees:
    """Return the mean fees of the blocks of the last day; raise SourceError."""
    rows = parse_answer(FEES, body)
    if not rows:
        raise SourceError("schema", "an empty list")
    return MeanFees(int(max(row.avgHeight for row in rows)), sum(row.avgFees for row in rows) / len(rows))


def parse_prices(body: bytes, currency: str) -> PriceReport:
    """Return the price in `currency`; raise SourceError, also if it is missing (-1)."""
    answer = document(body)
    return PriceReport(price_in_currency(answer, currency), validate(MOMENT, answer.get("time")))


def parse_past_price(body: bytes, currency: str) -> PastPrice:
    """Return the requested past price; raise SourceError."""
    answer = document(body)
    rows = answer.get("prices") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not rows:
        raise SourceError("schema", f"no past price in {currency}")
    return PastPrice(price_in_currency(rows[0], currency), validate(MOMENT, rows[0].get("time")))


def parse_retargets(body: bytes) -> list[PastAdjustment]:
    """Return past adjustments, oldest first; raise SourceError."""
    return sorted(
        (PastAdjustment(at, difficulty) for at, _, difficulty in parse_answer(RETARGETS, body)), key=lambda row: row.at
    )


def parse_past_rewards(body: bytes) -> Sequence[tuple[float, float]]:
    """Return (UTC s, sat per block) of past days; raise SourceError."""
    return [(row.timestamp, row.avgRewards) for row in parse_answer(PAST_REWARDS, body)]
