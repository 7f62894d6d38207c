"""Compares pools with rigs while the agent runs: feeds the reconciler a few times a minute."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import structlog

from stratoscope.clock import Clock
from stratoscope.config import Config
from stratoscope.events import Event
from stratoscope.fleet import RigSnapshot
from stratoscope.ledger import Ledger
from stratoscope.market.chain import hashes_per_block
from stratoscope.market.records import Market, MarketNow
from stratoscope.pools.poller import AskedPool, Kept
from stratoscope.pools.service import LivePools
from stratoscope.pools.settings import PoolSettings
from stratoscope.reconcile.book import Reconciled, Terms
from stratoscope.reconcile.days import Worth
from stratoscope.reconcile.matching import Place, match
from stratoscope.reconcile.reconciler import Agreed, Reckoner
from stratoscope.units import MINUTE

log = structlog.get_logger("stratoscope")
TICK_S: Final = 15.0
MATCH_INTERVAL_S: Final = MINUTE


def agreed(settings: PoolSettings) -> Agreed:
    """Return what identifies a pool in a rig's pool slots, and the terms agreed with it."""
    place = Place(
        pool=settings.name, account=settings.account.account or None, hosts=settings.stratum, workers=settings.workers
    )
    terms = Terms(pool=settings.name, scheme=settings.scheme, fee=settings.fee, tolerance=settings.tolerance)
    return Agreed(place, terms)


def worth_of(market: MarketNow | None) -> Worth | None:
    """Return the expected earnings of one hash in satoshis; None while difficulty, subsidy or fees are unknown."""
    if market is None or market.difficulty is None or market.subsidy is None or market.fees is None:
        return None
    hashes = hashes_per_block(market.difficulty.value)
    return Worth((market.subsidy + market.fees.value) / hashes, market.subsidy / hashes) if hashes > 0 else None


class ReconcileService:
    """Feeds rigs, worker lists and earnings to the reconciler; each list once, with the time it was observed."""

    def __init__(self, pools: LivePools, reckoner: Reckoner, market: Market | None, clock: Clock) -> None:
        self.reckoner = reckoner
        self._pools, self._market, self._clock = pools, market, clock
        self._taken: dict[tuple[str, str], float] = {}
        self._matched = float("-inf")  # monotonic s
        self._rigs_with_reading = -1  # at the last matching
        pools.rig_of = self._rig_of

    def _rig_of(self, pool: str, worker: str) -> str | None:
        asked = self._pools.asked.get(pool)
        found = self.reckoner.rig_of(pool, worker)
        return found if found is not None or asked is None else asked.settings.workers.get(worker)

    @property
    def now(self) -> tuple[Reconciled, ...] | None:
        """Return the current reconciliation of every pool; None where no pool is configured."""
        return self.reckoner.now or None

    def follow(self, settings: Iterable[PoolSettings], firmware_fee: float) -> None:
        """Switch to the pools of another config."""
        self.reckoner.follow(map(agreed, settings), firmware_fee)
        self._matched = float("-inf")

    async def run(self, snapshots: Mapping[str, RigSnapshot]) -> None:
        """Call `tick` every TICK_S seconds until cancelled."""
        while True:
            await self._clock.sleep(TICK_S)
            if not self.reckoner.agreed:
                continue
            try:
                await self.tick(snapshots)
            except Exception:  # an internal error over a pool's figures must not stop the polling of rigs
                log.exception("internal error while reconciling (please report); the next run is in 15 s")

    async def tick(self, snapshots: Mapping[str, RigSnapshot]) -> None:
        """Feed the reconciler once and update its results."""
        asked = {name: one for name, one in self._pools.asked.items() if name in self.reckoner.books}
        reports = self._pools.reports
        lists = [(name, kept) for name, one in asked.items() for kept in self._iter_new(name, one, "workers")]
        with_reading = sum(snapshot.reading is not None for snapshot in snapshots.values())
        due = self._clock.monotonic() - self._matched >= MATCH_INTERVAL_S
        if lists or due or with_reading != self._rigs_with_reading:
            self._rigs_with_reading = with_reading
            await self._match(snapshots)
        market = self._market.now if self._market is not None else None
        at = self._clock.time()
        await _in_slices(self.reckoner.look(list(snapshots.values()), at, worth_of(market), reports))
        for name, kept in lists:
            if name in reports:
                await _in_slices(self.reckoner.take(name, reports[name], observed_at(kept)))
        for name, one in asked.items():
            for kept in self._iter_new(name, one, "earnings"):
                self.reckoner.credited(name, (kept.part or {}).get("earnings", ()), kept.at)
        difficulty = market.difficulty.value if market is not None and market.difficulty is not None else None
        self.reckoner.reckon(self._clock.time(), reports, difficulty)

    async def _match(self, snapshots: Mapping[str, RigSnapshot]) -> None:
        """Match workers to rigs in a thread: ten thousand rigs take a while."""
        self._matched = self._clock.monotonic()
        names = {
            name: None if report.workers is None else [worker.name for worker in report.workers]
            for name, report in self._pools.reports.items()
            if report.workers is not None or _lists_none(self._pools.asked[name])
        }
        places = [one.place for name, one in self.reckoner.agreed.items() if name in names]
        if self.reckoner.sit(await asyncio.to_thread(match, places, names, list(snapshots.values()))):
            self._pools.rematch()

    def _iter_new(self, pool: str, asked: AskedPool, what: str) -> Iterator[Kept]:
        """Yield the response of a pool with `what`, if it is new; of a pool without workers, the account's response."""
        responses = [kept for kept in asked.calls if kept.part is not None and what in kept.part]
        if what == "workers" and _lists_none(asked):
            responses = [kept for kept in asked.calls if kept.part is not None and "hashrate" in kept.part]
        for kept in responses[:1]:
            if self._taken.get((pool, what)) != kept.came:
                self._taken[pool, what] = kept.came
                yield kept


def _lists_none(asked: AskedPool) -> bool:
    """Tell whether all calls of a pool were answered and none lists workers; until then it may still list some."""
    parts = [kept.part for kept in asked.calls]
    return all(part is not None and "workers" not in part for part in parts)


def observed_at(kept: Kept) -> float:
    """Return the UTC s at which a response was true: as the pool states it, else when it was received."""
    stated = (kept.part or {}).get("at")
    return kept.at if stated is None else stated


async def _in_slices(work: Iterator[None]) -> None:
    """Do the work in slices, so that the event loop is never blocked for long."""
    for _ in work:
        await asyncio.sleep(0)


def resume_reconciler(config: Config, ledger: Ledger | None, events: Callable[[Event], None]) -> Reckoner:
    """Return a reconciler that resumes from the ledger."""
    if ledger is None:
        return Reckoner(config.site, events)
    return Reckoner(config.site, events, rows=ledger.pool_days(), states=ledger.pool_tests(config.site))


def make_reconcile_service(
    config: Config, pools: LivePools, market: Market | None, clock: Clock, reckoner: Reckoner
) -> ReconcileService:
    """Return the service that reconciles the pools of `config`."""
    service = ReconcileService(pools, reckoner, market, clock)
    service.follow((pool.settings() for pool in config.pools), config.economics.firmware_fee)
    return service
