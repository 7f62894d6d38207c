"""When a rig is retried, in which lane, and how long a reading is fresh."""

import pytest

from stratoscope.errors import POLL_REASONS
from stratoscope.poll.health import PollHealth, freshness, health_after, retry_delay

ALMOST_1 = 1.0 - 1e-9


def after(*outcomes: str) -> PollHealth:
    health = PollHealth()
    for outcome in outcomes:
        health = health_after(health, outcome)
    return health


@pytest.mark.parametrize("reason", sorted(set(POLL_REASONS) - {"no_sockets"}))
def test_a_rig_is_suspect_after_two_failures_of_any_kind(reason):
    assert not after(reason).suspect
    assert after(reason, reason).suspect


def test_one_success_ends_the_suspicion():
    assert after("timeout", "timeout", "timeout", "ok") == PollHealth(0, "ok")


def test_failures_count_only_in_a_row():
    assert not after("timeout", "ok", "timeout").suspect


def test_a_shortage_of_sockets_says_nothing_about_the_rig():
    assert after("no_sockets", "no_sockets", "no_sockets").failures == 0
    assert after("timeout", "no_sockets").failures == 1


def test_a_healthy_rig_is_polled_at_the_next_tick():
    assert retry_delay(after("ok"), 30.0, 300.0, ALMOST_1) == 0.0


def test_the_first_failure_is_retried_at_the_next_tick():
    assert retry_delay(after("timeout"), 30.0, 300.0, ALMOST_1) == 0.0


def test_the_span_of_the_wait_doubles_from_30_s_up_to_five_minutes():
    waits = [retry_delay(PollHealth(failures), 5.0, 300.0, ALMOST_1) for failures in range(2, 9)]

    assert waits == pytest.approx([30, 60, 120, 240, 300, 300, 300])


def test_the_span_begins_at_the_interval_where_that_is_longer():
    assert retry_delay(PollHealth(2), 120.0, 300.0, ALMOST_1) == pytest.approx(120.0)


def test_the_wait_has_full_jitter():
    assert [retry_delay(PollHealth(9), 30.0, 300.0, random01) for random01 in (0.0, 0.25, 0.5)] == [0.0, 75.0, 150.0]


def test_a_rig_that_fails_for_weeks_does_not_overflow_the_wait():
    assert retry_delay(PollHealth(1_000_000), 30.0, 300.0, ALMOST_1) == pytest.approx(300.0)


@pytest.mark.parametrize(
    ("interval", "fresh"), [(5.0, 90.0), (30.0, 90.0), (36.0, 90.0), (60.0, 150.0), (300.0, 750.0)]
)
def test_a_reading_is_fresh_for_two_and_a_half_intervals_and_at_least_90_s(interval, fresh):
    assert freshness(interval, 90.0) == fresh
