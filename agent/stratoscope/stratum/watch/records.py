"""Defines the immutable records of the current state of all stratum endpoints.

Metrics, status page, economics and tamper detection read only these records. Unknown values are None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from stratoscope.stratum.jobs.template import JobTemplate

SessionState = Literal["connecting", "working", "waiting", "refused", "unsupported"]
"""connecting: no job in this session yet; working: the session receives jobs; waiting: the session failed and will be
retried; refused: its address must not be contacted; unsupported: its protocol is not supported."""

SESSION_PHASES: Final = ("dns", "connect", "tls", "subscribe", "authorize", "first_job")
"""Steps of opening a session, in order; the closed set behind the label `phase`."""

SESSION_OUTCOMES: Final = (
    "dns",
    "refused",
    "unreachable",
    "no_sockets",
    "connect_timeout",
    "tls",
    "reset",
    "closed",
    "timeout",
    "no_job",
    "unauthorized",
    "garbled",
    "flood",
    "silent",
    "redirected",
    "forbidden",
    "bug",
)
"""How a session can end; the closed set behind the label `outcome` of `mining_stratum_sessions_total`."""

RECONNECT_TARGETS: Final = ("same", "within", "abroad")
"""Target of `client.reconnect`: the same host, another host of its registered domain, or any other host."""

LOSS_REASONS: Final = ("empty", "late")
"""empty: templates without transactions; late: work on an old block after others announced a new one."""

UNWATCHED_REASONS: Final = ("limit", "protocol", "disabled", "unreadable")
"""Why an endpoint that rigs name is not watched."""

ENDPOINT_ALARM_KINDS: Final = ("down", "no_work", "chain", "behind", "redirect", "certificate", "empty", "unreadable")
"""Alarms of an endpoint: no session; no jobs because a user is required; another chain than the majority's; work on an
old block for over a minute; a request to connect to a foreign host within the last hour; a TLS certificate that expires
soon, or a V2 certificate that has expired or is not signed by the authority in the URL; templates without transactions
for over two minutes; jobs whose coinbase cannot be parsed."""

DELAY_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histogram of announcement delays."""


@dataclass(frozen=True, slots=True)
class DelayHistogram:
    """A histogram of announcement delays: cumulative counts per bound, the total count, and the sum in s."""

    buckets: tuple[tuple[float, int], ...] = tuple((bound, 0) for bound in DELAY_BUCKETS_S)
    count: int = 0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class EndpointLoss:
    """Lost earnings because of empty or late work since the agent started."""

    seconds: float = 0.0
    satoshis: float = 0.0  # that the site's hashrate at this endpoint would have earned in that time


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCounts:
    """Counters of an endpoint since the agent started; they never decrease."""

    sessions: Mapping[str, int] = field(default_factory=dict)  # one of SESSION_OUTCOMES → sessions
    jobs: Mapping[bool, int] = field(default_factory=dict)  # clean_jobs → count
    empty_jobs: int = 0
    unreadable_jobs: int = 0
    blocks: int = 0  # new blocks announced in an open session
    raced: int = 0  # blocks that another endpoint announced as well
    first: int = 0  # raced blocks that this endpoint announced before all others
    missed: int = 0  # blocks that others announced during its session, but not this endpoint
    delays: DelayHistogram = DelayHistogram()  # behind the first endpoint
    reconnect_requests: Mapping[str, int] = field(default_factory=dict)  # one of RECONNECT_TARGETS → requests
    messages: int = 0  # client.show_message
    garbled: int = 0  # invalid messages
    losses: Mapping[str, EndpointLoss] = field(default_factory=dict)  # one of LOSS_REASONS


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """The state of one endpoint; all `at` and `since` are UTC seconds."""

    url: str  # scheme, host and port, without user and path
    state: SessionState
    configured: bool = False  # in the config, not only named by rigs
    why: str | None = None  # why there is no session, in words
    since: float | None = None  # when the current session began
    phases: Mapping[str, float] = field(default_factory=dict)  # one of SESSION_PHASES → s, for the newest session
    rtt_tcp: float | None = None  # s, measured by the kernel
    rtt_configure: float | None = None  # s, minimum of the last replies to mining.configure
    certificate_end: float | None = None  # UTC s
    certificate_verified: bool | None = None
    template: JobTemplate | None = None  # the newest job of the current session
    job_at: float | None = None  # when that job arrived
    job_interval: float | None = None  # s, mean of the last jobs
    difficulty: float | None = None  # of shares
    extranonce1_size: int | None = None  # bytes
    extranonce2_size: int | None = None  # bytes
    version_mask: int | None = None
    chain: str | None = None  # bitcoin, bitcoin_cash, test, other; None: unknown
    chain_match: bool | None = None  # whether it works on the majority's chain
    lag: int | None = None  # blocks behind the best endpoint of its chain
    hashrate: float | None = None  # H/s of the rigs with this endpoint as active pool slot
    rigs: int = 0  # number of those rigs
    tip_at: float | None = None  # when it announced the block that it works on
    message: str | None = None  # the last client.show_message
    counts: EndpointCounts = EndpointCounts()

    @property
    def up(self) -> bool:
        """Return whether a session is open and receives jobs."""
        return self.state == "working"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDelays:
    """One block and each endpoint's delay behind the first, corrected for network latency."""

    prev_hash: str  # of the new block, as explorers show it
    height: int | None  # of the new block
    at: float  # UTC s of the first announcement
    delays: Mapping[str, float]  # endpoint → s, 0.0 for the first


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAlarm:
    """An active alarm of an endpoint."""

    kind: str  # one of ENDPOINT_ALARM_KINDS
    endpoint: str
    since: float  # UTC s
    text: str  # what is wrong, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class BestJob:
    """The best job of the majority's chain: the highest, if possible with transactions, and the newest of these."""

    endpoint: str
    at: float  # UTC s
    template: JobTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumState:
    """The state of all endpoints."""

    at: float  # UTC s
    endpoints: Mapping[str, EndpointState] = field(default_factory=dict)
    unwatched: Mapping[str, int] = field(default_factory=dict)  # one of UNWATCHED_REASONS → number of endpoints
    height: int | None = None  # of the newest block on the majority's chain
    tip: str | None = None  # hash of that block
    tip_at: float | None = None  # UTC s of its first announcement
    best_job: BestJob | None = None
    median_fees: float | None = None  # sat, median of one template with transactions per recent height
    races: tuple[BlockDelays, ...] = ()  # newest first
    alarms: tuple[EndpointAlarm, ...] = ()  # active alarms, oldest first


class StratumStateSource(Protocol):
    """Provides the current state of the endpoints."""

    @property
    def now(self) -> StratumState:
        """Return the newest state; ages in it refer to its `at`."""
        ...
