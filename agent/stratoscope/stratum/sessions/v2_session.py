"""Runs one observing session of stratum V2: an extended channel at a pool, or the templates of an own node.

It reports to its listener what the V1 session reports, with jobs decoded by the same decoder. It never submits a share.
It first opens the channel without a user, and with the configured user only if that is refused. If the authority in the
URL did not sign the certificate, this is recorded and the session stays open, as with TLS: it sends no secret.
"""

from collections.abc import Callable
from typing import Any, Final

from stratoscope import __version__
from stratoscope.clock import Clock
from stratoscope.stratum.jobs.sv2_jobs import JobAssembler
from stratoscope.stratum.jobs.template import Job, decode_job
from stratoscope.stratum.protocol.messages import InvalidMessage, Reconnect
from stratoscope.stratum.protocol.requests import ROLLING_MASK
from stratoscope.stratum.protocol.sv2 import messages
from stratoscope.stratum.protocol.sv2.messages import (
    ChannelOpened,
    ExtendedJob,
    Message,
    Redirect,
    Refusal,
    SetTarget,
    SetupSuccess,
)
from stratoscope.stratum.protocol.sv2.noise import RESPONSE_BYTES, Frame, NoiseError, NoiseInitiator, NoiseTransport
from stratoscope.stratum.sessions.base_session import (
    FIRST_JOB_TIMEOUT_S,
    MAX_INVALID_MESSAGES,
    SUBSCRIBE_TIMEOUT_S,
    USER_REQUIRED,
    BaseSession,
    SessionListener,
)
from stratoscope.stratum.sessions.dial import SessionEnded, kernel_rtt
from stratoscope.stratum.settings import StratumLogin

HANDSHAKE_TIMEOUT_S: Final = 10.0
COINBASE_OUTPUT_BYTES: Final = 100
"""Size of the outputs for which a template provider must leave room: one payout."""
UNSUPPORTED_PROTOCOL: Final = "unsupported-protocol"
STEPS: Final = ("handshake", "setup", "open", "job")
MAX_CODE_CHARS: Final = 60


class StratumV2Session(BaseSession):
    """An observing session of stratum V2.

    `authority` is the key in the endpoint's URL, `address` the host and port that SetupConnection contains. With
    `templates`, the session requests templates. `provider` becomes True if the server turns out to be a template
    provider instead of a pool.
    """

    def __init__(
        self,
        listener: SessionListener,
        clock: Clock,
        login: StratumLogin | None,
        probe_interval_s: float,
        *,
        authority: bytes | None,
        address: tuple[str, int],
        templates: bool = False,
    ) -> None:
        self.provider = templates
        super().__init__(listener, clock, login, probe_interval_s, STEPS)
        self._address, self._templates = address, templates
        self._handshake = NoiseInitiator(authority)
        self._noise: NoiseTransport | None = None
        self._handshake_reply = b""
        self._jobs = JobAssembler()
        self._opened_at: float | None = None  # monotonic s
        self._with_user = False
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            SetupSuccess: self._on_setup_success,
            Refusal: self._on_refusal,
            Redirect: self._on_redirect,
            InvalidMessage: self._on_invalid_message,
        }

    async def _exchange(self) -> None:
        started = self._clock.monotonic()
        self.transport.write(self._handshake.hello)
        await self._require("handshake", HANDSHAKE_TIMEOUT_S, "tls", "no reply to the handshake")
        self._listener.on_phase("tls", self._clock.monotonic() - started)
        started = self._clock.monotonic()
        protocol = messages.TEMPLATES if self._templates else messages.MINING
        self._send(messages.setup_connection(protocol, *self._address, "stratoscope", __version__))
        await self._require("setup", SUBSCRIBE_TIMEOUT_S, "timeout", "no reply to SetupConnection")
        if self._templates:
            self._send(messages.coinbase_constraints(COINBASE_OUTPUT_BYTES, 0))
        else:
            self._send(messages.open_extended_channel(1, ""))
            await self._require("open", SUBSCRIBE_TIMEOUT_S, "timeout", "no reply to OpenExtendedMiningChannel")
        self._opened_at = self._clock.monotonic()
        self._listener.on_phase("subscribe", self._opened_at - started)
        await self._require("job", FIRST_JOB_TIMEOUT_S, "no_job", f"no job within {FIRST_JOB_TIMEOUT_S:.0f} s")
        while True:
            self._check_job_gap(self._clock.monotonic())
            self._listener.on_rtt(kernel_rtt(self.transport), None)
            await self._clock.sleep(self._probe_interval_s)

    async def _require(self, step: str, seconds: float, reason: str, detail: str) -> None:
        """Wait up to `seconds` for a step; raise SessionEnded if it is not done by then."""
        if not await self._wait_for(step, seconds):
            raise SessionEnded(reason, detail)

    def _send(self, frame: Frame) -> None:
        if self._noise is not None:
            self.transport.write(self._noise.seal(frame))

    def data_received(self, data: bytes) -> None:
        """Handle every complete frame in `data`; all get the same receive time."""
        received = self._count_bytes(len(data))
        try:
            frames = self._finish_handshake(data) if self._noise is None else self._noise.feed(data)
        except NoiseError as error:
            self._end("tls" if self._noise is None else "garbled", str(error))
            self.transport.abort()
            return
        self._window_messages += len(frames)
        if self._end_if_flooded():
            return
        for frame in frames:
            if not self._ended.done():
                self._handle(messages.parse_frame(frame), received)

    def _finish_handshake(self, data: bytes) -> list[Frame]:
        """Finish the handshake once its reply is complete; return the frames that follow the reply."""
        self._handshake_reply += data
        if len(self._handshake_reply) < RESPONSE_BYTES:
            return []
        self._noise, certificate = self._handshake.finish(self._handshake_reply[:RESPONSE_BYTES])
        verified = None
        if certificate.genuine is not None:
            verified = certificate.genuine and certificate.valid_at(self._clock.time())
        self._listener.on_certificate(certificate.not_valid_after, verified)
        self._done["handshake"].set()
        return self._noise.feed(self._handshake_reply[RESPONSE_BYTES:])

    def _handle(self, message: Message, received: float) -> None:
        handler = self._handlers.get(type(message))
        if handler is not None:
            handler(message)
            return
        job = self._jobs.add(message)
        if isinstance(message, ChannelOpened):
            self._listener.on_extranonce(len(message.extranonce_prefix), message.extranonce_size)
            self._done["open"].set()
        elif isinstance(message, ExtendedJob):
            self._listener.on_version_mask(ROLLING_MASK if message.rolling else None)
        if isinstance(message, ChannelOpened | SetTarget) and self._jobs.difficulty is not None:
            self._listener.on_difficulty(self._jobs.difficulty)
        if job is not None:
            self._on_job(job, received)

    def _on_job(self, job: Job, received: float) -> None:
        if not self._done["job"].is_set():
            self._done["job"].set()
            self._listener.on_phase("first_job", received - (self._opened_at or received))
        self._job_at = received
        self._listener.on_job(decode_job(*job), received)

    def _on_setup_success(self, _message: SetupSuccess) -> None:
        self._done["setup"].set()

    def _on_refusal(self, message: Refusal) -> None:
        """End the session, unless the channel can be opened with a user."""
        code = message.code[:MAX_CODE_CHARS]
        if message.type == messages.OPEN_ERROR and self._login is not None and not self._with_user:
            self._with_user = True
            self._send(messages.open_extended_channel(2, self._login.user))
        elif message.type == messages.OPEN_ERROR:
            hint = "" if self._with_user else f": {USER_REQUIRED}"
            self._end("unauthorized", f"the endpoint refuses to open a channel ({code}){hint}")
        else:
            unsupported = message.type == messages.SETUP_ERROR and message.code == UNSUPPORTED_PROTOCOL
            self.provider = unsupported and not self._templates
            self._end("closed", f"the endpoint refuses the connection: {code}")

    def _on_redirect(self, message: Redirect) -> None:
        if self._listener.on_reconnect(Reconnect(message.host or None, message.port or None, None)):
            self._end("redirected", "the endpoint requested a reconnect")

    def _on_invalid_message(self, _message: InvalidMessage) -> None:
        self._invalid_messages += 1
        self._listener.on_invalid_message()
        if self._invalid_messages >= MAX_INVALID_MESSAGES:
            self._end("garbled", "the endpoint sends data that is not stratum V2")
