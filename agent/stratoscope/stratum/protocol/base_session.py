"""Holds what a session of either protocol does: opening step by step, ending once with a reason, bounds on what comes.

All a session hears goes to an `Ear`, with the time at which the bytes came: several messages in one packet came at the
same moment.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final, Protocol

from stratoscope.clock import Clock
from stratoscope.stratum.jobs.template import Template
from stratoscope.stratum.protocol.dial import Ended
from stratoscope.stratum.protocol.messages import Reconnect
from stratoscope.stratum.watch.settings import Login
from stratoscope.units import MINUTE

SUBSCRIBED: Final = 10.0
FIRST_JOB: Final = 20.0
JOBLESS: Final = 20 * MINUTE
FLOOD_SPAN: Final = 10.0
FLOOD_LINES: Final = 400
FLOOD_BYTES: Final = 4 << 20
"""What comes within FLOOD_SPAN seconds at most; a pool sends a few kB."""
MOST_NOISE: Final = 50
"""Messages that cannot be read, in a session."""


class Ear(Protocol):
    """Takes what a session hears; every call is quick."""

    def phase(self, name: str, seconds: float) -> None:
        """Note how long a step of opening took."""

    def certificate(self, end: float, verified: bool | None) -> None:
        """Note until when (UTC s) the certificate of a V2 session holds, and whether its authority signed it."""

    def granted(self, extranonce1: int, extranonce2: int) -> None:
        """Note the sizes of the extranonces in bytes."""

    def mask(self, mask: int | None) -> None:
        """Note which version bits a miner may roll."""

    def difficulty(self, difficulty: float) -> None:
        """Note the share difficulty."""

    def rtt(self, tcp: float | None, configure: float | None) -> None:
        """Note the round trips in s."""

    def job(self, template: Template, received: float) -> None:
        """Note a job that came at `received` (monotonic s)."""

    def asked_away(self, turn: Reconnect) -> bool:
        """Note a request to go elsewhere; return whether the session is to end for it."""
        ...

    def message(self, text: str) -> None:
        """Note words for people."""

    def noise(self) -> None:
        """Note a line that was no message."""


class Talk(asyncio.Protocol):
    """A session. Dial it, then `hold` it: that returns never and raises Ended."""

    transport: asyncio.Transport

    def __init__(self, ear: Ear, clock: Clock, login: Login | None, probe: float, steps: Iterable[str]) -> None:
        self._ear, self._clock, self._login, self._probe = ear, clock, login, probe
        self._ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._done: dict[str, asyncio.Event] = {name: asyncio.Event() for name in steps}
        self._heard = self._job_at = clock.monotonic()
        self._span, self._span_messages, self._span_bytes = 0.0, 0, 0
        self._noise = 0

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
        """Open the session, then measure for ever; raise Ended."""
        raise NotImplementedError

    async def _until(self, name: str, seconds: float) -> bool:
        """Wait for `name` to be done, `seconds` at most; return whether it is."""
        event = self._done[name]
        if event.is_set():
            return True
        waits = {asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._clock.sleep(seconds))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return event.is_set()

    def _end(self, reason: str, detail: str) -> None:
        if not self._ended.done():
            self._ended.set_result(Ended(reason, detail))

    def _came(self, size: int) -> float:
        """Count `size` bytes that came now; return the monotonic second."""
        now = self._heard = self._clock.monotonic()
        if now - self._span >= FLOOD_SPAN:
            self._span, self._span_messages, self._span_bytes = now, 0, 0
        self._span_bytes += size
        return now

    def _too_much(self) -> bool:
        """Tell whether more came than a pool sends; that ends the session."""
        if self._span_messages <= FLOOD_LINES and self._span_bytes <= FLOOD_BYTES:
            return False
        self._end("flood", f"over {FLOOD_LINES} messages or {FLOOD_BYTES >> 20} MiB in {FLOOD_SPAN:.0f} s")
        self.transport.abort()
        return True

    def _jobless(self, now: float) -> None:
        """Raise Ended where no job came for so long that the other side must have forgotten us."""
        if now - self._job_at > JOBLESS:
            raise Ended("silent", f"no job for {now - self._job_at:.0f} s")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = transport  # type: ignore[assignment]  # a stream connection has a stream transport

    def connection_lost(self, exc: Exception | None) -> None:
        """End the session."""
        if exc is None:
            self._end("closed", "the endpoint closed the session")
        else:
            self._end("reset", f"the connection broke: {type(exc).__name__}")
