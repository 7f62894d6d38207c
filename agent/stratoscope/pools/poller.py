"""Polls one pool: each call at its own interval, within the pool's rate limits; keeps results until they expire."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, quote_plus

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.outside.backoff import SLIGHT_JITTER, Backoff
from stratoscope.pools.pool import (
    PartialReport,
    PoolAccount,
    PoolAdapter,
    PoolCall,
    RequestContext,
    add_account_total,
    drop_doubtful_lists,
    has_content,
    merge_pages,
)
from stratoscope.pools.rate_limit import RateLimiter
from stratoscope.pools.reader import sum_by_name
from stratoscope.pools.report import PoolReport, WorkerReport, WorkerState
from stratoscope.pools.settings import PoolSettings
from stratoscope.pools.transports import Transport
from stratoscope.units import HOUR, MINUTE

INTERVAL_JITTER_RATIO: Final = 0.1
HOLD_INTERVALS: Final = 3
"""Intervals for which a result is shown, at least MIN_HOLD_S: a pool may request a long pause."""
MIN_HOLD_S: Final = 10 * MINUTE
MAX_STATED_AGE_S: Final = HOUR
"""A new result is not shown if the pool itself dates it further back: the pool's figures have stopped updating."""
MAX_PAGES: Final = 400
START_SPREAD_S: Final = 10.0
"""The first polls of the calls are spread over this time."""
PERSISTENT_REASONS: Final = frozenset({"auth", "refused", "schema", "redirect"})
"""Failures that do not pass by themselves: the first retry comes five times later."""
MAX_BACKOFF_S: Final = 15 * MINUTE
BACKOFF: Final = Backoff(MINUTE, MAX_BACKOFF_S, jitter=SLIGHT_JITTER)
SLOW_BACKOFF: Final = Backoff(5 * MINUTE, MAX_BACKOFF_S, jitter=SLIGHT_JITTER)
PAUSE_BACKOFF: Final = Backoff(MINUTE, MINUTE, jitter=SLIGHT_JITTER)
"""While the host is paused no request is sent; check again after about a minute."""
Log = Callable[[str], None]


@dataclass(slots=True)
class CallState:
    """The state of one call: its newest result, its last error, and when it is due next."""

    call: PoolCall
    due: float  # monotonic s
    result: PartialReport | None = None
    received: float = 0.0  # monotonic s of the result
    at: float = 0.0  # UTC s of the result
    error: SourceError | None = None
    failures: int = 0  # in a row
    history: deque[tuple[float, PartialReport]] = field(default_factory=deque)  # (UTC s, result); if `rate_span` is set

    def age(self, mono: float, now: float) -> float:
        """Return the age of the result in s: since it was received, or since the pool's own timestamp if older."""
        stated = (self.result or {}).get("at")
        since = mono - self.received
        return since if stated is None else max(since, now - stated)

    def earlier_result(self, now: float) -> tuple[float, PartialReport] | None:
        """Return the newest result that is between one and two rate spans old; None if there is none."""
        span = self.call.rate_span
        while self.history and now - self.history[0][0] > 2 * span:
            self.history.popleft()
        old = [entry for entry in self.history if now - entry[0] >= span]
        return old[-1] if old else None

    def is_current(self, mono: float, now: float) -> bool:
        """Return whether the result is recent enough to be shown."""
        hold = max(HOLD_INTERVALS * self.call.interval, MIN_HOLD_S)
        if self.result is None or mono - self.received > hold:
            return False
        return self.age(mono, now) <= max(hold, MAX_STATED_AGE_S)


class PoolPoller:
    """Polls one configured pool and composes its report."""

    def __init__(
        self,
        settings: PoolSettings,
        pool: PoolAdapter,
        transport: Transport,
        limiter: RateLimiter,
        clock: Clock,
        random01: Callable[[], float],
        *,
        warn: Log,
        inform: Log,
    ) -> None:
        self.settings, self.pool = settings, pool
        self.outcomes: dict[str, int] = {}
        self.unreadable = 0  # fields, since the start
        self._transport, self._limiter, self._clock, self._random01 = transport, limiter, clock, random01
        self._warn, self._inform = warn, inform
        start = clock.monotonic()
        self.calls = [CallState(call, start + START_SPREAD_S * random01()) for call in pool.calls]
        self._report: tuple[tuple[Any, ...], PoolReport | None] | None = None

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            state = min(self.calls, key=lambda one: one.due)
            await self._clock.sleep(max(0.0, state.due - self._clock.monotonic()))
            await self.poll(state)

    async def poll(self, state: CallState) -> None:
        """Make one call with all its pages; keep the result or the error, and set when it is due next."""
        state.due = self._clock.monotonic() + MAX_BACKOFF_S  # an internal error here must not block the other calls
        try:
            result = await self._fetch_pages(state)
        except SourceError as error:
            self._fail(state, SourceError(error.reason, redact_secrets(error.detail, self.settings.account)))
        else:
            self._succeed(state, result)

    async def _fetch_pages(self, state: CallState) -> PartialReport:
        call = state.call
        merged: PartialReport | None = None
        for page in range(1, MAX_PAGES + 1):
            context = self._context(state, page, await self._limiter.acquire())
            result = await self._transport.send(
                call.make_request(context),
                lambda body, context=context: call.read(body, context),  # type: ignore[misc]  # mypy does not infer a lambda with a default
            )
            result = drop_doubtful_lists(result)
            if not has_content(result):
                defects = "; ".join(result.get("defects", ())[:4]) or "it is empty"
                raise SourceError("schema", f"the response has none of the documented fields: {defects}")
            merged = result if merged is None else merge_pages(merged, result)
            if not merged.get("more"):
                return add_account_total(merged)
        raise SourceError("oversize", f"over {MAX_PAGES} pages")

    def _context(self, state: CallState, page: int, nonce: int) -> RequestContext:
        now = self._clock.time()
        earlier = state.earlier_result(now) if state.call.rate_span else None
        return RequestContext(self.settings.account, now, nonce, page, earlier)

    def _succeed(self, state: CallState, result: PartialReport) -> None:
        now, stated = self._clock.time(), result.get("at")
        if stated is not None and stated > now:  # the pool's clock is ahead of ours
            result = PartialReport(**{**result, "at": now})
        self._count("ok")
        self.unreadable += len(result.get("defects", ()))
        if state.failures:
            self._inform(f"pool {self.settings.name}: call '{state.call.name}' recovered")
        state.result, state.received, state.at = result, self._clock.monotonic(), now
        if state.call.rate_span:
            state.history.append((now, result))
        state.error, state.failures = None, 0
        state.due = state.received + state.call.interval * (1 + INTERVAL_JITTER_RATIO * self._random01())

    def _fail(self, state: CallState, error: SourceError) -> None:
        self._count(error.reason)
        if error.reason == "waiting":  # nothing was sent: the host is paused after another failure
            state.due = self._clock.monotonic() + PAUSE_BACKOFF.delay(1, self._random01())
            return
        if state.error is None or state.error.reason != error.reason:
            self._warn(f"pool {self.settings.name}: call '{state.call.name}' failed: {error} (retrying with backoff)")
        state.error = error
        state.failures += 1
        backoff = SLOW_BACKOFF if error.reason in PERSISTENT_REASONS else BACKOFF
        state.due = self._clock.monotonic() + backoff.delay(state.failures, self._random01())

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def ages(self) -> Mapping[str, float]:
        """Return the age in s of each current result, by the name of its call."""
        mono, now = self._clock.monotonic(), self._clock.time()
        return {state.call.name: state.age(mono, now) for state in self.calls if state.is_current(mono, now)}

    @property
    def up(self) -> bool | None:
        """Return whether the last attempt of every required call succeeded; None before the first attempt."""
        tried = [state for state in self.calls if not state.call.optional and (state.result is not None or state.error)]
        return all(state.error is None for state in tried) if tried else None

    @property
    def stale_reason(self) -> str | None:
        """Return which call succeeds with outdated figures, as text; None if none does."""
        mono, now = self._clock.monotonic(), self._clock.time()
        for state in self.calls:
            if state.result is not None and state.error is None and not state.is_current(mono, now):
                return f"the figures of call '{state.call.name}' are {state.age(mono, now) / HOUR:.0f} h old"
        return None

    @property
    def last_success(self) -> float | None:
        """Return the UTC s of the newest result."""
        return max((state.at for state in self.calls if state.result is not None), default=None)

    @property
    def report(self) -> PoolReport | None:
        """Return the report composed of all current results; None if there are none."""
        mono, now = self._clock.monotonic(), self._clock.time()
        current = [state for state in self.calls if state.is_current(mono, now)]
        key = tuple((state.call.name, state.received) for state in current)
        if self._report is None or self._report[0] != key:
            self._report = key, compose_report(self.settings, self.pool, current) if current else None
        return self._report[1]


def compose_report(settings: PoolSettings, pool: PoolAdapter, states: Iterable[CallState]) -> PoolReport:
    """Return one report of the results in `states`. If two of them have the same field, the first one counts.

    `scheme` and `fee` of the config override what the pool reports.
    """
    fields: dict[str, Any] = {"hashrate": {}, "work": (), "defects": ()}
    for state in states:
        result: dict[str, Any] = dict(state.result or {})
        fields["hashrate"] = {**result.pop("hashrate", {}), **fields["hashrate"]}
        fields["work"] += result.pop("work", ())
        fields["defects"] += result.pop("defects", ())
        result.pop("more", None)
        stated = result.pop("at", None)
        fields.setdefault("at", state.at if stated is None else stated)
        for name, value in result.items():
            if value is not None:
                fields.setdefault(name, value)
    if "workers" in fields:
        fields["workers"] = sum_by_name(fields["workers"])
        fields["workers_by_state"] = {**count_by_state(fields["workers"]), **fields.get("workers_by_state", {})}
    for name in ("earnings", "payouts"):
        fields[name] = tuple(sorted(fields.get(name, ()), key=lambda one: getattr(one, "at", 0) or one.end))
    fields["scheme"] = settings.scheme or fields.get("scheme") or pool.scheme
    fields["fee_ratio"] = fields.get("fee_ratio") if settings.fee is None else settings.fee
    return PoolReport(pool=settings.name, kind=settings.kind, **fields)


def count_by_state(workers: Iterable[WorkerReport]) -> dict[WorkerState, int]:
    """Return the number of workers in each state; workers of unknown state are not counted."""
    found: dict[WorkerState, int] = {}
    for worker in workers:
        if worker.state is not None:
            found[worker.state] = found.get(worker.state, 0) + 1
    return found


def redact_secrets(text: str, account: PoolAccount) -> str:
    """Return `text` without the account's secrets, in plain or URL-encoded form: a pool may echo them."""
    for secret in account.secrets:
        for spelling in {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}:
            text = text.replace(spelling, "[redacted]")
    return text
