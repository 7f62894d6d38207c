"""Defines a pool adapter: the keys it needs, the calls it makes and how often, and how it reads the responses.

An adapter opens no connection and reads no clock. `PoolCall.make_request` builds a request from a `RequestContext`;
`PoolCall.read` turns the bytes of the response into a `PartialReport` and raises only SourceError, whatever the bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypedDict

from stratoscope.pools.report import Earning, Payout, Scheme, WorkerReport, WorkerState, WorkTotals
from stratoscope.units import MINUTE

ACCOUNT_INTERVAL_S: Final = MINUTE
WORKERS_INTERVAL_S: Final = 5 * MINUTE
REWARDS_INTERVAL_S: Final = 15 * MINUTE


class PartialReport(TypedDict, total=False):
    """The fields of a PoolReport that one call returns. An absent key or None means: not in the response."""

    at: float | None  # UTC s; None: the pool does not say
    hashrate: Mapping[float, float]
    work: tuple[WorkTotals, ...]
    last_share: float | None
    workers: tuple[WorkerReport, ...] | None
    workers_by_state: Mapping[WorkerState, int]
    balance_sat: int | None
    paid_sat: int | None
    earnings: tuple[Earning, ...]
    payouts: tuple[Payout, ...]
    scheme: Scheme | None
    fee_ratio: float | None
    hashprice_btc_per_ph_day: float | None
    pool_hashrate: float | None
    blocks_found: int | None
    best_difficulty: float | None
    defects: tuple[str, ...]
    more: bool  # there is another page
    summed: bool  # every worker of the page was readable: the account's hashrate is the sum over all pages


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolAccount:
    """The configured account at a pool, with its credentials. Its repr shows no secret."""

    account: str = ""  # name of the account or sub-account, or the payout address
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    user: str = ""
    organization: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the strings that must never be logged or shown."""
        return tuple(filter(None, (self.key, self.secret)))


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What an adapter needs to build one request and to read its response.

    `earlier` is an earlier result of the same call with its UTC s, for calls that turn counters into rates; see
    `PoolCall.rate_span`.
    """

    account: PoolAccount
    now: float  # UTC s
    nonce: int  # grows with each request and never repeats: ms since 1970, or a little more
    page: int = 1
    earlier: tuple[float, PartialReport] | None = None


@dataclass(frozen=True, slots=True)
class PoolRequest:
    """A request. Its repr is empty, because path, headers and body may contain a secret.

    `path` is the path and query of a URL, or a file or socket relative to a directory; `body` is the content to send.
    """

    path: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return "GET" if self.body is None else "POST"


@dataclass(frozen=True, slots=True)
class PoolCall:
    """One API call of a pool. The pool stays up when an `optional` call fails."""

    name: str
    interval: float  # s
    make_request: Callable[[RequestContext], PoolRequest]
    read: Callable[[bytes, RequestContext], PartialReport]
    optional: bool = False
    rate_span: float = 0.0  # s between two results from which counters become rates; 0: the pool reports rates itself


ConfigKey = Literal["account", "key", "secret", "user", "organization", "path", "url"]
"""Keys of a pool's config entry that only some adapters accept."""

ReportedPart = Literal["account", "workers", "refused", "balance", "earnings", "payouts"]
"""Columns of docs/pools.md: account hashrate, worker hashrate, rejected or stale work, and three kinds of amounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolAdapter:
    """One adapter. `access`, `limits` and `notes` are Markdown for docs/pools.md."""

    kind: str  # value of `kind` in the config
    title: str
    calls: tuple[PoolCall, ...]
    url: str | None = None  # default base URL; None: the config must name one, or the adapter uses `path`
    required_keys: tuple[ConfigKey, ...] = ()
    optional_keys: tuple[ConfigKey, ...] = ()
    transport: Literal["http", "folder", "socket"] = "http"
    spacing: float = 5.0  # s between requests with one key, in the long run
    burst: int = 3  # requests that may be sent at once
    scheme: Scheme | None = None  # None: the pool has several, or it is unknown
    reports: frozenset[ReportedPart]  # columns of docs/pools.md
    access: str  # how to get the required keys; also shown when the pool rejects the login
    limits: str = ""  # rate limits that the pool documents
    notes: str = ""


def merge_pages(first: PartialReport, then: PartialReport) -> PartialReport:
    """Return two consecutive pages of one response as one report."""
    merged = PartialReport(**{**then, **{key: value for key, value in first.items() if value is not None}})  # type: ignore[typeddict-item]  # mypy cannot merge two TypedDicts
    if first.get("workers") is not None and then.get("workers") is not None:
        merged["workers"] = _without_duplicates((*(first["workers"] or ()), *(then["workers"] or ())))
    for key in ("earnings", "payouts", "defects"):
        if key in first or key in then:
            merged[key] = (*first.get(key, ()), *then.get(key, ()))
    merged["more"] = then.get("more", False)
    merged["summed"] = first.get("summed", False) and then.get("summed", False)
    return merged


def add_account_total(report: PartialReport) -> PartialReport:
    """Return a copy of `report` without `summed`; where it was set, the account's hashrate is the sum of its workers.

    Inactive and dead workers without a hashrate are left out of the sum.
    """
    result = PartialReport(**report)
    workers = [one for one in result.get("workers") or () if one.hashrate or one.state not in ("inactive", "dead")]
    if result.pop("summed", False) and workers:
        windows = set(workers[0].hashrate).intersection(*(worker.hashrate for worker in workers))
        result["hashrate"] = {window: sum(one.hashrate[window] for one in workers) for window in sorted(windows)}
    return result


def _without_duplicates(workers: tuple[WorkerReport, ...]) -> tuple[WorkerReport, ...]:
    """Return each worker once: a list that grows between two pages repeats a worker on the second one."""
    known = {(one.name, one.last_share, one.state, one.work, *one.hashrate.items()): one for one in workers}
    return tuple(known.values())


LIST_FIELDS: Final = frozenset({"workers", "earnings", "payouts"})
"""Fields for which an empty list is information: there are none."""


def drop_doubtful_lists(report: PartialReport) -> PartialReport:
    """Return a copy of `report` without empty lists if some fields were unreadable: the list may not be empty."""
    result = PartialReport(**report)
    if result.get("defects"):
        if result.get("workers") == ():
            del result["workers"]
        if result.get("earnings") == ():
            del result["earnings"]
        if result.get("payouts") == ():
            del result["payouts"]
    return result


def has_content(report: PartialReport) -> bool:
    """Return whether `report` has any field of a report; an empty list counts as content."""
    meta = ("at", "defects", "more", "summed")
    return any(
        value or (value is not None and key in LIST_FIELDS) or isinstance(value, int | float)
        for key, value in report.items()
        if key not in meta
    )
