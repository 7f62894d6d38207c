"""The test for a shortfall: no false alarm in a thousand fleets, and a 3 % skim found when its counts allow."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.reconcile.evidence import PATIENCE, Detector, Dispersion, noise, shares_to_detect
from stratoscope.simulate.physics import poisson
from stratoscope.units import HOUR

TOLERANCE = 0.01


def watch(
    rng: Random, rate: float, per_hour: float, hours: int, *, unsure: float = 0.0, late: float = 0.0
) -> int | None:
    """Return after how many hours a pool that credits `rate` raises an alarm; None when it does not.

    `late` is by how many shares at most the books are behind, anew at each look.
    """
    detector, behind = Detector(TOLERANCE), 0.0
    for hour in range(hours):
        before, behind = behind, late * rng.random()
        counted = poisson(rng, per_hour * rate) + before - behind
        if detector.add(per_hour, counted, start=hour * HOUR, unsure=unsure):
            return hour + 1
    return None


def test_a_thousand_honest_fleets_raise_no_alarm_in_thirty_days():
    alarms = []
    for seed in range(1000):
        rng = Random(f"honest/{seed}")
        rigs = rng.choice((1, 3, 20, 100, 1000))
        if watch(rng, 1.0, 480.0 * rigs, 30 * 24) is not None:
            alarms.append(seed)
    assert alarms == []


def test_fleets_that_overstate_their_hashrate_by_all_that_is_tolerated_raise_none_either():
    """The edge of what is tolerated: the alarm's rate is bounded there too, by days over PATIENCE."""
    alarms = [seed for seed in range(300) if watch(Random(f"edge/{seed}"), 1 - TOLERANCE, 4800.0, 30 * 24) is not None]
    assert len(alarms) <= 1  # 300 fleets × 720 h / PATIENCE is 0.25 on average


def test_books_that_are_late_raise_no_alarm_where_the_lateness_is_allowed_for():
    for seed in range(100):
        rng = Random(f"late/{seed}")
        per_hour = 480.0 * rng.choice((20, 500))
        minute = per_hour / 60
        assert watch(rng, 1.0, per_hour, 20 * 24, unsure=minute, late=minute) is None


@pytest.mark.parametrize("skim", [0.03, 0.05, 0.10])
def test_a_skim_is_found_when_the_counts_allow_it(skim):
    wanted = shares_to_detect(skim, TOLERANCE)
    assert wanted is not None
    per_hour = wanted / 40  # hours are fine beside the time it takes
    found = [watch(Random(f"skim/{skim}/{seed}"), 1 - skim, per_hour, 400) for seed in range(200)]
    assert None not in found
    taken = sorted(hours * per_hour for hours in found if hours is not None)
    assert sum(taken) / len(taken) == pytest.approx(wanted, rel=0.15)
    assert taken[189] < 2 * wanted, "19 of 20 within twice the mean"


def test_a_skim_that_begins_after_a_month_of_honesty_is_found_as_soon():
    wanted = shares_to_detect(0.03, TOLERANCE)
    assert wanted is not None
    taken = []
    for seed in range(50):
        rng, detector = Random(f"turn/{seed}"), Detector(TOLERANCE)
        per_hour, begins = wanted / 40, 30 * 24
        for hour in range(begins + 400):
            rate = 1.0 if hour < begins else 0.97
            if detector.add(per_hour, poisson(rng, per_hour * rate), start=hour * HOUR):
                assert hour >= begins
                finding = detector.finding
                assert finding is not None
                assert abs(finding.since - begins * HOUR) < 30 * HOUR
                assert finding.rate == pytest.approx(0.97, abs=5 * finding.noise + 0.003)
                taken.append((hour + 1 - begins) * per_hour)
                break
    assert len(taken) == 50
    assert sum(taken) / 50 == pytest.approx(wanted, rel=0.25)


def test_lateness_costs_the_time_it_must_and_no_more():
    """A minute of 60 shares at a skim of 3 %, tolerated 1 %: 60 × ln(0.99/0.97) more evidence."""
    plain, late = shares_to_detect(0.03, 0.01), shares_to_detect(0.03, 0.01, unsure=60)
    information = 0.97 * math.log(0.97 / 0.99) + 0.02
    assert plain == pytest.approx((math.log(PATIENCE) + math.log(6)) / information)
    assert late is not None
    assert plain is not None
    assert late - plain == pytest.approx(60 * math.log(0.99 / 0.97) / information)


def test_what_is_tolerated_is_never_found():
    assert shares_to_detect(0.01, 0.01) is None
    assert shares_to_detect(0.0, 0.01) is None


def test_a_pool_that_credits_nothing_is_found_within_the_hour():
    detector = Detector(TOLERANCE)
    assert detector.add(240, 0, start=0.0)
    assert detector.finding is not None
    assert detector.finding.rate == 0.0


def test_an_alarm_ends_when_the_pool_credits_in_full_again():
    rng, detector, changes = Random(5), Detector(TOLERANCE), []
    for hour in range(300):
        rate = 0.97 if 50 <= hour < 150 else 1.0
        if detector.add(10_000, poisson(rng, 10_000 * rate), start=hour * HOUR):
            changes.append((hour, detector.finding is not None))
    assert [raised for _, raised in changes] == [True, False]
    assert 50 <= changes[0][0] < 70
    assert 150 <= changes[1][0] < 165
    assert detector.evidence == 0.0


def test_a_detector_goes_on_where_it_stopped():
    rng = Random(7)
    whole, first = Detector(TOLERANCE), Detector(TOLERANCE)
    counts = [poisson(rng, 970) for _ in range(200)]
    changed = [whole.add(1000, count, start=hour * HOUR) for hour, count in enumerate(counts)]
    again = []
    for hour, count in enumerate(counts):
        second = Detector(TOLERANCE)
        second.resume(first.state())
        again.append(second.add(1000, count, start=hour * HOUR))
        first = second
    assert again == changed
    assert any(changed)
    assert first.state() == whole.state()


@pytest.mark.parametrize("rows", [[], [1.0], [0.0] * 5, [math.nan] * 27, [1.0, 0.0, 0.0, *[0.0] * 23]])
def test_a_damaged_state_begins_anew(rows):
    detector = Detector(TOLERANCE)
    detector.resume(rows)
    assert detector.finding is None
    assert not detector.add(100, 100, start=0.0)


@given(st.lists(st.tuples(st.floats(0, 1e7), st.floats(-1e3, 1e7), st.floats(0, 1e6)), max_size=30))
def test_evidence_is_a_number_whatever_is_counted(rows):
    detector, dispersion = Detector(TOLERANCE), Dispersion()
    for hour, (expected, credited, unsure) in enumerate(rows):
        detector.add(expected, credited, start=hour * HOUR, unsure=unsure)
        dispersion.add("a", expected, credited)
        assert detector.evidence >= 0.0
        assert dispersion.factor >= 1.0


def test_noise_is_one_over_the_root_of_the_shares():
    assert noise(10_000) == 0.01
    assert noise(10_000, dispersion=4.0) == 0.02
    assert noise(0) == math.inf


def test_scatter_beyond_chance_is_measured_and_a_lasting_shortfall_is_none():
    rng = Random(3)
    honest, skimmed, wild = Dispersion(), Dispersion(), Dispersion()
    for _ in range(4000):
        honest.add("a", 400, poisson(rng, 400))
        skimmed.add("a", 400, poisson(rng, 340))
        wild.add("a", 400, 400 + 2 * (poisson(rng, 400) - 400))
    assert honest.factor == pytest.approx(1.0, abs=0.1)
    assert skimmed.factor == pytest.approx(1.0, abs=0.1)
    assert wild.factor == pytest.approx(4.0, rel=0.15)
