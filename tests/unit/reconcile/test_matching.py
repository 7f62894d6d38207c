"""Workers and rigs find each other by the user of the slot, whatever its case; doubts are told on both sides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.fleet import PollStatus, RigSnapshot
from stratoscope.reading import PoolSlot, Reading
from stratoscope.reconcile.matching import Place, Seat, active_slot, match, tail

ADDRESS = "bc1qexampleexampleexampleexample"


def slot(user: str | None, url: str = "stratum+tcp://pool.example.com:3333", index: int = 0, **more) -> PoolSlot:
    return PoolSlot(index=index, url=url, user=user, **more)


def rig(name: str, *slots: PoolSlot) -> RigSnapshot:
    reading = Reading(driver="test", pools=slots)
    return RigSnapshot(rig=name, state="hashing", polling=PollStatus(address=name, interval=30.0), reading=reading)


def silent(name: str) -> RigSnapshot:
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
def test_a_rig_is_the_worker_that_its_slots_user_names(user, worker):
    found = match([Place(pool="p", account="acct")], {"p": [worker, "other"]}, [rig("a", slot(user))])
    assert found.seats == {"a": Seat("p", worker)}
    assert found.unmatched_workers == {"p": ("other",)}
    assert not found.ambiguous_rigs


def test_a_payout_address_is_an_account():
    found = match([Place(pool="p", account=ADDRESS)], {"p": [f"{ADDRESS}.x"]}, [rig("a", slot(f"{ADDRESS.upper()}.X"))])
    assert found.seats == {"a": Seat("p", f"{ADDRESS}.x")}


def test_an_account_that_begins_like_another_is_another():
    found = match([Place(pool="p", account="acct")], {"p": ["rig01"]}, [rig("a", slot("acct2.rig01"))])
    assert found.seats == {}
    assert found.elsewhere == ("a",)
    assert found.unmatched_workers == {"p": ("rig01",)}


def test_a_rig_without_a_worker_at_its_pool_is_told():
    found = match([Place(pool="p", account="acct")], {"p": ["rig02"]}, [rig("a", slot("acct.rig01"))])
    assert found.unmatched_rigs == {"p": ("a",)}
    assert found.unmatched_workers == {"p": ("rig02",)}


def test_a_rig_that_could_be_two_workers_is_neither():
    found = match([Place(pool="p", account="acct")], {"p": ["rig01", "RIG01"]}, [rig("a", slot("acct.Rig01"))])
    assert found.seats == {}
    assert found.ambiguous_rigs == ("a",)
    assert found.ambiguous_workers == {"p": ("RIG01", "rig01")}
    assert found.unmatched_workers == {}


def test_the_exact_name_goes_before_another_case():
    found = match(
        [Place(pool="p", account="acct")], {"p": ["acct.rig01", "ACCT.RIG01"]}, [rig("a", slot("acct.rig01"))]
    )
    assert found.seats == {"a": Seat("p", "acct.rig01")}


def test_the_map_goes_before_everything():
    place = Place(pool="p", account="acct", workers={"Rig02": "a"})
    found = match([place], {"p": ["rig01", "rig02"]}, [rig("a", slot("acct.rig01")), silent("b")])
    assert found.seats == {"a": Seat("p", "rig02")}
    assert found.unmatched_workers == {"p": ("rig01",)}


def test_a_worker_that_the_map_gives_to_one_rig_is_no_other_one():
    place = Place(pool="p", account="acct", workers={"rig01": "a"})
    found = match([place], {"p": ["rig01"]}, [rig("a", slot("acct.x")), rig("b", slot("acct.rig01"))])
    assert found.seats == {"a": Seat("p", "rig01")}
    assert found.unmatched_rigs == {"p": ("b",)}


def test_rigs_that_share_a_name_are_one_worker_together():
    rigs = [rig("a", slot("acct.farm")), rig("b", slot("acct.farm"))]
    found = match([Place(pool="p", account="acct")], {"p": ["farm"]}, rigs)
    assert found.rigs_of("p") == {"farm": ["a", "b"]}


def test_the_same_account_at_two_pools_is_told_apart_by_the_server():
    one = Place(pool="one", account="acct", hosts=("one.example",))
    two = Place(pool="two", account="acct", hosts=("two.example",))
    rigs = [rig("a", slot("acct.r", "stratum+tcp://eu.ONE.example:3333")), rig("b", slot("acct.r", "two.example:25"))]
    found = match([one, two], {"one": ["acct.r"], "two": ["acct.r"]}, rigs)
    assert found.seats == {"a": Seat("one", "acct.r"), "b": Seat("two", "acct.r")}
    undecided = match([Place(pool="one", account="acct"), Place(pool="two", account="acct")], {}, rigs)
    assert undecided.ambiguous_rigs == ("a", "b")


def test_a_host_that_only_ends_alike_is_another():
    place = Place(pool="p", account="acct", hosts=("pool.example",))
    found = match([place], {"p": ["r"]}, [rig("a", slot("acct.r", "stratum+tcp://evilpool.example:3333"))])
    assert found.elsewhere == ("a",)


def test_a_pool_whose_account_is_not_known_is_recognised_by_its_workers():
    found = match([Place(pool="p")], {"p": ["someone.rig01"]}, [rig("a", slot("someone.RIG01")), rig("b", slot("x.y"))])
    assert found.seats == {"a": Seat("p", "someone.rig01")}
    assert found.elsewhere == ("b",)


def test_a_rig_that_tells_no_user_is_matched_by_its_own_name():
    found = match([Place(pool="p", account="acct")], {"p": ["acct.rig-1"]}, [rig("Rig-1"), rig("rig-2", slot(None))])
    assert found.seats == {"Rig-1": Seat("p", "acct.rig-1")}
    assert found.elsewhere == ("rig-2",)


def test_a_pool_that_lists_no_workers_has_its_rigs_under_one_seat():
    rigs = [rig("a", slot("acct.x")), rig("b", slot("acct.y"))]
    found = match([Place(pool="p", account="acct")], {"p": None}, rigs)
    assert found.rigs_of("p") == {"": ["a", "b"]}


def test_a_rig_on_its_second_slot_is_at_the_pool_of_that_slot():
    slots = slot("acct.r", alive=False, active=False), slot("other.r", index=1, alive=True, active=True)
    places = [Place(pool="p", account="acct"), Place(pool="q", account="other")]
    found = match(places, {"p": ["r"], "q": ["r"]}, [rig("a", *slots)])
    assert found.seats == {"a": Seat("q", "r")}
    assert found.unmatched_workers == {"p": ("r",)}


def test_a_rig_that_is_not_heard_is_nowhere():
    found = match([Place(pool="p", account="acct")], {"p": ["r"]}, [silent("r")])
    assert found.seats == {}
    assert found.elsewhere == ()


def test_without_a_word_on_which_slot_is_active_the_first_that_lives_counts():
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
def test_whatever_rigs_and_pools_write_each_rig_has_one_place_and_each_worker_too(rigs, workers, account):
    snapshots = [rig(f"{at}/{name}", slot(user, url or "")) for at, (name, user, url) in enumerate(rigs)]
    found = match([Place(pool="p", account=account or None)], {"p": workers}, snapshots)
    placed = [*found.seats, *found.unmatched_rigs.get("p", ()), *found.ambiguous_rigs, *found.elsewhere]
    assert sorted(placed) == sorted(snapshot.rig for snapshot in snapshots)
    matched = {seat.worker for seat in found.seats.values()}
    left = {*found.unmatched_workers.get("p", ()), *found.ambiguous_workers.get("p", ())}
    assert matched | left == set(workers)
    assert not matched & set(found.unmatched_workers.get("p", ()))


@given(words, words)
def test_the_tail_of_an_accounts_worker_is_what_follows_it(account, rest):
    if account.strip() == account != "" and account.casefold() == account and rest.strip() == rest:
        assert tail(f"{account}.{rest}", account) == rest.casefold()
        assert tail(account, account) == ""
