"""Polls one rig for as long as it is configured: a fixed grid, one exchange at a time, never a queue."""

from typing import Final

from stratoscope.drivers.driver import Driver
from stratoscope.errors import PollError
from stratoscope.fleet import PollStatus, RigSnapshot
from stratoscope.poll.accounting import with_accounting
from stratoscope.poll.exchange import RigExchange
from stratoscope.poll.grid import Grid, phase
from stratoscope.poll.health import PollHealth, freshness, health_after, retry_delay
from stratoscope.poll.judging import RigJudge
from stratoscope.poll.plan import Plan, PollDeps
from stratoscope.poll.publishing import RigPublisher
from stratoscope.reading import Reading

REIDENTIFY_AFTER_FAILURES: Final = 3
"""Undecodable responses in a row after which the rig is identified again: its firmware may have changed."""
GARBLED_REASONS: Final = frozenset({"decode", "not_json", "unidentified"})
START_SPREAD_S: Final = 1.0
"""Seconds over which the loops of a fleet start."""


class RigLoop:
    """Polls one address: when and in which lane; `RigJudge`, `with_accounting` and `RigPublisher` do the rest."""

    def __init__(self, plan: Plan, deps: PollDeps) -> None:
        self.plan = plan
        self.deps = deps
        self.address = plan.target.address
        self.interval = plan.interval
        self.exchange = RigExchange(plan, deps)
        self.judge = RigJudge(self.address, deps)
        self.publisher = RigPublisher(self.address, deps)
        self.health = PollHealth(failures=0 if plan.expected else 2)
        self.tried = False
        self.outcomes: dict[str, int] = {}
        self.skipped = 0
        self.defects = 0
        self.garbled = 0  # undecodable responses in a row
        self.polling = PollStatus(address=self.address, interval=plan.interval, polls=self.outcomes)

    async def run(self) -> None:
        """Poll until cancelled."""
        clock = self.deps.clock
        await clock.sleep(phase(self.address, START_SPREAD_S))  # ten thousand loops at once would block the event loop
        if self.plan.expected and self.publisher.last is None:
            self._publish_without_reading()
        grid = self._new_grid()
        tick = 0
        while True:
            await self._wait_until(grid.moment)
            await self.poll(tick)
            tick += 1
            now = clock.monotonic()
            missed = grid.missed(now)
            self.skipped += missed
            self.deps.metrics.skipped += missed
            grid.advance(now + self._extra_delay())
            if grid.interval != self.interval:
                grid = self._new_grid()

    @property
    def searching(self) -> bool:
        """Tell whether this is an address of a range where nothing has responded yet."""
        return self.publisher.last is None and not self.plan.expected

    def _extra_delay(self) -> float:
        """Return how many seconds to wait beyond the next tick."""
        random01, settings = self.deps.random01(), self.deps.settings
        if self.searching:
            return settings.search_interval_s * (0.5 + random01)
        return retry_delay(self.health, self.interval, settings.max_backoff_s, random01)

    def _new_grid(self) -> Grid:
        return Grid(self.deps.clock.monotonic(), self.interval, phase(self.address, self.interval))

    async def _wait_until(self, moment: float) -> None:
        """Wait until monotonic `moment`; withdraw a reading that stops being fresh before, on time."""
        clock, publisher = self.deps.clock, self.publisher
        if publisher.has_reading and publisher.fresh_until < moment:
            await clock.sleep(max(0.0, publisher.fresh_until - clock.monotonic()))
            self._publish_without_reading()
        await clock.sleep(max(0.0, moment - clock.monotonic()))

    async def poll(self, tick: int) -> None:
        """Poll the rig once, count the outcome under exactly one reason, publish what is known now."""
        deps, clock = self.deps, self.deps.clock
        outcome, error, started = "ok", None, 0.0
        try:
            async with deps.access.budget.lane(suspect=self.health.suspect):
                if self.searching:
                    await deps.access.wait_to_search()
                started = clock.monotonic()
                driver, reading = await self.exchange.read(tick)
            self.interval = max(self.plan.interval, driver.min_interval)
            self.defects += len(reading.defects)
        except PollError as failure:
            outcome, error = failure.reason, str(failure)
        except Exception as bug:  # noqa: BLE001 — an internal error costs one rig one poll; it is logged and counted
            outcome, error = "bug", f"{type(bug).__name__}: {bug}"
            deps.on_bug(self.address)
        self.tried = True
        seconds = clock.monotonic() - started
        deps.metrics.count(outcome, seconds)
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.health = health_after(self.health, outcome)
        self._update_status(outcome, error, seconds)
        if outcome == "ok":
            self._accept(driver, reading)
        else:
            self._reject(outcome)

    def _update_status(self, outcome: str, error: str | None, seconds: float) -> None:
        now = self.deps.clock.time()
        self.polling = PollStatus(
            address=self.address,
            interval=self.interval,
            freshness=freshness(self.interval, self.deps.settings.min_freshness_s),
            polls=self.outcomes,
            skipped=self.skipped,
            duration=seconds,
            last_attempt=now,
            last_success=now if outcome == "ok" else self.polling.last_success,
            last_error=error,
            last_reason=outcome,
            missing=self.exchange.refusals,
            defects=self.defects,
        )

    def _accept(self, driver: Driver, reading: Reading) -> None:
        """Judge a good reading, update the accounts and publish it under the rig it belongs to."""
        deps, plan, publisher = self.deps, self.plan, self.publisher
        now = deps.clock.monotonic()
        self.garbled = 0
        sighting = self.judge.locate(reading, publisher.last, plan, self.interval, now)
        if sighting.rig is None:
            return  # another address reported this machine a moment ago: wait until it is known where the machine is
        nameplate = deps.nameplate(reading.make, reading.model)
        reading, judged, state = self.judge.judge(driver, reading, nameplate, plan, now)
        publisher.fresh_until = now + freshness(self.interval, deps.settings.min_freshness_s)
        key = sighting.key if sighting.conflict_with is None else f"{sighting.key}@{self.address}"
        snapshot = RigSnapshot(
            rig=sighting.rig,
            identity=key,
            state=state,
            polling=self.polling,
            reading=reading,
            judged=judged,
            tags=plan.tags,
            at=deps.clock.time(),
        )
        snapshot = with_accounting(deps.accounts, plan, key, snapshot, reading, nameplate, self.interval, now)
        if publisher.publish(snapshot):
            self.exchange.forget_driver()

    def _reject(self, outcome: str) -> None:
        """Record a failed poll and publish it."""
        if outcome != "no_sockets":  # the agent's own shortage says nothing about the rig
            self.deps.identities.lost(self.address)
            self.exchange.drop_responses()
        if outcome in GARBLED_REASONS:
            self.garbled += 1
            if self.garbled >= REIDENTIFY_AFTER_FAILURES:
                self.garbled = 0
                self.exchange.forget_driver()
        self.publisher.publish_failure(self.plan, self.polling, self.health.failures)

    def _publish_without_reading(self) -> None:
        self.publisher.publish_without_reading(self.plan, self.polling, self.health.failures)

    def end(self) -> None:
        """Remove the rig from the fleet: its address left the config."""
        self.deps.identities.forget(self.address)
        self.publisher.withdraw_last()

    def change_plan(self, plan: Plan) -> None:
        """Switch to `plan`, which differs in interval, name, power, tariff or tags; keep what is known of the rig."""
        if plan.name != self.plan.name:
            self.publisher.withdraw_last()
        self.plan = plan
        self.interval = max(plan.interval, self.exchange.driver.min_interval if self.exchange.driver else 0.0)
        self.exchange.plan = plan
