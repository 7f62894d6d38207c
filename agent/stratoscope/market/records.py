"""Defines the state of the market: one immutable record in which every input has its source and time.

Read `.now` of a `MarketStateSource` once and use that one record, so that a new difficulty is never combined with an
old price. A field is None if its input is unknown, too old, suspect or contradicted; `stale` says which and why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from stratoscope.events import Event
from stratoscope.market.adjustment import Adjustment, HashpriceChange
from stratoscope.market.chain import Halving
from stratoscope.market.hashprice import Hashprice, ObservedHashprice, TemplateHashprice
from stratoscope.market.references import PublishedHashprice
from stratoscope.market.template import BlockTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedValue:
    """A value with its source and time (UTC s); without a time from the source, that of the request."""

    value: float
    at: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardHashprice:
    """The mean hashprice by difficulty over the next blocks, with the current price and fees.

    `relative_error` is one standard error from the estimate of the next adjustment, divided by the value.
    """

    btc_per_ph_day: float
    fiat_per_ph_day: float | None
    relative_error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateState:
    """The newest stratum job, the hashprice if every block paid as much, and its contradictions.

    `disagreements` has "height", "difficulty" and "coinbase" with whether the job contradicts the market; what cannot
    be compared is absent.
    """

    job: BlockTemplate
    hashprice: TemplateHashprice | None
    disagreements: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketState:
    """The market at one time; None and absent keys are unknown or unusable."""

    at: float  # UTC s
    currency: str  # of every fiat figure
    height: SourcedValue | None = None
    difficulty: SourcedValue | None = None
    fees: SourcedValue | None = None  # sat per block, mean of the last 144
    subsidy: int | None = None  # sat
    price: SourcedValue | None = None  # fiat per bitcoin
    network_hashrate: Mapping[int, SourcedValue] = field(default_factory=dict)  # window in blocks → H/s
    epoch_start: SourcedValue | None = None  # UTC s of the epoch's first block
    previous_change: SourcedValue | None = None  # ratio of the last adjustment
    hashprice: Hashprice | None = None
    observed: ObservedHashprice | None = None
    template: TemplateState | None = None  # if stratum endpoints are watched
    published: Mapping[str, PublishedHashprice] = field(default_factory=dict)  # by name, compared with our own
    adjustment: Adjustment | None = None
    forward: Mapping[int, ForwardHashprice] = field(default_factory=dict)  # blocks ahead → mean over them
    halving: Halving | None = None
    changes: Mapping[int, HashpriceChange] = field(default_factory=dict)  # days → change of fiat hashprice, and why
    ages: Mapping[tuple[str, str], float] = field(default_factory=dict)  # (input, source) → s, also of unusable inputs
    stale: Mapping[str, str] = field(default_factory=dict)  # input → why it is unusable


class MarketStateSource(Protocol):
    """A source of the market's state; read `now` whenever it is needed."""

    @property
    def now(self) -> MarketState:
        """Return the newest state; its ages are as of its `at`."""
        ...


def disagreement_event(now: MarketState, template: TemplateState, what: str) -> Event:
    """Return the event that a stratum job and the market disagree about `what`, or agree again."""
    job, market = template.job, {"height": now.height, "difficulty": now.difficulty}.get(what)
    differs = template.disagreements[what]
    in_job = {"height": job.height - 1, "difficulty": job.difficulty, "coinbase": job.coinbase_value}[what]
    expected = job.subsidy if what == "coinbase" else None if market is None else market.value
    if what == "coinbase":
        verb = "pays less than the subsidy" if differs else "pays the subsidy again"
        text = f"the coinbase of the job of {job.endpoint} {verb}: {in_job:,} sat, the subsidy is {expected or 0:,} sat"
    else:
        verb = "disagree" if differs else "agree again"
        text = f"the job of {job.endpoint} and the market {verb} about {what}: job {in_job:,}, market {expected or 0:,}"
    details = {"what": what, "differs": differs, "job": in_job, "market": expected, "endpoint": job.endpoint}
    return Event(kind="market_disagreement", at=now.at, text=text, details=details)
