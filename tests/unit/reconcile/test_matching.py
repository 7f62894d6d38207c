"""Matches rigs with workers by the user of the pool slot, ignoring case; ambiguous ones are reported, not guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.fleet import PollStatus, RigSnapshot
from stratoscope.reading import PoolSlot, Reading
from stratoscope.reconcile.matching import PoolIdentity, WorkerSlot, active_slot, match_rigs, worker_tail

ADDRESS = "bc1qexampleexampleexampleexample"


def slot(user: str | None, url: str = "stratum+tcp://pool.example.com:3333", index: int = 0, **more) -> PoolSlot:
    return PoolSlot(index=index, url=url, user=user, **more)


def rig(name: str, *slots: PoolSlot) -> RigSnapshot:
    reading = Reading(driver="test", pools=slots)
    return RigSnapshot(rig=name, state="hashing", polling=PollStatus(address=name, interval=30.0), reading=reading)


def unreachable(name: str) -> RigSnapshot:
    return RigSnapshot(rig=name, state="offline", polling=PollStatus(address=name, interval=30.0))


@pytest.mark.parametrize(
    ("user", "worker"),
    [
        ("acct.rig01", "acct.rig01"),
        ("acct.rig01", "rig01"),
        ("ACCT.Rig01", "acct.rig01"),
        ("acct.rig01", "RIG01"),
        ("acct_rig01", "acct.rig01"),
        ("acct.rack1.rig01", "rack1.rig01"),
        ("acct", "acct"),
    ],
)
def test_a_rig_matches_the_worker_named_by_its_slots_user(user, worker):
    found = match_rigs([PoolIdentity(pool="p", account="acct")], {"p": [worker, "other"]}, [rig("a", slot(user))])
    assert found.assignments == {"a": WorkerSlot("p", worker)}
    assert found.unmatched_workers == {"p": ("other",)}
    assert not found.ambiguous_rigs


def test_a_payout_address_is_an_account():
    found = match_rigs(
        [PoolIdentity(pool="p", account=ADDRESS)], {"p": [f"{ADDRESS}.x"]}, [rig("a", slot(f"{ADDRESS.upper()}.X"))]
    )
    assert found.assignments == {"a": WorkerSlot("p", f"{ADDRESS}.x")}


def test_an_account_with_the_same_prefix_does_not_match():
    found = match_rigs([PoolIdentity(pool="p", account="acct")], {"p": ["rig01"]}, [rig("a", slot("acct2.rig01"))])
    assert found.assignments == {}
    assert found.elsewhere == ("a",)
    assert found.unmatched_workers == {"p": ("rig01",)}


def test_a_rig_whose_worker_is_not_listed_is_unmatched():
    found = match_rigs([PoolIdentity(pool="p", account="acct")], {"p": ["rig02"]}, [rig("a", slot("acct.rig01"))])
    assert found.unmatched_rigs == {"p": ("a",)}
    assert found.unmatched_workers == {"p": ("rig02",)}


def test_a_rig_that_could_be_two_workers_is_ambiguous():
    found = match_rigs(
        [PoolIdentity(pool="p", account="acct")], {"p": ["rig01", "RIG01"]}, [rig("a", slot("acct.Rig01"))]
    )
    assert found.assignments == {}
    assert found.ambiguous_rigs == ("a",)
    assert found.ambiguous_workers == {"p": ("RIG01", "rig01")}
    assert found.unmatched_workers == {}


def test_an_exact_name_takes_precedence_over_another_case():
    found = match_rigs(
        [PoolIdentity(pool="p", account="acct")], {"p": ["acct.rig01", "ACCT.RIG01"]}, [rig("a", slot("acct.rig01"))]
    )
    assert found.assignments == {"a": WorkerSlot("p", "acct.rig01")}


def test_the_operators_map_takes_precedence():
    identity = PoolIdentity(pool="p", account="acct", workers={"Rig02": "a"})
    found = match_rigs([identity], {"p": ["rig01", "rig02"]}, [rig("a", slot("acct.rig01")), unreachable("b")])
    assert found.assignments == {"a": WorkerSlot("p", "rig02")}
    assert found.unmatched_workers == {"p": ("rig01",)}


def test_a_mapped_worker_is_not_assigned_to_another_rig():
    identity = PoolIdentity(pool="p", account="acct", workers={"rig01": "a"})
    found = match_rigs([identity], {"p": ["rig01"]}, [rig("a", slot("acct.x")), rig("b", slot("acct.rig01"))])
    assert found.assignments == {"a": WorkerSlot("p", "rig01")}
    assert found.unmatched_rigs == {"p": ("b",)}


def test_rigs_that_share_a_name_are_assigned_to_one_worker():
    rigs = [rig("a", slot("acct.farm")), rig("b", slot("acct.farm"))]
    found = match_rigs([PoolIdentity(pool="p", account="acct")], {"p": ["farm"]}, rigs)
    assert found.rigs_of("p") == {"farm": ["a", "b"]}


def test_stratum_hosts_distinguish_two_pools_with_the_same_account():
    one = PoolIdentity(pool="one", account="acct", hosts=("one.example",))
    two = PoolIdentity(pool="two", account="acct", hosts=("two.example",))
    rigs = [rig("a", slot("acct.r", "stratum+tcp://eu.ONE.example:3333")), rig("b", slot("acct.r", "two.example:25"))]
    found = match_rigs([one, two], {"one": ["acct.r"], "two": ["acct.r"]}, rigs)
    assert found.assignments == {"a": WorkerSlot("one", "acct.r"), "b": WorkerSlot("two", "acct.r")}
    undecided = match_rigs(
        [PoolIdentity(pool="one", account="acct"), PoolIdentity(pool="two", account="acct")], {}, rigs
    )
    assert undecided.ambiguous_rigs == ("a", "b")


def test_a_host_with_the_same_ending_does_not_match():
    identity = PoolIdentity(pool="p", account="acct", hosts=("pool.example",))
    found = match_rigs([identity], {"p": ["r"]}, [rig("a", slot("acct.r", "stratum+tcp://evilpool.example:3333"))])
    assert found.elsewhere == ("a",)


def test_a_pool_with_unknown_account_is_recognised_by_its_workers():
    found = match_rigs(
        [PoolIdentity(pool="p")], {"p": ["someone.rig01"]}, [rig("a", slot("someone.RIG01")), rig("b", slot("x.y"))]
    )
    assert found.assignments == {"a": WorkerSlot("p", "someone.rig01")}
    assert found.elsewhere == ("b",)


def test_a_rig_without_a_user_is_matched_by_its_own_name():
    found = match_rigs(
        [PoolIdentity(pool="p", account="acct")], {"p": ["acct.rig-1"]}, [rig("Rig-1"), rig("rig-2", slot(None))]
    )
    assert found.assignments == {"Rig-1": WorkerSlot("p", "acct.rig-1")}
    assert found.elsewhere == ("rig-2",)


def test_all_rigs_of_a_pool_without_a_worker_list_share_one_worker():
    rigs = [rig("a", slot("acct.x")), rig("b", slot("acct.y"))]
    found = match_rigs([PoolIdentity(pool="p", account="acct")], {"p": None}, rigs)
    assert found.rigs_of("p") == {"": ["a", "b"]}


def test_a_rig_on_its_second_slot_matches_the_pool_of_that_slot():
    slots = slot("acct.r", alive=False, active=False), slot("other.r", index=1, alive=True, active=True)
    identities = [PoolIdentity(pool="p", account="acct"), PoolIdentity(pool="q", account="other")]
    found = match_rigs(identities, {"p": ["r"], "q": ["r"]}, [rig("a", *slots)])
    assert found.assignments == {"a": WorkerSlot("q", "r")}
    assert found.unmatched_workers == {"p": ("r",)}


def test_an_unreachable_rig_is_not_assigned():
    found = match_rigs([PoolIdentity(pool="p", account="acct")], {"p": ["r"]}, [unreachable("r")])
    assert found.assignments == {}
    assert found.elsewhere == ()


def test_without_an_active_slot_the_first_live_one_is_used():
    dead, alive = slot("x.a", alive=False), slot("x.b", index=1, alive=True)
    assert active_slot(Reading(driver="t", pools=(dead, alive))) == alive
    assert active_slot(Reading(driver="t", pools=(dead,))) == dead
    assert active_slot(Reading(driver="t", pools=(dead, dead))) is None


words = st.text(max_size=30)


@given(
    st.lists(st.tuples(words, words | st.none(), words | st.none()), max_size=5),
    st.lists(words, max_size=5),
    words | st.none(),
)
def test_every_rig_and_every_worker_is_in_exactly_one_group(rigs, workers, account):
    snapshots = [rig(f"{at}/{name}", slot(user, url or "")) for at, (name, user, url) in enumerate(rigs)]
    found = match_rigs([PoolIdentity(pool="p", account=account or None)], {"p": workers}, snapshots)
    grouped = [*found.assignments, *found.unmatched_rigs.get("p", ()), *found.ambiguous_rigs, *found.elsewhere]
    assert sorted(grouped) == sorted(snapshot.rig for snapshot in snapshots)
    matched = {worker.name for worker in found.assignments.values()}
    left = {*found.unmatched_workers.get("p", ()), *found.ambiguous_workers.get("p", ())}
    assert matched | left == set(workers)
    assert not matched & set(found.unmatched_workers.get("p", ()))


@given(words, words)
def test_the_tail_is_what_follows_the_account(account, rest):
    if account.strip() == account != "" and account.casefold() == account and rest.strip() == rest:
        assert worker_tail(f"{account}.{rest}", account) == rest.casefold()
        assert worker_tail(account, account) == ""
