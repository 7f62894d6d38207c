"""Every poll is counted once, under exactly one reason; the agent's own shortages are not the rig's fault."""

import pytest

from stratoscope.errors import POLL_REASONS, AuthRefused, Garbled, PollError, TimedOut, Unreachable
from unit.poll.site import ADDRESS, Site, unreadable

ERRORS = [
    Unreachable("refused"),
    Unreachable("unreachable"),
    Unreachable("dns"),
    Unreachable("reset"),
    Unreachable("no_sockets"),
    TimedOut("connect_timeout"),
    TimedOut("timeout"),
    Garbled("decode"),
    Garbled("oversize"),
    Garbled("truncated"),
    Garbled("not_json"),
    Garbled("refused_command"),
    AuthRefused("auth"),
    AuthRefused("denied"),
    PollError("unidentified"),
]


def test_the_cases_below_are_all_reasons():
    assert {error.reason for error in ERRORS} | {"bug"} == set(POLL_REASONS)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.reason)
async def test_a_failed_poll_is_counted_once_under_its_reason(site, error):
    rig = site.rig()
    loop = site.start()
    await site.clock.advance(31)
    rig.failure = error
    await site.clock.advance(30)

    assert loop.outcomes == site.metrics.outcomes == {"ok": 1, error.reason: 1}
    assert site.shown().polling.last_reason == error.reason
    assert site.shown().polling.last_error == str(error)
    assert sum(site.metrics.buckets) == 2


async def test_an_internal_error_is_counted_once_as_bug_and_reported(site):
    rig = site.rig()
    loop = site.start()
    await site.clock.advance(31)
    rig.failure = KeyError("x")
    await site.clock.advance(30)

    assert loop.outcomes == {"ok": 1, "bug": 1}
    assert site.bugs == [ADDRESS]


async def test_an_internal_error_of_a_driver_does_not_stop_the_other_rigs(site):
    site.rig("10.0.0.1", failure=KeyError("x"))
    site.rig("10.0.0.2")
    site.start("10.0.0.1")
    site.start("10.0.0.2")
    await site.clock.advance(300)

    assert site.shown().polling.polls == {"ok": 10}


async def test_polls_over_the_whole_fleet_are_the_sum_of_the_rigs_polls(site):
    site.rig("10.0.0.1", failure=TimedOut("timeout"))
    site.rig("10.0.0.2")
    loops = [site.start("10.0.0.1"), site.start("10.0.0.2")]
    await site.clock.advance(900)

    total: dict[str, int] = {}
    for loop in loops:
        for outcome, count in loop.outcomes.items():
            total[outcome] = total.get(outcome, 0) + count
    assert site.metrics.outcomes == total


async def test_without_sockets_a_rig_is_not_suspect_and_is_retried_at_the_next_tick(site):
    rig = site.rig()
    loop = site.start()
    await site.clock.advance(31)
    rig.failure = Unreachable("no_sockets")
    await site.clock.advance(30 * 5)

    assert not loop.health.suspect
    assert site.shown().polling.polls == {"ok": 1, "no_sockets": 5}


async def test_without_sockets_the_reading_still_vanishes_on_time(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(31)
    rig.failure = Unreachable("no_sockets")
    await site.clock.advance(91)

    assert site.shown().reading is None


async def test_without_sockets_kept_responses_stay_because_the_rig_did_not_change(site):
    rig = site.rig()
    loop = site.start()
    await site.clock.advance(31)
    rig.failure = Unreachable("no_sockets")
    await site.clock.advance(30)
    rig.failure = None
    asked = []
    for _ in range(3):
        await site.clock.advance(30)
        asked.append(rig.polls[-1][1])

    assert asked.count(("summary", "version")) <= 1
    assert loop.outcomes["no_sockets"] == 1


async def test_unreadable_fields_are_added_up_per_rig():
    site = Site()
    site.rig(more={"defects": unreadable("/summary/a", "/summary/b")})
    site.start()
    await site.clock.advance(61)
    polls = site.metrics.outcomes["ok"]

    assert site.shown().polling.defects == site.metrics.defects == 2 * polls
    await site.stop()
