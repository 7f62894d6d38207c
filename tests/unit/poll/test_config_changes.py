"""A changed config touches only the loops whose plan changed, and keeps what is still true."""

import asyncio
import itertools
from dataclasses import replace

import pytest

from fakes.clock import settle
from stratoscope.errors import TimedOut
from stratoscope.poll.fleet import PollFleet
from stratoscope.poll.grid import phase
from stratoscope.wire.target import Target
from unit.poll.site import ADDRESS, MAC

OTHER = "AA:BB:CC:DD:EE:02"


@pytest.fixture
async def polls(site):
    async with asyncio.TaskGroup() as group:
        made = PollFleet(site.deps, group)
        yield made
        made.stop()


async def test_f49_reload_touches_only_what_changed(site, polls):
    for n in range(1, 5):
        site.rig(f"10.0.0.{n}", mac=f"AA:BB:CC:DD:EE:0{n}")
    plans = [site.plan(f"10.0.0.{n}") for n in (1, 2, 3)]
    assert polls.follow(plans) == (3, 0, 0)
    await site.clock.advance(61)
    assert polls.all_tried
    kept = polls.loops["10.0.0.1"][0]

    changed = replace(plans[1], power=3000.0)
    assert polls.follow([plans[0], changed, site.plan("10.0.0.4")]) == (1, 1, 1)

    assert polls.loops["10.0.0.1"][0] is kept
    await settle()
    assert "AA:BB:CC:DD:EE:03" not in site.fleet.snapshots
    assert site.fleet.snapshots["AA:BB:CC:DD:EE:02"].reading is not None
    await site.clock.advance(61)
    assert site.fleet.snapshots["AA:BB:CC:DD:EE:04"].up


async def test_the_same_config_changes_nothing(site, polls):
    site.rig()
    polls.follow([site.plan()])
    before = polls.loops[ADDRESS]

    assert polls.follow([site.plan()]) == (0, 0, 0)
    assert polls.loops[ADDRESS] == before


async def test_a_removed_rig_is_no_longer_polled_and_its_series_disappear(site, polls):
    rig = site.rig()
    polls.follow([site.plan()])
    await site.clock.advance(61)
    asked = len(rig.asked)
    polls.follow([])
    await site.clock.advance(300)

    assert site.fleet.snapshots == {}
    assert len(rig.asked) == asked


async def test_a_rig_that_is_removed_during_its_poll_does_not_come_back(site, polls):
    site.rig()
    site.delay = 5.0
    polls.follow([site.plan()])
    while not site.in_flight:
        await site.clock.advance(0.5)
    polls.follow([])
    await site.clock.advance(60)

    assert site.fleet.snapshots == {}
    assert site.in_flight == 0
    assert site.metrics.in_flight == {"healthy": 0, "suspect": 0}


async def test_removing_the_old_address_of_a_moved_rig_does_not_remove_the_rig(site, polls):
    rig = site.rig("10.0.0.1")
    polls.follow([site.plan("10.0.0.1")])
    await site.clock.advance(61)
    rig.failure = TimedOut("timeout")
    await site.clock.advance(60)
    site.rig("10.0.0.9")
    polls.follow([site.plan("10.0.0.1"), site.plan("10.0.0.9")])
    await site.clock.advance(61)
    polls.follow([site.plan("10.0.0.9")])

    assert list(site.fleet.snapshots) == [MAC]
    assert site.shown().polling.address == "10.0.0.9"


async def test_a_rig_that_is_removed_and_added_again_keeps_its_counters(site, polls):
    rig = site.rig(accepted=100)
    polls.follow([site.plan()])
    await site.clock.advance(61)
    polls.follow([])
    rig.accepted = 120
    polls.follow([site.plan()])
    await site.clock.advance(61)

    assert site.shown().counters.accepted == 120


async def test_a_changed_interval_takes_effect_without_losing_the_reading(site, polls):
    rig = site.rig()
    polls.follow([site.plan()])
    await site.clock.advance(61)
    polls.follow([site.plan(interval=60.0)])
    assert site.shown().reading is not None
    await site.clock.advance(61)
    polls_before = len(rig.polls)
    await site.clock.advance(600)

    gaps = {round(b - a, 6) for a, b in itertools.pairwise(at for at, _ in rig.polls[polls_before:])}
    assert gaps == {60.0}
    assert site.shown().polling.interval == 60.0
    assert site.identified == [ADDRESS]


async def test_a_changed_interval_moves_the_rig_to_its_place_on_the_new_grid(site, polls):
    rig = site.rig()
    polls.follow([site.plan()])
    await site.clock.advance(61)
    polls.follow([site.plan(interval=60.0)])
    await site.clock.advance(300)

    assert (rig.polls[-1][0] - phase(ADDRESS, 60.0)) % 60.0 == pytest.approx(0.0, abs=1e-6)


async def test_a_changed_name_renames_the_rig_and_keeps_its_counters(site, polls):
    site.rig(accepted=100)
    polls.follow([site.plan(name="old")])
    await site.clock.advance(61)
    polls.follow([site.plan(name="new")])
    await site.clock.advance(61)

    assert list(site.fleet.snapshots) == ["new"]
    assert site.shown("new").counters.accepted == 100


async def test_changed_tags_are_shown_with_the_next_poll(site, polls):
    site.rig()
    polls.follow([site.plan(tags={"rack": "1"})])
    await site.clock.advance(61)
    polls.follow([site.plan(tags={"rack": "2"})])
    await site.clock.advance(31)

    assert site.shown().tags == {"rack": "2"}


async def test_a_changed_power_is_used_with_the_next_poll(site, polls):
    site.rig()
    polls.follow([site.plan()])
    await site.clock.advance(61)
    polls.follow([site.plan(power=3000.0)])
    await site.clock.advance(31)

    judged = site.shown().judged
    assert (judged.power, judged.power_source) == (3000.0, "configured")


async def test_changed_credentials_start_over_with_identification(site, polls):
    site.rig()
    polls.follow([site.plan()])
    await site.clock.advance(61)
    before = polls.loops[ADDRESS][0]
    assert polls.follow([site.plan(target=Target(ADDRESS, user="root", password="x"))]) == (0, 0, 1)
    await site.clock.advance(61)

    assert polls.loops[ADDRESS][0] is not before
    assert site.identified == [ADDRESS, ADDRESS]
    assert site.shown().up


async def test_a_changed_driver_starts_over_with_identification(site, polls):
    site.rig()
    polls.follow([site.plan()])
    await site.clock.advance(61)
    polls.follow([site.plan(driver="fake")])
    await site.clock.advance(61)

    assert site.identified == [ADDRESS, ADDRESS]


async def test_the_fleet_is_tried_when_every_expected_rig_was_polled_once(site, polls):
    site.rig("10.0.0.1", failure=TimedOut("timeout"))
    site.rig("10.0.0.2", mac=OTHER)
    polls.follow([site.plan("10.0.0.1"), site.plan("10.0.0.2")])
    assert not polls.all_tried
    await site.clock.advance(31)

    assert polls.all_tried


async def test_members_of_a_range_do_not_delay_readiness(site, polls):
    site.rig("10.0.0.1")
    site.rig("10.0.0.2", mac=OTHER)
    polls.follow([site.plan("10.0.0.1"), site.plan("10.0.0.2", expected=False)])
    site.deps.metrics.outcomes.clear()
    loop = polls.loops["10.0.0.2"][0]
    await site.clock.advance(31)
    loop.tried = False

    assert polls.all_tried


async def test_a_fleet_without_rigs_is_ready(polls):
    assert polls.all_tried


async def test_stop_aborts_exchanges_in_progress(site, polls):
    site.rig()
    site.delay = 60.0
    polls.follow([site.plan()])
    while not site.in_flight:
        await site.clock.advance(0.5)
    polls.stop()
    await settle()

    assert site.in_flight == 0
    assert polls.loops == {}
