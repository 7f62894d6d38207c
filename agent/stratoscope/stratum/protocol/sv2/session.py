"""Holds one silent session of stratum V2: an extended channel at a pool, or the templates of one's own node.

It tells its ear what the V1 session tells, with jobs read by the same decoder; no share is ever submitted. A channel is
opened without a user first, and as the given user only where that is refused. A certificate that the authority of the
URL did not sign is noted and the session held all the same, as with TLS: an observer sends no secret.
"""

from collections.abc import Callable
from typing import Any, Final

from stratoscope import __version__
from stratoscope.clock import Clock
from stratoscope.stratum.jobs.template import Job, decode
from stratoscope.stratum.protocol.base_session import FIRST_JOB, MOST_NOISE, SUBSCRIBED, Ear, Talk
from stratoscope.stratum.protocol.dial import Ended, kernel_rtt
from stratoscope.stratum.protocol.messages import ROLLING_MASK, Noise, Reconnect
from stratoscope.stratum.protocol.sv2 import messages
from stratoscope.stratum.protocol.sv2.messages import (
    ExtendedJob,
    Message,
    Moved,
    Opened,
    Refused,
    SetTarget,
    SetupSuccess,
)
from stratoscope.stratum.protocol.sv2.noise import ACT_2, Frame, Initiator, NoiseFailed, Sealed
from stratoscope.stratum.protocol.sv2.work import Work
from stratoscope.stratum.watch.settings import Login

SHAKEN: Final = 10.0
"""Seconds for the handshake."""
OUTPUTS: Final = 100
"""Bytes of outputs that a template provider is told to leave room for: one payout."""
ELSEWHERE: Final = "unsupported-protocol"
STEPS: Final = ("handshake", "setup", "open", "job")


class Session(Talk):
    """One session of V2.

    `authority` is the key in the endpoint's URL, `at` its host and port as the server is told them. `templates` asks a
    template provider; `provider` tells afterwards that the server is one although a pool was asked for.
    """

    def __init__(
        self,
        ear: Ear,
        clock: Clock,
        login: Login | None,
        probe: float,
        *,
        authority: bytes | None,
        at: tuple[str, int],
        templates: bool = False,
    ) -> None:
        self.provider = templates
        super().__init__(ear, clock, login, probe, STEPS)
        self._at, self._templates = at, templates
        self._client = Initiator(authority)
        self._sealed: Sealed | None = None
        self._answer = b""
        self._work = Work()
        self._opened_at: float | None = None  # monotonic s
        self._as_user = False
        self._takes: dict[type[Any], Callable[[Any], None]] = {
            SetupSuccess: self._set_up,
            Refused: self._refused,
            Moved: self._moved,
            Noise: self._noisy,
        }

    async def _talk(self) -> None:
        asked = self._clock.monotonic()
        self.transport.write(self._client.hello)
        await self._made("handshake", SHAKEN, "tls", "no answer to the handshake")
        self._ear.phase("tls", self._clock.monotonic() - asked)
        asked = self._clock.monotonic()
        protocol = messages.TEMPLATES if self._templates else messages.MINING
        self._send(messages.setup(protocol, *self._at, "stratoscope", __version__))
        await self._made("setup", SUBSCRIBED, "timeout", "no answer to SetupConnection")
        if self._templates:
            self._send(messages.coinbase_constraints(OUTPUTS, 0))
        else:
            self._send(messages.open_extended(1, ""))
            await self._made("open", SUBSCRIBED, "timeout", "no answer to OpenExtendedMiningChannel")
        self._opened_at = self._clock.monotonic()
        self._ear.phase("subscribe", self._opened_at - asked)
        await self._made("job", FIRST_JOB, "no_job", f"no job within {FIRST_JOB:.0f} s")
        while True:
            self._measure()
            await self._clock.sleep(self._probe)

    async def _made(self, step: str, seconds: float, reason: str, detail: str) -> None:
        """Wait for a step, `seconds` at most; raise Ended where it was not made."""
        if not await self._until(step, seconds):
            raise Ended(reason, detail)

    def _measure(self) -> None:
        self._jobless(self._clock.monotonic())
        self._ear.rtt(kernel_rtt(self.transport), None)

    def _send(self, frame: Frame) -> None:
        if self._sealed is not None:
            self.transport.write(self._sealed.seal(frame))

    def data_received(self, data: bytes) -> None:
        """Take every whole frame in `data`, all with the time of now."""
        received = self._came(len(data))
        try:
            frames = self._shaken(data) if self._sealed is None else self._sealed.feed(data)
        except NoiseFailed as failure:
            self._end("tls" if self._sealed is None else "garbled", str(failure))
            self.transport.abort()
            return
        self._span_messages += len(frames)
        if self._too_much():
            return
        for frame in frames:
            if not self._ended.done():
                self._take(messages.parse(frame), received)

    def _shaken(self, data: bytes) -> list[Frame]:
        """Finish the handshake once its answer is whole; return the frames that came behind it."""
        self._answer += data
        if len(self._answer) < ACT_2:
            return []
        self._sealed, certificate = self._client.finish(self._answer[:ACT_2])
        good = certificate.genuine and certificate.holds(self._clock.time())
        self._ear.certificate(certificate.not_valid_after, None if certificate.genuine is None else bool(good))
        self._done["handshake"].set()
        return self._sealed.feed(self._answer[ACT_2:])

    # What the frames say.

    def _take(self, message: Message, received: float) -> None:
        take = self._takes.get(type(message))
        if take is not None:
            take(message)
            return
        job = self._work.take(message)
        if isinstance(message, Opened):
            self._ear.granted(len(message.extranonce_prefix), message.extranonce_size)
            self._done["open"].set()
        elif isinstance(message, ExtendedJob):
            self._ear.mask(ROLLING_MASK if message.rolling else None)
        if isinstance(message, Opened | SetTarget) and self._work.difficulty is not None:
            self._ear.difficulty(self._work.difficulty)
        if job is not None:
            self._job(job, received)

    def _job(self, job: Job, received: float) -> None:
        if not self._done["job"].is_set():
            self._done["job"].set()
            self._ear.phase("first_job", received - (self._opened_at or received))
        self._job_at = received
        self._ear.job(decode(*job), received)

    def _set_up(self, _said: SetupSuccess) -> None:
        self._done["setup"].set()

    def _refused(self, said: Refused) -> None:
        """End the session, unless there is a user to open the channel as."""
        if said.type == messages.OPEN_ERROR and self._login is not None and not self._as_user:
            self._as_user = True
            self._send(messages.open_extended(2, self._login.user))
        elif said.type == messages.OPEN_ERROR:
            need = "" if self._as_user else ": it wants a user, see stratum.user"
            self._end("unauthorized", f"the endpoint opens no channel ({said.code[:60]}){need}")
        else:
            self.provider = said.type == messages.SETUP_ERROR and said.code == ELSEWHERE and not self._templates
            self._end("closed", f"the endpoint refuses: {said.code[:60]}")

    def _moved(self, said: Moved) -> None:
        if self._ear.asked_away(Reconnect(said.host or None, said.port or None, None)):
            self._end("redirected", "the endpoint asked to connect anew")

    def _noisy(self, _said: Noise) -> None:
        self._noise += 1
        self._ear.noise()
        if self._noise >= MOST_NOISE:
            self._end("garbled", "what comes is no stratum V2")
