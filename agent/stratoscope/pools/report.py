"""Defines what a pool says of one account: one record in SI units, absent where the pool does not say it.

Every adapter gives the same record; `None` and absent keys mean that the pool did not tell. Amounts are whole satoshis,
hashrates H/s by the window they are means over, times UTC seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Counted = Literal["shares", "difficulty", "hashes"]
"""What `accepted`, `rejected` and `stale` count: single shares, the sum of their difficulties, or hashes."""

WorkerState = Literal["active", "inactive", "dead"]
"""active: shares arrive; inactive: none for a while; dead: the pool has given the worker up."""

Scheme = Literal["pps", "pps+", "fpps", "pplns", "tides", "solo", "prop"]
"""How the pool pays; see docs/pools.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Work the pool took or refused, since `since` or over the last `window` seconds, whichever the pool says."""

    accepted: float | None = None
    rejected: float | None = None
    stale: float | None = None
    counted: Counted = "shares"
    window: float | None = None  # s; None: since the worker or account began, or since `since`
    since: float | None = None  # UTC s


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """One worker as the pool knows it; sessions of one name are added up."""

    name: str  # as the pool writes it: "account.rig01" or "rig01"
    hashrate: Mapping[float, float] = field(default_factory=dict)  # window in s → H/s; window 0: the pool does not say
    work: tuple[Tally, ...] = ()
    last_share: float | None = None  # UTC s
    state: WorkerState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Earning:
    """What the pool credited for one span, a UTC day unless `start` and `end` say otherwise."""

    start: float  # UTC s
    end: float  # UTC s
    sat: int  # after the pool's fee
    subsidy_sat: int | None = None  # part for the block subsidy, before the fee
    fees_sat: int | None = None  # part for transaction fees, before the fee
    pool_fee_sat: int | None = None
    hashrate: float | None = None  # H/s that the pool credited over the span
    rate_ratio: float | None = None  # FPPS rate of the span: 1.05 pays 5 % on top of the subsidy


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """One payment out of the account."""

    at: float  # UTC s
    sat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReport:
    """What one pool says of one account at one moment."""

    pool: str  # the name in the config
    kind: str  # the adapter
    at: float  # UTC s; when it was true as far as the pool says, else when it was fetched
    hashrate: Mapping[float, float] = field(default_factory=dict)  # window in s → H/s, of the account; 0: not said
    work: tuple[Tally, ...] = ()
    last_share: float | None = None  # UTC s
    workers: tuple[WorkerReport, ...] | None = None  # None: not told; (): told that there are none
    workers_by_state: Mapping[WorkerState, int] = field(default_factory=dict)
    balance_sat: int | None = None  # credited, not yet paid
    paid_sat: int | None = None  # ever paid
    earnings: tuple[Earning, ...] = ()  # newest last
    payouts: tuple[Payout, ...] = ()  # newest last
    scheme: Scheme | None = None  # as the API says; the config's word goes before
    fee_ratio: float | None = None
    hashprice_btc_per_ph_day: float | None = None  # the pool's own, where it states one
    pool_hashrate: float | None = None  # H/s, of the whole pool
    blocks_found: int | None = None  # by the account (solo) or the pool
    best_difficulty: float | None = None
    defects: tuple[str, ...] = ()  # fields that were there and could not be read: "workers[3].hashrate: not a number"
