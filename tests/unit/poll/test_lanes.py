"""The two lanes, the budget of sockets, and the pace of searching for rigs."""

import asyncio
import resource

import pytest

from fakes.clock import StillClock, settle
from stratoscope.errors import TimedOut
from stratoscope.poll.budget import RESERVED_FILES, Budget, lanes_within_file_limit, raise_file_limit
from stratoscope.poll.fleet import PollFleet
from stratoscope.poll.pace import ConnectionPacer
from stratoscope.poll.poll_metrics import Tally
from unit.poll.site import Site


def test_lanes_that_fit_the_file_limit_are_not_reduced():
    assert lanes_within_file_limit(128, 32, RESERVED_FILES + 240) == (128, 32)


def test_lanes_are_reduced_in_proportion_to_one_and_a_half_files_per_poll():
    healthy, suspect = lanes_within_file_limit(128, 32, RESERVED_FILES + 150)

    assert healthy + suspect == 100
    assert (healthy, suspect) == (80, 20)


@pytest.mark.parametrize("files", [0, 64, RESERVED_FILES, RESERVED_FILES + 1])
def test_each_lane_keeps_one_place_however_few_files_are_allowed(files):
    assert lanes_within_file_limit(128, 32, files) == (1, 1)


def test_the_soft_file_limit_is_raised_to_the_hard_limit():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[0], 256), before[1]))
        assert raise_file_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_polls_in_flight_are_counted_by_lane():
    metrics = Tally()
    budget = Budget(2, 1, metrics)
    async with budget.lane(suspect=False), budget.lane(suspect=False), budget.lane(suspect=True):
        assert metrics.in_flight == {"healthy": 2, "suspect": 1}
    assert metrics.in_flight == {"healthy": 0, "suspect": 0}


async def test_a_place_is_released_when_a_poll_fails_or_is_cancelled():
    metrics = Tally()
    budget = Budget(1, 1, metrics)
    with pytest.raises(ValueError, match="boom"):
        async with budget.lane(suspect=False):
            raise ValueError("boom")

    async def hold() -> None:
        async with budget.lane(suspect=False):
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(1), budget.lane(suspect=False):
        assert metrics.in_flight["healthy"] == 1


async def test_no_more_polls_run_at_once_than_the_healthy_lane_has_places():
    site = Site(healthy=3)
    site.delay = 5.0
    for n in range(1, 21):
        site.rig(f"10.0.0.{n}", mac=f"AA:BB:CC:DD:EE:{n:02X}")
        site.start(f"10.0.0.{n}")
    await site.clock.advance(300)

    assert site.max_in_flight == 3
    await site.stop()


async def test_a_full_lane_delays_polls_and_loses_none():
    site = Site(healthy=1)
    site.delay = 1.0
    rigs = [site.rig(f"10.0.0.{n}", mac=f"AA:BB:CC:DD:EE:{n:02X}") for n in range(1, 11)]
    for address in site.rigs:
        site.start(address)
    await site.clock.advance(60)

    assert all(rig.polls for rig in rigs)
    await site.stop()


async def test_a_rig_moves_to_the_suspect_lane_after_two_failures_and_back_with_one_success():
    site = Site()
    rig = site.rig()
    loop = site.start()
    await site.clock.advance(31)
    lanes = []
    for failure in (TimedOut("timeout"), TimedOut("timeout"), None):
        rig.failure = failure
        polls = len(rig.polls)
        while len(rig.polls) == polls:
            await site.clock.advance(1)
        lanes.append(loop.health.suspect)

    assert lanes == [False, True, False]
    await site.stop()


async def test_a_member_of_a_range_starts_in_the_suspect_lane_and_an_expected_rig_in_the_healthy_one():
    site = Site()
    site.rig("10.0.0.1")
    site.rig("10.0.0.2")

    assert site.start("10.0.0.1", expected=False).health.suspect
    assert not site.start("10.0.0.2").health.suspect
    await site.stop()


async def test_dark_rigs_do_not_delay_live_ones():
    site = Site(healthy=2, suspect=1)
    live = [site.rig(f"10.0.0.{n}", mac=f"AA:BB:CC:DD:EE:{n:02X}") for n in range(1, 11)]
    for n in range(11, 41):
        site.rig(f"10.0.0.{n}", mac=None, failure=TimedOut("timeout"))
    identify, ask = site.identify, site.ask

    async def slow_when_dark(target, *args, **kwargs):
        if site.rigs[target.host].failure:
            await site.clock.sleep(5)
        return await (identify if not kwargs and len(args) == 1 else ask)(target, *args, **kwargs)

    site.ask = slow_when_dark
    object.__setattr__(site.deps.access, "identify", slow_when_dark)
    async with asyncio.TaskGroup() as group:
        fleet = PollFleet(site.deps, group)
        fleet.follow([site.plan(address) for address in site.rigs])
        await site.clock.advance(300)
        before = [len(rig.times) for rig in live]
        await site.clock.advance(300)
        assert [len(rig.times) - count for rig, count in zip(live, before, strict=True)] == [10] * 10
        fleet.stop()


# -- the pace of a search ----------------------------------------------------


async def test_connections_of_a_search_are_spaced_evenly():
    clock = StillClock()
    pacer, at = ConnectionPacer(clock, rate=10.0), []

    async def search() -> None:
        await pacer.wait()
        at.append(round(clock.monotonic() - 1_000.0, 6))

    tasks = [asyncio.create_task(search()) for _ in range(5)]
    await clock.advance(1)
    await asyncio.gather(*tasks)

    assert at == [0.0, 0.1, 0.2, 0.3, 0.4]


async def test_time_without_connections_does_not_allow_a_burst_later():
    clock = StillClock()
    pacer = ConnectionPacer(clock, rate=10.0)
    await clock.advance(60)
    done = []

    async def search() -> None:
        await pacer.wait()
        done.append(clock.monotonic())

    tasks = [asyncio.create_task(search()) for _ in range(5)]
    await settle()
    assert len(done) == 1
    await clock.advance(1)
    await asyncio.gather(*tasks)


async def test_several_connections_are_paid_for_together():
    clock = StillClock()
    pacer = ConnectionPacer(clock, rate=10.0)
    await pacer.wait(5)
    second = asyncio.create_task(pacer.wait())
    await clock.advance(0.4)
    assert not second.done()
    await clock.advance(0.2)
    assert second.done()


async def test_an_address_without_a_rig_waits_for_its_turn_inside_its_lane():
    site = Site()
    site.rig(failure=TimedOut("connect_timeout"))
    seen = []

    async def wait_to_search() -> None:
        seen.append(dict(site.metrics.in_flight))

    object.__setattr__(site.deps.access, "wait_to_search", wait_to_search)
    site.start(expected=False)
    await site.clock.advance(31)

    assert seen == [{"healthy": 0, "suspect": 1}]
    await site.stop()
