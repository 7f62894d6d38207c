"""Asks one pool: each call on its cadence, within the pool's limits; keeps what came for as long as it may be shown."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, quote_plus

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.outside.backoff import SLIGHT_JITTER, Backoff
from stratoscope.pools.pool import Account, Call, Part, Pool, Turn, believed, joined, told, totalled
from stratoscope.pools.rate_limit import Bucket
from stratoscope.pools.reader import added_up
from stratoscope.pools.report import PoolReport, WorkerReport, WorkerState
from stratoscope.pools.settings import PoolSettings
from stratoscope.pools.transports import Way
from stratoscope.units import HOUR, MINUTE

JITTER: Final = 0.1
HOLD: Final = 3
"""Cadences for which a part is shown, at least LEAST_HOLD seconds: a pause that a pool asks for may be long."""
LEAST_HOLD: Final = 10 * MINUTE
OLDEST: Final = HOUR
"""Age by the pool's own word beyond which a part that came just now is not shown: the pool stands still."""
MOST_PAGES: Final = 400
SPREAD: Final = 10.0
"""Seconds over which the first askings of the calls are spread."""
PATIENT: Final = frozenset({"auth", "refused", "schema", "redirect"})
"""Failures that do not pass by themselves: the next try comes five times later."""
MOST_WAIT: Final = 15 * MINUTE
BACKOFF: Final = Backoff(MINUTE, MOST_WAIT, jitter=SLIGHT_JITTER)
SLOW_BACKOFF: Final = Backoff(5 * MINUTE, MOST_WAIT, jitter=SLIGHT_JITTER)


@dataclass(slots=True)
class Kept:
    """How one call stands: the newest part and since when, what went wrong last, when it is due again."""

    call: Call
    due: float  # monotonic s
    part: Part | None = None
    came: float = 0.0  # monotonic s
    at: float = 0.0  # UTC s
    wrong: SourceError | None = None
    failures: int = 0  # in a row
    marks: deque[tuple[float, Part]] = field(default_factory=deque)  # earlier parts with their UTC s, where wanted

    def age(self, mono: float, now: float) -> float:
        """Return how old the part is in s, by the pool's own word where that is more."""
        by_word = (self.part or {}).get("at")
        since = mono - self.came
        return since if by_word is None else max(since, now - by_word)

    def before(self, now: float) -> tuple[float, Part] | None:
        """Return the newest earlier part that is a span old, not two; None where there is none."""
        span = self.call.span
        while self.marks and now - self.marks[0][0] > 2 * span:
            self.marks.popleft()
        old = [mark for mark in self.marks if now - mark[0] >= span]
        return old[-1] if old else None

    def shown(self, mono: float, now: float) -> bool:
        """Tell whether the part may be shown."""
        hold = max(HOLD * self.call.every, LEAST_HOLD)
        return self.part is not None and mono - self.came <= hold and self.age(mono, now) <= max(hold, OLDEST)


class AskedPool:
    """One pool of the config and what is known of it."""

    def __init__(
        self,
        settings: PoolSettings,
        pool: Pool,
        way: Way,
        bucket: Bucket,
        clock: Clock,
        chance: Callable[[], float],
        warn: Callable[[str], None],
    ) -> None:
        self.settings, self.pool = settings, pool
        self.outcomes: dict[str, int] = {}
        self.unreadable = 0  # fields, since the start
        self._way, self._bucket, self._clock, self._chance, self._warn = way, bucket, clock, chance, warn
        start = clock.monotonic()
        self.calls = [Kept(call, start + SPREAD * chance()) for call in pool.calls]
        self._report: tuple[tuple[Any, ...], PoolReport | None] | None = None

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            kept = min(self.calls, key=lambda one: one.due)
            await self._clock.sleep(max(0.0, kept.due - self._clock.monotonic()))
            await self.ask(kept)

    async def ask(self, kept: Kept) -> None:
        """Ask one call with all its pages; keep what came, or why nothing did, and when to ask again."""
        kept.due = self._clock.monotonic() + MOST_WAIT  # also where a bug of ours ends this: the other calls go on
        try:
            part = await self._pages(kept)
        except SourceError as error:
            self._failed(kept, SourceError(error.reason, without(error.detail, self.settings.account)))
        else:
            self._came(kept, part)

    async def _pages(self, kept: Kept) -> Part:
        call = kept.call
        whole: Part | None = None
        for page in range(1, MOST_PAGES + 1):
            turn = self._turn(kept, page, await self._bucket.take())
            part = await self._way.carry(call.ask(turn), lambda body, turn=turn: call.read(body, turn))  # type: ignore[misc]  # mypy does not infer a lambda with a default
            part = believed(part)
            if not told(part):
                raise SourceError("schema", "nothing that is documented is in the answer: " + _few(part))
            whole = part if whole is None else joined(whole, part)
            if not whole.get("more"):
                return totalled(whole)
        raise SourceError("oversize", f"over {MOST_PAGES} pages")

    def _turn(self, kept: Kept, page: int, nonce: int) -> Turn:
        now = self._clock.time()
        return Turn(self.settings.account, now, nonce, page, kept.before(now) if kept.call.span else None)

    def _came(self, kept: Kept, part: Part) -> None:
        at = part.get("at")
        self._count("ok")
        self.unreadable += len(part.get("defects", ()))
        now = self._clock.time()
        if at is not None and at > now:  # its clock is ahead of ours
            part["at"] = now
        if kept.failures:
            self._warn(f"pool {self.settings.name}: {kept.call.name} is told again")
        kept.part, kept.came, kept.at = part, self._clock.monotonic(), now
        if kept.call.span:
            kept.marks.append((now, part))
        kept.wrong, kept.failures = None, 0
        kept.due = kept.came + kept.call.every * (1 + JITTER * self._chance())

    def _failed(self, kept: Kept, error: SourceError) -> None:
        self._count(error.reason)
        if error.reason != "waiting":
            if kept.wrong is None or kept.wrong.reason != error.reason:
                self._warn(f"pool {self.settings.name}: {kept.call.name} is not told: {error}")
            kept.wrong = error
            kept.failures += 1
        if error.reason == "waiting":  # no request was made while the whole service pauses: check again soon
            kept.due = self._clock.monotonic() + Backoff(MINUTE, MINUTE, jitter=SLIGHT_JITTER).delay(1, self._chance())
        else:
            backoff = SLOW_BACKOFF if error.reason in PATIENT else BACKOFF
            kept.due = self._clock.monotonic() + backoff.delay(kept.failures, self._chance())

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def ages(self) -> Mapping[str, float]:
        """Return the age in s of each part that may be shown."""
        mono, now = self._clock.monotonic(), self._clock.time()
        return {kept.call.name: kept.age(mono, now) for kept in self.calls if kept.shown(mono, now)}

    @property
    def up(self) -> bool | None:
        """Tell whether the newest asking of every call but extra ones was answered; None before the first."""
        tried = [kept for kept in self.calls if not kept.call.extra and (kept.part is not None or kept.wrong)]
        return all(kept.wrong is None for kept in tried) if tried else None

    @property
    def stands_still(self) -> str | None:
        """Return what the pool tells anew without it being new, for people; None where there is no such thing."""
        mono, now = self._clock.monotonic(), self._clock.time()
        for kept in self.calls:
            if kept.part is not None and kept.wrong is None and not kept.shown(mono, now):
                return f"what the pool tells of {kept.call.name} is {kept.age(mono, now) / HOUR:.0f} h old"
        return None

    @property
    def last_success(self) -> float | None:
        """Return the UTC s of the newest answer."""
        return max((kept.at for kept in self.calls if kept.part is not None), default=None)

    @property
    def report(self) -> PoolReport | None:
        """Return what the pool says, of parts that may be shown; None where there is none."""
        mono, now = self._clock.monotonic(), self._clock.time()
        shown = [kept for kept in self.calls if kept.shown(mono, now)]
        key = tuple((kept.call.name, kept.came) for kept in shown)
        if self._report is None or self._report[0] != key:
            self._report = key, self._composed(shown) if shown else None
        return self._report[1]

    def _composed(self, shown: Iterable[Kept]) -> PoolReport:
        whole: dict[str, Any] = {"hashrate": {}, "work": (), "defects": ()}
        for kept in shown:
            part: dict[str, Any] = dict(kept.part or {})
            whole["hashrate"] = {**part.pop("hashrate", {}), **whole["hashrate"]}
            whole["work"] += part.pop("work", ())
            whole["defects"] += part.pop("defects", ())
            part.pop("more", None)
            at = part.pop("at", None)
            whole.setdefault("at", kept.at if at is None else at)
            for name, value in part.items():
                if value is not None:
                    whole.setdefault(name, value)
        if "workers" in whole:
            whole["workers"] = added_up(whole["workers"])
            whole["workers_by_state"] = {**by_state(whole["workers"]), **whole.get("workers_by_state", {})}
        for name in ("earnings", "payouts"):
            whole[name] = tuple(sorted(whole.get(name, ()), key=lambda one: getattr(one, "at", 0) or one.end))
        own, settings = self.pool, self.settings
        whole["scheme"] = settings.scheme or whole.get("scheme") or own.scheme
        whole["fee_ratio"] = whole.get("fee_ratio") if settings.fee is None else settings.fee
        return PoolReport(pool=settings.name, kind=settings.kind, **whole)


def by_state(workers: Iterable[WorkerReport]) -> dict[WorkerState, int]:
    """Return how many workers are in each state; those of unknown state are in none."""
    found: dict[WorkerState, int] = {}
    for worker in workers:
        if worker.state is not None:
            found[worker.state] = found.get(worker.state, 0) + 1
    return found


def without(text: str, account: Account) -> str:
    """Return `text` without the account's secrets, in whatever spelling a pool may have echoed them."""
    for secret in account.secrets:
        for spelling in {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}:
            text = text.replace(spelling, "[redacted]")
    return text


def _few(part: Part) -> str:
    return "; ".join(part.get("defects", ())[:4]) or "it is empty"
