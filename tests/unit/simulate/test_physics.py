import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.simulate.physics import Physics, poisson, vardiff
from stratoscope.simulate.specs import SPECS
from stratoscope.units import HASHES_PER_DIFFICULTY_1, TH

ALL = [spec for models in SPECS.values() for spec in models]
S19 = SPECS["antminer"][0]


def physics(seed: int = 1, spec=S19, uptime: float = 86400.0) -> Physics:
    return Physics(spec, Random(seed), uptime=uptime)


@given(st.sampled_from(ALL), st.integers(0, 2**32), st.lists(st.floats(0, 20_000), max_size=30))
def test_counters_never_decrease(spec, seed, steps):
    rig = physics(seed, spec)
    before = None
    for seconds in steps:
        rig.step(seconds)
        now = (
            rig.total("accepted"),
            rig.total("rejected"),
            rig.total("stale"),
            rig.hashes,
            rig.uptime,
            rig.work,
            *(board.errors for board in rig.boards),
        )
        if before is not None:
            assert all(new >= old for new, old in zip(now, before, strict=True))
        before = now


@given(st.sampled_from(ALL), st.integers(0, 2**32), st.lists(st.floats(0, 20_000), max_size=20))
def test_every_value_stays_realistic(spec, seed, steps):
    rig = physics(seed, spec)
    for seconds in steps:
        rig.step(seconds)
        assert 0.85 * spec.hashrate < rig.hashrate < 1.15 * spec.hashrate
        assert 0.85 * spec.watts < rig.power < 1.15 * spec.watts
        assert 0.25 <= rig.fan <= 1.0
        for board in rig.boards:
            assert rig.ambient < board.temperature < board.chip < 95
        assert all(math.isfinite(value) for value in rig.windows.values())


def test_board_temperature_follows_power():
    rig = physics()
    warm = rig.boards[0].temperature
    rig.powered = False
    for _ in range(60):
        rig.step(30)
    cold = rig.boards[0].temperature
    assert rig.power == 0.0
    assert abs(cold - rig.ambient) < 1.0 < warm - cold
    rig.powered = True
    rig.restart()
    rig.step(40)
    rising = rig.boards[0].temperature
    for _ in range(60):
        rig.step(30)
    assert cold < rising < rig.boards[0].temperature
    assert abs(rig.boards[0].temperature - warm) < 4


def test_fans_follow_the_hottest_chip():
    rig = physics()
    rig.airflow = 0.7
    before = rig.fan
    for _ in range(20):
        rig.step(30)
    assert rig.fan > before


def test_blocked_inlet_throttles_then_stops_then_resumes():
    rig = physics(seed=3)
    rig.airflow = 0.3
    seen = []
    for _ in range(200):
        rig.step(10)
        seen.append((rig.throttle < 1.0, rig.stopped))
    assert (True, False) in seen
    assert any(stopped for _, stopped in seen)
    rig.airflow = 1.0
    for _ in range(200):
        rig.step(10)
    assert not rig.stopped
    assert rig.throttle == 1.0
    assert rig.hashrate > 0.9 * S19.hashrate


@pytest.mark.parametrize("spec", [S19, SPECS["espminer"][0], SPECS["antminer-scrypt"][0]], ids=lambda s: s.model)
def test_accepted_shares_match_the_hashrate(spec):
    rig = physics(seed=11, spec=spec)
    start, hashes = rig.total("accepted"), rig.hashes
    for _ in range(4000):
        rig.step(30)
    found = rig.total("accepted") - start
    expected = (rig.hashes - hashes) / (rig.difficulty * spec.hashes_per_difficulty) * (1 - 0.0023)
    assert expected > 5000
    assert abs(found - expected) < 5 * math.sqrt(expected)


@pytest.mark.parametrize("mean", [0.3, 4.0, 45.0, 500.0])
def test_poisson_has_its_mean_and_variance(mean):
    rng = Random(5)
    draws = [poisson(rng, mean) for _ in range(6000)]
    got = sum(draws) / len(draws)
    variance = sum((draw - got) ** 2 for draw in draws) / (len(draws) - 1)
    assert abs(got - mean) < 5 * math.sqrt(mean / len(draws))
    assert 0.9 * mean < variance < 1.1 * mean


@pytest.mark.parametrize("seconds", [3.0, 30.0, 300.0, 20_000.0])
def test_shares_do_not_depend_on_the_step_length(seconds):
    rig = physics(seed=21)
    start, hashes = rig.total("accepted"), rig.hashes
    for _ in range(max(10, int(60_000 / seconds))):
        rig.step(seconds)
    expected = (rig.hashes - hashes) / (rig.difficulty * HASHES_PER_DIFFICULTY_1) * (1 - 0.0023)
    assert abs(rig.total("accepted") - start - expected) < 5 * math.sqrt(expected)


def test_flatline_keeps_the_hashrate_and_stops_the_shares():
    rig = physics()
    rig.sharing = False
    before = rig.total("accepted")
    for _ in range(100):
        rig.step(60)
    assert rig.total("accepted") == before
    assert rig.hashrate > 0.9 * S19.hashrate


def test_lost_board_has_no_chips_and_reduces_hashrate_and_power():
    rig = physics()
    whole, watts = rig.hashrate, rig.power
    rig.lost = 1
    rig.step(30)
    assert rig.boards[1].chips == 0
    assert rig.boards[1].hashrate == 0.0
    assert 0.6 * whole < rig.hashrate < 0.73 * whole
    assert rig.power < 0.75 * watts


def test_windows_average_over_their_length():
    rig = physics()
    rig.powered = False
    rig.step(60)
    assert rig.windows["5s"] < 0.001 * S19.hashrate
    assert 0.3 * S19.hashrate < rig.windows["1m"] < 0.45 * S19.hashrate
    assert rig.windows["24h"] > 0.99 * 0.95 * S19.hashrate


def test_share_difficulty_is_a_power_of_two_for_one_share_per_few_seconds():
    for spec in ALL:
        difficulty = vardiff(spec.hashrate, spec.hashes_per_difficulty)
        assert math.log2(difficulty).is_integer()
        assert 5 < difficulty * spec.hashes_per_difficulty / spec.hashrate < 11
    assert vardiff(110 * TH, HASHES_PER_DIFFICULTY_1) == 262144


def test_same_seed_gives_the_same_values():
    def life(seed: int) -> list[float]:
        rig = physics(seed)
        out = []
        for _ in range(50):
            rig.step(17)
            out += [rig.hashrate, rig.power, rig.fan, rig.total("accepted"), rig.boards[2].chip]
        return out

    assert life(7) == life(7)
    assert life(7) != life(8)
