"""The shortfall test raises no false alarm in a thousand honest fleets and detects a 3 % skim as soon as predicted."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.reconcile.evidence import FALSE_ALARM_HOURS, Dispersion, ShortfallDetector, noise, shares_to_detect
from stratoscope.simulate.physics import poisson
from stratoscope.units import HOUR

TOLERANCE = 0.01


def hours_to_alarm(
    rng: Random, rate: float, per_hour: float, hours: int, *, lag_shares: float = 0.0, lag: float = 0.0
) -> int | None:
    """Return after how many hours a pool that credits `rate` raises an alarm; None if it raises none.

    The pool's figures lag by a new random number of shares each hour, up to `lag`.
    """
    detector, behind = ShortfallDetector(TOLERANCE), 0.0
    for hour in range(hours):
        before, behind = behind, lag * rng.random()
        counted = poisson(rng, per_hour * rate) + before - behind
        if detector.add(per_hour, counted, start=hour * HOUR, lag_shares=lag_shares):
            return hour + 1
    return None


def test_a_thousand_honest_fleets_raise_no_alarm_in_thirty_days():
    alarms = []
    for seed in range(1000):
        rng = Random(f"honest/{seed}")
        rigs = rng.choice((1, 3, 20, 100, 1000))
        if hours_to_alarm(rng, 1.0, 480.0 * rigs, 30 * 24) is not None:
            alarms.append(seed)
    assert alarms == []


def test_fleets_at_the_limit_of_the_tolerance_raise_almost_no_alarm():
    """The false alarm rate is bounded at the limit too: one per FALSE_ALARM_HOURS."""
    alarms = [
        seed
        for seed in range(300)
        if hours_to_alarm(Random(f"edge/{seed}"), 1 - TOLERANCE, 4800.0, 30 * 24) is not None
    ]
    assert len(alarms) <= 1  # 300 fleets × 720 h / FALSE_ALARM_HOURS is 0.25 on average


def test_lagging_figures_raise_no_alarm_if_the_lag_is_allowed_for():
    for seed in range(100):
        rng = Random(f"late/{seed}")
        per_hour = 480.0 * rng.choice((20, 500))
        minute = per_hour / 60
        assert hours_to_alarm(rng, 1.0, per_hour, 20 * 24, lag_shares=minute, lag=minute) is None


@pytest.mark.parametrize("skim", [0.03, 0.05, 0.10])
def test_detects_a_skim_after_the_predicted_number_of_shares(skim):
    predicted = shares_to_detect(skim, TOLERANCE)
    assert predicted is not None
    per_hour = predicted / 40  # an hour is short compared with the detection time
    found = [hours_to_alarm(Random(f"skim/{skim}/{seed}"), 1 - skim, per_hour, 400) for seed in range(200)]
    assert None not in found
    taken = sorted(hours * per_hour for hours in found if hours is not None)
    assert sum(taken) / len(taken) == pytest.approx(predicted, rel=0.15)
    assert taken[189] < 2 * predicted, "19 of 20 within twice the mean"


def test_detects_a_skim_after_an_honest_month_just_as_fast():
    predicted = shares_to_detect(0.03, TOLERANCE)
    assert predicted is not None
    taken = []
    for seed in range(50):
        rng, detector = Random(f"turn/{seed}"), ShortfallDetector(TOLERANCE)
        per_hour, begins = predicted / 40, 30 * 24
        for hour in range(begins + 400):
            rate = 1.0 if hour < begins else 0.97
            if detector.add(per_hour, poisson(rng, per_hour * rate), start=hour * HOUR):
                assert hour >= begins
                shortfall = detector.shortfall
                assert shortfall is not None
                assert abs(shortfall.since - begins * HOUR) < 30 * HOUR
                assert shortfall.rate == pytest.approx(0.97, abs=5 * shortfall.noise + 0.003)
                taken.append((hour + 1 - begins) * per_hour)
                break
    assert len(taken) == 50
    assert sum(taken) / 50 == pytest.approx(predicted, rel=0.25)


def test_lag_delays_detection_by_the_predicted_number_of_shares():
    """60 shares of lag, a skim of 3 % and a tolerance of 1 % need 60 × ln(0.99/0.97) more evidence."""
    without, lagging = shares_to_detect(0.03, 0.01), shares_to_detect(0.03, 0.01, lag_shares=60)
    information = 0.97 * math.log(0.97 / 0.99) + 0.02
    assert without == pytest.approx((math.log(FALSE_ALARM_HOURS) + math.log(6)) / information)
    assert lagging is not None
    assert without is not None
    assert lagging - without == pytest.approx(60 * math.log(0.99 / 0.97) / information)


def test_a_tolerated_shortfall_is_never_detected():
    assert shares_to_detect(0.01, 0.01) is None
    assert shares_to_detect(0.0, 0.01) is None


def test_detects_within_an_hour_that_a_pool_credits_nothing():
    detector = ShortfallDetector(TOLERANCE)
    assert detector.add(240, 0, start=0.0)
    assert detector.shortfall is not None
    assert detector.shortfall.rate == 0.0


def test_the_alarm_ends_when_the_pool_credits_in_full_again():
    rng, detector, changes = Random(5), ShortfallDetector(TOLERANCE), []
    for hour in range(300):
        rate = 0.97 if 50 <= hour < 150 else 1.0
        if detector.add(10_000, poisson(rng, 10_000 * rate), start=hour * HOUR):
            changes.append((hour, detector.shortfall is not None))
    assert [raised for _, raised in changes] == [True, False]
    assert 50 <= changes[0][0] < 70
    assert 150 <= changes[1][0] < 165
    assert detector.evidence == 0.0


def test_a_restored_detector_continues_exactly():
    rng = Random(7)
    uninterrupted, first = ShortfallDetector(TOLERANCE), ShortfallDetector(TOLERANCE)
    counts = [poisson(rng, 970) for _ in range(200)]
    changed = [uninterrupted.add(1000, count, start=hour * HOUR) for hour, count in enumerate(counts)]
    again = []
    for hour, count in enumerate(counts):
        second = ShortfallDetector(TOLERANCE)
        second.restore(first.state())
        again.append(second.add(1000, count, start=hour * HOUR))
        first = second
    assert again == changed
    assert any(changed)
    assert first.state() == uninterrupted.state()


@pytest.mark.parametrize("rows", [[], [1.0], [0.0] * 5, [math.nan] * 27, [1.0, 0.0, 0.0, *[0.0] * 23]])
def test_a_damaged_state_is_ignored(rows):
    detector = ShortfallDetector(TOLERANCE)
    detector.restore(rows)
    assert detector.shortfall is None
    assert not detector.add(100, 100, start=0.0)


@given(st.lists(st.tuples(st.floats(0, 1e7), st.floats(-1e3, 1e7), st.floats(0, 1e6)), max_size=30))
def test_evidence_is_a_number_for_any_counts(rows):
    detector, dispersion = ShortfallDetector(TOLERANCE), Dispersion()
    for hour, (expected, credited, lag_shares) in enumerate(rows):
        detector.add(expected, credited, start=hour * HOUR, lag_shares=lag_shares)
        dispersion.add("a", expected, credited)
        assert detector.evidence >= 0.0
        assert dispersion.factor >= 1.0


def test_noise_is_one_over_the_root_of_the_shares():
    assert noise(10_000) == 0.01
    assert noise(10_000, dispersion=4.0) == 0.02
    assert noise(0) == math.inf


def test_dispersion_measures_scatter_but_not_a_lasting_shortfall():
    rng = Random(3)
    honest, skimmed, wild = Dispersion(), Dispersion(), Dispersion()
    for _ in range(4000):
        honest.add("a", 400, poisson(rng, 400))
        skimmed.add("a", 400, poisson(rng, 340))
        wild.add("a", 400, 400 + 2 * (poisson(rng, 400) - 400))
    assert honest.factor == pytest.approx(1.0, abs=0.1)
    assert skimmed.factor == pytest.approx(1.0, abs=0.1)
    assert wild.factor == pytest.approx(4.0, rel=0.15)
