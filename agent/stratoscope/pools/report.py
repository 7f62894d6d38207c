"""Defines what a pool reports about one account: one record in SI units, the same for every adapter.

`None` and absent keys mean that the pool does not report the value. Amounts are whole satoshis, times UTC seconds.
Hashrates are in H/s, by their averaging window in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Counted = Literal["shares", "difficulty", "hashes"]
"""The unit of `accepted`, `rejected` and `stale`: number of shares, sum of their difficulties, or hashes."""

WorkerState = Literal["active", "inactive", "dead"]
"""active: shares arrive; inactive: no shares for a while; dead: the pool no longer expects any."""

Scheme = Literal["pps", "pps+", "fpps", "pplns", "tides", "solo", "prop"]
"""How the pool pays; see docs/pools.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTotals:
    """Accepted and refused work, since `since` or over the last `window` seconds, whichever the pool reports."""

    accepted: float | None = None
    rejected: float | None = None
    stale: float | None = None
    counted: Counted = "shares"
    window: float | None = None  # s; None: since the worker or account began, or since `since`
    since: float | None = None  # UTC s


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """One worker as the pool reports it; sessions with the same name are added up."""

    name: str  # as the pool writes it: "account.rig01" or "rig01"
    hashrate: Mapping[float, float] = field(default_factory=dict)  # window in s → H/s; window 0: not reported
    work: tuple[WorkTotals, ...] = ()
    last_share: float | None = None  # UTC s
    state: WorkerState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Earning:
    """What the pool credited for one period: a UTC day, unless `start` and `end` say otherwise."""

    start: float  # UTC s
    end: float  # UTC s
    sat: int  # after the pool's fee
    subsidy_sat: int | None = None  # share of the block subsidy, before the fee
    fees_sat: int | None = None  # share of the transaction fees, before the fee
    pool_fee_sat: int | None = None
    hashrate: float | None = None  # H/s that the pool credited over the period
    rate_ratio: float | None = None  # FPPS rate of the period: 1.05 pays 5 % on top of the subsidy


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """One payment out of the account."""

    at: float  # UTC s
    sat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReport:
    """Everything that one pool reports about one account."""

    pool: str  # the name in the config
    kind: str  # the adapter
    at: float  # UTC s; the pool's own timestamp, else when the response arrived
    hashrate: Mapping[float, float] = field(default_factory=dict)  # of the account: window in s → H/s; 0: not reported
    work: tuple[WorkTotals, ...] = ()
    last_share: float | None = None  # UTC s
    workers: tuple[WorkerReport, ...] | None = None  # None: not reported; (): the pool reports that there are none
    workers_by_state: Mapping[WorkerState, int] = field(default_factory=dict)
    balance_sat: int | None = None  # credited, not yet paid
    paid_sat: int | None = None  # total of all payouts
    earnings: tuple[Earning, ...] = ()  # oldest first
    payouts: tuple[Payout, ...] = ()  # oldest first
    scheme: Scheme | None = None  # from the API; overridden by the config
    fee_ratio: float | None = None
    hashprice_btc_per_ph_day: float | None = None  # the pool's own figure
    pool_hashrate: float | None = None  # H/s of the whole pool
    blocks_found: int | None = None  # by the account (solo) or the pool
    best_difficulty: float | None = None
    defects: tuple[str, ...] = ()  # missing or unreadable fields: "workers.3.hashrate: not a number"
