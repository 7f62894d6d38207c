"""Tamper detection with lists and with learned pins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.reading import PoolSlot
from stratoscope.tamper.detector import Pin, TamperDetector, TamperRules, account_of, host_and_port
from stratoscope.units import DAY

OWN = PoolSlot(index=0, url="stratum+tcp://pool.example:3333", user="acct.rig1", active=True)
SPARE = PoolSlot(index=1, url="stratum+tcp://spare.example:3333", user="acct.rig1", active=False)
THIEF = PoolSlot(index=0, url="stratum+tcp://thief.example:3333", user="acct.rig1", active=True)
SKIMMER = PoolSlot(index=0, url="stratum+tcp://pool.example:3333", user="other.rig1", active=True)


@pytest.fixture
def events():
    return []


def learned_detector(events, **rules) -> TamperDetector:
    """Return a detector that learned OWN and SPARE at time 0."""
    detector = TamperDetector(TamperRules(**rules), (), events.append)
    detector.check_slots("a", (OWN, SPARE), 0.0)
    assert events == []
    return detector


def kinds(events) -> list[tuple[str, str | None, str]]:
    return [(event.kind, event.rig, event.details["what"]) for event in events]


def test_endpoint_is_pinned_while_learning_and_an_alarm_after_that(events):
    detector = learned_detector(events)
    detector.check_slots("b", (OWN,), 30 * DAY)
    assert events == []
    detector.check_slots("b", (THIEF, SPARE), 30 * DAY)
    assert kinds(events) == [("tamper", "b", "endpoint")]
    (alarm,) = detector.alarms
    assert (alarm.rig, alarm.slot, alarm.endpoint, alarm.active) == ("b", 0, "thief.example:3333", True)


def test_alarm_emits_one_event_when_raised_and_one_when_cleared(events):
    detector = learned_detector(events)
    for minute in range(5):
        detector.check_slots("b", (THIEF,), 30 * DAY + minute * 60)
    detector.check_slots("b", (OWN,), 30 * DAY + 600)
    assert kinds(events) == [("tamper", "b", "endpoint"), ("tamper_cleared", "b", "endpoint")]
    assert detector.alarms == ()


def test_unknown_account_at_a_known_pool_is_an_alarm_without_its_name(events):
    detector = learned_detector(events)
    detector.check_slots("b", (SKIMMER,), 30 * DAY)
    assert kinds(events) == [("tamper", "b", "account")]
    assert "other" not in events[0].text + str(events[0].details)


def test_another_worker_of_a_known_account_is_not_an_alarm(events):
    detector = learned_detector(events)
    detector.check_slots("b", (PoolSlot(index=0, url=OWN.url, user="ACCT.rig99"),), 30 * DAY)
    assert events == []


def test_list_applies_immediately_and_overrides_pins(events):
    detector = TamperDetector(
        TamperRules(endpoints=("*.example",), accounts=("acct",)), (Pin("endpoint", "evil.test:1", 0.0),), events.append
    )
    detector.check_slots("a", (OWN, SPARE), 1.0)
    assert events == []
    detector.check_slots("a", (PoolSlot(index=0, url="stratum+tcp://evil.test:1", user="acct.x"),), 2.0)
    assert kinds(events) == [("tamper", "a", "endpoint")]


def test_pins_survive_a_restart_without_new_learning(events):
    pins: list[Pin] = []
    before = TamperDetector(TamperRules(), (), events.append, pins.extend)
    before.check_slots("a", (OWN,), 0.0)
    after = TamperDetector(TamperRules(), iter(pins), events.append)
    after.check_slots("a", (OWN,), 30 * DAY)
    assert events == []
    after.check_slots("a", (THIEF,), 30 * DAY)
    assert kinds(events) == [("tamper", "a", "endpoint")]


def test_without_learning_everything_unpinned_is_an_alarm(events):
    detector = TamperDetector(TamperRules(learn=0.0), (Pin("account", "acct", 0.0),), events.append)
    detector.check_slots("a", (OWN,), 1.0)
    assert kinds(events) == [("tamper", "a", "endpoint")]


def test_coinbase_must_pay_at_least_one_known_address(events):
    detector = TamperDetector(TamperRules(), (), events.append)
    checks = {"chain_match": True, "sent_to_foreign_host": False}
    detector.check_endpoint("stratum+tcp://pool.example:3333", ("bc1pool", "bc1miner1"), 0.0, **checks)
    detector.check_endpoint("stratum+tcp://pool.example:3333", ("bc1pool", "bc1miner2"), 30 * DAY, **checks)
    assert events == []
    detector.check_endpoint("stratum+tcp://pool.example:3333", ("bc1thief",), 30 * DAY, **checks)
    assert kinds(events) == [("tamper", None, "payout")]
    assert "bc1" not in events[0].text + str(events[0].details)


def test_new_endpoint_learns_its_own_payouts(events):
    detector = TamperDetector(TamperRules(), (), events.append)
    checks = {"chain_match": True, "sent_to_foreign_host": False}
    detector.check_endpoint("stratum+tcp://old.example:3333", ("bc1old",), 0.0, **checks)
    detector.check_endpoint("stratum+tcp://new.example:3333", ("bc1new",), 30 * DAY, **checks)
    assert events == []


def test_another_chain_and_a_foreign_redirect_raise_and_clear_alarms(events):
    detector = TamperDetector(TamperRules(), (), events.append)
    url = "stratum+tcp://pool.example:3333"
    detector.check_endpoint(url, (), 0.0, chain_match=False, sent_to_foreign_host=True)
    detector.check_endpoint(url, (), 1.0, chain_match=None, sent_to_foreign_host=True)
    detector.forget_endpoints((), 2.0)
    assert kinds(events) == [
        ("tamper", None, "chain"),
        ("tamper", None, "redirect"),
        ("tamper_cleared", None, "chain"),
        ("tamper_cleared", None, "redirect"),
    ]


def test_alarms_of_a_removed_rig_are_cleared(events):
    detector = learned_detector(events)
    detector.check_slots("b", (THIEF,), 30 * DAY)
    detector.forget_rig("b", 31 * DAY)
    assert detector.alarms == ()


def test_state_shows_what_is_still_being_learned(events):
    detector = learned_detector(events, payouts=("bc1*",))
    assert detector.state(1.0).learning == {"endpoint": True, "account": True}
    assert detector.state(8 * DAY).learning == {"endpoint": False, "account": False}
    assert detector.state(8 * DAY).pins == {"endpoint": 2, "account": 1, "payout": 0}


@given(st.text(), st.text(), st.floats(0, 1e10))
def test_no_text_from_a_rig_raises(url, user, at):
    events: list = []
    detector = TamperDetector(TamperRules(learn=0.0), (), events.append)
    detector.check_slots("a", (PoolSlot(index=0, url=url, user=user),), at)
    assert len(detector.alarms) <= 2
    assert len(host_and_port(url)) <= 300
    assert "." not in account_of(user)
