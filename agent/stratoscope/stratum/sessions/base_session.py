"""Implements what sessions of both protocols share: opening in steps, ending with one reason, limits on received data.

A session reports everything it receives to a `SessionListener`, with the time at which the bytes arrived: all messages
in one packet have the same time.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final, Protocol

from stratoscope.clock import Clock
from stratoscope.stratum.jobs.template import JobTemplate
from stratoscope.stratum.protocol.messages import Reconnect
from stratoscope.stratum.sessions.dial import SessionEnded
from stratoscope.stratum.settings import StratumLogin
from stratoscope.units import MINUTE

SUBSCRIBE_TIMEOUT_S: Final = 10.0
FIRST_JOB_TIMEOUT_S: Final = 20.0
MAX_JOB_GAP_S: Final = 20 * MINUTE
FLOOD_WINDOW_S: Final = 10.0
MAX_WINDOW_MESSAGES: Final = 400
MAX_WINDOW_BYTES: Final = 4 << 20
"""Within FLOOD_WINDOW_S; pools send a few kB."""
MAX_INVALID_MESSAGES: Final = 50
"""Per session."""
USER_REQUIRED: Final = "the endpoint requires a user; set stratum.user"
"""Part of the text of a session that ended without a job for this reason."""


class SessionListener(Protocol):
    """Receives what a session observes. Implementations must return quickly."""

    def on_phase(self, name: str, seconds: float) -> None:
        """Record how long a step of opening the session took."""

    def on_certificate(self, end: float, verified: bool | None) -> None:
        """Record when the certificate of a V2 session expires (UTC s), and whether its authority signed it."""

    def on_extranonce(self, extranonce1_size: int, extranonce2_size: int) -> None:
        """Record the sizes of the extranonces in bytes."""

    def on_version_mask(self, mask: int | None) -> None:
        """Record which version bits a miner may roll."""

    def on_difficulty(self, difficulty: float) -> None:
        """Record the share difficulty."""

    def on_rtt(self, tcp: float | None, configure: float | None) -> None:
        """Record the round-trip times in s."""

    def on_job(self, template: JobTemplate, received: float) -> None:
        """Record a job received at the monotonic second `received`."""

    def on_reconnect(self, request: Reconnect) -> bool:
        """Record a request to reconnect elsewhere; return whether the session ends because of it."""
        ...

    def on_message(self, text: str) -> None:
        """Record a text that the pool sends to its users."""

    def on_invalid_message(self) -> None:
        """Count a message that could not be parsed."""


class BaseSession(asyncio.Protocol):
    """A session. After dialing, `run` it: it never returns and raises SessionEnded."""

    transport: asyncio.Transport

    def __init__(
        self,
        listener: SessionListener,
        clock: Clock,
        login: StratumLogin | None,
        probe_interval_s: float,
        steps: Iterable[str],
    ) -> None:
        self._listener, self._clock, self._login, self._probe_interval_s = listener, clock, login, probe_interval_s
        self._ended: asyncio.Future[SessionEnded] = asyncio.get_running_loop().create_future()
        self._done: dict[str, asyncio.Event] = {name: asyncio.Event() for name in steps}
        self._received_at = self._job_at = clock.monotonic()
        self._window_start, self._window_messages, self._window_bytes = 0.0, 0, 0
        self._invalid_messages = 0

    async def run(self) -> None:
        """Open the session and keep it until it ends; raise SessionEnded with the reason."""
        exchange: asyncio.Future[None] = asyncio.ensure_future(self._exchange())
        waits: tuple[asyncio.Future[Any], ...] = (exchange, self._ended)
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                raise self._ended.result()
            exchange.result()
        finally:
            exchange.cancel()
            self.transport.abort()

    async def _exchange(self) -> None:
        """Open the session, then measure until cancelled; raise SessionEnded."""
        raise NotImplementedError

    async def _wait_for(self, step: str, seconds: float) -> bool:
        """Wait up to `seconds` for a step; return whether it is done."""
        event = self._done[step]
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
            self._ended.set_result(SessionEnded(reason, detail))

    def _count_bytes(self, size: int) -> float:
        """Count `size` bytes received now; return the monotonic second."""
        now = self._received_at = self._clock.monotonic()
        if now - self._window_start >= FLOOD_WINDOW_S:
            self._window_start, self._window_messages, self._window_bytes = now, 0, 0
        self._window_bytes += size
        return now

    def _end_if_flooded(self) -> bool:
        """End the session if more data arrived than a pool sends; return whether it did."""
        if self._window_messages <= MAX_WINDOW_MESSAGES and self._window_bytes <= MAX_WINDOW_BYTES:
            return False
        limits = f"{MAX_WINDOW_MESSAGES} messages or {MAX_WINDOW_BYTES >> 20} MiB"
        self._end("flood", f"the endpoint sent over {limits} in {FLOOD_WINDOW_S:.0f} s")
        self.transport.abort()
        return True

    def _check_job_gap(self, now: float) -> None:
        """Raise SessionEnded if the last job is so old that the endpoint must have dropped the session."""
        if now - self._job_at > MAX_JOB_GAP_S:
            raise SessionEnded("silent", f"no job for {now - self._job_at:.0f} s")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self.transport = transport  # type: ignore[assignment]  # a stream connection has a stream transport

    def connection_lost(self, exc: Exception | None) -> None:
        """End the session."""
        if exc is None:
            self._end("closed", "the endpoint closed the connection")
        else:
            self._end("reset", f"the connection was lost: {type(exc).__name__}")
