"""Parses the answers of mempool's HTTP interface, traps included: sums as strings, -1 for missing, ms beside s."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, TypeAdapter, model_validator

from stratoscope.errors import SourceError
from stratoscope.market.chain import BLOCKS_PER_DAY, BLOCKS_PER_EPOCH, difficulty_of_nbits, subsidy
from stratoscope.market.sources.answer import (
    Answer,
    Compact,
    Difficulty,
    Hash,
    Hashrate,
    Height,
    Moment,
    Number,
    Satoshis,
    checked,
    price_in,
    read,
)
from stratoscope.market.sources.source import PastPrice, Price
from stratoscope.outside.document import document
from stratoscope.units import CENTI

AGREE: Final = 0.005
"""How far two statements of one difficulty may be apart."""

SHORTFALL: Final = 0.01
"""Part of the subsidies that careless pools may have left unclaimed."""


class Block(Answer):
    """A block's header, where it stands, and when it says it was made."""

    height: Height
    timestamp: Moment
    bits: Compact
    difficulty: Difficulty

    @model_validator(mode="after")
    def _one_difficulty(self) -> "Block":
        if not agree(difficulty_of_nbits(self.bits), self.difficulty):
            raise ValueError("bits and difficulty are not of one block")
        return self


class _Rewards(Answer):
    startBlock: Height  # noqa: N815 — mempool's spelling
    endBlock: Height  # noqa: N815 — mempool's spelling
    totalReward: Satoshis  # noqa: N815 — mempool's spelling
    totalFee: Satoshis  # noqa: N815 — mempool's spelling


class Hashrates(Answer):
    """The observed network hashrate of the last week, and the difficulty now."""

    currentHashrate: Hashrate  # noqa: N815 — mempool's spelling
    currentDifficulty: Difficulty  # noqa: N815 — mempool's spelling


class _Adjustment(Answer):
    remainingBlocks: Annotated[Height, Field(ge=1, le=2016)]  # noqa: N815 — mempool's spelling
    nextRetargetHeight: Height  # noqa: N815 — mempool's spelling
    previousRetarget: Annotated[Number, Field(ge=-75, le=300)]  # noqa: N815 — mempool's spelling
    previousTime: Moment  # noqa: N815 — mempool's spelling


class _Fees(Answer):
    avgHeight: Number  # noqa: N815 — mempool's spelling
    timestamp: Moment
    avgFees: Annotated[Number, Field(ge=0, lt=1e11)]  # noqa: N815 — mempool's spelling


class _Reward(Answer):
    timestamp: Moment
    avgRewards: Annotated[Number, Field(gt=0, lt=1e11)]  # noqa: N815 — mempool's spelling


@dataclass(frozen=True, slots=True)
class Rewards:
    """The mean fees (sat per block) of the blocks up to `end`."""

    end: int
    fees: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """Where the tip stands in its epoch, by the adjustment's page; `change` is the last one, a ratio."""

    height: int
    start: float  # UTC s
    change: float


@dataclass(frozen=True, slots=True)
class Retarget:
    """A past adjustment: from `at` (UTC s) on the difficulty was this."""

    at: float
    difficulty: float


HASH: Final = TypeAdapter(Hash)
TIP: Final = TypeAdapter(Height)
BLOCK: Final = TypeAdapter(Block)
REWARDS: Final = TypeAdapter(_Rewards)
HASHRATES: Final = TypeAdapter(Hashrates)
ADJUSTMENT: Final = TypeAdapter(_Adjustment)
MOMENT: Final = TypeAdapter(Moment)
FEES: Final = TypeAdapter(list[_Fees])
PAST_REWARDS: Final = TypeAdapter(list[_Reward])


def _three(row: Any) -> Any:
    return row[:3] if isinstance(row, list) else row


RETARGETS: Final = TypeAdapter(list[Annotated[tuple[Moment, Height, Difficulty], BeforeValidator(_three)]])


def agree(one: float | None, other: float) -> bool:
    """Tell whether two statements of a difficulty are the same within half a per cent."""
    return one is not None and abs(one / other - 1) <= AGREE


def parse_hash(body: bytes) -> str:
    """Return the block hash that is the whole answer."""
    return checked(HASH, body.decode("ascii", "replace").strip())


def parse_height(body: bytes) -> int:
    """Return the height that is the whole answer."""
    return checked(TIP, document(body))


def parse_block(body: bytes) -> Block:
    """Return a block; raise SourceError, also when its bits mean another difficulty than it states."""
    return read(BLOCK, body)


def parse_rewards(body: bytes) -> Rewards:
    """Return the mean fees of a range of blocks; raise SourceError where the sums do not fit the subsidies."""
    said = read(REWARDS, body)
    blocks = said.endBlock - said.startBlock + 1
    if not 1 <= blocks <= BLOCKS_PER_DAY:
        raise SourceError("schema", f"sums over {blocks} blocks")
    due = sum(subsidy(height) for height in range(said.startBlock, said.endBlock + 1))
    if not due * (1 - SHORTFALL) <= said.totalReward - said.totalFee <= due:
        raise SourceError("inconsistent", "rewards less fees are not the subsidies of these blocks")
    return Rewards(said.endBlock, said.totalFee / blocks)


def parse_hashrates(body: bytes) -> Hashrates:
    """Return observed hashrate and difficulty."""
    return read(HASHRATES, body)


def parse_adjustment(body: bytes) -> Epoch:
    """Return the epoch; `previousTime` is in seconds, while the dates beside it are in milliseconds."""
    said = read(ADJUSTMENT, body)
    if said.nextRetargetHeight % BLOCKS_PER_EPOCH or said.nextRetargetHeight < BLOCKS_PER_EPOCH:
        raise SourceError("schema", "an adjustment at a height that is no multiple of 2016")
    return Epoch(said.nextRetargetHeight - said.remainingBlocks, said.previousTime, said.previousRetarget * CENTI)


def parse_block_fees(body: bytes) -> Rewards:
    """Return the mean fees of the last day's blocks, from their list."""
    rows = read(FEES, body)
    if not rows:
        raise SourceError("schema", "an empty list")
    return Rewards(int(max(row.avgHeight for row in rows)), sum(row.avgFees for row in rows) / len(rows))


def parse_prices(body: bytes, currency: str) -> Price:
    """Return the price in `currency`; raise SourceError where it is missing, which mempool writes as -1."""
    answer = document(body)
    return Price(price_in(answer, currency), checked(MOMENT, answer.get("time")))


def parse_past_price(body: bytes, currency: str) -> PastPrice:
    """Return the one past price that was asked for."""
    answer = document(body)
    rows = answer.get("prices") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not rows:
        raise SourceError("schema", f"no past price in {currency}")
    return PastPrice(price_in(rows[0], currency), checked(MOMENT, rows[0].get("time")))


def parse_retargets(body: bytes) -> list[Retarget]:
    """Return past adjustments, the oldest first."""
    return sorted((Retarget(at, difficulty) for at, _, difficulty in read(RETARGETS, body)), key=lambda row: row.at)


def parse_past_rewards(body: bytes) -> Sequence[tuple[float, float]]:
    """Return (UTC s, sat per block) of past days."""
    return [(row.timestamp, row.avgRewards) for row in read(PAST_REWARDS, body)]
