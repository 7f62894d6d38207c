"""Reconciles every configured pool with the rigs: takes what is seen of both, keeps what is known now."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stratoscope.events import Event
from stratoscope.fleet import RigId, RigSnapshot
from stratoscope.pools.report import Earning, PoolReport, WorkerReport
from stratoscope.reconcile.book import PoolBook, Reconciled, Terms
from stratoscope.reconcile.comparison import SPAN, Piece, account_of, best_window, works
from stratoscope.reconcile.days import Worth
from stratoscope.reconcile.matching import Matching, Place, Seat
from stratoscope.reconcile.spans import LATE, SLICE, WHOLE, Ties
from stratoscope.reconcile.waterfall import PoolDay, block_odds
from stratoscope.units import HOUR

State = Mapping[str, Sequence[Sequence[float]]]
"""What the tests know, by pool."""
ALONE: Final = "solo"


@dataclass(frozen=True, slots=True)
class Agreed:
    """One pool of the config: how rigs know it, and what is agreed with it."""

    place: Place
    terms: Terms


class Reckoner:
    """Everything that is reconciled. Pure: times are UTC seconds that are given; long work yields now and then."""

    def __init__(
        self,
        site: str,
        events: Callable[[Event], None],
        *,
        rows: Iterable[PoolDay] = (),
        states: State | None = None,
        span: float = SPAN,
    ) -> None:
        """Go on from the `rows` and `states` of the ledger."""
        self.site, self._events = site, events
        self.ties = Ties(span)
        self.books: dict[str, PoolBook] = {}
        self.agreed: dict[str, Agreed] = {}
        self._rows, self._states = list(rows), dict(states or {})
        self._coverage: dict[str, float] = {}
        self._seats: dict[RigId, Seat] = {}  # the last one of every rig, for those that are not heard
        self._rig_of: dict[Seat, RigId] = {}
        self._hashrates: dict[str, float] = {}  # of whole accounts
        self._works: dict[str, dict[str, bool | None]] = {}  # pool → worker → whether shares of it come
        self._records: dict[str, Reconciled] = {}

    def follow(self, agreed: Iterable[Agreed], firmware_fee: float) -> None:
        """Reconcile these pools from now on; what is known of those that stay goes on."""
        self.ties.firmware_fee = firmware_fee
        self.agreed = {one.terms.pool: one for one in agreed}
        for gone in self.books.keys() - self.agreed.keys():
            del self.books[gone]
            self._records.pop(gone, None)
        for name, one in self.agreed.items():
            book = self.books.get(name)
            if book is None:
                book = self.books[name] = PoolBook(one.terms, self.site, self._rows)
                book.resume(self._states.get(name, ()))
            book.terms = one.terms

    def sit(self, matching: Matching) -> bool:
        """Take who is who from now on; tell whether a worker is another rig now."""
        self.ties.sit(matching)
        self._seats.update(matching.seats)
        before, self._rig_of = self._rig_of, {}
        for pool in self.books:
            for worker, rigs in matching.rigs_of(pool).items():
                if len(rigs) == 1:
                    self._rig_of[Seat(pool, worker)] = rigs[0]
        return self._rig_of != before

    def rig_of(self, pool: str, worker: str) -> RigId | None:
        """Return the rig that a worker is, where it is exactly one."""
        return self._rig_of.get(Seat(pool, worker))

    def look(
        self, snapshots: Iterable[RigSnapshot], at: float, worth: Worth | None, schemes: Mapping[str, PoolReport]
    ) -> Iterator[None]:
        """Take every rig's newest snapshot; `schemes` are the reports that tell how a pool pays."""
        books = dict(self.books)  # the config may change between two slices
        passed = {name: self._begin(book, at, schemes.get(name)) for name, book in books.items()}
        known = set()
        for count, snapshot in enumerate(snapshots, 1):
            known.add(snapshot.rig)
            seat = self.ties.matching.seats.get(snapshot.rig)
            if seat is None and snapshot.reading is None:
                seat = self._seats.get(snapshot.rig)
            elif seat is None:
                self._seats.pop(snapshot.rig, None)  # it works elsewhere now
            if seat is not None and seat.pool in passed:
                stretch = self.ties.look(snapshot)
                at_work = self._works.get(seat.pool, {}).get(seat.worker)
                books[seat.pool].days.passed(at, passed[seat.pool], snapshot, stretch, worth, at_work)
            if count % SLICE == 0:
                yield
        for rig in self._seats.keys() - known:
            del self._seats[rig]

    def _begin(self, book: PoolBook, at: float, report: PoolReport | None) -> float:
        terms = book.terms
        scheme = terms.scheme or (report.scheme if report is not None else None)
        fee = terms.fee if terms.fee is not None or report is None else report.fee_ratio
        return book.days.begin(at, scheme, fee, self.ties.firmware_fee)

    def take(self, pool: str, report: PoolReport, at: float) -> Iterator[None]:
        """Take a list of workers as it was at UTC `at`; of a pool that lists none, the account as a whole."""
        book = self.books.get(pool)
        if book is None:
            return
        workers: Sequence[WorkerReport] = report.workers or ()
        if report.workers is None:
            workers = (WorkerReport(name=WHOLE, hashrate=report.hashrate, work=report.work),)
        self._cover(book, workers, at)
        self._works[pool] = {worker.name: works(worker, at) for worker in report.workers or ()}
        pieces: list[Piece] = []
        for piece in self.ties.pieces(pool, workers, at):
            if piece is None:
                yield
                continue
            pieces.append(piece)
            book.count(piece)
            rigs = tuple(self.ties.rigs_of(Seat(pool, piece.worker)))
            book.take_worker(piece, rigs, len(workers), LATE)
        book.keep_only({worker.name for worker in workers})
        if book.judge(pieces, LATE * self.ties.share_rate(pool)):
            self._events(_event(book, at))

    def _cover(self, book: PoolBook, workers: Sequence[WorkerReport], at: float) -> None:
        """Note which part of the account's hashrate the matched workers are."""
        window = best_window({span: 1.0 for worker in workers for span in worker.hashrate}, self.ties.span)
        if window is None:
            return
        pool = book.terms.pool
        matched = [worker for worker in workers if self.ties.rigs_of(Seat(pool, worker.name))]
        every, own = account_of(workers, window), account_of(matched, window)
        self._hashrates[pool] = every
        if every > 0:
            self._coverage[pool] = own / every
            book.days.listed(at, own, every)

    def credited(self, pool: str, earnings: Sequence[Earning], at: float) -> None:
        """Take what a pool credited, as it was told at UTC `at`."""
        if pool in self.books:
            self.books[pool].days.credited(earnings, at)

    def reckon(self, now: float, schemes: Mapping[str, PoolReport], difficulty: float | None) -> None:
        """Make anew what is known of every pool."""
        for name, book in self.books.items():
            self._records[name] = self._record(name, book, now, schemes.get(name), difficulty)

    @property
    def now(self) -> tuple[Reconciled, ...]:
        """Return what is known of every pool that was reckoned once."""
        return tuple(self._records.values())

    def _record(
        self, pool: str, book: PoolBook, now: float, report: PoolReport | None, difficulty: float | None
    ) -> Reconciled:
        matching = self.ties.matching
        rigs = matching.rigs_of(pool)
        scheme = book.terms.scheme or (report.scheme if report is not None else None)
        workers = {
            "matched": len(rigs),
            "unmatched": len(matching.unmatched_workers.get(pool, ())),
            "ambiguous": len(matching.ambiguous_workers.get(pool, ())),
        }
        alone = scheme == ALONE
        return Reconciled(
            pool=pool,
            at=book.at,
            scheme=scheme,
            tolerance=book.terms.tolerance,
            rigs={"matched": sum(map(len, rigs.values())), "unmatched": len(matching.unmatched_rigs.get(pool, ()))},
            worker_matches=workers if report is not None and report.workers is not None else {},
            coverage=self._coverage.get(pool),
            windows=book.windows(now),
            dispersion=book.dispersion.factor,
            evidence=book.detector.evidence,
            finding=book.detector.finding,
            detection=book.detection(self.ties.share_rate(pool), LATE),
            workers=book.standings(now),
            waterfall=book.days.settled(),
            odds=block_odds(self._hashrates.get(pool), difficulty) if alone else None,
        )

    def drain(self) -> tuple[list[PoolDay], list[tuple[str, list[list[float]]]]]:
        """Return the days that changed since the last call, and what the tests know."""
        days = [day for book in self.books.values() for day in book.days.drain()]
        return days, [(name, book.state()) for name, book in self.books.items() if book.at]


def _event(book: PoolBook, at: float) -> Event:
    """Return the event of an alarm that was just raised or ended."""
    pool, finding = book.terms.pool, book.detector.finding
    if finding is None:
        text = f"pool {pool} credits in full again"
        return Event(kind="pool_shortfall_cleared", at=at, text=text, details={"pool": pool})
    short, hours = 1 - finding.rate, (at - finding.since) / HOUR
    # fmt: off
    text = (f"pool {pool} credits {short:.1%} less than its rigs did, for about {hours:.0f} h, "
            f"{finding.shares:,.0f} shares (± {finding.noise:.1%}); {book.terms.tolerance:.1%} is tolerated")
    details = {"pool": pool, "shortfall": short, "since": finding.since, "shares": finding.shares,
               "standard_error": finding.noise, "tolerance": book.terms.tolerance}
    # fmt: on
    return Event(kind="pool_shortfall_raised", at=at, text=text, details=details)
