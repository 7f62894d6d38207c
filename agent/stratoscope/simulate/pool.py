"""Runs a stratum V1 pool: realistic jobs, variable difficulty per session, and share validation."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from stratoscope.clock import Clock
from stratoscope.simulate.chain import Chain, Tip
from stratoscope.simulate.jobs import EXTRANONCE2_SIZE, JobMaker
from stratoscope.simulate.shares import Share, Vardiff

_MAX_LINE_BYTES: Final = 4096  # longest request
_MAX_UNSENT_BYTES: Final = 1 << 18  # limit for a session that does not read
_MAX_SESSIONS: Final = 1024
_MAX_JOBS: Final = 8
_DEFAULT_JOB_INTERVAL_S: Final = 30.0
_MASK: Final = "1fffe000"

_MAX_ANNOUNCED: Final = 256

OTHER, NOT_FOUND, DUPLICATE, LOW, UNAUTHORIZED, NOT_SUBSCRIBED = 20, 21, 22, 23, 24, 25


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolBehaviour:
    """How a pool behaves.

    `delay`: seconds after which the pool learns of a new block. `empty`: seconds after that in which templates have no
    transactions. `open`: sessions get jobs before they authorize. `strict`: a share is accepted only if its header
    hash meets the difficulty of the session. `witness`: False for jobs without segwit, as on Bitcoin Cash.
    """

    delay: float = 0.0
    empty: float = 0.0
    job_interval: float = _DEFAULT_JOB_INTERVAL_S
    open: bool = False
    strict: bool = False
    vardiff: float | None = None  # target seconds between shares of a session; None: fixed difficulty
    witness: bool = True
    tag: str = "/simulated pool/"


class StratumPool:
    """A pool on `chain`; several pools can share a chain, each with its own `behaviour`.

    `difficulty` is the initial difficulty of every session. `shares` counts the results of `mining.submit`: accepted,
    and each error code. `announced` records when each block was first sent, for comparison with measured block races.
    """

    def __init__(
        self,
        chain: Chain,
        *,
        clock: Clock,
        seed: int = 0,
        difficulty: float = 65536.0,
        behaviour: PoolBehaviour = PoolBehaviour(),
    ) -> None:
        self.chain, self.difficulty, self.behaviour = chain, difficulty, behaviour
        self.shares: dict[str, int] = {}
        self.job: list[Any] = []
        self.jobs: dict[str, SimulatedJob] = {}  # newest last
        self.announced: dict[str, float] = {}  # block hash in display order → monotonic s
        self.sessions: set[StratumSession] = set()
        self.clock = clock
        self._maker = JobMaker(chain, seed=seed, witness=behaviour.witness, tag=behaviour.tag.encode())
        self._extranonce = 0
        self._tip: Tip | None = None
        self._tip_known_at = 0.0  # UTC s at which the pool learned of its tip
        self._server: asyncio.Server | None = None
        self._worker: asyncio.Task[None] | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen on `host`:`port` (0: any free port) and return the port."""
        self._new_job()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: StratumSession(self), host, port)
        self._worker = asyncio.create_task(self._work(), name="simulated pool")
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and abort the sessions."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        if self._server is not None:
            self._server.close()
        for session in tuple(self.sessions):
            session.transport.abort()
        await asyncio.sleep(0)

    def new_extranonce(self) -> str:
        """Return a new, unique extranonce1."""
        self._extranonce += 1
        return f"{self._extranonce:08x}"

    def announce(self) -> None:
        """Create a new job and send it to every session; the job is clean if the tip changed."""
        self._new_job()
        line = notify(self.job)
        for session in tuple(self.sessions):
            if session.working:
                session.send(line)

    def send_to_all(self, method: str, *params: Any) -> None:
        """Send a notification such as client.reconnect or client.show_message to every session."""
        line = orjson.dumps({"id": None, "method": method, "params": params}) + b"\n"
        for session in tuple(self.sessions):
            session.send(line)

    def judge(self, params: list[Any], extranonce1: str = "", difficulty: float = 0.0) -> int | None:
        """Validate a submit and record it; return None if accepted, else a stratum error code."""
        if len(params) not in (5, 6) or not all(isinstance(part, str) for part in params):
            return OTHER
        known = self.jobs.get(params[1])
        if known is None:
            return NOT_FOUND
        share = tuple(params[2:])
        if share in known.seen:
            return DUPLICATE
        if self.behaviour.strict:
            worth = Share.of(params, extranonce1).worth(known.params)
            if worth is None:
                return OTHER
            if worth < difficulty:
                return LOW
        known.seen.add(share)
        return None

    def _new_job(self) -> None:
        now = self.clock.time()
        tip = self.chain.tip_before(now - self.behaviour.delay)
        clean = tip != self._tip
        if clean:
            self.jobs.clear()
            self._tip_known_at = now if self._tip is not None else 0.0
        self._tip = tip
        empty = now - self._tip_known_at < self.behaviour.empty
        self.job = self._maker.make(now, clean=clean, tip=tip, empty=empty)
        self.jobs[self.job[0]] = SimulatedJob(self.job, set())
        self.announced.setdefault(tip.hash[::-1].hex(), self.clock.monotonic())
        while len(self.announced) > _MAX_ANNOUNCED:
            del self.announced[next(iter(self.announced))]
        while len(self.jobs) > _MAX_JOBS:
            del self.jobs[next(iter(self.jobs))]

    def _until_next(self) -> float:
        """Return the seconds to the next job, due on a new block, the first full template, or the job interval."""
        now, behaviour = self.clock.time(), self.behaviour
        newest = self.chain.tip()
        news = newest.at - now if newest != self._tip else self.chain.until_next()
        waits = [behaviour.job_interval, news + behaviour.delay]
        filled = self._tip_known_at + behaviour.empty - now
        return max(0.001, min([*waits, filled] if filled > 0 else waits))

    async def _work(self) -> None:
        while True:
            await self.clock.sleep(self._until_next())
            self.announce()


@dataclass(frozen=True, slots=True)
class SimulatedJob:
    """A job that still accepts shares, and the shares already submitted for it."""

    params: list[Any]
    seen: set[tuple[str, ...]]


def notify(job: list[Any]) -> bytes:
    """Return the `mining.notify` line for `job`."""
    return orjson.dumps({"id": None, "method": "mining.notify", "params": job}) + b"\n"


class StratumSession(asyncio.Protocol):
    """One session of a miner, proxy or observer."""

    transport: asyncio.Transport

    def __init__(self, pool: StratumPool) -> None:
        self.pool = pool
        self.authorized = self.working = False  # working: receives jobs
        self.vardiff = Vardiff(pool.difficulty, pool.behaviour.vardiff, pool.clock.monotonic())
        self._extranonce = ""
        self._buffer = b""
        self._methods: dict[str, Callable[[Any, list[Any]], None]] = {
            "mining.configure": self._configure,
            "mining.subscribe": self._subscribe,
            "mining.authorize": self._authorize,
            "mining.submit": self._submit,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the session; abort it if there are too many."""
        self.transport = transport  # type: ignore[assignment]  # a stream server hands out stream transports
        self.pool.sessions.add(self)
        if len(self.pool.sessions) > _MAX_SESSIONS:
            self.transport.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Unregister the session."""
        self.pool.sessions.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer every complete line; an overlong line or one that is not a JSON object ends the session."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > _MAX_LINE_BYTES or any(len(line) > _MAX_LINE_BYTES for line in lines):
            self.transport.abort()
            return
        for line in lines:
            if line.strip() and not self._answer(line):
                self.transport.abort()
                return

    def send(self, line: bytes) -> None:
        """Send one line; abort the session if it does not read."""
        if self.transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.write(line)

    def _answer(self, line: bytes) -> bool:
        try:
            request = orjson.loads(line)
        except orjson.JSONDecodeError:
            return False
        if not isinstance(request, dict):
            return False
        params = request.get("params")
        method = self._methods.get(str(request.get("method")))
        if method is None:
            self._reply(request.get("id"), result=None, error=[-3, "Method not found", None])
        else:
            method(request.get("id"), params if isinstance(params, list) else [])
        return True

    def _reply(self, id_: Any, *, result: Any, error: list[Any] | None = None) -> None:
        self.send(orjson.dumps({"id": id_, "result": result, "error": error}) + b"\n")

    def _configure(self, id_: Any, params: list[Any]) -> None:
        wanted = params[0] if params and isinstance(params[0], list) else []
        result: dict[str, Any] = {name: False for name in wanted if isinstance(name, str)}
        if "version-rolling" in result:
            result.update({"version-rolling": True, "version-rolling.mask": _MASK})
        self._reply(id_, result=result)

    def _subscribe(self, id_: Any, _params: list[Any]) -> None:
        self._extranonce = self._extranonce or self.pool.new_extranonce()
        name = f"s{self._extranonce}"
        subscriptions = [["mining.set_difficulty", name], ["mining.notify", name]]
        self._reply(id_, result=[subscriptions, self._extranonce, EXTRANONCE2_SIZE])
        if self.pool.behaviour.open:
            self._begin()

    def _authorize(self, id_: Any, params: list[Any]) -> None:
        if not self._extranonce:
            self._reply(id_, result=None, error=[NOT_SUBSCRIBED, "Not subscribed", None])
        elif not params or not isinstance(params[0], str) or not params[0]:
            self._reply(id_, result=False, error=[UNAUTHORIZED, "Unauthorized worker", None])
        else:
            self._reply(id_, result=True)
            self.authorized = True
            self._begin()

    def _begin(self) -> None:
        """Start sending jobs to the session; later calls do nothing."""
        if not self.working:
            self.working = True
            self._set_difficulty(self.vardiff.difficulty)
            self.send(notify([*self.pool.job[:8], True]))  # the first job is always clean

    def _set_difficulty(self, difficulty: float) -> None:
        message = {"id": None, "method": "mining.set_difficulty", "params": [difficulty]}
        self.send(orjson.dumps(message) + b"\n")

    def _submit(self, id_: Any, params: list[Any]) -> None:
        code: int | None = UNAUTHORIZED
        if self.authorized:
            code = self.pool.judge(params, self._extranonce, self.vardiff.difficulty)
        self.pool.shares[str(code or "accepted")] = self.pool.shares.get(str(code or "accepted"), 0) + 1
        words = {
            OTHER: "Malformed share",
            NOT_FOUND: "Job not found",
            DUPLICATE: "Duplicate share",
            LOW: "Low difficulty share",
            UNAUTHORIZED: "Unauthorized worker",
        }
        if code is None:
            self._reply(id_, result=True)
            changed = self.vardiff.share(self.pool.clock.monotonic())
            if changed is not None:
                self._set_difficulty(changed)
                self.send(notify(self.pool.job))
        else:
            self._reply(id_, result=False, error=[code, words[code], None])
