"""Polls one rig for as long as it is configured: a fixed grid, one exchange at a time, never a queue."""

import math
from dataclasses import replace
from zlib import crc32

from stratoscope.drivers.driver import Driver
from stratoscope.errors import PollError
from stratoscope.events import Event
from stratoscope.fleet import Judged, PollStatus, RigSnapshot
from stratoscope.judgement import progress
from stratoscope.judgement.changes import change_events
from stratoscope.judgement.identity import Sighting, identity_key
from stratoscope.judgement.judge import judge
from stratoscope.judgement.state import find_problems, state_of
from stratoscope.poll.accounting import with_accounting
from stratoscope.poll.exchange import RigExchange
from stratoscope.poll.health import PollHealth, advance, delay, freshness
from stratoscope.poll.plan import Plan, PollDeps
from stratoscope.reading import Reading

REIDENTIFY_AFTER = 3
"""Undecodable answers in a row after which the rig may have another firmware than was found."""


START_SPREAD_S = 1.0
"""Seconds over which the loops of a fleet begin."""


def phase(address: str, interval: float) -> float:
    """Return the rig's offset on the grid in s: the same after every restart, spread evenly over the interval."""
    return crc32(address.encode()) % 1_000_000 / 1_000_000 * interval


class Grid:
    """Equidistant moments; each call to `after` moves on by at least one, so that rounding never repeats a tick."""

    __slots__ = ("base", "index", "interval")

    def __init__(self, now: float, interval: float, offset: float) -> None:
        self.base = now + (offset - now) % interval
        self.interval = interval
        self.index = 0

    @property
    def moment(self) -> float:
        """Return the monotonic time of the present tick."""
        return self.base + self.index * self.interval

    def missed(self, now: float) -> int:
        """Return how many ticks after the present one have passed by `now`."""
        return max(0, math.floor((now - self.base) / self.interval) - self.index)

    def after(self, moment: float) -> float:
        """Move to the first later tick that is not before `moment`, and return its time."""
        self.index = max(self.index + 1, math.ceil((moment - self.base) / self.interval - 1e-9))
        return self.moment


def firmware_changed(before: Reading | None, now: Reading) -> bool:
    """Tell whether both readings name a firmware version and the versions differ."""
    if before is None or before.firmware_version is None or now.firmware_version is None:
        return False
    return before.firmware_version != now.firmware_version


class RigLoop:
    """One address under observation."""

    def __init__(self, plan: Plan, rooms: PollDeps) -> None:
        self.plan = plan
        self.rooms = rooms
        self.address = plan.target.address
        self.interval = plan.interval
        self.exchange = RigExchange(plan, rooms)
        self.health = PollHealth(failures=0 if plan.expected else 2)
        self.tried = False
        self.outcomes: dict[str, int] = {}
        self.skipped = 0
        self.defects = 0
        self.garbled = 0
        self.progress: progress.ShareProgress | None = None
        self.last: RigSnapshot | None = None
        self.key: str | None = None
        self.fresh_until = float("-inf")
        self.polling = PollStatus(address=self.address, interval=plan.interval, polls=self.outcomes)

    async def run(self) -> None:
        """Poll until cancelled."""
        clock = self.rooms.clock
        await clock.sleep(phase(self.address, START_SPREAD_S))  # ten thousand loops at once would stop the event loop
        if self.plan.expected and self.last is None:
            self.publish_without_reading()
        grid = self.grid()
        tick = 0
        while True:
            await self.wait_until(grid.moment)
            await self.poll(tick)
            tick += 1
            now = clock.monotonic()
            late = grid.missed(now)
            self.skipped += late
            self.rooms.tally.skipped += late
            grid.after(now + self.pause())
            if grid.interval != self.interval:
                grid = self.grid()

    @property
    def searching(self) -> bool:
        """Tell whether this is an address of a range where nothing has answered yet."""
        return self.last is None and not self.plan.expected

    def pause(self) -> float:
        """Return for how many seconds to leave the rig alone beyond its next tick."""
        chance = self.rooms.chance()
        if self.searching:
            return self.rooms.search_interval * (0.5 + chance)
        return delay(self.health, self.interval, self.rooms.backoff, chance)

    def grid(self) -> Grid:
        """Return the rig's grid from now on."""
        return Grid(self.rooms.clock.monotonic(), self.interval, phase(self.address, self.interval))

    async def wait_until(self, moment: float) -> None:
        """Wait until monotonic `moment`; a reading that stops being fresh meanwhile is taken down on time."""
        clock = self.rooms.clock
        if self.last is not None and self.last.reading is not None and self.fresh_until < moment:
            await clock.sleep(max(0.0, self.fresh_until - clock.monotonic()))
            self.publish_without_reading()
        await clock.sleep(max(0.0, moment - clock.monotonic()))

    async def poll(self, tick: int) -> None:
        """Ask the rig once, count the outcome in one place, publish what is known now."""
        clock = self.rooms.clock
        outcome, error, started = "ok", None, 0.0
        try:
            async with self.rooms.budget.lane(suspect=self.health.suspect):
                if self.searching:
                    await self.rooms.search()
                started = clock.monotonic()
                driver, reading = await self.exchange.read(tick)
        except PollError as failure:
            outcome, error = failure.reason, str(failure)
        except Exception as bug:  # noqa: BLE001 — the one broad except: a bug costs one rig one poll, and is counted
            outcome, error = "bug", f"{type(bug).__name__}: {bug}"
            self.rooms.on_bug(self.address)
        self.tried = True
        seconds = clock.monotonic() - started
        self.rooms.tally.count(outcome, seconds)
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.health = advance(self.health, outcome)
        self.note(outcome, error, seconds)
        if outcome == "ok":
            self.accept(driver, reading)
        else:
            self.fail(outcome)

    def note(self, outcome: str, error: str | None, seconds: float) -> None:
        """Write down how the last poll went."""
        now = self.rooms.clock.time()
        self.polling = PollStatus(
            address=self.address,
            interval=self.interval,
            freshness=freshness(self.interval, self.rooms.least_freshness),
            polls=self.outcomes,
            skipped=self.skipped,
            duration=seconds,
            last_attempt=now,
            last_success=now if outcome == "ok" else self.polling.last_success,
            last_error=error,
            last_reason=outcome,
            missing=self.exchange.missing,
            defects=self.defects,
        )

    def accept(self, driver: Driver, reading: Reading) -> None:
        """Judge a good reading and publish it under the rig it belongs to."""
        rooms = self.rooms
        self.garbled = 0
        self.defects += len(reading.defects)
        self.interval = max(self.plan.interval, driver.min_interval)
        nameplate = rooms.nameplate(reading.make, reading.model)
        verdict = judge(driver, reading, nameplate, self.plan.power)
        now = rooms.clock.monotonic()
        key = self.key_of(reading)
        sighting = rooms.identities.see(key, self.address, now, self.interval, self.plan.name)
        if sighting.rig is None:
            return  # another address showed this machine a moment ago: wait until that is settled
        if key != self.key:
            self.change_machine(key, sighting)
        self.progress, flat = progress.advance(self.progress, verdict.reading, now)
        judged = replace(verdict.judged, flatline=True) if flat and driver.shares_progress else verdict.judged
        troubles = find_problems(verdict.reading, judged, nameplate) if reading.hashing else ()
        if troubles:
            judged = replace(judged, reasons=judged.reasons + troubles)
        self.fresh_until = now + freshness(self.interval, rooms.least_freshness)
        state = state_of(failures=0, reason="ok", reading=reading, suspect=verdict.suspect, degraded=bool(troubles))
        key = sighting.key if sighting.conflict_with is None else f"{sighting.key}@{self.address}"
        snapshot = RigSnapshot(
            rig=sighting.rig,
            identity=key,
            state=state,
            polling=self.polling,
            reading=verdict.reading,
            judged=judged,
            tags=self.plan.tags,
            at=rooms.clock.time(),
        )
        self.publish_reading(
            with_accounting(rooms, self.plan, key, snapshot, verdict.reading, nameplate, self.interval), verdict.reading
        )

    def publish_reading(self, snapshot: RigSnapshot, reading: Reading) -> None:
        """Tell what changed, hand on the snapshot."""
        rooms, before = self.rooms, self.last
        if before is not None and before.rig != snapshot.rig:
            self.withdraw(before)
            before = None
        for event in change_events(before, snapshot, snapshot.at):
            rooms.events(event)
        if before is not None and firmware_changed(before.reading, reading):
            self.exchange.forget()
        self.last = snapshot
        rooms.fleet.publish(snapshot)
        rooms.fleet.remember(snapshot)

    def key_of(self, reading: Reading) -> str:
        """Return the machine's identity key; a rig that leaves out its identity once is still the same rig.

        MAC and serial of stock Antminers come from their web server only, which may be refused now and then.
        """
        key = identity_key(reading, self.address)
        if key.startswith("address:") and self.key is not None and self.last is not None:
            known = self.last.reading
            if known is None or (known.make, known.model) == (reading.make, reading.model):
                return self.key
        return key

    def change_machine(self, key: str, sighting: Sighting) -> None:
        """Note that another machine than before answers at this address, or the first one."""
        rooms, at = self.rooms, self.rooms.clock.time()
        if sighting.moved_from is not None:
            text = f"{sighting.rig} moved from {sighting.moved_from} to {self.address}"
            details = {"before": sighting.moved_from, "now": self.address}
            rooms.events(Event(kind="identity_moved", at=at, rig=sighting.rig, text=text, details=details))
        if sighting.conflict_with is not None:
            text = f"{self.address} and {sighting.conflict_with} both show {key}: both are kept apart"
            details = {"addresses": f"{self.address} {sighting.conflict_with}", "identity": key}
            rooms.events(Event(kind="identity_conflict", at=at, rig=sighting.rig, text=text, details=details))
        if self.key is not None and not self.key.startswith("address:"):
            text = f"{self.address} answers as {key}, before as {self.key}"
            details = {"before": self.key, "now": key}
            rooms.events(Event(kind="identity_replaced", at=at, rig=sighting.rig, text=text, details=details))
        self.key = key
        self.progress = None

    def fail(self, outcome: str) -> None:
        """Publish that the rig did not answer; its last reading stays only while it is fresh."""
        rooms = self.rooms
        if outcome != "no_sockets":
            rooms.identities.lost(self.address)
            self.exchange.refresh()
        if outcome in ("decode", "not_json", "unidentified"):
            self.garbled += 1
            if self.garbled >= REIDENTIFY_AFTER:
                self.garbled = 0
                self.exchange.forget()
        if self.last is not None and self.last.reading is not None and rooms.clock.monotonic() < self.fresh_until:
            self.show(self.last.reading)
        elif self.plan.expected or self.last is not None:
            self.publish_without_reading()

    def show(self, reading: Reading | None) -> None:
        """Publish the present health with `reading`, the last one if still fresh."""
        rooms, last = self.rooms, self.last
        state = state_of(
            failures=self.health.failures,
            reason=self.polling.last_reason,
            reading=reading,
            suspect=last is not None and last.state == "suspect",
            degraded=last is not None and last.state == "degraded",
        )
        rig = last.rig if last and last.reading and reading else self.rig_now()
        base = (
            last
            if last is not None and last.rig == rig
            else RigSnapshot(
                rig=rig,
                identity=rooms.identities.key_at(self.address),
                state="identifying",
                polling=self.polling,
                tags=self.plan.tags,
            )
        )
        if last is not None and last.rig != rig:
            self.withdraw(last)
        judged = base.judged if reading is not None else Judged()
        snapshot = replace(
            base,
            state=state,
            polling=self.polling,
            reading=reading,
            judged=judged,
            economics=base.economics if reading is not None else None,
            proof=base.proof if reading is not None else None,
            behind=base.behind if reading is not None else None,
        )
        for event in change_events(base if last else None, snapshot, rooms.clock.time()):
            rooms.events(event)
        self.last = snapshot
        rooms.fleet.publish(snapshot)

    def rig_now(self) -> str:
        """Return the rig id to show for this address while it does not answer."""
        return self.rooms.identities.expected_at(self.address, self.plan.name)

    def publish_without_reading(self) -> None:
        """Publish that nothing fresh is known of the rig."""
        self.show(None)

    def withdraw(self, snapshot: RigSnapshot) -> None:
        """Take down `snapshot` unless another address has meanwhile published that rig."""
        current = self.rooms.fleet.snapshots.get(snapshot.rig)
        if current is not None and current.polling.address == self.address:
            self.rooms.fleet.remove(snapshot.rig)

    def end(self) -> None:
        """Take the rig out of the fleet: its address left the config."""
        self.rooms.identities.forget(self.address)
        if self.last is not None:
            self.withdraw(self.last)

    def replan(self, plan: Plan) -> None:
        """Go on with `plan`, which differs in interval, name, power, tariff or tags; what is known of the rig stays."""
        if self.last is not None and plan.name != self.plan.name:
            self.withdraw(self.last)
        self.plan = plan
        self.interval = max(plan.interval, self.exchange.driver.min_interval if self.exchange.driver else 0.0)
        self.exchange.plan = plan
