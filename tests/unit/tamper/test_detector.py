"""Where the hashrate goes: lists, pins, and what becomes an alarm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.reading import PoolSlot
from stratoscope.tamper.detector import Guard, Pin, Rules, account_of, place_of
from stratoscope.units import DAY

OWN = PoolSlot(index=0, url="stratum+tcp://pool.example:3333", user="acct.rig1", active=True)
SPARE = PoolSlot(index=1, url="stratum+tcp://spare.example:3333", user="acct.rig1", active=False)
THIEF = PoolSlot(index=0, url="stratum+tcp://thief.example:3333", user="acct.rig1", active=True)
SKIMMER = PoolSlot(index=0, url="stratum+tcp://pool.example:3333", user="other.rig1", active=True)


@pytest.fixture
def told():
    return []


def learned_guard(told, **rules) -> Guard:
    """A guard that learned OWN and SPARE a month ago."""
    guard = Guard(Rules(**rules), (), told.append)
    guard.saw_slots("a", (OWN, SPARE), 0.0)
    assert told == []
    return guard


def kinds(told) -> list[tuple[str, str | None, str]]:
    return [(event.kind, event.rig, event.details["what"]) for event in told]


def test_what_comes_while_learning_is_pinned_and_what_comes_later_is_an_alarm(told):
    guard = learned_guard(told)
    guard.saw_slots("b", (OWN,), 30 * DAY)
    assert told == []
    guard.saw_slots("b", (THIEF, SPARE), 30 * DAY)
    assert kinds(told) == [("tamper", "b", "endpoint")]
    (alarm,) = guard.alarms
    assert (alarm.rig, alarm.slot, alarm.endpoint, alarm.active) == ("b", 0, "thief.example:3333", True)


def test_an_alarm_is_told_once_and_once_more_when_it_is_over(told):
    guard = learned_guard(told)
    for minute in range(5):
        guard.saw_slots("b", (THIEF,), 30 * DAY + minute * 60)
    guard.saw_slots("b", (OWN,), 30 * DAY + 600)
    assert kinds(told) == [("tamper", "b", "endpoint"), ("tamper_cleared", "b", "endpoint")]
    assert guard.alarms == ()


def test_a_foreign_account_at_the_own_pool_is_an_alarm_that_names_no_account(told):
    guard = learned_guard(told)
    guard.saw_slots("b", (SKIMMER,), 30 * DAY)
    assert kinds(told) == [("tamper", "b", "account")]
    assert "other" not in told[0].text + str(told[0].details)


def test_another_worker_of_the_own_account_is_no_alarm(told):
    guard = learned_guard(told)
    guard.saw_slots("b", (PoolSlot(index=0, url=OWN.url, user="ACCT.rig99"),), 30 * DAY)
    assert told == []


def test_a_list_counts_from_the_first_moment_and_what_was_learned_does_not(told):
    guard = Guard(
        Rules(endpoints=("*.example",), accounts=("acct",)), (Pin("endpoint", "evil.test:1", 0.0),), told.append
    )
    guard.saw_slots("a", (OWN, SPARE), 1.0)
    assert told == []
    guard.saw_slots("a", (PoolSlot(index=0, url="stratum+tcp://evil.test:1", user="acct.x"),), 2.0)
    assert kinds(told) == [("tamper", "a", "endpoint")]


def test_pins_survive_a_restart_and_learning_does_not_begin_again(told):
    pins: list[Pin] = []
    before = Guard(Rules(), (), told.append, pins.extend)
    before.saw_slots("a", (OWN,), 0.0)
    after = Guard(Rules(), iter(pins), told.append)
    after.saw_slots("a", (OWN,), 30 * DAY)
    assert told == []
    after.saw_slots("a", (THIEF,), 30 * DAY)
    assert kinds(told) == [("tamper", "a", "endpoint")]


def test_with_no_time_to_learn_everything_that_is_not_pinned_is_an_alarm(told):
    guard = Guard(Rules(learn=0.0), (Pin("account", "acct", 0.0),), told.append)
    guard.saw_slots("a", (OWN,), 1.0)
    assert kinds(told) == [("tamper", "a", "endpoint")]


def test_a_coinbase_may_pay_others_too_but_never_only_strangers(told):
    guard = Guard(Rules(), (), told.append)
    look = {"chain_match": True, "sent_abroad": False}
    guard.saw_endpoint("stratum+tcp://pool.example:3333", ("bc1pool", "bc1miner1"), 0.0, **look)
    guard.saw_endpoint("stratum+tcp://pool.example:3333", ("bc1pool", "bc1miner2"), 30 * DAY, **look)
    assert told == []
    guard.saw_endpoint("stratum+tcp://pool.example:3333", ("bc1thief",), 30 * DAY, **look)
    assert kinds(told) == [("tamper", None, "payout")]
    assert "bc1" not in told[0].text + str(told[0].details)


def test_an_endpoint_that_is_new_learns_its_own_payouts(told):
    guard = Guard(Rules(), (), told.append)
    look = {"chain_match": True, "sent_abroad": False}
    guard.saw_endpoint("stratum+tcp://old.example:3333", ("bc1old",), 0.0, **look)
    guard.saw_endpoint("stratum+tcp://new.example:3333", ("bc1new",), 30 * DAY, **look)
    assert told == []


def test_another_chain_and_a_redirect_abroad_are_alarms_and_end(told):
    guard = Guard(Rules(), (), told.append)
    url = "stratum+tcp://pool.example:3333"
    guard.saw_endpoint(url, (), 0.0, chain_match=False, sent_abroad=True)
    guard.saw_endpoint(url, (), 1.0, chain_match=None, sent_abroad=True)
    guard.forget_endpoints((), 2.0)
    assert kinds(told) == [
        ("tamper", None, "chain"),
        ("tamper", None, "redirect"),
        ("tamper_cleared", None, "chain"),
        ("tamper_cleared", None, "redirect"),
    ]


def test_a_rig_that_is_gone_takes_its_alarms_with_it(told):
    guard = learned_guard(told)
    guard.saw_slots("b", (THIEF,), 30 * DAY)
    guard.forget_rig("b", 31 * DAY)
    assert guard.alarms == ()


def test_what_is_still_being_learned_is_known(told):
    guard = learned_guard(told, payouts=("bc1*",))
    assert guard.now(1.0).learning == {"endpoint": True, "account": True}
    assert guard.now(8 * DAY).learning == {"endpoint": False, "account": False}
    assert guard.now(8 * DAY).pins == {"endpoint": 2, "account": 1, "payout": 0}


@given(st.text(), st.text(), st.floats(0, 1e10))
def test_no_words_of_a_rig_break_the_guard(url, user, at):
    told: list = []
    guard = Guard(Rules(learn=0.0), (), told.append)
    guard.saw_slots("a", (PoolSlot(index=0, url=url, user=user),), at)
    assert len(guard.alarms) <= 2
    assert len(place_of(url)) <= 300
    assert "." not in account_of(user)
