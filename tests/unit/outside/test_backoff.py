"""The backoff: limits, jitter, and the count of broker failures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.outside.backoff import FULL_JITTER, MAX_BROKER_WAIT_S, SLIGHT_JITTER, Backoff, ReconnectBackoff


def test_doubles_from_the_first_wait_up_to_the_longest():
    backoff = Backoff(first_s=60.0, max_s=900.0, jitter=(1.0, 1.0))
    assert [backoff.delay(failures, 0.5) for failures in (1, 2, 3, 4, 5, 6, 100_000)] == [
        60,
        120,
        240,
        480,
        900,
        900,
        900,
    ]


@given(
    failures=st.integers(0, 10**9),
    random01=st.floats(0, 1, exclude_max=True),
    jitter=st.sampled_from([FULL_JITTER, SLIGHT_JITTER, (0.9, 1.1)]),
)
def test_waits_stay_within_jitter_and_bounds(failures, random01, jitter):
    wait = Backoff(first_s=5.0, max_s=300.0, min_s=1.0, jitter=jitter).delay(failures, random01)
    assert 1.0 <= wait <= 300.0 * jitter[1]


@pytest.mark.parametrize(("held_s", "waits"), [(0.0, [2.0, 4.0, 8.0]), (31.0, [2.0, 2.0, 2.0])])
def test_a_connection_that_held_starts_the_count_again(held_s, waits):
    backoff = ReconnectBackoff()
    assert [backoff.next_delay(held_s, "lost", 1.0) for _ in range(3)] == waits


def test_a_persistent_reason_waits_longest_from_the_first_failure():
    assert ReconnectBackoff().next_delay(0.0, "auth", 0.0) == MAX_BROKER_WAIT_S
