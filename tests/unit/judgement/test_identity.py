"""Which rig a response belongs to: identity keys, moves, conflicts and replacements."""

import random

from stratoscope.judgement.identity import Identities, identity_key
from stratoscope.reading import Reading


def test_identity_is_mac_then_serial_then_address():
    reading = Reading(driver="x", make="Antminer", mac="AA:BB:CC:DD:EE:FF", serial="S1")

    assert identity_key(reading, "10.0.0.1") == "mac:AA:BB:CC:DD:EE:FF"
    assert identity_key(Reading(driver="x", make="Antminer", serial="S1"), "10.0.0.1") == "serial:antminer/S1"
    assert identity_key(Reading(driver="x"), "10.0.0.1") == "address:10.0.0.1"


def test_a_rig_is_named_by_its_mac_and_by_its_address_only_without_a_better_identity():
    seen = Identities()

    assert seen.see("mac:AA", "10.0.0.1", 0, 30).rig == "AA"
    assert seen.see("address:10.0.0.2", "10.0.0.2", 0, 30).rig == "10.0.0.2"
    assert seen.see("mac:BB", "10.0.0.3", 0, 30, name="shed-1").rig == "shed-1"


def test_f17_a_rig_that_moved_after_its_old_address_stopped_responding_keeps_its_name():
    seen = Identities()
    seen.see("mac:AA", "10.0.0.1", 0, 30)
    seen.lost("10.0.0.1")

    sighting = seen.see("mac:AA", "10.0.0.9", 40, 30)

    assert (sighting.rig, sighting.moved_from) == ("AA", "10.0.0.1")


def test_f17_permuting_the_addresses_of_200_rigs_misattributes_no_sample():
    rng = random.Random(7)
    seen = Identities()
    macs = [f"mac:{n:04d}" for n in range(200)]
    where = list(range(200))
    wrong = undecided = 0
    for cycle in range(40):
        if cycle % 5 == 4:
            rng.shuffle(where)
        order = list(range(200))
        rng.shuffle(order)
        for address in order:
            key = macs[where[address]]
            sighting = seen.see(key, f"10.0.0.{address}", cycle * 30.0 + address / 10, 30.0)
            undecided += sighting.rig is None
            wrong += sighting.rig is not None and sighting.rig != key.removeprefix("mac:")
            assert sighting.conflict_with is None, (cycle, sighting)

    assert wrong == 0
    assert undecided < 8 * 200  # at most one withheld sample per rig and permutation


def test_f18_two_machines_with_one_mac_are_both_kept_as_two_rigs():
    seen = Identities()
    rigs: list[str | None] = []
    conflicts = set()
    for cycle in range(4):
        for address in ("10.0.0.1", "10.0.0.2"):
            sighting = seen.see("mac:AA", address, cycle * 30.0, 30.0)
            rigs.append(sighting.rig)
            if sighting.conflict_with:
                conflicts.add((address, sighting.conflict_with))

    assert rigs[-2:] == ["AA", "AA@10.0.0.2"]
    assert conflicts == {("10.0.0.2", "10.0.0.1")}


def test_f18_many_machines_with_one_serial_are_all_kept():
    seen = Identities()
    for cycle in range(3):
        rigs = [seen.see("serial:x/1", f"10.0.0.{n}", cycle * 30.0 + n, 30.0).rig for n in range(8)]

    assert rigs == ["x/1", *(f"x/1@10.0.0.{n}" for n in range(1, 8))]


def test_f19_a_new_rig_at_the_address_of_a_retired_one_is_a_new_rig():
    seen = Identities()
    seen.see("mac:AA", "10.0.0.1", 0, 30)

    sighting = seen.see("mac:BB", "10.0.0.1", 30, 30)

    assert (sighting.rig, sighting.moved_from, sighting.conflict_with) == ("BB", None, None)


def test_a_restarted_agent_knows_the_rig_before_it_responds():
    seen = Identities([("mac:AA", "AA", "10.0.0.1")])

    assert seen.expected_at("10.0.0.1") == "AA"
    assert seen.expected_at("10.0.0.2") == "10.0.0.2"
    assert seen.expected_at("10.0.0.1", "shed-1") == "shed-1"
