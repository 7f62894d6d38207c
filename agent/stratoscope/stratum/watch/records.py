"""Defines what is known now of every stratum endpoint: immutable records that are replaced whole.

Metrics, status page, economics and the tamper checks read these and nothing else of this room. Unknown is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from stratoscope.stratum.jobs.template import Template

State = Literal["connecting", "working", "waiting", "refused", "unsupported"]
"""connecting: no job yet in this session; working: the session gives jobs; waiting: it failed and is tried again later;
refused: its address may not be asked; unsupported: a protocol that is not spoken here."""

PHASES: Final = ("dns", "connect", "tls", "subscribe", "authorize", "first_job")
"""Steps of opening a session, in order; the closed set behind the label `phase`."""

ENDS: Final = (
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

TURNS: Final = ("same", "within", "abroad")
"""Where `client.reconnect` points to: the same host, another one of its registered domain, anywhere else."""

LOSSES: Final = ("empty", "late")
"""empty: the template held no transactions while others held some; late: work on a block that others had left."""

UNWATCHED: Final = ("limit", "protocol", "disabled", "unreadable")
"""Why an endpoint that a rig names is not watched."""

ALARMS: Final = ("down", "no_work", "chain", "behind", "redirect", "certificate", "empty", "unreadable")
"""What can be wrong with an endpoint: no session; a session without work for want of a user; another chain than the
majority's; work on a block that others left over a minute ago; a request to go abroad within the last hour; a TLS
certificate about to expire, or one of V2 that the authority in the URL did not sign for now; empty templates for over
two minutes; jobs whose coinbase cannot be read."""

DELAYS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds, in s, of the histogram of how late endpoints announce a block."""


@dataclass(frozen=True, slots=True)
class Delays:
    """How late blocks were: for each bound of DELAYS the number up to it, the number of all, their sum in s."""

    buckets: tuple[tuple[float, int], ...] = tuple((bound, 0) for bound in DELAYS)
    count: int = 0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Loss:
    """What an endpoint's poor work cost since the agent started."""

    seconds: float = 0.0
    satoshis: float = 0.0  # of the site's hashrate at this endpoint, over the same time


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What an endpoint did since the agent started; nothing here ever goes down."""

    sessions: Mapping[str, int] = field(default_factory=dict)  # one of ENDS → sessions that ended so
    jobs: Mapping[bool, int] = field(default_factory=dict)  # clean_jobs → count
    empty_jobs: int = 0
    unreadable_jobs: int = 0
    blocks: int = 0  # new blocks announced in a standing session
    raced: int = 0  # of those, the ones that another endpoint announced too
    first: int = 0  # of the raced ones, announced before all others
    missed: int = 0  # blocks that others announced while this session stood, and it never did
    delays: Delays = Delays()  # s behind the first endpoint
    turns: Mapping[str, int] = field(default_factory=dict)  # one of TURNS → client.reconnect requests
    messages: int = 0  # client.show_message
    garbled: int = 0  # lines that were no stratum message
    losses: Mapping[str, Loss] = field(default_factory=dict)  # one of LOSSES


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointNow:
    """One endpoint at one moment; all `at` and `since` are UTC seconds."""

    url: str  # scheme, host and port: no user, no path
    state: State
    configured: bool = False  # named by the config, not only by rigs
    why: str | None = None  # for people: why there is no session
    since: float | None = None  # the session that stands began
    phases: Mapping[str, float] = field(default_factory=dict)  # one of PHASES → s it took when last opened
    rtt_tcp: float | None = None  # s, by the kernel
    rtt_configure: float | None = None  # s, least of the last answers to mining.configure
    certificate_end: float | None = None  # UTC s
    certificate_verified: bool | None = None
    template: Template | None = None  # the newest job of the session that stands
    job_at: float | None = None  # when it came
    job_interval: float | None = None  # s, mean over the last jobs
    difficulty: float | None = None  # of shares
    extranonce1_size: int | None = None  # bytes
    extranonce2_size: int | None = None  # bytes
    version_mask: int | None = None
    chain: str | None = None  # bitcoin, bitcoin_cash, test, other; None: not known yet
    chain_match: bool | None = None  # whether it works on the chain of the majority
    lag: int | None = None  # blocks behind the best endpoint of its chain
    hashrate: float | None = None  # H/s of the rigs whose active pool slot is this one
    rigs: int = 0  # those rigs
    tip_at: float | None = None  # when it announced the block it works on
    message: str | None = None  # the last client.show_message
    counts: Counts = Counts()

    @property
    def up(self) -> bool:
        """Tell whether a session stands and gives work."""
        return self.state == "working"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRace:
    """One block as the endpoints announced it: seconds behind the first, corrected for the way of the message."""

    prev_hash: str  # of the new block, as explorers show it
    height: int | None  # of the new block
    at: float  # UTC s of the first announcement
    delays: Mapping[str, float]  # endpoint → s, 0.0 for the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that is wrong with an endpoint now."""

    kind: str  # one of ALARMS
    endpoint: str
    since: float  # UTC s
    text: str  # for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What jobs of the majority's chain say of the network: the newest one that holds transactions."""

    endpoint: str
    at: float  # UTC s
    template: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumNow:
    """Everything known at one moment."""

    at: float  # UTC s
    endpoints: Mapping[str, EndpointNow] = field(default_factory=dict)
    unwatched: Mapping[str, int] = field(default_factory=dict)  # one of UNWATCHED → endpoints
    height: int | None = None  # of the newest block of the majority's chain
    tip: str | None = None  # its hash
    tip_at: float | None = None  # UTC s of its first announcement
    work: Work | None = None
    mean_fees: float | None = None  # sat, median of the newest templates that hold transactions, one per height
    races: tuple[BlockRace, ...] = ()  # newest first
    alarms: tuple[Alarm, ...] = ()  # what is wrong now


class Stratum(Protocol):
    """Something that knows the endpoints; readers take `now` whenever they need it."""

    @property
    def now(self) -> StratumNow:
        """Return the newest record; ages in it are as of its `at`."""
        ...
