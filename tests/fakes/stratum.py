"""Stratum endpoints for tests: in memory with a simulated clock, and over real sockets with scripted behaviour."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Self

from stratoscope.simulate.pool import StratumPool, StratumSession
from stratoscope.stratum.protocol.endpoint import Endpoint
from stratoscope.stratum.sessions.dial import OpenedConnection, SessionEnded


class FastClock:
    """A simulated clock for long runs; all sleepers that are due at one moment wake together."""

    def __init__(self, epoch: float = 1_780_000_000.0) -> None:
        self.now = 1000.0
        self._offset = epoch - self.now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + self._offset

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + max(seconds, 0.0), next(self._count), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        end = self.now + seconds
        await run_pending_tasks()
        while self._sleepers and self._sleepers[0][0] <= end:
            at = self._sleepers[0][0]
            self.now = max(self.now, at)
            while self._sleepers and self._sleepers[0][0] == at:
                woken = heapq.heappop(self._sleepers)[2]
                if not woken.done():
                    woken.set_result(None)
            await run_pending_tasks()
        self.now = end
        await run_pending_tasks()


async def run_pending_tasks(rounds: int = 5) -> None:
    """Run all tasks that are ready."""
    for _ in range(rounds):
        await asyncio.sleep(0)


MAX_REMEMBERED_BYTES = 16 << 10
"""Written bytes that each end of a pipe remembers."""


class Pipe(asyncio.Transport):
    """One end of a connection in memory; written data arrives at the other protocol in the next loop iteration."""

    def __init__(self) -> None:
        super().__init__()
        self.other: Pipe | None = None
        self.protocol: asyncio.Protocol | None = None
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        if len(self.written) < MAX_REMEMBERED_BYTES:
            self.written += data
        asyncio.get_running_loop().call_soon(self._arrive, bytes(data))

    def _arrive(self, data: bytes) -> None:
        if not self.closed and self.other is not None and self.other.protocol is not None and not self.other.closed:
            self.other.protocol.data_received(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        for end in (self, self.other):
            if end is not None and not end.closed:
                end.closed = True
                if end.protocol is not None:
                    asyncio.get_running_loop().call_soon(end.protocol.connection_lost, None)

    close = abort

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


def connect_in_memory(one: asyncio.Protocol, other: asyncio.Protocol) -> tuple[Pipe, Pipe]:
    """Connect two protocols in memory."""
    here, there = Pipe(), Pipe()
    here.other, there.other = there, here
    here.protocol, there.protocol = one, other
    other.connection_made(there)
    one.connection_made(here)
    return here, there


class InMemoryDialer:
    """Connects sessions to simulated pools without sockets; `pools` maps hosts to a pool or to an exception."""

    def __init__(self, pools: dict[str, StratumPool | SessionEnded]) -> None:
        self.pools = pools
        self.dialed: list[str] = []
        self.pipes: list[Pipe] = []

    async def __call__(self, session: asyncio.Protocol, endpoint: Endpoint, permit: Any) -> OpenedConnection:
        self.dialed.append(endpoint.url)
        pool = self.pools.get(endpoint.host, SessionEnded("refused", "connection refused"))
        if isinstance(pool, SessionEnded):
            raise pool
        pipe, _ = connect_in_memory(session, StratumSession(pool))
        self.pipes.append(pipe)
        return OpenedConnection(pipe, {"connect": 0.001})


class ScriptedPool:
    """A pool whose connections are handled by `behave`; `received` are the lines it got. Use as an async context."""

    def __init__(
        self, behave: Callable[["ScriptedPool", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    ) -> None:
        self.behave, self.received, self.sessions = behave, [], 0
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self.behave(self, reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def line(self, reader: asyncio.StreamReader) -> bytes:
        """Return the next line; an empty one at the end."""
        line = await reader.readline()
        if line:
            self.received.append(line)
        return line
