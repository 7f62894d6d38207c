"""A farm whose shares are drawn one by one, as rigs report them and as a pool credits them, without any socket."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from stratoscope.events import Event
from stratoscope.fleet import Counters, Judged, PollStatus, RigSnapshot
from stratoscope.market.chain import HASHES_PER_DIFFICULTY
from stratoscope.pools.report import PoolReport, Tally, WorkerReport
from stratoscope.reading import PoolSlot, Reading
from stratoscope.reconcile.book import Reconciled, Terms
from stratoscope.reconcile.days import Worth
from stratoscope.reconcile.matching import Place, match
from stratoscope.reconcile.reconciler import Agreed, Reckoner
from stratoscope.simulate.physics import poisson
from stratoscope.units import HOUR, MINUTE, TH

START = 1_768_200_000.0  # 12 January 2026, 06:40 UTC
POLL = 60.0
DIFFICULTY = 145.5e12
WORTH = Worth((312_500_000 + 1_700_000) / (DIFFICULTY * 2**32), 312_500_000 / (DIFFICULTY * 2**32))


@dataclass
class Rig:
    """One rig: its true hashrate, what its firmware makes of it, and how the pool treats it."""

    name: str
    hashrate: float = 100 * TH
    overstates: float = 1.0
    refused: float = 0.0
    interval: float = 7.5  # s between shares
    user: str = ""
    algorithm: str = "sha256"
    account: str = "acct"
    heard: bool = True
    hashing: bool = True
    frozen: bool = False  # shows hashrate and finds nothing
    hashes: float = 0.0
    accepted: int = 0
    rejected: int = 0
    uptime: float = 0.0
    credited: float = 0.0  # difficulty
    recent: list[float] = field(default_factory=list)  # difficulty per look

    @property
    def difficulty(self) -> float:
        return self.hashrate * self.interval / HASHES_PER_DIFFICULTY

    def work(self, rng: Random, seconds: float, part: float) -> None:
        count = poisson(rng, seconds / self.interval) if self.hashing and not self.frozen else 0
        refused = sum(rng.random() < self.refused for _ in range(count)) if self.refused else 0
        self.accepted += count - refused
        self.rejected += refused
        taken = (count - refused) * self.difficulty * part
        self.credited += taken
        self.recent.append(taken)
        if self.hashing:
            self.hashes += self.hashrate * self.overstates * seconds
        self.uptime += seconds

    def snapshot(self, at: float, started: float) -> RigSnapshot:
        polling = PollStatus(address=self.name, interval=POLL)
        if not self.heard:
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
        reading = Reading(driver="test", algorithm=self.algorithm, pools=(slot,), hashing=self.hashing)  # type: ignore[arg-type]
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
    """Rigs at one pool; `credits` is the part of accepted shares that it puts into its books, `late` by how long."""

    def __init__(
        self,
        seed: object,
        rigs: Iterable[Rig] = (),
        *,
        count: int = 0,
        sums: bool = True,
        late: float = 0.0,
        listed: bool = True,
        firmware_fee: float = 0.0,
        reckoner: Reckoner | None = None,
        **terms: object,
    ) -> None:
        self.rng = Random(str(seed))
        self.rigs = [*rigs, *(Rig(f"rig{at:03d}") for at in range(count))]
        self.credits, self.sums, self.late, self.listed = 1.0, sums, late, listed
        self.events: list[Event] = []
        self.reckoner = reckoner or Reckoner("site", self.events.append)
        agreed = Agreed(Place(pool="p", account="acct"), Terms(pool="p", **{"scheme": "fpps", **terms}))  # type: ignore[arg-type]
        self.reckoner.follow([agreed], firmware_fee)
        self.at = START
        self._old: list[tuple[float, PoolReport]] = []

    def report(self) -> PoolReport:
        """What the pool would say now."""
        workers: dict[str, WorkerReport] = {}
        for rig in self.rigs:
            name = rig.user or f"{rig.account}.{rig.name}"
            looks = rig.recent[-int(HOUR / POLL) :]
            mean = sum(looks) * HASHES_PER_DIFFICULTY / (len(looks) * POLL) if looks else 0.0
            before = workers.get(name, WorkerReport(name=name, hashrate={3600.0: 0.0}, work=(Tally(accepted=0.0),)))
            total = (before.work[0].accepted or 0.0) + rig.credited
            workers[name] = WorkerReport(
                name=name,
                hashrate={3600.0: before.hashrate[3600.0] + mean},
                work=(Tally(accepted=total, counted="difficulty"),) if self.sums else (),
                state="active" if any(rig.recent[-15:]) else "inactive",
            )
            if not self.sums:
                workers[name] = WorkerReport(name=name, hashrate={3600.0: before.hashrate[3600.0] + mean})
        whole = sum(worker.hashrate[3600.0] for worker in workers.values())
        work = (Tally(accepted=sum(rig.credited for rig in self.rigs), counted="difficulty"),) if self.sums else ()
        return PoolReport(
            pool="p",
            kind="test",
            at=self.at,
            hashrate={3600.0: whole},
            work=work,
            workers=tuple(workers.values()) if self.listed else None,
        )

    def run(self, hours: float, every: float = 5 * MINUTE) -> None:
        """Let time pass; the pool is asked each `every` seconds."""
        for _ in range(round(hours * HOUR / POLL)):
            self.at += POLL
            for rig in self.rigs:
                rig.work(self.rng, POLL, self.credits)
            snapshots = [rig.snapshot(self.at, START) for rig in self.rigs]
            asked = (self.at - START) % every == 0
            if self.late or asked:
                self._old = [*self._old[-3:], (self.at, self.report())]
            if asked:
                report = self._told()
                names = None if report.workers is None else [worker.name for worker in report.workers]
                self.reckoner.sit(match([self.reckoner.agreed["p"].place], {"p": names}, snapshots))
            done(self.reckoner.look(snapshots, self.at, WORTH, {}))
            if asked:
                done(self.reckoner.take("p", report, self.at))
        self.reckoner.reckon(self.at, {"p": self.report()}, DIFFICULTY)

    def _told(self) -> PoolReport:
        """The books as they are told: up to `late` s behind, anew each time."""
        if not self.late:
            return self._old[-1][1]
        behind = self.rng.random() * self.late
        return next(report for at, report in reversed(self._old) if at <= self.at - behind or at == self._old[0][0])

    @property
    def now(self) -> Reconciled:
        (one,) = self.reckoner.now
        return one

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def done(work: Iterator[None]) -> None:
    for _ in work:
        pass
