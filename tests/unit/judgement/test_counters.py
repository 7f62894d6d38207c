"""Counters over restarts of the rig and of the agent, gaps, and money."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.fleet import Counters
from stratoscope.judgement.counters import Accrued, Sample, advance, discontinuous

INTERVAL = 30.0


def sample(accepted: int, uptime: float, at: float, **rest: float) -> Sample:
    return Sample((accepted, None, None, None), uptime, at, rest.get("power"), rest.get("hashrate"), at)


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.booleans()),  # shares found in the interval; restarts at its start
        min_size=1,
        max_size=60,
    )
)
def test_f16_sums_over_restarts_are_exact_and_never_decrease(steps):
    counters, before = Counters(), None
    raw = truth = 0
    at, uptime = 0.0, 1000.0
    for found, restart in steps:
        at += INTERVAL
        uptime += INTERVAL
        if restart:
            raw, uptime = 0, INTERVAL / 2
        raw += found
        truth += found
        now = sample(raw, uptime, at)
        after = advance(counters, before, now, INTERVAL)
        assert (counters.accepted or 0) <= (after.accepted or 0)
        counters, before = after, now

    assert counters.accepted == truth


def test_a_restart_is_detected_by_uptime_even_when_the_counter_is_higher_than_before():
    before, now = sample(10, 5000.0, 1000.0), sample(15, 600.0, 4600.0)

    assert advance(Counters(accepted=10), before, now, INTERVAL) == Counters(accepted=25, resets=1)


def test_an_increase_over_an_unreported_value_is_not_counted():
    counters = advance(Counters(accepted=100), Sample(uptime=10.0, at=0.0), sample(140, 40.0, 30.0), INTERVAL)

    assert counters.accepted == 100


def test_energy_is_the_integral_of_power_over_the_observed_time():
    before = sample(0, 100.0, 0.0, power=3000.0)
    counters = advance(Counters(energy=0.0), before, sample(0, 130.0, 30.0, power=3200.0), INTERVAL)

    assert counters.energy == 3100.0 * 30


def test_f42_nothing_is_integrated_over_a_gap():
    before = sample(0, 100.0, 0.0, power=3000.0, hashrate=1e14)
    now = sample(0, 400.0, 300.0, power=3000.0, hashrate=1e14)

    counters = advance(Counters(energy=7.0, hashes=9.0), before, now, INTERVAL)

    assert (counters.energy, counters.hashes) == (7.0, 9.0)


def test_shares_found_while_the_agent_was_down_are_counted_but_energy_is_not():
    kept = replace(sample(100, 5000.0, 0.0, power=3000.0), at=None, time=10_000.0)
    now = Sample((130, None, None, None), 5600.0, 77.0, 3000.0, None, 10_600.0)

    counters = advance(Counters(accepted=100, energy=5.0), kept, now, INTERVAL)

    assert counters.accepted == 130
    assert counters.energy == 5.0
    assert counters.resets == 0


def test_unknown_power_leaves_energy_unknown_not_zero():
    counters = advance(Counters(), sample(0, 1.0, 0.0), sample(0, 31.0, 30.0), INTERVAL)

    assert counters.energy is None


def test_an_uptime_that_jumps_means_a_restart_or_another_machine():
    assert discontinuous(sample(0, 1000.0, 0.0), sample(0, 9000.0, 30.0))
    assert discontinuous(sample(0, 1000.0, 0.0), sample(0, 5.0, 30.0))
    assert not discontinuous(sample(0, 1000.0, 0.0), sample(0, 1031.0, 30.0))


def money_sample(at: float, hashrate: float | None, power: float | None, accrued: Accrued) -> Sample:
    return Sample((at and 1, None, None, None), 1000.0 + at, at, power, hashrate, at, accrued)


def accrued(sat: float | None, cost: float | None, seconds: float = 0.0) -> Accrued:
    worth = None if sat is None else 3 * sat
    return Accrued(sat, worth, cost, None if cost is None else 0.0, seconds, seconds, "USD")


rates = st.lists(
    st.tuples(
        st.floats(10, 200),  # s to the next poll; over 75 it is a gap
        st.one_of(st.none(), st.floats(0, 1e14)),
        st.one_of(st.none(), st.floats(0, 5000)),
        st.floats(0, 1e-9),  # what one H/s and one W accrue in that time
        st.booleans(),  # the rig restarts
    ),
    min_size=1,
    max_size=60,
)


@given(rates)
def test_f42_money_is_the_integral_over_the_observed_time_and_never_decreases(steps):
    counters, before = Counters(), None
    at = uptime = sat = cost = earned = spent = covered = 0.0
    for seconds, hashrate, power, rate, restart in steps:
        at, uptime = at + seconds, seconds / 2 if restart else uptime + seconds
        sat, cost = sat + rate * seconds, cost + 2 * rate * seconds
        now = Sample((1, None, None, None), uptime, at, power, hashrate, at, accrued(sat, cost, at))
        if before is not None and not restart and seconds <= 2.5 * INTERVAL:
            if None not in (before.hashrate, hashrate):
                earned += 0.5 * (before.hashrate + hashrate) * rate * seconds
                covered += seconds
            if None not in (before.power, power):
                spent += 0.5 * (before.power + power) * 2 * rate * seconds
        after = advance(counters, before, now, INTERVAL)
        for name in ("revenue_sat", "revenue_micro", "cost_micro", "revenue_seconds", "cost_seconds"):
            assert (getattr(counters, name) or 0.0) <= (getattr(after, name) or 0.0)
        counters, before = after, now
    assert (counters.revenue_sat or 0.0) == pytest.approx(earned, rel=1e-6, abs=1e-9)
    assert (counters.revenue_micro or 0.0) == pytest.approx(3 * earned, rel=1e-6, abs=1e-9)
    assert (counters.cost_micro or 0.0) == pytest.approx(spent, rel=1e-6, abs=1e-9)
    assert counters.revenue_seconds == pytest.approx(covered)


def test_money_that_is_not_computed_stays_unknown():
    first = money_sample(0.0, 1e14, 3000.0, accrued(None, 5.0))
    after = advance(Counters(), first, money_sample(30.0, 1e14, 3000.0, accrued(None, 5.0 + 1e-3, 30.0)), INTERVAL)
    assert (after.revenue_sat, after.revenue_micro, after.revenue_seconds) == (None, None, 0.0)
    assert after.cost_micro == pytest.approx(3.0)


def test_no_money_is_added_for_the_time_while_the_agent_was_down():
    kept = Sample((1, None, None, None), 1000.0, None, 3000.0, 1e14, 0.0)
    before = Counters(revenue_sat=100.5, cost_micro=7.0, currency="USD")
    after = advance(before, kept, money_sample(30.0, 1e14, 3000.0, accrued(50.0, 50.0, 30.0)), INTERVAL)
    assert (after.revenue_sat, after.cost_micro) == (100.5, 7.0)
