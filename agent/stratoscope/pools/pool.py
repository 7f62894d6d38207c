"""Defines what an adapter is: a value that says what a pool needs, what to ask it how often, and how to read it.

An adapter opens no connection and knows no clock: `Call.ask` makes a request of a `Turn`, `Call.read` makes a `Part` of
the bytes that came. It raises nothing but SourceError, whatever the bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypedDict

from stratoscope.pools.report import Earning, Payout, Scheme, Tally, WorkerReport, WorkerState
from stratoscope.units import MINUTE

STATUS: Final = MINUTE
WORKERS: Final = 5 * MINUTE
REWARDS: Final = 15 * MINUTE
"""Seconds between two askings for the state of the account, the list of its workers, and its rewards."""


class Part(TypedDict, total=False):
    """What one call gives to a PoolReport; a key that is absent or None was not told."""

    at: float | None  # UTC s; None: the pool does not say
    hashrate: Mapping[float, float]
    work: tuple[Tally, ...]
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
    summed: bool  # each worker of the page could be read: the account's hashrate is the sum over all pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who asks: what the operator configured for a pool. Its repr holds no secret."""

    account: str = ""  # name of the account or sub-account, or the payout address
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    user: str = ""
    organization: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what must never be seen."""
        return tuple(filter(None, (self.key, self.secret)))


@dataclass(frozen=True, slots=True)
class Turn:
    """One asking: for whom, when (UTC s), with a number that never comes twice and grows, and for which page.

    `before` is what the same call gave a while ago (UTC s), for calls that make rates of counters; see `Call.span`.
    """

    account: Account
    now: float
    nonce: int  # ms since 1970, or a little more
    page: int = 1
    before: tuple[float, Part] | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. Its repr is empty, since path, headers and body may hold a secret.

    `path` is the path and query of a URL, a file below a directory, or a socket in one; `body` is what is sent.
    """

    path: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return "GET" if self.body is None else "POST"


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a pool and how often it is asked. An `extra` one may fail without the pool counting as down."""

    name: str
    every: float  # s
    ask: Callable[[Turn], Ask]
    read: Callable[[bytes, Turn], Part]
    extra: bool = False
    span: float = 0.0  # s; how far apart two answers must be to make rates of counters; 0: the pool tells rates itself


Need = Literal["account", "key", "secret", "user", "organization", "path", "url"]


Tells = Literal["account", "workers", "refused", "balance", "earnings", "payouts"]
"""Hashrate of the account, hashrate of each worker, rejected or stale work, money in three forms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One adapter."""

    kind: str
    title: str
    calls: tuple[Call, ...]
    url: str | None = None  # where it is asked when the config names no URL
    needs: tuple[Need, ...] = ()
    takes: tuple[Need, ...] = ()  # beside what it needs
    way: Literal["http", "folder", "socket"] = "http"
    spacing: float = 5.0  # s between requests with one key, in the long run
    burst: int = 3  # requests that may come at once
    scheme: Scheme | None = None  # where a pool knows only one
    tells: frozenset[Tells]  # for docs/pools.md
    access: str  # how to get what it needs, for docs/pools.md and for the remedy of a refusal
    limits: str = ""  # what is known of the pool's own limits
    notes: str = ""


def joined(first: Part, then: Part) -> Part:
    """Return two pages of one answer as one."""
    whole = Part(**{**then, **{key: value for key, value in first.items() if value is not None}})  # type: ignore[typeddict-item]  # one TypedDict over another
    if first.get("workers") is not None and then.get("workers") is not None:
        whole["workers"] = _without_repeats((*(first["workers"] or ()), *(then["workers"] or ())))
    for key in ("earnings", "payouts", "defects"):
        if key in first or key in then:
            whole[key] = (*first.get(key, ()), *then.get(key, ()))
    whole["more"] = then.get("more", False)
    whole["summed"] = first.get("summed", False) and then.get("summed", False)
    return whole


def totalled(part: Part) -> Part:
    """Return `part` with the sum of its workers as the account's hashrate, where every page of them is whole.

    Workers that send nothing need not be told a hashrate.
    """
    workers = [one for one in part.get("workers") or () if one.hashrate or one.state not in ("inactive", "dead")]
    if part.pop("summed", False) and workers:
        windows = set(workers[0].hashrate).intersection(*(worker.hashrate for worker in workers))
        part["hashrate"] = {window: sum(one.hashrate[window] for one in workers) for window in sorted(windows)}
    return part


def _without_repeats(workers: tuple[WorkerReport, ...]) -> tuple[WorkerReport, ...]:
    """Return each worker once: a list that grew between two pages shows one of them on both."""
    known = {(one.name, one.last_share, one.state, one.work, *one.hashrate.items()): one for one in workers}
    return tuple(known.values())


LISTS: Final = frozenset({"workers", "earnings", "payouts"})
"""What is told also when it is empty: there are none."""


def believed(part: Part) -> Part:
    """Return `part` without lists that came out empty beside fields that could not be read: there may be something."""
    if part.get("defects"):
        if part.get("workers") == ():
            del part["workers"]
        if part.get("earnings") == ():
            del part["earnings"]
        if part.get("payouts") == ():
            del part["payouts"]
    return part


def told(part: Part) -> bool:
    """Tell whether `part` holds anything: an empty list is something, no known field at all is not."""
    beside = ("at", "defects", "more", "summed")
    return any(
        value or (value is not None and key in LISTS) or isinstance(value, int | float)
        for key, value in part.items()
        if key not in beside
    )
