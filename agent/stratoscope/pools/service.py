"""Polls all configured pools, each in its own task, and keeps the newest report of each."""

import asyncio
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from stratoscope.clock import Clock
from stratoscope.outside.fetch import Fetcher, RemoteService
from stratoscope.outside.source_metrics import SourceMetrics
from stratoscope.pools.adapters import BY_KIND
from stratoscope.pools.poller import Log, PoolPoller
from stratoscope.pools.pool import PoolAdapter
from stratoscope.pools.rate_limit import RateLimiter
from stratoscope.pools.records import FindRig, PoolState, WorkerRow, worker_rows
from stratoscope.pools.report import PoolReport
from stratoscope.pools.settings import PoolSettings
from stratoscope.pools.transports import MAX_ANSWER_BYTES, FileTransport, HttpTransport, Transport, UnixSocketTransport
from stratoscope.units import MINUTE

MAX_STATE_AGE_S: Final = 1.0
"""The states of all pools are computed again after this time."""
RESTART_DELAY_S: Final = MINUTE
"""Wait before a poller that failed with an internal error is started again."""
EndpointKey = tuple[str, str]
"""Address and API key: pools that share both share pauses and rate limits."""


class PoolService:
    """Every configured pool. `reports` contains no expired figures, even while `run` is not running."""

    def __init__(
        self,
        settings: Iterable[PoolSettings],
        clock: Clock,
        *,
        random01: Callable[[], float],
        warn: Log = lambda _: None,
        inform: Log = lambda _: None,
    ) -> None:
        """Create the pollers; `random01` returns numbers in [0, 1), `warn` and `inform` write log lines."""
        self.rig_of: FindRig = self._configured_rig
        self._clock, self._random01, self._warn, self._inform = clock, random01, warn, inform
        self._fetcher = Fetcher(clock, random01, SourceMetrics())
        self._transports: dict[EndpointKey, Transport] = {}
        self._limiters: dict[EndpointKey, RateLimiter] = {}
        self.pollers: dict[str, PoolPoller] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._states: tuple[float, tuple[PoolState, ...]] | None = None
        self._rows: dict[str, tuple[PoolReport, tuple[tuple[WorkerRow, ...], int]]] = {}
        self.follow(settings)

    def _configured_rig(self, pool: str, worker: str) -> str | None:
        poller = self.pollers.get(pool)
        return None if poller is None else poller.settings.workers.get(worker)

    def rematch(self) -> None:
        """Look up the rig of each worker again: the answers of `rig_of` have changed."""
        self._rows.clear()
        self._states = None

    def follow(self, settings: Iterable[PoolSettings]) -> None:
        """Switch to these pools; pollers with unchanged settings keep running."""
        wanted = {one.name: one for one in settings}
        for name in [name for name, poller in self.pollers.items() if wanted.get(name) != poller.settings]:
            del self.pollers[name]
            self._rows.pop(name, None)
            if (task := self._tasks.pop(name, None)) is not None:
                task.cancel()
        for name, one in wanted.items():
            if name not in self.pollers:
                self.pollers[name] = self._make_poller(one)
                self._start(name)
        self._states = None

    def _make_poller(self, settings: PoolSettings) -> PoolPoller:
        pool = BY_KIND[settings.kind]
        address = str(settings.path) if settings.path is not None else settings.url or pool.url or ""
        key = address, settings.account.key
        if key not in self._transports:
            self._transports[key] = self._make_transport(settings, pool, address)
            self._limiters[key] = RateLimiter(pool.spacing, pool.burst, self._clock)
        return PoolPoller(
            settings,
            pool,
            self._transports[key],
            self._limiters[key],
            self._clock,
            self._random01,
            warn=self._warn,
            inform=self._inform,
        )

    def _make_transport(self, settings: PoolSettings, pool: PoolAdapter, address: str) -> Transport:
        if settings.path is not None:
            return UnixSocketTransport(settings.path) if pool.transport == "socket" else FileTransport(settings.path)
        remote = RemoteService(
            settings.name, address, self._fetcher, allow_http=settings.allow_http, max_bytes=MAX_ANSWER_BYTES
        )
        return HttpTransport(remote)

    async def run(self) -> None:
        """Poll until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for name in self.pollers:
                    self._start(name)
                await asyncio.get_running_loop().create_future()
        finally:
            self._group = None
            await self.close()

    def _start(self, name: str) -> None:
        if self._group is not None:
            self._tasks[name] = self._group.create_task(self._run_poller(name), name=f"pool {name}")

    async def _run_poller(self, name: str) -> None:
        while True:
            try:
                await self.pollers[name].run()
            except Exception:  # noqa: BLE001 — an error in reading one pool's response must not stop the polling of rigs
                trace = traceback.format_exc(limit=-3)
                self._warn(f"pool {name}: internal error while polling (please report): {trace}")
            await self._clock.sleep(RESTART_DELAY_S)

    async def poll_once(self) -> None:
        """Make every call of every pool once."""
        await asyncio.gather(*(self._poll_all_calls(poller) for poller in self.pollers.values()))
        self._states = None

    async def _poll_all_calls(self, poller: PoolPoller) -> None:
        for state in poller.calls:
            await poller.poll(state)

    async def close(self) -> None:
        """Close all connections."""
        await self._fetcher.close()

    @property
    def reports(self) -> Mapping[str, PoolReport]:
        """Return the newest report of each pool that has one, by the pool's name in the config."""
        return {one.name: one.report for one in self.now if one.report is not None}

    @property
    def now(self) -> tuple[PoolState, ...]:
        """Return the state of every pool, at most MAX_STATE_AGE_S old."""
        at = self._clock.monotonic()
        if self._states is None or at - self._states[0] >= MAX_STATE_AGE_S:
            self._states = at, tuple(map(self._state_of, tuple(self.pollers.values())))
        return self._states[1]

    def _state_of(self, poller: PoolPoller) -> PoolState:
        settings, report = poller.settings, poller.report
        rows, left_out = ((), 0) if report is None else self._worker_rows(settings, report)
        error = next((state.error for state in poller.calls if state.error is not None), None)
        return PoolState(
            name=settings.name,
            kind=settings.kind,
            title=poller.pool.title,
            scheme=settings.scheme or (poller.pool.scheme if report is None else report.scheme),
            report=report,
            ages=poller.ages(),
            outcomes=dict(poller.outcomes),
            unreadable=poller.unreadable,
            up=poller.up,
            last_success=poller.last_success,
            error=poller.stale_reason if error is None else str(error),
            workers=rows,
            left_out=left_out,
        )

    def _worker_rows(self, settings: PoolSettings, report: PoolReport) -> tuple[tuple[WorkerRow, ...], int]:
        known = self._rows.get(settings.name)
        if known is None or known[0] is not report:
            rows = worker_rows(report, self.rig_of, named=settings.worker_names, limit=settings.max_workers)
            known = self._rows[settings.name] = report, rows
        return known[1]
