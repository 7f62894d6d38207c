"""Runs one observing session of stratum V1: subscribes, listens and measures. It never submits a share.

It authorises only if no job arrives without a login, and only with a configured login.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from stratoscope.clock import Clock
from stratoscope.stratum.jobs.template import decode_job
from stratoscope.stratum.protocol import requests
from stratoscope.stratum.protocol.lines import LineSplitter
from stratoscope.stratum.protocol.messages import (
    Id,
    InvalidMessage,
    Message,
    Notify,
    Reconnect,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
    StratumReply,
    StratumRequest,
    parse_line,
    parse_rolling_mask,
    parse_subscription,
)
from stratoscope.stratum.sessions.base_session import (
    FIRST_JOB_TIMEOUT_S,
    MAX_INVALID_MESSAGES,
    MAX_WINDOW_MESSAGES,
    SUBSCRIBE_TIMEOUT_S,
    USER_REQUIRED,
    BaseSession,
    SessionListener,
)
from stratoscope.stratum.sessions.dial import SessionEnded, kernel_rtt
from stratoscope.stratum.settings import StratumLogin
from stratoscope.units import MINUTE

CONFIGURE_TIMEOUT_S: Final = 3.0
"""Some pools never reply to mining.configure."""
ANONYMOUS_JOB_TIMEOUT_S: Final = 2.0
"""A pool that sends jobs without a login sends the first one within this time."""
MAX_SILENCE_S: Final = 5 * MINUTE
"""Without any byte for this long, the connection is dead: a live pool replies to every probe or sends jobs."""
MAX_INVALID_BEFORE_SUBSCRIBE: Final = 3
"""Invalid lines before the session is subscribed."""
RTT_SAMPLES: Final = 8


class StratumV1Session(BaseSession):
    """An observing session of stratum V1."""

    def __init__(
        self, listener: SessionListener, clock: Clock, login: StratumLogin | None, probe_interval_s: float
    ) -> None:
        super().__init__(listener, clock, login, probe_interval_s, ("configure", "subscribe", "job"))
        self._lines = LineSplitter()
        self._extranonce1 = b""
        self._extranonce2_size: int | None = None
        self._sent: dict[Id, tuple[str, float]] = {}  # request id → what it requests, when it was sent
        self._last_id = 0
        self._subscribed_at: float | None = None  # monotonic s
        self._rtts: deque[float] = deque(maxlen=RTT_SAMPLES)
        self._handlers: dict[type[Any], Callable[[Any, float], None]] = {
            Notify: self._on_job,
            StratumReply: self._on_reply,
            SetDifficulty: self._on_difficulty,
            SetExtranonce: self._on_extranonce,
            SetVersionMask: self._on_version_mask,
            Reconnect: self._on_reconnect,
            ShowMessage: self._on_show_message,
            InvalidMessage: self._on_invalid_message,
            StratumRequest: self._on_request,
        }

    async def _exchange(self) -> None:
        self._send("configure", requests.configure)
        await self._wait_for("configure", CONFIGURE_TIMEOUT_S)
        self._send("subscribe", requests.subscribe)
        if not await self._wait_for("subscribe", SUBSCRIBE_TIMEOUT_S):
            raise SessionEnded("timeout", "no reply to mining.subscribe")
        if not await self._wait_for("job", ANONYMOUS_JOB_TIMEOUT_S) and self._login is not None:
            login = self._login
            self._send("authorize", lambda id_: requests.authorize(id_, login.user, login.password))
        if not await self._wait_for("job", FIRST_JOB_TIMEOUT_S):
            hint = "" if self._login is not None else f": {USER_REQUIRED}"
            raise SessionEnded("no_job", f"no job within {ANONYMOUS_JOB_TIMEOUT_S + FIRST_JOB_TIMEOUT_S:.0f} s{hint}")
        while True:
            self._probe()
            await self._clock.sleep(self._probe_interval_s)

    def _probe(self) -> None:
        """Send a request that measures the round trip; raise SessionEnded if the endpoint stopped responding."""
        now = self._clock.monotonic()
        if now - self._received_at > MAX_SILENCE_S:
            raise SessionEnded("silent", f"no data for {now - self._received_at:.0f} s")
        self._check_job_gap(now)
        for id_ in [id_ for id_, (what, _) in self._sent.items() if what == "probe"]:
            del self._sent[id_]
        self._send("probe", requests.configure)
        self._listener.on_rtt(kernel_rtt(self.transport), min(self._rtts, default=None))

    def _send(self, what: str, line: Callable[[Id], bytes]) -> None:
        self._last_id += 1
        self._sent[self._last_id] = what, self._clock.monotonic()
        self.transport.write(line(self._last_id))

    def data_received(self, data: bytes) -> None:
        """Handle every complete line in `data`; all get the same receive time."""
        received = self._count_bytes(len(data))
        oversize = self._lines.oversize
        for line in self._lines.feed(data):
            self._window_messages += 1
            if self._ended.done() or self._window_messages > MAX_WINDOW_MESSAGES:
                break
            self._handle(parse_line(line), received)
        for _ in range(self._lines.oversize - oversize):
            self._on_invalid_message(InvalidMessage("oversize"), received)
        self._end_if_flooded()

    def _handle(self, message: Message, received: float) -> None:
        self._handlers[type(message)](message, received)

    def _on_job(self, job: Notify, received: float) -> None:
        if not self._done["job"].is_set():
            self._done["job"].set()
            self._listener.on_phase("first_job", received - (self._subscribed_at or received))
        self._job_at = received
        extranonce1 = None if self._extranonce2_size is None else self._extranonce1
        self._listener.on_job(decode_job(job, extranonce1, self._extranonce2_size), received)

    def _on_reply(self, reply: StratumReply, received: float) -> None:
        id_ = reply.id
        if isinstance(id_, str) and id_.isascii() and id_.isdigit():
            id_ = int(id_)  # some pools send the id back as text
        what, sent = self._sent.pop(id_, ("", 0.0))
        if what == "probe":
            self._rtts.append(received - sent)
            self._listener.on_rtt(kernel_rtt(self.transport), min(self._rtts))
        elif what == "configure":
            self._listener.on_version_mask(parse_rolling_mask(reply.result))
            self._done["configure"].set()
        elif what == "subscribe":
            self._on_subscription(reply, sent, received)
        elif what == "authorize":
            self._listener.on_phase("authorize", received - sent)
            if not reply.ok:
                self._end("unauthorized", "the endpoint rejects the user")

    def _on_subscription(self, reply: StratumReply, sent: float, received: float) -> None:
        subscription = parse_subscription(reply.result)
        if subscription is None and not reply.ok:
            self._end("unauthorized", "the endpoint rejects the subscription")
        elif subscription is None:
            self._end("garbled", "the reply to mining.subscribe is invalid")
        if subscription is None:
            return
        self._subscribed_at = received
        self._listener.on_phase("subscribe", received - sent)
        self._set_extranonce(subscription.extranonce1, subscription.extranonce2_size)
        self._done["subscribe"].set()

    def _set_extranonce(self, extranonce1: bytes, extranonce2_size: int) -> None:
        self._extranonce1, self._extranonce2_size = extranonce1, extranonce2_size
        self._listener.on_extranonce(len(extranonce1), extranonce2_size)

    def _on_difficulty(self, message: SetDifficulty, _received: float) -> None:
        self._listener.on_difficulty(message.difficulty)

    def _on_extranonce(self, message: SetExtranonce, _received: float) -> None:
        self._set_extranonce(message.extranonce1, message.extranonce2_size)

    def _on_version_mask(self, message: SetVersionMask, _received: float) -> None:
        self._listener.on_version_mask(message.mask)

    def _on_reconnect(self, message: Reconnect, _received: float) -> None:
        if self._listener.on_reconnect(message):
            self._end("redirected", "the endpoint requested a reconnect")

    def _on_show_message(self, message: ShowMessage, _received: float) -> None:
        self._listener.on_message(message.text)

    def _on_invalid_message(self, _message: InvalidMessage, _received: float) -> None:
        self._invalid_messages += 1
        self._listener.on_invalid_message()
        subscribed = self._done["subscribe"].is_set()
        if self._invalid_messages >= (MAX_INVALID_MESSAGES if subscribed else MAX_INVALID_BEFORE_SUBSCRIBE):
            self._end("garbled", "the endpoint sends data that is not stratum")

    def _on_request(self, message: StratumRequest, _received: float) -> None:
        """Reply to keep-alive requests; ignore all others."""
        result = {"mining.ping": "pong", "client.get_version": requests.AGENT}.get(message.method)
        if result is not None and message.id is not None:
            self.transport.write(requests.result(message.id, result))
