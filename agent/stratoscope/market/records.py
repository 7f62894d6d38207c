"""Defines what is known of the market now: one immutable record that is replaced whole, every input with its origin.

A reader takes `.now` of a `Market` once and works from that one record, so that a new difficulty is never mixed with an
old price. A field is None when its input is unknown, too old, held as suspect or at odds with another: `stale` says
which and why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from stratoscope.events import Event
from stratoscope.market.adjustment import Adjustment, Attribution
from stratoscope.market.chain import Halving
from stratoscope.market.hashprice import Hashprice, ObservedHashprice, TemplateHashprice
from stratoscope.market.references import Published
from stratoscope.market.template import Template

Input = Literal["tip", "difficulty", "fees", "price", "network_hashrate", "epoch", "template"]
"""The inputs of everything the market says; the closed set behind the label `input`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One value with its origin: when it was true (UTC s; when it was fetched, where the source does not say)."""

    value: float
    at: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """The mean hashprice by difficulty over the next blocks, price and fees as now, across the next adjustment.

    `relative_error` is one standard error of the adjustment's part in it, divided by the value.
    """

    btc_per_ph_day: float
    fiat_per_ph_day: float | None
    relative_error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateNow:
    """The newest stratum job, what hashrate would earn if every block paid as it does, and where it is doubtful.

    `apart` says of "height", "difficulty" and "coinbase" whether the job is at odds with the market; what cannot be
    compared is absent.
    """

    job: Template
    hashprice: TemplateHashprice | None
    apart: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketNow:
    """What is known of the market at one moment; None and absent keys are unknown or unusable."""

    at: float  # UTC s
    currency: str  # of every fiat figure
    height: Known | None = None
    difficulty: Known | None = None
    fees: Known | None = None  # sat per block, mean of the last 144
    subsidy: int | None = None  # sat
    price: Known | None = None  # fiat per bitcoin
    network_hashrate: Mapping[int, Known] = field(default_factory=dict)  # blocks looked back over → H/s
    epoch_start: Known | None = None  # UTC s of the epoch's first block
    previous_change: Known | None = None  # ratio of the last adjustment
    hashprice: Hashprice | None = None
    observed: ObservedHashprice | None = None
    template: TemplateNow | None = None  # where stratum endpoints are watched
    published: Mapping[str, Published] = field(default_factory=dict)  # by name, hashprices of others beside ours
    adjustment: Adjustment | None = None
    forward: Mapping[int, Forward] = field(default_factory=dict)  # blocks ahead → mean over them
    halving: Halving | None = None
    changes: Mapping[int, Attribution] = field(default_factory=dict)  # days back → change of fiat hashprice, and why
    ages: Mapping[tuple[str, str], float] = field(default_factory=dict)  # (input, source) → s, unusable inputs too
    stale: Mapping[str, str] = field(default_factory=dict)  # input → why it is unusable


class Market(Protocol):
    """Something that knows the market; readers take `now` whenever they need it."""

    @property
    def now(self) -> MarketNow:
        """Return the newest record; ages in it are as of its `at`."""
        ...


def disagreement(now: MarketNow, found: TemplateNow, what: str) -> Event:
    """Return the event of a stratum job and the market that disagree about `what`, or agree again."""
    job, market = found.job, {"height": now.height, "difficulty": now.difficulty}.get(what)
    differs = found.apart[what]
    told = {"height": job.height - 1, "difficulty": job.difficulty, "coinbase": job.coinbase_value}[what]
    known = job.subsidy if what == "coinbase" else None if market is None else market.value
    end = "disagree" if differs else "agree again"
    text = f"the job of {job.endpoint} and the market {end} about {what}: {told:,} against {known or 0:,}"
    details = {"what": what, "differs": differs, "job": told, "market": known, "endpoint": job.endpoint}
    return Event(kind="market_disagreement", at=now.at, text=text, details=details)
