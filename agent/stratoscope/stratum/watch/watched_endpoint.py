"""Collects what is known of one endpoint: its current session, its newest job, and counters that never decrease."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stratoscope.clock import Clock
from stratoscope.logs import clean
from stratoscope.stratum.jobs.template import JobTemplate
from stratoscope.stratum.protocol.endpoint import Endpoint, redirect_target
from stratoscope.stratum.protocol.messages import Reconnect
from stratoscope.stratum.sessions.dial import OpenedConnection
from stratoscope.stratum.watch.race import RACE_WINDOW_S, BlockAnnouncement, RaceResult, with_delay
from stratoscope.stratum.watch.records import (
    SESSION_PHASES,
    DelayHistogram,
    EndpointCounts,
    EndpointLoss,
    EndpointState,
    SessionState,
)
from stratoscope.stratum.watch.session_facts import SessionFacts
from stratoscope.units import HOUR

JOB_INTERVALS: Final = 8
"""Intervals between jobs from which the mean is calculated."""
RECENT_BLOCKS: Final = 8
MAX_MESSAGE_CHARS: Final = 200
MAX_REDIRECTS: Final = 3
"""Redirects in a row without a job; after that, the next session goes to the endpoint itself."""
REDIRECT_ALARM_S: Final = HOUR


@dataclass(slots=True)
class EndpointLoad:
    """The rigs whose active pool slot is an endpoint: their number and hashrate (H/s)."""

    rigs: int = 0
    hashrate: float | None = None


class WatchedEndpoint:
    """One endpoint, the listener of its sessions. `on_block` gets new blocks, `on_redirect` gets reconnect requests."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        on_block: Callable[[BlockAnnouncement], None],
        on_redirect: Callable[["WatchedEndpoint", str, str], None],
    ) -> None:
        self.endpoint, self.url = endpoint, endpoint.url
        self.configured = False
        self.state: SessionState = "connecting"
        self.why: str | None = None
        self.down_since: float | None = clock.monotonic()  # this and the next three are monotonic s
        self.empty_since: float | None = None  # first of consecutive empty templates
        self.behind_since: float | None = None  # when others announced a block after the one it works on
        self.redirected_at: float | None = None  # last request to connect to a foreign host
        self.load = EndpointLoad()
        self.recent_blocks: deque[str] = deque(maxlen=RECENT_BLOCKS)  # blocks that it built on, newest last
        self.redirect_target: str = ""
        self.next_endpoint: Endpoint | None = None  # where the next session goes instead
        self.unreadable = False
        self._empty_seconds = 0.0  # of empty templates that are not counted as a loss yet
        self._late_seconds = 0.0  # of late work that are counted as a loss before the race is over
        self._clock, self._on_block, self._on_redirect = clock, on_block, on_redirect
        self._session = SessionFacts()
        self._arrivals: deque[float] = deque(maxlen=JOB_INTERVALS + 1)
        self._redirects_in_a_row = 0
        self._sessions: Counter[str] = Counter()
        self._jobs: Counter[bool] = Counter()
        self._reconnect_requests: Counter[str] = Counter()
        self._losses: dict[str, EndpointLoss] = {}
        self._numbers: Counter[str] = Counter()
        self._delays = DelayHistogram()
        self._message: str | None = None

    @property
    def template(self) -> JobTemplate | None:
        """Return the newest job of the current session."""
        return self._session.template

    @property
    def received(self) -> float | None:
        """Return when the newest job arrived (monotonic s)."""
        return self._session.received

    @property
    def certificate_end(self) -> float | None:
        """Return when the certificate expires (UTC s)."""
        return self._session.certificate_end

    @property
    def certificate_verified(self) -> bool | None:
        """Return whether the certificate is valid; None without one, or without a key to verify it."""
        return self._session.certificate_verified

    # Called by the watcher.

    def begin_connecting(self) -> None:
        """Discard the facts of the previous session."""
        self.state, self._session = "connecting", SessionFacts()
        self._arrivals.clear()

    def connected(self, connection: OpenedConnection) -> None:
        """Record an open connection."""
        session = self._session
        session.since = self._clock.monotonic()
        session.phases.update(connection.phases)
        session.certificate_end = connection.certificate_end
        session.certificate_verified = connection.certificate_verified

    def session_ended(self, reason: str, why: str) -> None:
        """Record that a session ended or could not be opened."""
        self._sessions[reason] += 1
        if self.down_since is None or self.state == "working":
            self.down_since = self._clock.monotonic()
        self.state = "refused" if reason == "forbidden" else "waiting"
        self.why = clean(why, MAX_MESSAGE_CHARS)
        self._session = SessionFacts(phases=self._session.phases, certificate_end=self._session.certificate_end)
        self.empty_since, self.behind_since, self.unreadable, self._late_seconds = None, None, False, 0.0

    # SessionListener.

    def on_phase(self, name: str, seconds: float) -> None:
        """Record how long a step of opening the session took."""
        self._session.phases[name] = max(0.0, seconds)

    def on_certificate(self, end: float, verified: bool | None) -> None:
        """Record when the certificate of a V2 session expires (UTC s), and whether its authority signed it."""
        self._session.certificate_end, self._session.certificate_verified = end, verified

    def on_extranonce(self, extranonce1_size: int, extranonce2_size: int) -> None:
        """Record the sizes of the extranonces in bytes."""
        self._session.extranonce1_size, self._session.extranonce2_size = extranonce1_size, extranonce2_size

    def on_version_mask(self, mask: int | None) -> None:
        """Record which version bits a miner may roll."""
        self._session.version_mask = mask

    def on_difficulty(self, difficulty: float) -> None:
        """Record the share difficulty."""
        self._session.difficulty = difficulty

    def on_rtt(self, tcp: float | None, configure: float | None) -> None:
        """Record the round-trip times in s."""
        self._session.rtt_tcp, self._session.rtt_configure = tcp, configure

    def on_job(self, template: JobTemplate, received: float) -> None:
        """Record a job that arrived at `received`, and announce a new block unless it is the first of the session."""
        session, before = self._session, self._session.template
        self.state, self.why, self.down_since, self._redirects_in_a_row = "working", None, None, 0
        self._empty_seconds += session.uncounted_empty_seconds(received)
        session.empty_from = received if template.empty else None
        session.template, session.received = template, received
        self._arrivals.append(received)
        self._jobs[template.clean] += 1
        self.unreadable = template.coinbase_value_sat is None
        self._numbers["unreadable_jobs"] += self.unreadable
        self._numbers["empty_jobs"] += template.empty
        self.empty_since = (self.empty_since or received) if template.empty else None
        if template.prev_hash in self.recent_blocks:
            return
        self.recent_blocks.append(template.prev_hash)
        if before is None:
            return
        session.tip_received = received
        self._numbers["blocks"] += 1
        if before.height is not None and template.height is not None:
            self._numbers["missed"] += max(0, template.height - before.height - 1)
        self._on_block(BlockAnnouncement(self.url, template, received - session.one_way_delay, received))

    def on_reconnect(self, request: Reconnect) -> bool:
        """Record a request to reconnect; return whether to follow it: never to a foreign host, never in a loop."""
        kind, target = redirect_target(self.endpoint, request.host, request.port)
        self._reconnect_requests[kind] += 1
        host, port = request.host or self.endpoint.host, request.port or self.endpoint.port
        where = clean(f"{host}:{port}", MAX_MESSAGE_CHARS)
        if kind == "abroad":
            self.redirected_at, self.redirect_target = self._clock.monotonic(), where
        self._on_redirect(self, kind, where)
        self._redirects_in_a_row += 1
        if target is None:
            return False
        follow = target != self.endpoint and self._redirects_in_a_row <= MAX_REDIRECTS
        self.next_endpoint = target if follow else None
        return True

    def on_message(self, text: str) -> None:
        """Record a text that the pool sends to its users."""
        self._numbers["messages"] += 1
        self._message = clean(text, MAX_MESSAGE_CHARS)

    def on_invalid_message(self) -> None:
        """Count a message that could not be parsed."""
        self._numbers["garbled"] += 1

    # Called by the comparison.

    def take_empty_seconds(self, now: float) -> float:
        """Return the seconds of empty templates since the last call, until monotonic `now`."""
        seconds = self._empty_seconds + self._session.uncounted_empty_seconds(now)
        self._empty_seconds = 0.0
        if self._session.empty_from is not None:
            self._session.empty_from = now
        return seconds

    def add_race_result(self, result: RaceResult) -> float:
        """Count the result of a race; return the seconds of late work that are not counted as a loss yet."""
        self._numbers["raced"] += 1
        self._numbers["first"] += result.first
        self._delays = with_delay(self._delays, result.delay)
        uncounted = result.delay - self._late_seconds
        self._late_seconds = max(0.0, -uncounted)
        return max(0.0, uncounted)

    def update_behind(self, since: float | None, now: float) -> float:
        """Record since when it works on an old block (None: it does not); return the seconds to count as a loss.

        The first RACE_WINDOW_S seconds are not counted here: `add_race_result` counts them.
        """
        self.behind_since = None if since is None else self.behind_since or since
        if self.behind_since is None or now - self.behind_since < RACE_WINDOW_S:
            return 0.0
        seconds = now - self.behind_since
        counted, self._late_seconds = self._late_seconds, max(self._late_seconds, seconds)
        return max(0.0, seconds - counted)

    def add_loss(self, reason: str, seconds: float, satoshis: float | None) -> None:
        """Add a loss; if the satoshis are unknown, only the time is added."""
        loss = self._losses.get(reason, EndpointLoss())
        self._losses[reason] = EndpointLoss(loss.seconds + seconds, loss.satoshis + (satoshis or 0.0))

    def redirected_recently(self, now: float) -> bool:
        """Return whether it asked miners to connect to a foreign host within the last hour; `now` in monotonic s."""
        return self.redirected_at is not None and now - self.redirected_at < REDIRECT_ALARM_S

    def snapshot(self, *, chain: str | None = None, match: bool | None = None, lag: int | None = None) -> EndpointState:
        """Return the current state as an immutable record."""
        session = self._session
        offset = self._clock.time() - self._clock.monotonic()

        def utc(moment: float | None) -> float | None:
            return None if moment is None else moment + offset

        intervals = len(self._arrivals) - 1
        return EndpointState(
            url=self.url,
            state=self.state,
            configured=self.configured,
            why=self.why,
            since=utc(session.since),
            phases={name: session.phases[name] for name in SESSION_PHASES if name in session.phases},
            rtt_tcp=session.rtt_tcp,
            rtt_configure=session.rtt_configure,
            certificate_end=session.certificate_end,
            certificate_verified=session.certificate_verified,
            template=session.template,
            job_at=utc(session.received),
            job_interval=(self._arrivals[-1] - self._arrivals[0]) / intervals if intervals > 0 else None,
            difficulty=session.difficulty,
            extranonce1_size=session.extranonce1_size,
            extranonce2_size=session.extranonce2_size,
            version_mask=session.version_mask,
            chain=chain,
            chain_match=match,
            lag=lag,
            hashrate=self.load.hashrate,
            rigs=self.load.rigs,
            tip_at=utc(session.tip_received),
            message=self._message,
            counts=self._counts(),
        )

    def _counts(self) -> EndpointCounts:
        numbers = self._numbers
        return EndpointCounts(
            sessions=dict(self._sessions),
            jobs=dict(self._jobs),
            empty_jobs=numbers["empty_jobs"],
            unreadable_jobs=numbers["unreadable_jobs"],
            blocks=numbers["blocks"],
            raced=numbers["raced"],
            first=numbers["first"],
            missed=numbers["missed"],
            delays=self._delays,
            reconnect_requests=dict(self._reconnect_requests),
            messages=numbers["messages"],
            garbled=numbers["garbled"],
            losses=dict(self._losses),
        )
