"""Series follow the machine and not its address: moves, replacements, and two machines with one identity."""

from collections.abc import Callable
from typing import Any

from stratoscope.errors import TimedOut
from unit.poll.site import ADDRESS, MAC

OTHER = "AA:BB:CC:DD:EE:02"


def addresses_shown(site, rig: str = MAC) -> str:
    return site.shown(rig).polling.address


async def test_f17_two_rigs_that_swap_addresses_keep_their_own_series(site):
    one, two = site.rig("10.0.0.1", mac=MAC), site.rig("10.0.0.2", mac=OTHER)
    one.more, two.more = {"power": 1111.0}, {"power": 2222.0}
    two.booted = -50_000.0
    site.start("10.0.0.1")
    site.start("10.0.0.2")
    await site.clock.advance(90)
    site.rigs["10.0.0.1"], site.rigs["10.0.0.2"] = two, one
    wrong = []
    publish: Callable[..., None] = site.fleet.publish

    def watched(snapshot: Any) -> None:
        if snapshot.reading is not None:
            expected = {MAC: 1111.0, OTHER: 2222.0}
            if expected[snapshot.rig] != snapshot.reading.power:
                wrong.append(snapshot)
        publish(snapshot)

    site.fleet.publish = watched
    await site.clock.advance(300)

    assert wrong == []
    assert sorted(site.fleet.snapshots) == [MAC, OTHER]
    assert addresses_shown(site) == "10.0.0.2"
    assert site.kinds().count("identity_moved") == 2


async def test_f18_two_machines_with_one_mac_are_two_rigs_and_one_event(site):
    site.rig("10.0.0.1")
    site.rig("10.0.0.2")
    site.start("10.0.0.1")
    site.start("10.0.0.2")
    await site.clock.advance(300)

    rigs = sorted(rig for rig, snapshot in site.fleet.snapshots.items() if snapshot.reading is not None)
    assert len(rigs) == 2
    assert rigs[0] == MAC
    assert rigs[1].startswith(f"{MAC}@10.0.0.")
    assert site.kinds().count("identity_conflict") == 1


async def test_two_machines_with_one_mac_have_counters_of_their_own(site):
    site.rig("10.0.0.1", accepted=100)
    site.rig("10.0.0.2", accepted=7)
    site.start("10.0.0.1")
    site.start("10.0.0.2")
    await site.clock.advance(600)

    shown = {snapshot.polling.address: snapshot for snapshot in site.fleet.snapshots.values() if snapshot.reading}
    assert {address: s.counters.accepted for address, s in shown.items()} == {"10.0.0.1": 100, "10.0.0.2": 7}
    assert len({s.identity for s in shown.values()}) == 2


async def test_a_machine_seen_at_a_second_address_is_not_published_there_before_the_first_is_polled_again(site):
    site.rig("10.0.0.1")
    site.start("10.0.0.1")
    await site.clock.advance(61)
    site.rig("10.0.0.2")
    second = site.start("10.0.0.2", interval=5.0)
    first_polls = site.rigs["10.0.0.1"].polls[:]
    while not second.tried:
        await site.clock.advance(0.5)
    if site.rigs["10.0.0.1"].polls == first_polls:
        assert all(s.reading is None for s in site.fleet.snapshots.values() if s.polling.address == "10.0.0.2")
    assert addresses_shown(site) == "10.0.0.1"


async def test_a_rig_that_moved_keeps_its_series_and_its_counters(site):
    rig = site.rig("10.0.0.1", accepted=100)
    site.start("10.0.0.1")
    await site.clock.advance(61)
    rig.failure = TimedOut("timeout")
    await site.clock.advance(60)
    site.rig("10.0.0.9", accepted=130)
    site.start("10.0.0.9")
    await site.clock.advance(61)

    assert addresses_shown(site) == "10.0.0.9"
    assert site.shown().counters.accepted == 130
    (event,) = [event for event in site.events if event.kind == "identity_moved"]
    assert (event.rig, event.details) == (MAC, {"before": "10.0.0.1", "now": "10.0.0.9"})


async def test_the_address_that_a_rig_left_is_shown_by_its_address(site):
    rig = site.rig("10.0.0.1")
    site.start("10.0.0.1")
    await site.clock.advance(61)
    rig.failure = TimedOut("timeout")
    await site.clock.advance(60)
    site.rig("10.0.0.9")
    site.start("10.0.0.9")
    await site.clock.advance(600)

    assert sorted(site.fleet.snapshots) == ["10.0.0.1", MAC]
    assert site.shown("10.0.0.1").state == "offline"


async def test_another_machine_at_the_same_address_is_another_rig_and_an_event(site):
    site.rig()
    site.start()
    await site.clock.advance(61)
    site.rig(mac=OTHER, booted=-90_000.0)
    await site.clock.advance(61)

    assert list(site.fleet.snapshots) == [OTHER]
    (event,) = [event for event in site.events if event.kind == "identity_replaced"]
    assert (event.rig, event.details) == (OTHER, {"before": f"mac:{MAC}", "now": f"mac:{OTHER}"})


async def test_the_first_response_is_not_a_replacement(site):
    site.rig()
    site.start()
    await site.clock.advance(61)

    assert "identity_replaced" not in site.kinds()


async def test_another_machine_does_not_inherit_the_counters(site):
    site.rig(accepted=500)
    site.start()
    await site.clock.advance(61)
    site.rig(mac=OTHER, booted=-90_000.0, accepted=3)
    await site.clock.advance(61)

    assert site.shown(OTHER).counters.accepted == 3


async def test_a_rig_that_omits_its_mac_once_is_still_the_same_rig(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    rig.refuses = {"version": "refused_command"}
    await site.clock.advance(600)

    assert list(site.fleet.snapshots) == [MAC]
    assert "identity_replaced" not in site.kinds()


async def test_a_rig_of_another_model_without_a_mac_is_another_rig(site):
    rig = site.rig(more={"make": "Antminer", "model": "S19"})
    site.start()
    await site.clock.advance(61)
    rig.mac, rig.more, rig.booted = None, {"make": "Antminer", "model": "S21"}, -90_000.0
    await site.clock.advance(61)

    assert list(site.fleet.snapshots) == [ADDRESS]


async def test_a_rig_without_mac_and_serial_is_known_by_its_address(site):
    site.rig(mac=None)
    site.start()
    await site.clock.advance(31)

    assert site.shown(ADDRESS).identity == f"address:{ADDRESS}"


async def test_a_configured_name_is_the_rig_id(site):
    site.rig()
    site.start(name="shed-1")
    await site.clock.advance(1)
    assert list(site.fleet.snapshots) == ["shed-1"]
    await site.clock.advance(31)

    assert list(site.fleet.snapshots) == ["shed-1"]
    assert site.shown("shed-1").identity == f"mac:{MAC}"


async def test_tags_are_shown_before_and_after_the_first_response(site):
    site.rig()
    site.start(tags={"rack": "7"})
    await site.clock.advance(1)
    assert site.shown(ADDRESS).tags == {"rack": "7"}
    await site.clock.advance(31)

    assert site.shown().tags == {"rack": "7"}
