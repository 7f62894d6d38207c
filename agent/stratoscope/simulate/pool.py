"""Runs a stratum V1 pool: every session gets believable jobs, and well-formed shares on known jobs are accepted."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import orjson

from stratoscope.clock import Clock
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.jobs import EXTRANONCE2_SIZE, JobMaker

_LINE: Final = 4096  # bytes, the longest request
_BEHIND: Final = 1 << 18  # bytes unsent to a session that does not read
_SESSIONS: Final = 1024
_JOBS_KEPT: Final = 8
_JOB_INTERVAL: Final = 30.0  # s
_MASK: Final = "1fffe000"

OTHER, NOT_FOUND, DUPLICATE, UNAUTHORIZED, NOT_SUBSCRIBED = 20, 21, 22, 24, 25


class StratumPool:
    """A pool that gives work and takes every well-formed share on a job it knows.

    `difficulty` is set for every session. `shares` counts what came of `mining.submit`: accepted, and each error code.
    """

    def __init__(self, chain: Chain, *, clock: Clock, seed: int = 0, difficulty: float = 65536.0) -> None:
        self.chain, self.difficulty = chain, difficulty
        self.shares: dict[str, int] = {}
        self.job: list[Any] = []
        self.jobs: dict[str, set[tuple[str, ...]]] = {}  # id → shares seen on it, newest last
        self.sessions: set[StratumSession] = set()
        self._clock = clock
        self._maker = JobMaker(chain, seed=seed)
        self._extranonce = 0
        self._height = 0
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
        """Stop listening, cut the sessions."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        if self._server is not None:
            self._server.close()
        for session in tuple(self.sessions):
            session.transport.abort()
        await asyncio.sleep(0)

    def extranonce(self) -> str:
        """Return an extranonce1 that no other session has."""
        self._extranonce += 1
        return f"{self._extranonce:08x}"

    def announce(self) -> None:
        """Make a new job now and send it to every session; clean when the tip has moved."""
        self._new_job()
        line = notify(self.job)
        for session in tuple(self.sessions):
            if session.authorized:
                session.send(line)

    def judge(self, params: list[Any]) -> int | None:
        """Judge a submit: None accepts it, else a stratum error code."""
        if len(params) not in (5, 6) or not all(isinstance(part, str) for part in params):
            return OTHER
        known = self.jobs.get(params[1])
        if known is None:
            return NOT_FOUND
        share = tuple(params[2:])
        if share in known:
            return DUPLICATE
        known.add(share)
        return None

    def _new_job(self) -> None:
        height = self.chain.tip().height
        clean = height != self._height
        if clean:
            self.jobs.clear()
        self._height = height
        self.job = self._maker.make(self._clock.time(), clean=clean)
        self.jobs[self.job[0]] = set()
        while len(self.jobs) > _JOBS_KEPT:
            del self.jobs[next(iter(self.jobs))]

    async def _work(self) -> None:
        while True:
            await self._clock.sleep(max(0.05, min(_JOB_INTERVAL, self.chain.until_next())))
            self.announce()


def notify(job: list[Any]) -> bytes:
    """Return the line that announces `job`."""
    return orjson.dumps({"id": None, "method": "mining.notify", "params": job}) + b"\n"


class StratumSession(asyncio.Protocol):
    """One miner, proxy or observer at the pool."""

    transport: asyncio.Transport

    def __init__(self, pool: StratumPool) -> None:
        self.pool = pool
        self.authorized = False
        self._extranonce = ""
        self._buffer = b""
        self._methods: dict[str, Callable[[Any, list[Any]], None]] = {
            "mining.configure": self._configure,
            "mining.subscribe": self._subscribe,
            "mining.authorize": self._authorize,
            "mining.submit": self._submit,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the session in while there is room."""
        self.transport = transport  # type: ignore[assignment]  # a stream server hands out stream transports
        self.pool.sessions.add(self)
        if len(self.pool.sessions) > _SESSIONS:
            self.transport.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget the session."""
        self.pool.sessions.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer every whole line; a line that is too long, or no JSON object, ends the session."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > _LINE or any(len(line) > _LINE for line in lines):
            self.transport.abort()
            return
        for line in lines:
            if line.strip() and not self._answer(line):
                self.transport.abort()
                return

    def send(self, line: bytes) -> None:
        """Send one line; a session that does not read is cut."""
        if self.transport.get_write_buffer_size() > _BEHIND:
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
        self._extranonce = self._extranonce or self.pool.extranonce()
        name = f"s{self._extranonce}"
        subscriptions = [["mining.set_difficulty", name], ["mining.notify", name]]
        self._reply(id_, result=[subscriptions, self._extranonce, EXTRANONCE2_SIZE])

    def _authorize(self, id_: Any, params: list[Any]) -> None:
        if not self._extranonce:
            self._reply(id_, result=None, error=[NOT_SUBSCRIBED, "Not subscribed", None])
        elif not params or not isinstance(params[0], str) or not params[0]:
            self._reply(id_, result=False, error=[UNAUTHORIZED, "Unauthorized worker", None])
        else:
            self._reply(id_, result=True)
            self.authorized = True
            difficulty = {"id": None, "method": "mining.set_difficulty", "params": [self.pool.difficulty]}
            self.send(orjson.dumps(difficulty) + b"\n")
            self.send(notify([*self.pool.job[:8], True]))  # the first job of a session is always clean

    def _submit(self, id_: Any, params: list[Any]) -> None:
        code = self.pool.judge(params) if self.authorized else UNAUTHORIZED
        self.pool.shares[str(code or "accepted")] = self.pool.shares.get(str(code or "accepted"), 0) + 1
        words = {OTHER: "Malformed share", NOT_FOUND: "Job not found", DUPLICATE: "Duplicate share",
                 UNAUTHORIZED: "Unauthorized worker"}  # fmt: skip
        if code is None:
            self._reply(id_, result=True)
        else:
            self._reply(id_, result=False, error=[code, words[code], None])
