"""Holds pools and rigs against each other while the agent runs: feeds the reckoner a few times a minute."""

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
TICK: Final = 15.0
MATCH_EVERY: Final = MINUTE


def agreed(settings: PoolSettings) -> Agreed:
    """Return how rigs know a pool, and what is agreed with it."""
    place = Place(
        pool=settings.name, account=settings.account.account or None, hosts=settings.stratum, workers=settings.workers
    )
    terms = Terms(pool=settings.name, scheme=settings.scheme, fee=settings.fee, tolerance=settings.tolerance)
    return Agreed(place, terms)


def worth_of(market: MarketNow | None) -> Worth | None:
    """Return what a hash is worth by difficulty now, in satoshis; None while difficulty or fees are unknown."""
    if market is None or market.difficulty is None or market.subsidy is None or market.fees is None:
        return None
    hashes = hashes_per_block(market.difficulty.value)
    return Worth((market.subsidy + market.fees.value) / hashes, market.subsidy / hashes) if hashes > 0 else None


class ReconcileService:
    """Feeds rigs, lists of workers and earnings to the reckoner; each list once, with the time it was true at."""

    def __init__(self, pools: LivePools, reckoner: Reckoner, market: Market | None, clock: Clock) -> None:
        self.reckoner = reckoner
        self._pools, self._market, self._clock = pools, market, clock
        self._taken: dict[tuple[str, str], float] = {}
        self._matched = float("-inf")  # monotonic s
        self._heard = -1  # rigs that were heard then
        pools.rig_of = self._rig_of

    def _rig_of(self, pool: str, worker: str) -> str | None:
        asked = self._pools.asked.get(pool)
        found = self.reckoner.rig_of(pool, worker)
        return found if found is not None or asked is None else asked.settings.workers.get(worker)

    @property
    def now(self) -> tuple[Reconciled, ...] | None:
        """Return what is known of every pool; None where none is configured."""
        return self.reckoner.now or None

    def follow(self, settings: Iterable[PoolSettings], firmware_fee: float) -> None:
        """Reconcile the pools of a config from now on."""
        self.reckoner.follow(map(agreed, settings), firmware_fee)
        self._matched = float("-inf")

    async def run(self, snapshots: Mapping[str, RigSnapshot]) -> None:
        """Look every TICK seconds until cancelled."""
        while True:
            await self._clock.sleep(TICK)
            if not self.reckoner.agreed:
                continue
            try:
                await self.tick(snapshots)
            except Exception:  # a bug over a stranger's figures must not stop the polling of rigs
                log.exception("a bug of ours while reconciling")

    async def tick(self, snapshots: Mapping[str, RigSnapshot]) -> None:
        """Look once at rigs and pools."""
        asked = {name: one for name, one in self._pools.asked.items() if name in self.reckoner.books}
        reports = self._pools.reports
        lists = [(name, kept) for name, one in asked.items() for kept in self._new(name, one, "workers")]
        heard = sum(snapshot.reading is not None for snapshot in snapshots.values())
        if lists or heard != self._heard or self._clock.monotonic() - self._matched >= MATCH_EVERY:
            self._heard = heard
            await self._match(snapshots)
        market = self._market.now if self._market is not None else None
        at = self._clock.time()
        await _slowly(self.reckoner.look(list(snapshots.values()), at, worth_of(market), reports))
        for name, kept in lists:
            if name in reports:
                await _slowly(self.reckoner.take(name, reports[name], true_at(kept)))
        for name, one in asked.items():
            for kept in self._new(name, one, "earnings"):
                self.reckoner.credited(name, (kept.part or {}).get("earnings", ()), kept.at)
        difficulty = market.difficulty.value if market is not None and market.difficulty is not None else None
        self.reckoner.reckon(self._clock.time(), reports, difficulty)

    async def _match(self, snapshots: Mapping[str, RigSnapshot]) -> None:
        """Match in a thread: ten thousand rigs take a while."""
        self._matched = self._clock.monotonic()
        names = {
            name: None if report.workers is None else [worker.name for worker in report.workers]
            for name, report in self._pools.reports.items()
            if report.workers is not None or _lists_none(self._pools.asked[name])
        }
        places = [one.place for name, one in self.reckoner.agreed.items() if name in names]
        if self.reckoner.sit(await asyncio.to_thread(match, places, names, list(snapshots.values()))):
            self._pools.rematch()

    def _new(self, pool: str, asked: AskedPool, what: str) -> Iterator[Kept]:
        """Yield the part of a pool that tells `what`, if it was not taken yet; without workers that is the account."""
        told = [kept for kept in asked.calls if kept.part is not None and what in kept.part]
        if what == "workers" and _lists_none(asked):
            told = [kept for kept in asked.calls if kept.part is not None and "hashrate" in kept.part]
        for kept in told[:1]:
            if self._taken.get((pool, what)) != kept.came:
                self._taken[pool, what] = kept.came
                yield kept


def _lists_none(asked: AskedPool) -> bool:
    """Tell whether a pool has answered everything and lists no workers; before that it may still list some."""
    parts = [kept.part for kept in asked.calls]
    return all(part is not None and "workers" not in part for part in parts)


def true_at(kept: Kept) -> float:
    """Return the UTC s at which a part was true: by the pool's word, else when it came."""
    by_word = (kept.part or {}).get("at")
    return kept.at if by_word is None else by_word


async def _slowly(work: Iterator[None]) -> None:
    """Do the work in slices between which the loop runs."""
    for _ in work:
        await asyncio.sleep(0)


def remembered(config: Config, ledger: Ledger | None, events: Callable[[Event], None]) -> Reckoner:
    """Return a reckoner that goes on where the ledger stopped."""
    if ledger is None:
        return Reckoner(config.site, events)
    return Reckoner(config.site, events, rows=ledger.pool_days(), states=ledger.pool_tests(config.site))


def reconciliation(
    config: Config, pools: LivePools, market: Market | None, clock: Clock, reckoner: Reckoner
) -> ReconcileService:
    """Return the reconciliation of the pools of `config`."""
    made = ReconcileService(pools, reckoner, market, clock)
    made.follow((pool.settings() for pool in config.pools), config.economics.firmware_fee)
    return made
