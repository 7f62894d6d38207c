"""One polling loop under a clock that only the test moves."""

import itertools
from dataclasses import replace

from fakes.clock import settle
from stratoscope.errors import AuthRefused, Garbled, TimedOut, Unreachable
from stratoscope.judgement.judge import Nameplate
from stratoscope.poll.grid import phase
from stratoscope.reading import Fault, PoolSlot
from unit.poll.site import ADDRESS, FAKE, INTERVAL, MAC, Site


async def test_a_configured_rig_is_shown_before_its_first_response_and_is_not_up(site):
    site.rig()
    site.start()
    await site.clock.advance(1)

    snapshot = site.shown(ADDRESS)
    assert (snapshot.state, snapshot.up, snapshot.reading) == ("identifying", False, None)


async def test_a_rig_is_polled_once_per_interval_on_a_fixed_grid(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(30 * 10)

    polls = [at for at, _ in rig.polls]
    assert len(polls) == 10
    assert {round(b - a, 6) for a, b in itertools.pairwise(polls)} == {30.0}
    assert round((polls[0] - phase(ADDRESS, 30.0)) % 30.0, 6) in (0.0, 30.0)


async def test_an_exchange_that_takes_seconds_does_not_shift_the_grid(site):
    site.delay = 4.0
    rig = site.rig()
    site.start()
    await site.clock.advance(30 * 10)

    assert {round(b - a, 6) for a, b in itertools.pairwise(at for at, _ in rig.polls)} == {30.0}


async def test_the_first_poll_happens_within_one_interval(site):
    rig = site.rig()
    loop = site.start()
    assert not loop.tried
    await site.clock.advance(INTERVAL + 1)

    assert loop.tried
    assert len(rig.polls) == 1


async def test_a_failed_first_poll_counts_as_tried(site):
    site.rig(failure=TimedOut("connect_timeout"))
    loop = site.start()
    await site.clock.advance(INTERVAL + 1)

    assert loop.tried


async def test_series_have_the_mac_once_it_is_known(site):
    site.rig()
    site.start()
    await site.clock.advance(31)

    assert list(site.fleet.snapshots) == [MAC]
    assert site.shown().up


async def test_a_poll_is_described_in_the_snapshot(site):
    site.delay = 2.0
    site.rig()
    site.start()
    await site.clock.advance(31)

    polling = site.shown().polling
    assert (polling.address, polling.interval, polling.freshness) == (ADDRESS, 30.0, 90.0)
    assert (polling.polls, polling.last_reason, polling.last_error) == ({"ok": 1}, "ok", None)
    assert polling.duration == 2.0
    assert polling.last_attempt == polling.last_success


async def test_the_time_spent_waiting_for_a_place_is_not_part_of_the_duration():
    site = Site(healthy=1)
    site.delay = 3.0
    for n in range(1, 5):
        site.rig(f"10.0.0.{n}", mac=f"AA:BB:CC:DD:EE:0{n}")
    loops = [site.start(address) for address in site.rigs]
    await site.clock.advance(60)

    assert {loop.polling.duration for loop in loops} == {3.0}
    await site.stop()


async def test_a_dead_rig_is_down_at_once_and_its_values_vanish_when_they_are_no_longer_fresh(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    rig.failure = TimedOut("timeout", "no answer")
    failed_at = site.clock.monotonic()
    await site.clock.advance(30)

    snapshot = site.shown()
    assert not snapshot.up
    assert snapshot.reading is not None

    await site.clock.advance(90 - (site.clock.monotonic() - failed_at) + 1)

    snapshot = site.shown()
    assert (snapshot.state, snapshot.up, snapshot.reading) == ("offline", False, None)
    assert snapshot.judged.hashrate is None
    assert snapshot.polling.last_error == "timeout: no answer"
    assert site.kinds().count("rig_down") == 1


async def test_a_reading_vanishes_exactly_when_its_freshness_ends_not_at_the_next_retry():
    site = Site(min_freshness_s=90.0)
    rig = site.rig()
    site.start(interval=120.0)
    await site.clock.advance(121)
    (read_at, _), rig.failure = rig.polls[-1], TimedOut("timeout")
    fresh_until = read_at + 300.0  # 2.5 intervals of 120 s
    await site.clock.advance(fresh_until - site.clock.monotonic() - 0.1)
    assert site.shown().reading is not None
    polls = len(rig.times)

    await site.clock.advance(0.2)

    assert site.shown().reading is None
    assert len(rig.times) == polls
    await site.stop()


async def test_everything_that_follows_from_a_reading_vanishes_with_it(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    counters = site.shown().counters
    rig.failure = TimedOut("timeout")
    await site.clock.advance(600)

    snapshot = site.shown()
    assert (snapshot.judged.hashrate, snapshot.economics, snapshot.proof, snapshot.behind) == (None, None, None, None)
    assert snapshot.counters == counters, "counters are sums: they stay"


async def test_one_failed_poll_does_not_change_the_state_while_the_reading_is_fresh(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    rig.failure = TimedOut("timeout")
    await site.clock.advance(30)

    assert site.shown().state == "hashing"
    assert not site.shown().up


async def test_a_degraded_rig_stays_degraded_over_one_failed_poll(site):
    site.nameplate = Nameplate(hashrate=2e14)
    rig = site.rig(booted=-10_000.0)
    site.start()
    await site.clock.advance(61)
    assert site.shown().state == "degraded"
    rig.failure = TimedOut("timeout")
    await site.clock.advance(30)

    assert site.shown().state == "degraded"


async def test_retries_of_a_failing_rig_back_off_up_to_five_minutes(site):
    rig = site.rig(failure=TimedOut("timeout"))
    site.start()
    await site.clock.advance(4 * 3600)

    gaps = [round(b - a, 6) for a, b in itertools.pairwise(rig.times)]
    assert gaps[0] <= 31
    assert max(gaps) <= 150 + 30  # random01 is 0.5 of at most 300 s, then the next tick of the grid
    assert sorted(gaps) == gaps


async def test_retries_stay_on_the_grid(site):
    rig = site.rig(failure=TimedOut("timeout"))
    site.start()
    await site.clock.advance(3600)

    assert {round((at - phase(ADDRESS, INTERVAL)) % INTERVAL, 6) % INTERVAL for at in rig.times} == {0.0}


async def test_the_longest_wait_is_configurable():
    site = Site(max_backoff_s=60.0)
    site.random01 = 0.999
    rig = site.rig(failure=TimedOut("timeout"))
    site.start()
    await site.clock.advance(3600)

    assert max(b - a for a, b in itertools.pairwise(rig.times)) <= 60 + INTERVAL
    await site.stop()


async def test_a_rig_that_comes_back_is_polled_every_interval_again(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    rig.failure = Unreachable("unreachable")
    await site.clock.advance(3600)
    rig.failure = None
    await site.clock.advance(600)
    polls = len(rig.polls)
    await site.clock.advance(300)

    assert len(rig.polls) - polls == 10


async def test_a_rig_that_comes_back_is_up_and_every_command_is_sent(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    rig.failure = TimedOut("timeout")
    await site.clock.advance(600)
    back = site.clock.monotonic()
    rig.failure = None
    await site.clock.advance(600)

    assert site.shown().state == "hashing"
    assert site.kinds().count("rig_up") == 1
    assert next(keys for at, keys in rig.polls if at > back) == ("summary", "version")


async def test_a_rig_that_denies_access_is_locked(site):
    site.rig(failure=AuthRefused("denied", "API access is off"))
    site.start()
    await site.clock.advance(120)

    assert site.shown(ADDRESS).state == "locked"


async def test_f23_a_rig_slower_than_its_interval_is_never_polled_twice_at_once_and_skips_are_counted(site):
    site.rig()
    site.delay = 70.0
    loop = site.start()
    await site.clock.advance(900)

    assert site.max_in_flight == 1
    assert loop.skipped >= 15
    assert site.metrics.skipped == loop.skipped


async def test_skipped_ticks_are_not_made_up_for(site):
    rig = site.rig()
    site.delay = 100.0
    site.start()
    await site.clock.advance(105 + INTERVAL)
    site.delay = 0.0
    polls = len(rig.polls)
    await site.clock.advance(300)

    assert len(rig.polls) - polls <= 10 + 1


async def test_skips_are_shown_with_the_next_poll(site):
    site.rig()
    site.delay = 70.0
    loop = site.start()
    await site.clock.advance(300)

    assert site.shown().polling.skipped > 0
    assert site.shown().polling.skipped <= loop.skipped


async def test_a_restart_is_an_event_and_counters_continue(site):
    rig = site.rig(accepted=100)
    site.start()
    await site.clock.advance(61)
    rig.booted, rig.accepted = site.clock.monotonic() + 5, 2
    await site.clock.advance(30)

    assert site.shown().counters.accepted == 102
    assert site.kinds().count("rig_restarted") == 1


async def test_a_changed_firmware_version_is_an_event_and_the_rig_is_identified_again(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    assert site.identified == [ADDRESS]
    rig.version = "2.0"
    rig.booted = site.clock.monotonic()
    await site.clock.advance(90)

    assert "firmware_changed" in site.kinds()
    assert site.identified == [ADDRESS, ADDRESS]


async def test_a_pool_switch_and_faults_are_events(site):
    rig = site.rig(more={"pools": (PoolSlot(index=0, url="a", active=True),), "faults": ()})
    site.start()
    await site.clock.advance(61)
    rig.more = {"pools": (PoolSlot(index=1, url="b", active=True),), "faults": (Fault(code=110),)}
    await site.clock.advance(30)
    rig.more = {**rig.more, "faults": ()}
    await site.clock.advance(30)

    assert [k for k in site.kinds() if k != "rig_state"] == ["pool_switched", "fault_raised", "fault_cleared"]


async def test_an_internal_error_costs_one_poll_is_counted_and_polling_continues(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(31)
    rig.failure = ZeroDivisionError("ours")
    await site.clock.advance(30)
    assert site.shown().polling.last_error == "ZeroDivisionError: ours"
    rig.failure = None
    await site.clock.advance(60)

    assert site.bugs == [ADDRESS]
    assert site.shown().polling.polls["bug"] == 1
    assert site.shown().up


async def test_a_response_with_nothing_readable_is_not_up(site):
    rig = site.rig(refuses={"summary": "refused_command", "version": "refused_command"})
    site.start()
    await site.clock.advance(31)

    assert rig.polls
    assert not site.shown(ADDRESS).up
    assert site.shown(ADDRESS).polling.last_reason == "decode"


async def test_a_rig_is_identified_again_after_three_unreadable_responses_in_a_row(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    rig.failure = Garbled("decode")
    while len(rig.polls) < 2 + 3:
        assert site.identified == [ADDRESS]
        await site.clock.advance(1)
    rig.failure = None
    await site.clock.advance(300)

    assert site.identified == [ADDRESS, ADDRESS]


async def test_a_rig_that_does_not_respond_is_not_identified_again(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    rig.failure = TimedOut("timeout")
    await site.clock.advance(1800)
    rig.failure = None
    await site.clock.advance(300)

    assert site.shown().up
    assert site.identified == [ADDRESS]


async def test_identification_is_retried_until_it_succeeds(site):
    rig = site.rig(failure=TimedOut("connect_timeout"))
    site.start()
    await site.clock.advance(61)
    rig.failure = None
    await site.clock.advance(300)

    assert len(site.identified) > 1
    assert site.shown().up


async def test_a_driver_with_a_longer_minimum_interval_is_polled_less_often():
    site = Site(driver=replace(FAKE, min_interval=60.0))
    rig = site.rig()
    site.start()
    await site.clock.advance(600)

    assert {round(b - a, 6) for a, b in itertools.pairwise([at for at, _ in rig.polls][1:])} == {60.0}
    assert site.shown().polling.interval == 60.0
    await site.stop()


async def test_the_first_snapshot_already_has_the_interval_of_its_driver():
    site = Site(driver=replace(FAKE, min_interval=60.0))
    site.rig()
    site.start()
    await site.clock.advance(31)

    assert (site.shown().polling.interval, site.shown().polling.freshness) == (60.0, 150.0)
    await site.stop()


async def test_a_member_of_a_range_is_not_a_rig_until_something_responds(site):
    rig = site.rig(failure=TimedOut("connect_timeout"))
    site.start(expected=False)
    await site.clock.advance(600)
    assert site.fleet.snapshots == {}
    assert site.searched == len(rig.times) == 2

    rig.failure = None
    await site.clock.advance(600)
    assert list(site.fleet.snapshots) == [MAC]


async def test_a_member_of_a_range_that_responded_once_is_polled_like_any_rig(site):
    rig = site.rig()
    site.start(expected=False)
    await site.clock.advance(31)
    searched, polls = site.searched, len(rig.polls)
    await site.clock.advance(300)

    assert site.searched == searched
    assert len(rig.polls) - polls == 10


async def test_a_member_of_a_range_that_stops_responding_is_still_shown(site):
    rig = site.rig()
    site.start(expected=False)
    await site.clock.advance(61)
    rig.failure = TimedOut("connect_timeout")
    await site.clock.advance(3600)

    assert site.shown().state == "offline"


async def test_events_have_the_time_of_the_wall_clock(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    rig.failure = TimedOut("timeout")
    await site.clock.advance(120)
    await settle()

    assert all(1_700_000_000 < event.at <= site.clock.time() for event in site.events)
