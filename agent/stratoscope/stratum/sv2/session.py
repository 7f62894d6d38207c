"""Holds one silent session of stratum V2: an extended channel at a pool, or the templates of one's own node.

It tells its ear what the V1 session tells, with jobs read by the same decoder; no share is ever submitted. A channel is
opened without a user first, and as the given user only where that is refused. A certificate that the authority of the
URL did not sign is noted and the session held all the same, as with TLS: an observer sends no secret.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from stratoscope import __version__
from stratoscope.clock import Clock
from stratoscope.stratum.dial import Ended, kernel_rtt
from stratoscope.stratum.messages import Noise, Reconnect
from stratoscope.stratum.session import (
    FIRST_JOB,
    FLOOD_BYTES,
    FLOOD_LINES,
    FLOOD_SPAN,
    JOBLESS,
    MOST_NOISE,
    SUBSCRIBED,
    Ear,
)
from stratoscope.stratum.settings import Login
from stratoscope.stratum.sv2 import messages
from stratoscope.stratum.sv2.messages import Message, Moved, Opened, Refused, SetTarget, SetupSuccess
from stratoscope.stratum.sv2.noise import ACT_2, Frame, Initiator, NoiseFailed, Sealed
from stratoscope.stratum.sv2.work import Work
from stratoscope.stratum.template import Job, decode

SHAKEN: Final = 10.0
"""Seconds for the handshake."""
OUTPUTS: Final = 100
"""Bytes of outputs that a template provider is told to leave room for: one payout."""
ELSEWHERE: Final = "unsupported-protocol"
STEPS: Final = ("handshake", "setup", "open", "job")


class Session(asyncio.Protocol):
    """One session. Dial it, then `hold` it: that returns never and raises Ended.

    `authority` is the key in the endpoint's URL, `at` its host and port as the server is told them. `templates` asks a
    template provider; `provider` tells afterwards that the server is one although a pool was asked for.
    """

    transport: asyncio.Transport

    def __init__(
        self, ear: Ear, clock: Clock, login: Login | None, probe: float, *,
        authority: bytes | None, at: tuple[str, int], templates: bool = False,
    ) -> None:  # fmt: skip
        self.provider = templates
        self._ear, self._clock, self._login, self._probe = ear, clock, login, probe
        self._at, self._templates = at, templates
        self._client = Initiator(authority)
        self._sealed: Sealed | None = None
        self._answer = b""
        self._work = Work()
        self._ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._done: dict[str, asyncio.Event] = {name: asyncio.Event() for name in STEPS}
        self._opened_at: float | None = None  # monotonic s
        self._job_at = clock.monotonic()
        self._span, self._frames, self._bytes, self._noise = 0.0, 0, 0, 0
        self._as_user = False
        self._takes: dict[type[Any], Callable[[Any], None]] = {
            SetupSuccess: self._set_up, Refused: self._refused, Moved: self._moved, Noise: self._noisy,
        }  # fmt: skip

    async def hold(self) -> None:
        """Talk until the session ends; raise Ended with the reason."""
        talk: asyncio.Future[None] = asyncio.ensure_future(self._talk())
        waits: tuple[asyncio.Future[Any], ...] = (talk, self._ended)
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                raise self._ended.result()
            talk.result()
        finally:
            talk.cancel()
            self.transport.abort()

    async def _talk(self) -> None:
        asked = self._clock.monotonic()
        self.transport.write(self._client.hello)
        await self._until("handshake", SHAKEN, "tls", "no answer to the handshake")
        self._ear.phase("tls", self._clock.monotonic() - asked)
        asked = self._clock.monotonic()
        protocol = messages.TEMPLATES if self._templates else messages.MINING
        self._send(messages.setup(protocol, *self._at, "stratoscope", __version__))
        await self._until("setup", SUBSCRIBED, "timeout", "no answer to SetupConnection")
        if self._templates:
            self._send(messages.coinbase_constraints(OUTPUTS, 0))
        else:
            self._send(messages.open_extended(1, ""))
            await self._until("open", SUBSCRIBED, "timeout", "no answer to OpenExtendedMiningChannel")
        self._opened_at = self._clock.monotonic()
        self._ear.phase("subscribe", self._opened_at - asked)
        await self._until("job", FIRST_JOB, "no_job", f"no job within {FIRST_JOB:.0f} s")
        while True:
            self._measure()
            await self._clock.sleep(self._probe)

    async def _until(self, step: str, seconds: float, reason: str, detail: str) -> None:
        """Wait for a step, `seconds` at most; raise Ended where it was not made."""
        event = self._done[step]
        waits = {asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._clock.sleep(seconds))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not event.is_set():
            raise Ended(reason, detail)

    def _measure(self) -> None:
        now = self._clock.monotonic()
        if now - self._job_at > JOBLESS:
            raise Ended("silent", f"no job for {now - self._job_at:.0f} s")
        self._ear.rtt(kernel_rtt(self.transport), None)

    def _send(self, frame: Frame) -> None:
        if self._sealed is not None:
            self.transport.write(self._sealed.seal(frame))

    def _end(self, reason: str, detail: str) -> None:
        if not self._ended.done():
            self._ended.set_result(Ended(reason, detail))

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = transport  # type: ignore[assignment]  # a stream connection has a stream transport

    def connection_lost(self, exc: Exception | None) -> None:
        """End the session."""
        if exc is None:
            self._end("closed", "the endpoint closed the session")
        else:
            self._end("reset", f"the connection broke: {type(exc).__name__}")

    def data_received(self, data: bytes) -> None:
        """Take every whole frame in `data`, all with the time of now."""
        received = self._clock.monotonic()
        if received - self._span >= FLOOD_SPAN:
            self._span, self._frames, self._bytes = received, 0, 0
        self._bytes += len(data)
        try:
            frames = self._shaken(data) if self._sealed is None else self._sealed.feed(data)
        except NoiseFailed as failure:
            self._end("tls" if self._sealed is None else "garbled", str(failure))
            self.transport.abort()
            return
        self._frames += len(frames)
        if self._frames > FLOOD_LINES or self._bytes > FLOOD_BYTES:
            self._end("flood", f"over {FLOOD_LINES} messages or {FLOOD_BYTES >> 20} MiB in {FLOOD_SPAN:.0f} s")
            self.transport.abort()
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
