"""The events between two snapshots of a rig."""

import pytest

from stratoscope.fleet import Counters, PollStatus, RigSnapshot
from stratoscope.judgement.changes import iter_change_events
from stratoscope.reading import Fault, PoolSlot, Reading

NOW = 1_760_000_000.0


def rig(state: str = "hashing", resets: int = 0, with_reading: bool = True, **values) -> RigSnapshot:
    reading = Reading(**{"driver": "x", "uptime": 60.0, "faults": (), **values}) if with_reading else None
    polling = PollStatus(address="10.0.0.7", interval=30.0, last_error="timeout: no answer within 5 s")
    return RigSnapshot(rig="r7", state=state, reading=reading, polling=polling, counters=Counters(resets=resets))


def events_between(before: RigSnapshot | None, now: RigSnapshot) -> list[tuple[str, dict]]:
    events = list(iter_change_events(before, now, NOW))
    assert all((event.rig, event.at) == ("r7", NOW) for event in events)
    return [(event.kind, dict(event.details)) for event in events]


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        ("hashing", "offline", "rig_down"),
        ("degraded", "locked", "rig_down"),
        ("offline", "hashing", "rig_up"),
        ("locked", "idle", "rig_up"),
        ("hashing", "idle", "rig_state"),
        ("offline", "locked", "rig_state"),
        ("hashing", "suspect", "rig_state"),
    ],
)
def test_a_change_of_state_is_an_event_of_its_kind(before: str, now: str, kind: str) -> None:
    ((found, details),) = events_between(rig(before), rig(now, with_reading=False))
    assert found == kind
    assert (details["before"], details["now"], details["address"]) == (before, now, "10.0.0.7")


def test_a_new_or_unchanged_rig_has_no_events() -> None:
    assert events_between(None, rig()) == []
    assert events_between(rig(), rig()) == []


def test_a_restart_a_firmware_change_and_a_fault_are_events_with_their_details() -> None:
    fault = Fault(code=110, component="fan", message="fan lost")
    assert events_between(rig(), rig(resets=1, uptime=3.0)) == [("rig_restarted", {"uptime": 3.0})]
    assert events_between(rig(firmware_version="1"), rig(firmware_version="2")) == [
        ("firmware_changed", {"before": "1", "now": "2"})
    ]
    known = {"code": 110, "component": "fan", "message": "fan lost"}
    assert events_between(rig(), rig(faults=(fault,))) == [("fault_raised", known)]
    assert events_between(rig(faults=(fault,)), rig()) == [("fault_cleared", known)]
    assert events_between(rig(faults=(Fault(code="E2"),)), rig()) == [("fault_cleared", {"code": "E2"})]
    assert events_between(rig(faults=None), rig(faults=(fault,))) == []  # faults were not known before: they may be old


def test_a_pool_switch_event_has_no_login_in_its_urls() -> None:
    def on(slot: int) -> tuple[PoolSlot, ...]:
        urls = ("stratum+tcp://wallet.worker:secret@a.example:3333", "stratum+tcp://b.example:3333/?token=secret")
        return tuple(PoolSlot(index=n, url=url, active=n == slot) for n, url in enumerate(urls))

    (event,) = iter_change_events(rig(pools=on(0)), rig(pools=on(1)), NOW)
    assert event.kind == "pool_switched"
    assert event.details == {
        "before": "stratum+tcp://a.example:3333",
        "now": "stratum+tcp://b.example:3333/",
        "slot": 1,
    }
    assert "secret" not in event.text
    assert "wallet" not in event.text
