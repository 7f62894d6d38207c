"""The grid that each rig's polls are placed on."""

import itertools

import pytest

from stratoscope.poll.grid import Grid, phase

ADDRESSES = [f"10.1.{n // 250}.{n % 250}" for n in range(3000)]


def test_phase_is_the_same_after_every_restart():
    assert phase("10.0.0.1", 30.0) == phase("10.0.0.1", 30.0) == pytest.approx(2 * phase("10.0.0.1", 15.0))


def test_phase_is_within_the_interval():
    assert all(0.0 <= phase(address, 30.0) < 30.0 for address in ADDRESSES)


def test_f24_first_polls_are_spread_over_the_interval():
    ticks = [Grid(0.0, 30.0, phase(address, 30.0)).moment for address in ADDRESSES]

    bins = [0] * 30
    for tick in ticks:
        assert 0.0 <= tick <= 30.0
        bins[min(29, int(tick))] += 1
    assert max(bins) <= 1.5 * 3000 / 30


@pytest.mark.parametrize("now", [0.0, 7.0, 7.1, 36.9, 1000.0])
def test_the_first_tick_is_at_most_one_interval_away_and_has_the_phase(now):
    grid = Grid(now, 30.0, 7.0)

    assert 0.0 <= grid.moment - now < 30.0
    assert grid.moment % 30.0 == pytest.approx(7.0)


def test_the_phase_does_not_depend_on_when_the_agent_starts():
    early, late = Grid(0.0, 30.0, 7.0), Grid(12_345.6, 30.0, 7.0)

    assert (late.moment - early.moment) % 30.0 == pytest.approx(0.0, abs=1e-6)


def test_ticks_are_equidistant():
    grid = Grid(0.0, 30.0, 7.0)
    moments = [grid.moment, *(grid.advance(grid.moment + 1.0) for _ in range(5))]

    assert {b - a for a, b in itertools.pairwise(moments)} == {30.0}


def test_a_tick_is_never_repeated():
    grid = Grid(0.0, 30.0, 7.0)

    assert grid.advance(grid.moment) == 37.0
    assert grid.advance(0.0) == 67.0


def test_a_tick_that_is_exactly_due_is_used():
    grid = Grid(0.0, 30.0, 7.0)

    assert grid.advance(67.0) == 67.0


def test_ticks_that_have_passed_are_counted_as_missed():
    grid = Grid(0.0, 30.0, 7.0)

    assert [grid.missed(now) for now in (7.0, 36.9, 37.0, 96.9, 97.0)] == [0, 0, 1, 2, 3]


def test_no_tick_is_missed_before_the_current_one():
    grid = Grid(0.0, 30.0, 7.0)
    grid.advance(60.0)

    assert grid.missed(10.0) == 0


def test_float_rounding_over_a_year_of_ticks_skips_none():
    grid = Grid(0.1, 0.3, 0.2)
    for _ in range(100_000):
        before = grid.index
        grid.advance(grid.moment + 0.3)
        assert grid.index == before + 1
