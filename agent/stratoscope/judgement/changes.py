"""Finds the events between two snapshots of one rig."""

from collections.abc import Iterator
from typing import Any

from stratoscope.events import Event
from stratoscope.fields import redacted_url
from stratoscope.fleet import RigSnapshot
from stratoscope.reading import Fault, PoolSlot, Reading

DOWN_STATES: frozenset[str] = frozenset({"offline", "locked"})


def active_pool(reading: Reading) -> PoolSlot | None:
    """Return the active pool slot, or None when none or more than one is active."""
    active = [slot for slot in reading.pools if slot.active]
    return active[0] if len(active) == 1 else None


def iter_change_events(before: RigSnapshot | None, now: RigSnapshot, at: float) -> Iterator[Event]:
    """Yield the events from `before` (None: a rig not seen before) to `now`; `at` in UTC seconds."""
    rig = now.rig
    if before is None:
        return
    if before.state != now.state:
        yield _state_event(before, now, at)
    old, new = before.reading, now.reading
    if old is None or new is None or old is new:
        return
    if before.counters.resets < now.counters.resets:
        yield Event(kind="rig_restarted", at=at, rig=rig, text=f"{rig} restarted", details={"uptime": new.uptime})
    if old.firmware_version and new.firmware_version and old.firmware_version != new.firmware_version:
        text = f"{rig}: firmware changed from {old.firmware_version} to {new.firmware_version}"
        details = {"before": old.firmware_version, "now": new.firmware_version}
        yield Event(kind="firmware_changed", at=at, rig=rig, text=text, details=details)
    yield from _pool_events(rig, old, new, at)
    yield from _fault_events(rig, old, new, at)


def _state_event(before: RigSnapshot, now: RigSnapshot, at: float) -> Event:
    kind = "rig_state"
    if now.state in DOWN_STATES and before.state not in DOWN_STATES:
        kind = "rig_down"
    elif before.state in DOWN_STATES and now.state not in DOWN_STATES:
        kind = "rig_up"
    why = "; ".join(now.judged.reasons) or (now.polling.last_error if now.state in DOWN_STATES else "") or ""
    text = f"{now.rig} is {now.state}, was {before.state}" + (f": {why}" if why else "")
    details = {"before": before.state, "now": now.state, "reason": why, "address": now.polling.address}
    return Event(kind=kind, at=at, rig=now.rig, text=text, details=details)


def _pool_events(rig: str, old: Reading, new: Reading, at: float) -> Iterator[Event]:
    was, is_ = active_pool(old), active_pool(new)
    if was and is_ and (was.index, was.url) != (is_.index, is_.url):
        before, now = (None if slot.url is None else redacted_url(slot.url) for slot in (was, is_))
        text = f"{rig} switched from pool slot {was.index} ({before}) to {is_.index} ({now})"
        details = {"before": before, "now": now, "slot": is_.index}
        yield Event(kind="pool_switched", at=at, rig=rig, text=text, details=details)


def _fault_events(rig: str, old: Reading, new: Reading, at: float) -> Iterator[Event]:
    if old.faults is None or new.faults is None or old.faults == new.faults:
        return
    was, is_ = {fault.code: fault for fault in old.faults}, {fault.code: fault for fault in new.faults}
    for code in is_.keys() - was.keys():
        text = f"{rig} reports fault {code}" + (f": {is_[code].message}" if is_[code].message else "")
        yield Event(kind="fault_raised", at=at, rig=rig, text=text, details=_fault_details(is_[code]))
    for code in was.keys() - is_.keys():
        text = f"{rig}: fault {code} cleared"
        yield Event(kind="fault_cleared", at=at, rig=rig, text=text, details=_fault_details(was[code]))


def _fault_details(fault: Fault) -> dict[str, Any]:
    """Return a fault as an event's details, without fields that the firmware does not report."""
    known = {"code": fault.code, "component": fault.component, "message": fault.message}
    return {name: value for name, value in known.items() if value is not None}
