"""Gathers what one endpoint does: the session that stands, its newest job, and counts that never go down."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from stratoscope.clock import Clock
from stratoscope.logs import clean
from stratoscope.stratum.jobs.template import Template
from stratoscope.stratum.protocol.dial import Opened
from stratoscope.stratum.protocol.endpoint import Endpoint, turn_of
from stratoscope.stratum.protocol.messages import Reconnect
from stratoscope.stratum.watch.race import WINDOW, Result, added
from stratoscope.stratum.watch.records import PHASES, Counts, Delays, EndpointNow, Loss, State
from stratoscope.units import HOUR

INTERVALS: Final = 8
"""Times between jobs that their mean is taken over."""
RECENT: Final = 8
"""Blocks that an endpoint built on lately."""
LONGEST_MESSAGE: Final = 200
RETURNS: Final = 3
"""How often a session may be sent on before a job came, until the endpoint is asked anew by its own name."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A new block, as an endpoint's job told it; `spoken` is when the message left (monotonic s)."""

    url: str
    template: Template
    spoken: float
    received: float


@dataclass(slots=True)
class Share:
    """The rigs at an endpoint: how many, their hashrate (H/s), and where the fees of a template would have gone."""

    rigs: int = 0
    hashrate: float | None = None


@dataclass(slots=True)
class _Session:
    """What holds for one session and goes with it; moments are monotonic s."""

    since: float | None = None
    phases: dict[str, float] = field(default_factory=dict)
    rtt_tcp: float | None = None
    rtt_configure: float | None = None
    certificate_end: float | None = None
    certificate_verified: bool | None = None
    template: Template | None = None
    received: float | None = None  # the newest job
    empty_from: float | None = None  # monotonic s from which the present empty templates are not yet accounted for
    tip_received: float | None = None  # the block it builds on
    difficulty: float | None = None
    extranonce1: int | None = None
    extranonce2: int | None = None
    mask: int | None = None


class Watched:
    """One endpoint. It is the ear of its sessions; `on_block` hears of new blocks, `on_away` of requests to leave."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        on_block: Callable[[Announcement], None],
        on_away: Callable[["Watched", str, str], None],
    ) -> None:
        self.endpoint, self.url = endpoint, endpoint.url
        self.configured = False
        self.state: State = "connecting"
        self.why: str | None = None
        self.down_since: float | None = clock.monotonic()  # of this and the next three: monotonic s
        self.empty_since: float | None = None  # the first of the empty templates in a row
        self.behind_since: float | None = None  # the others left the block it works on
        self.away_at: float | None = None  # it last asked to go abroad
        self.share = Share()
        self.recent: deque[str] = deque(maxlen=RECENT)  # blocks that it built on, newest last
        self.away_to: str = ""
        self.turned: Endpoint | None = None  # where the next session goes instead
        self.unreadable = False
        self._empty = 0.0  # s of empty templates not yet accounted for
        self._late = 0.0  # s of late work that were charged before the race was over
        self._clock, self._on_block, self._on_away = clock, on_block, on_away
        self._session = _Session()
        self._arrivals: deque[float] = deque(maxlen=INTERVALS + 1)
        self._turns_in_a_row = 0
        self._sessions: Counter[str] = Counter()
        self._jobs: Counter[bool] = Counter()
        self._turns: Counter[str] = Counter()
        self._losses: dict[str, Loss] = {}
        self._numbers: Counter[str] = Counter()
        self._delays = Delays()
        self._message: str | None = None

    @property
    def template(self) -> Template | None:
        """Return the newest job of the session that stands."""
        return self._session.template

    @property
    def received(self) -> float | None:
        """Return when the newest job came (monotonic s)."""
        return self._session.received

    @property
    def certificate_end(self) -> float | None:
        """Return when the certificate ends (UTC s)."""
        return self._session.certificate_end

    @property
    def certificate_verified(self) -> bool | None:
        """Return whether the certificate is good; None without one, or without a key to check it with."""
        return self._session.certificate_verified

    # The life of its sessions.

    def dialing(self) -> None:
        """Begin anew: nothing is known of a session that does not stand yet."""
        self.state, self._session = "connecting", _Session()
        self._arrivals.clear()

    def opened(self, opened: Opened) -> None:
        """Note a connection."""
        session = self._session
        session.since = self._clock.monotonic()
        session.phases.update(opened.phases)
        session.certificate_end, session.certificate_verified = opened.certificate_end, opened.certificate_verified

    def ended(self, reason: str, why: str) -> None:
        """Note that a session ended, or never began."""
        self._sessions[reason] += 1
        if self.down_since is None or self.state == "working":
            self.down_since = self._clock.monotonic()
        self.state = "refused" if reason == "forbidden" else "waiting"
        self.why = clean(why, LONGEST_MESSAGE)
        phases, ending = self._session.phases, self._session.certificate_end
        self._session = _Session(phases=phases, certificate_end=ending)
        self.empty_since, self.behind_since, self.unreadable, self._late = None, None, False, 0.0

    # What a session hears.

    def phase(self, name: str, seconds: float) -> None:
        """Note how long a step of opening took."""
        self._session.phases[name] = max(0.0, seconds)

    def certificate(self, end: float, verified: bool | None) -> None:
        """Note until when (UTC s) the certificate of a V2 session holds, and whether its authority signed it."""
        self._session.certificate_end, self._session.certificate_verified = end, verified

    def granted(self, extranonce1: int, extranonce2: int) -> None:
        """Note the sizes of the extranonces in bytes."""
        self._session.extranonce1, self._session.extranonce2 = extranonce1, extranonce2

    def mask(self, mask: int | None) -> None:
        """Note which version bits a miner may roll."""
        self._session.mask = mask

    def difficulty(self, difficulty: float) -> None:
        """Note the share difficulty."""
        self._session.difficulty = difficulty

    def rtt(self, tcp: float | None, configure: float | None) -> None:
        """Note the round trips in s."""
        self._session.rtt_tcp, self._session.rtt_configure = tcp, configure

    def job(self, template: Template, received: float) -> None:
        """Note a job that came at `received`; a new block in a standing session is announced."""
        session, before = self._session, self._session.template
        self.state, self.why, self.down_since, self._turns_in_a_row = "working", None, None, 0
        self._empty += self._emptied(received)
        session.empty_from = received if template.empty else None
        session.template, session.received = template, received
        self._arrivals.append(received)
        self._jobs[template.clean] += 1
        self.unreadable = template.coinbase_value_sat is None
        self._numbers["unreadable_jobs"] += self.unreadable
        self._numbers["empty_jobs"] += template.empty
        self.empty_since = (self.empty_since or received) if template.empty else None
        if template.prev_hash in self.recent:
            return
        self.recent.append(template.prev_hash)
        if before is None:
            return
        session.tip_received = received
        self._numbers["blocks"] += 1
        if before.height is not None and template.height is not None:
            self._numbers["missed"] += max(0, template.height - before.height - 1)
        self._on_block(Announcement(self.url, template, received - self._way(), received))

    def asked_away(self, turn: Reconnect) -> bool:
        """Note a request to go elsewhere; return whether it is followed: never abroad, never round and round."""
        kind, target = turn_of(self.endpoint, turn.host, turn.port)
        self._turns[kind] += 1
        where = clean(f"{turn.host or self.endpoint.host}:{turn.port or self.endpoint.port}", LONGEST_MESSAGE)
        if kind == "abroad":
            self.away_at, self.away_to = self._clock.monotonic(), where
        self._on_away(self, kind, where)
        self._turns_in_a_row += 1
        if target is None:
            return False
        self.turned = target if target != self.endpoint and self._turns_in_a_row <= RETURNS else None
        return True

    def message(self, text: str) -> None:
        """Note words for people."""
        self._numbers["messages"] += 1
        self._message = clean(text, LONGEST_MESSAGE)

    def noise(self) -> None:
        """Note a line that was no message."""
        self._numbers["garbled"] += 1

    # What the watcher concludes.

    def drain_empty(self, now: float) -> float:
        """Return the seconds (to monotonic `now`) of empty templates since the last call."""
        seconds, self._empty = self._empty + self._emptied(now), 0.0
        if self._session.empty_from is not None:
            self._session.empty_from = now
        return seconds

    def _emptied(self, now: float) -> float:
        since = self._session.empty_from
        return 0.0 if since is None else max(0.0, now - since)

    def raced(self, result: Result) -> None:
        """Note what a race came to."""
        self._numbers["raced"] += 1
        self._numbers["first"] += result.first
        self._delays = added(self._delays, result.delay)

    def late(self, seconds: float) -> float:
        """Return how many of so many seconds of late work are not charged yet, now that a race tells them."""
        due = seconds - self._late
        self._late = max(0.0, -due)
        return max(0.0, due)

    def behind(self, since: float | None, now: float) -> float:
        """Note since when it works on a block that others left (None: it does not); return the seconds to charge.

        Nothing is charged in the first WINDOW seconds: the race will tell.
        """
        self.behind_since = None if since is None else self.behind_since or since
        if self.behind_since is None or now - self.behind_since < WINDOW:
            return 0.0
        seconds = now - self.behind_since
        charged, self._late = self._late, max(self._late, seconds)
        return max(0.0, seconds - charged)

    def lost(self, reason: str, seconds: float, satoshis: float | None) -> None:
        """Add what poor work cost; unknown satoshis add time only."""
        loss = self._losses.get(reason, Loss())
        self._losses[reason] = Loss(loss.seconds + seconds, loss.satoshis + (satoshis or 0.0))

    def away(self, now: float) -> bool:
        """Tell whether it asked to go abroad within the last hour; `now` in monotonic s."""
        return self.away_at is not None and now - self.away_at < HOUR

    def _way(self) -> float:
        """Return how long a message is under way: half a round trip."""
        session = self._session
        return (session.rtt_tcp or session.rtt_configure or 0.0) / 2

    def record(self, *, chain: str | None = None, match: bool | None = None, lag: int | None = None) -> EndpointNow:
        """Return all of it as one record."""
        session, numbers = self._session, self._numbers
        offset = self._clock.time() - self._clock.monotonic()

        def utc(moment: float | None) -> float | None:
            return None if moment is None else moment + offset

        spans = len(self._arrivals) - 1
        return EndpointNow(
            url=self.url,
            state=self.state,
            configured=self.configured,
            why=self.why,
            since=utc(session.since),
            phases={name: session.phases[name] for name in PHASES if name in session.phases},
            rtt_tcp=session.rtt_tcp,
            rtt_configure=session.rtt_configure,
            certificate_end=session.certificate_end,
            certificate_verified=session.certificate_verified,
            template=session.template,
            job_at=utc(session.received),
            job_interval=(self._arrivals[-1] - self._arrivals[0]) / spans if spans > 0 else None,
            difficulty=session.difficulty,
            extranonce1_size=session.extranonce1,
            extranonce2_size=session.extranonce2,
            version_mask=session.mask,
            chain=chain,
            chain_match=match,
            lag=lag,
            hashrate=self.share.hashrate,
            rigs=self.share.rigs,
            tip_at=utc(session.tip_received),
            message=self._message,
            counts=Counts(
                sessions=dict(self._sessions),
                jobs=dict(self._jobs),
                empty_jobs=numbers["empty_jobs"],
                unreadable_jobs=numbers["unreadable_jobs"],
                blocks=numbers["blocks"],
                raced=numbers["raced"],
                first=numbers["first"],
                missed=numbers["missed"],
                delays=self._delays,
                turns=dict(self._turns),
                messages=numbers["messages"],
                garbled=numbers["garbled"],
                losses=dict(self._losses),
            ),
        )
