"""Publishes the snapshots of one address: with a fresh reading, without one, and not at all once the rig has left."""

from dataclasses import replace

from stratoscope.fleet import Judged, PollStatus, RigSnapshot
from stratoscope.judgement.changes import iter_change_events
from stratoscope.judgement.state import state_of
from stratoscope.poll.plan import Plan, PollDeps
from stratoscope.reading import Reading


def firmware_changed(before: Reading | None, now: Reading | None) -> bool:
    """Tell whether both readings name a firmware version and the versions differ."""
    if before is None or now is None or before.firmware_version is None or now.firmware_version is None:
        return False
    return before.firmware_version != now.firmware_version


class RigPublisher:
    """Publishes what is known of the rig at one address, and the events that follow from it."""

    __slots__ = ("_deps", "address", "fresh_until", "last")

    def __init__(self, address: str, deps: PollDeps) -> None:
        self.address = address
        self.last: RigSnapshot | None = None
        self.fresh_until = float("-inf")  # monotonic s
        self._deps = deps

    @property
    def has_reading(self) -> bool:
        """Tell whether the last snapshot holds a reading."""
        return self.last is not None and self.last.reading is not None

    def publish(self, snapshot: RigSnapshot) -> bool:
        """Publish a snapshot with a good reading; return whether the rig's firmware version changed."""
        deps, before = self._deps, self.last
        if before is not None and before.rig != snapshot.rig:
            self.withdraw(before)
            before = None
        for event in iter_change_events(before, snapshot, snapshot.at):
            deps.events(event)
        self.last = snapshot
        deps.fleet.publish(snapshot)
        deps.fleet.remember(snapshot)
        return before is not None and firmware_changed(before.reading, snapshot.reading)

    def publish_failure(self, plan: Plan, polling: PollStatus, failures: int) -> None:
        """Publish that the rig did not respond; its last reading stays only while it is fresh."""
        last = self.last
        if last is not None and last.reading is not None and self._deps.clock.monotonic() < self.fresh_until:
            self._publish_status(plan, polling, failures, last.reading)
        elif plan.expected or last is not None:
            self._publish_status(plan, polling, failures, None)

    def publish_without_reading(self, plan: Plan, polling: PollStatus, failures: int) -> None:
        """Publish that nothing fresh is known of the rig."""
        self._publish_status(plan, polling, failures, None)

    def _publish_status(self, plan: Plan, polling: PollStatus, failures: int, reading: Reading | None) -> None:
        deps, last = self._deps, self.last
        state = state_of(
            failures=failures,
            reason=polling.last_reason,
            reading=reading,
            suspect=last is not None and last.state == "suspect",
            degraded=last is not None and last.state == "degraded",
        )
        base = self._base(plan, polling, reading)
        snapshot = replace(
            base,
            state=state,
            polling=polling,
            reading=reading,
            judged=base.judged if reading is not None else Judged(),
            economics=base.economics if reading is not None else None,
            proof=base.proof if reading is not None else None,
            behind=base.behind if reading is not None else None,
        )
        for event in iter_change_events(base if last else None, snapshot, deps.clock.time()):
            deps.events(event)
        self.last = snapshot
        deps.fleet.publish(snapshot)

    def _base(self, plan: Plan, polling: PollStatus, reading: Reading | None) -> RigSnapshot:
        """Return the last snapshot if it is of the rig to show now, else an empty one; withdraw another rig's."""
        last, identities = self.last, self._deps.identities
        keeps_rig = last is not None and last.reading is not None and reading is not None
        rig = last.rig if last is not None and keeps_rig else identities.expected_at(self.address, plan.name)
        if last is not None:
            if last.rig == rig:
                return last
            self.withdraw(last)
        identity = identities.key_at(self.address)
        return RigSnapshot(rig=rig, identity=identity, state="identifying", polling=polling, tags=plan.tags)

    def withdraw(self, snapshot: RigSnapshot) -> None:
        """Remove `snapshot` from the fleet unless another address has published that rig in the meantime."""
        current = self._deps.fleet.snapshots.get(snapshot.rig)
        if current is not None and current.polling.address == self.address:
            self._deps.fleet.remove(snapshot.rig)

    def withdraw_last(self) -> None:
        """Remove the rig from the fleet, if one was published."""
        if self.last is not None:
            self.withdraw(self.last)
