"""Simulates rigs and the pool that credits them, share by share and without sockets."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from stratoscope.events import Event
from stratoscope.fleet import Counters, Judged, PollStatus, RigSnapshot
from stratoscope.market.chain import HASHES_PER_DIFFICULTY
from stratoscope.pools.report import PoolReport, WorkerReport, WorkTotals
from stratoscope.reading import PoolSlot, Reading
from stratoscope.reconcile.days import HashValue
from stratoscope.reconcile.matching import PoolIdentity, match_rigs
from stratoscope.reconcile.pool_tracker import PoolReconciliation, PoolTerms
from stratoscope.reconcile.reconciler import PoolAgreement, Reconciler
from stratoscope.simulate.physics import poisson
from stratoscope.units import HOUR, MINUTE, TH

START = 1_768_200_000.0  # 12 January 2026, 06:40 UTC
POLL = 60.0
DIFFICULTY = 145.5e12
HASH_VALUE = HashValue((312_500_000 + 1_700_000) / (DIFFICULTY * 2**32), 312_500_000 / (DIFFICULTY * 2**32))


@dataclass
class Rig:
    """One rig: its true hashrate, what its firmware reports, and what the pool credits."""

    name: str
    hashrate: float = 100 * TH
    overstates: float = 1.0
    refused: float = 0.0
    interval: float = 7.5  # s between shares
    user: str = ""
    algorithm: str = "sha256"
    account: str = "acct"
    reachable: bool = True
    hashing: bool = True
    frozen: bool = False  # reports a hashrate but finds no shares
    hashes: float = 0.0
    accepted: int = 0
    rejected: int = 0
    uptime: float = 0.0
    credited: float = 0.0  # difficulty
    recent: list[float] = field(default_factory=list)  # difficulty per poll

    @property
    def difficulty(self) -> float:
        return self.hashrate * self.interval / HASHES_PER_DIFFICULTY

    def work(self, rng: Random, seconds: float, credit: float) -> None:
        count = poisson(rng, seconds / self.interval) if self.hashing and not self.frozen else 0
        refused = sum(rng.random() < self.refused for _ in range(count)) if self.refused else 0
        self.accepted += count - refused
        self.rejected += refused
        credited = (count - refused) * self.difficulty * credit
        self.credited += credited
        self.recent.append(credited)
        if self.hashing:
            self.hashes += self.hashrate * self.overstates * seconds
        self.uptime += seconds

    def snapshot(self, at: float, started: float) -> RigSnapshot:
        polling = PollStatus(address=self.name, interval=POLL)
        if not self.reachable:
            return RigSnapshot(rig=self.name, state="offline", polling=polling)
        slot = PoolSlot(
            index=0,
            url="stratum+tcp://p.example:3333",
            user=self.user or f"{self.account}.{self.name}",
            active=True,
            alive=True,
            accepted=self.accepted,
            difficulty_accepted=self.accepted * self.difficulty,
        )
        reported = self.hashrate * self.overstates if self.hashing else 0.0
        reading = Reading(driver="test", algorithm=self.algorithm, pools=(slot,), hashing=self.hashing)  # type: ignore[arg-type]  # `algorithm` is any str
        return RigSnapshot(
            rig=self.name,
            state="hashing",
            polling=polling,
            reading=reading,
            judged=Judged(hashrate=reported),
            at=at,
            counters=Counters(accepted=self.accepted, rejected=self.rejected, stale=0, hashes=self.hashes),
        )


class Farm:
    """Rigs at one pool. The pool credits the ratio `credits` of the accepted shares, up to `lag` s late."""

    def __init__(
        self,
        seed: object,
        rigs: Iterable[Rig] = (),
        *,
        count: int = 0,
        sums: bool = True,
        lag: float = 0.0,
        listed: bool = True,
        firmware_fee: float = 0.0,
        reconciler: Reconciler | None = None,
        **terms: object,
    ) -> None:
        self.rng = Random(str(seed))
        self.rigs = [*rigs, *(Rig(f"rig{at:03d}") for at in range(count))]
        self.credits, self.sums, self.lag, self.listed = 1.0, sums, lag, listed
        self.events: list[Event] = []
        self.reconciler = reconciler or Reconciler("site", self.events.append)
        agreed_terms = PoolTerms(pool="p", **{"scheme": "fpps", **terms})  # type: ignore[arg-type]  # any keyword arguments
        self.reconciler.follow([PoolAgreement(PoolIdentity(pool="p", account="acct"), agreed_terms)], firmware_fee)
        self.at = START
        self._history: list[tuple[float, PoolReport]] = []

    def report(self) -> PoolReport:
        """Return the pool's current report."""
        workers: dict[str, WorkerReport] = {}
        for rig in self.rigs:
            name = rig.user or f"{rig.account}.{rig.name}"
            polls = rig.recent[-int(HOUR / POLL) :]
            mean = sum(polls) * HASHES_PER_DIFFICULTY / (len(polls) * POLL) if polls else 0.0
            before = workers.get(
                name, WorkerReport(name=name, hashrate={3600.0: 0.0}, work=(WorkTotals(accepted=0.0),))
            )
            total = (before.work[0].accepted or 0.0) + rig.credited
            workers[name] = WorkerReport(
                name=name,
                hashrate={3600.0: before.hashrate[3600.0] + mean},
                work=(WorkTotals(accepted=total, counted="difficulty"),) if self.sums else (),
                state="active" if any(rig.recent[-15:]) else "inactive",
            )
            if not self.sums:
                workers[name] = WorkerReport(name=name, hashrate={3600.0: before.hashrate[3600.0] + mean})
        whole = sum(worker.hashrate[3600.0] for worker in workers.values())
        work = (WorkTotals(accepted=sum(rig.credited for rig in self.rigs), counted="difficulty"),) if self.sums else ()
        return PoolReport(
            pool="p",
            kind="test",
            at=self.at,
            hashrate={3600.0: whole},
            work=work,
            workers=tuple(workers.values()) if self.listed else None,
        )

    def run(self, hours: float, every: float = 5 * MINUTE) -> None:
        """Let time pass; the pool is polled every `every` seconds."""
        asyncio.run(self._run(hours, every))

    async def _run(self, hours: float, every: float) -> None:
        for _ in range(round(hours * HOUR / POLL)):
            self.at += POLL
            for rig in self.rigs:
                rig.work(self.rng, POLL, self.credits)
            snapshots = [rig.snapshot(self.at, START) for rig in self.rigs]
            polled = (self.at - START) % every == 0
            if self.lag or polled:
                self._history = [*self._history[-3:], (self.at, self.report())]
            if polled:
                report = self._published()
                names = None if report.workers is None else [worker.name for worker in report.workers]
                self.reconciler.set_matching(
                    match_rigs([self.reconciler.agreements["p"].identity], {"p": names}, snapshots)
                )
            await self.reconciler.add_snapshots(snapshots, self.at, HASH_VALUE, {})
            if polled:
                await self.reconciler.add_workers("p", report, self.at)
        self.reconciler.update(self.at, {"p": self.report()}, DIFFICULTY)

    def _published(self) -> PoolReport:
        """Return a report that lags by a new random time, up to `lag` s."""
        if not self.lag:
            return self._history[-1][1]
        behind = self.rng.random() * self.lag
        return next(
            report for at, report in reversed(self._history) if at <= self.at - behind or at == self._history[0][0]
        )

    @property
    def now(self) -> PoolReconciliation:
        (one,) = self.reconciler.now
        return one

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]
