"""Keeps what the configured pools say: each is asked on its own, and `reports` holds the newest of each."""

import asyncio
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from stratoscope.clock import Clock
from stratoscope.outside.fetch import Fetcher, Remote
from stratoscope.outside.source_metrics import SourceTally
from stratoscope.pools.adapters import BY_KIND
from stratoscope.pools.poller import AskedPool
from stratoscope.pools.rate_limit import Bucket
from stratoscope.pools.records import PoolNow, RigOf, WorkerRow, worker_rows
from stratoscope.pools.report import PoolReport
from stratoscope.pools.settings import PoolSettings
from stratoscope.pools.transports import MOST, Folder, Sockets, Way, Web
from stratoscope.units import MINUTE

FRESH: Final = 1.0
"""Seconds for which a record is handed out before ages are looked at again."""
Warn = Callable[[str], None]
Door = tuple[str, str]
"""Where is asked and with which key: whoever shares both shares pauses and limits."""


class LivePools:
    """Every configured pool. Nothing in `reports` is older than it may be, even if `run` stands."""

    def __init__(
        self,
        settings: Iterable[PoolSettings],
        clock: Clock,
        *,
        chance: Callable[[], float],
        warn: Warn = lambda _: None,
    ) -> None:
        """Make the pools; `chance` gives numbers from 0 to 1, `warn` hears what changed."""
        self.rig_of: RigOf = self._configured
        self._clock, self._chance, self._warn = clock, chance, warn
        self._fetcher = Fetcher(clock, chance, SourceTally())
        self._ways: dict[Door, Way] = {}
        self._buckets: dict[Door, Bucket] = {}
        self.asked: dict[str, AskedPool] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._now: tuple[float, tuple[PoolNow, ...]] | None = None
        self._rows: dict[str, tuple[PoolReport, tuple[tuple[WorkerRow, ...], int]]] = {}
        self.follow(settings)

    def _configured(self, pool: str, worker: str) -> str | None:
        asked = self.asked.get(pool)
        return None if asked is None else asked.settings.workers.get(worker)

    def rematch(self) -> None:
        """Look up anew which rig each worker is: `rig_of` has learnt something."""
        self._rows.clear()
        self._now = None

    def follow(self, settings: Iterable[PoolSettings]) -> None:
        """Ask these pools from now on; those whose settings did not change are not touched."""
        wanted = {one.name: one for one in settings}
        for name in [name for name, asked in self.asked.items() if wanted.get(name) != asked.settings]:
            del self.asked[name]
            self._rows.pop(name, None)
            if (task := self._tasks.pop(name, None)) is not None:
                task.cancel()
        for name, one in wanted.items():
            if name not in self.asked:
                self.asked[name] = self._made(one)
                self._begin(name)
        self._now = None

    def _made(self, settings: PoolSettings) -> AskedPool:
        pool = BY_KIND[settings.kind]
        where = str(settings.path) if settings.path is not None else settings.url or pool.url or ""
        door = where, settings.account.key
        if door not in self._ways:
            self._ways[door] = self._way(settings, pool.way, where)
            self._buckets[door] = Bucket(pool.spacing, pool.burst, self._clock)
        return AskedPool(settings, pool, self._ways[door], self._buckets[door], self._clock, self._chance, self._warn)

    def _way(self, settings: PoolSettings, way: str, where: str) -> Way:
        if settings.path is not None:
            return Sockets(settings.path) if way == "socket" else Folder(settings.path)
        return Web(Remote(settings.name, where, self._fetcher, allow_http=settings.allow_http, most=MOST))

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for name in self.asked:
                    self._begin(name)
                await asyncio.get_running_loop().create_future()
        finally:
            self._group = None
            await self.close()

    def _begin(self, name: str) -> None:
        if self._group is not None:
            self._tasks[name] = self._group.create_task(self._forever(name), name=f"pool {name}")

    async def _forever(self, name: str) -> None:
        while True:
            try:
                await self.asked[name].run()
            except Exception:  # noqa: BLE001 — a bug over a stranger's answer must not stop the polling of rigs
                self._warn(f"pool {name}: a bug of ours: {traceback.format_exc(limit=-3)}")
            await self._clock.sleep(MINUTE)

    async def once(self) -> None:
        """Ask every call of every pool once."""
        await asyncio.gather(*(self._once(asked) for asked in self.asked.values()))
        self._now = None

    async def _once(self, asked: AskedPool) -> None:
        for kept in asked.calls:
            await asked.ask(kept)

    async def close(self) -> None:
        """Close all connections."""
        await self._fetcher.close()

    @property
    def reports(self) -> Mapping[str, PoolReport]:
        """Return the newest report of each pool that says anything, by its name in the config."""
        return {one.name: one.report for one in self.now if one.report is not None}

    @property
    def now(self) -> tuple[PoolNow, ...]:
        """Return what is known of every pool now; a record is at most a second old."""
        at = self._clock.monotonic()
        if self._now is None or at - self._now[0] >= FRESH:
            self._now = at, tuple(map(self._standing, tuple(self.asked.values())))
        return self._now[1]

    def _standing(self, asked: AskedPool) -> PoolNow:
        report = asked.report
        rows, left_out = ((), 0) if report is None else self._workers(asked.settings, report)
        wrong = next((kept.wrong for kept in asked.calls if kept.wrong is not None), None)
        return PoolNow(
            name=asked.settings.name,
            kind=asked.settings.kind,
            title=asked.pool.title,
            scheme=asked.settings.scheme or (asked.pool.scheme if report is None else report.scheme),
            report=report,
            ages=asked.ages(),
            outcomes=dict(asked.outcomes),
            unreadable=asked.unreadable,
            up=asked.up,
            last_success=asked.last_success,
            wrong=asked.stands_still if wrong is None else str(wrong),
            workers=rows,
            left_out=left_out,
        )

    def _workers(self, settings: PoolSettings, report: PoolReport) -> tuple[tuple[WorkerRow, ...], int]:
        known = self._rows.get(settings.name)
        if known is None or known[0] is not report:
            rows = worker_rows(report, self.rig_of, named=settings.worker_names, most=settings.max_workers)
            known = self._rows[settings.name] = report, rows
        return known[1]
