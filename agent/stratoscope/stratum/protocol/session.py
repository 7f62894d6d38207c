"""Holds one silent session of stratum V1: subscribes, listens, measures; it never submits a share.

It authorises only when no job came without, and only with a login it was given.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

import orjson

from stratoscope.clock import Clock
from stratoscope.stratum.jobs.template import decode
from stratoscope.stratum.protocol import messages
from stratoscope.stratum.protocol.base_session import FIRST_JOB, FLOOD_LINES, MOST_NOISE, SUBSCRIBED, Ear, Talk
from stratoscope.stratum.protocol.dial import Ended, kernel_rtt
from stratoscope.stratum.protocol.lines import Lines
from stratoscope.stratum.protocol.messages import (
    Message,
    Noise,
    Notify,
    Reconnect,
    Reply,
    Request,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
)
from stratoscope.stratum.watch.settings import Login
from stratoscope.units import MINUTE

CONFIGURED: Final = 3.0
"""Seconds that an answer to mining.configure is waited for: some pools never give one."""
PATIENCE: Final = 2.0
"""Seconds in which a pool that gives jobs without a login has given one."""
SILENCE: Final = 5 * MINUTE
"""Without a byte for so long the other side is gone: every probe is answered, or a job comes."""
FIRST_NOISE: Final = 3
"""Lines that are no message, before there is a session."""
RTTS: Final = 8


class Session(Talk):
    """One session of V1."""

    def __init__(self, ear: Ear, clock: Clock, login: Login | None, probe: float) -> None:
        super().__init__(ear, clock, login, probe, ("configure", "subscribe", "job"))
        self._lines = Lines()
        self._extranonce1 = b""
        self._extranonce2_size: int | None = None
        self._asked: dict[messages.Id, tuple[str, float]] = {}  # id of a request → what it was, when it was sent
        self._last_id = 0
        self._subscribed: float | None = None  # monotonic s
        self._rtts: deque[float] = deque(maxlen=RTTS)
        self._takes: dict[type[Any], Callable[[Any, float], None]] = {
            Notify: self._job,
            Reply: self._reply,
            SetDifficulty: self._difficulty,
            SetExtranonce: self._extranonce,
            SetVersionMask: self._mask,
            Reconnect: self._away,
            ShowMessage: self._show,
            Noise: self._noisy,
            Request: self._answer,
        }

    async def _talk(self) -> None:
        self._send("configure", messages.configure)
        await self._until("configure", CONFIGURED)
        self._send("subscribe", messages.subscribe)
        if not await self._until("subscribe", SUBSCRIBED):
            raise Ended("timeout", "no answer to mining.subscribe")
        if not await self._until("job", PATIENCE) and self._login is not None:
            login = self._login
            self._send("authorize", lambda id_: messages.authorize(id_, login.user, login.password))
        if not await self._until("job", FIRST_JOB):
            need = "" if self._login is not None else ": it wants a user, see stratum.user"
            raise Ended("no_job", f"no job within {PATIENCE + FIRST_JOB:.0f} s{need}")
        while True:
            self._measure()
            await self._clock.sleep(self._probe)

    def _measure(self) -> None:
        """Ask for the round trip; end a session that has fallen silent."""
        now = self._clock.monotonic()
        if now - self._heard > SILENCE:
            raise Ended("silent", f"not a byte for {now - self._heard:.0f} s")
        self._jobless(now)
        for id_ in [id_ for id_, (what, _) in self._asked.items() if what == "probe"]:
            del self._asked[id_]
        self._send("probe", messages.configure)
        self._ear.rtt(kernel_rtt(self.transport), min(self._rtts, default=None))

    def _send(self, what: str, line: Callable[[messages.Id], bytes]) -> None:
        self._last_id += 1
        self._asked[self._last_id] = what, self._clock.monotonic()
        self.transport.write(line(self._last_id))

    def data_received(self, data: bytes) -> None:
        """Take every whole line in `data`, all with the time of now."""
        received = self._came(len(data))
        oversize = self._lines.oversize
        for line in self._lines.feed(data):
            self._span_messages += 1
            if self._ended.done() or self._span_messages > FLOOD_LINES:
                break
            self._take(messages.parse(line), received)
        for _ in range(self._lines.oversize - oversize):
            self._noisy(Noise("oversize"), received)
        self._too_much()

    # What the lines say.

    def _take(self, message: Message, received: float) -> None:
        self._takes[type(message)](message, received)

    def _job(self, job: Notify, received: float) -> None:
        if not self._done["job"].is_set():
            self._done["job"].set()
            self._ear.phase("first_job", received - (self._subscribed or received))
        self._job_at = received
        told = self._extranonce2_size is not None
        self._ear.job(decode(job, self._extranonce1 if told else None, self._extranonce2_size), received)

    def _reply(self, reply: Reply, received: float) -> None:
        told = reply.id
        id_ = int(told) if isinstance(told, str) and told.isascii() and told.isdigit() else told  # some echo it as text
        what, sent = self._asked.pop(id_, ("", 0.0))
        if what == "probe":
            self._rtts.append(received - sent)
            self._ear.rtt(kernel_rtt(self.transport), min(self._rtts))
        elif what == "configure":
            self._ear.mask(messages.rolling_mask(reply.result))
            self._done["configure"].set()
        elif what == "subscribe":
            self._subscription(reply, sent, received)
        elif what == "authorize":
            self._ear.phase("authorize", received - sent)
            if not reply.ok:
                self._end("unauthorized", "the endpoint refuses the user")

    def _subscription(self, reply: Reply, sent: float, received: float) -> None:
        granted = messages.subscription(reply.result)
        if granted is None and not reply.ok:
            self._end("unauthorized", "the endpoint refuses the subscription")
        elif granted is None:
            self._end("garbled", "the answer to mining.subscribe is none")
        if granted is None:
            return
        self._subscribed = received
        self._ear.phase("subscribe", received - sent)
        self._extranonce1, self._extranonce2_size = granted.extranonce1, granted.extranonce2_size
        self._ear.granted(len(granted.extranonce1), granted.extranonce2_size)
        self._done["subscribe"].set()

    def _difficulty(self, said: SetDifficulty, _received: float) -> None:
        self._ear.difficulty(said.difficulty)

    def _extranonce(self, said: SetExtranonce, _received: float) -> None:
        self._extranonce1, self._extranonce2_size = said.extranonce1, said.extranonce2_size
        self._ear.granted(len(said.extranonce1), said.extranonce2_size)

    def _mask(self, said: SetVersionMask, _received: float) -> None:
        self._ear.mask(said.mask)

    def _away(self, said: Reconnect, _received: float) -> None:
        if self._ear.asked_away(said):
            self._end("redirected", "the endpoint asked to connect anew")

    def _show(self, said: ShowMessage, _received: float) -> None:
        self._ear.message(said.text)

    def _noisy(self, _said: Noise, _received: float) -> None:
        self._noise += 1
        self._ear.noise()
        if self._noise >= (MOST_NOISE if self._done["subscribe"].is_set() else FIRST_NOISE):
            self._end("garbled", "what comes is no stratum")

    def _answer(self, said: Request, _received: float) -> None:
        """Answer what keeps a session alive; anything else an observer has no answer to."""
        word = {"mining.ping": "pong", "client.get_version": messages.AGENT}.get(said.method)
        if word is not None and said.id is not None:
            self.transport.write(orjson.dumps({"id": said.id, "result": word, "error": None}) + b"\n")
