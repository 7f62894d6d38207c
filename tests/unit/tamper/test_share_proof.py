"""A rig's claim against its shares: windows, restarts, gaps, and the chance of a false alarm."""

import random

import pytest

from stratoscope.fleet import Judged
from stratoscope.reading import PoolSlot, Reading
from stratoscope.tamper.share_proof import Prover
from stratoscope.units import HASHES_PER_DIFFICULTY_1, HOUR, TH

URL = "stratum+tcp://pool.example:3333"
EVERY = 60.0


class Bench:
    """A rig whose shares come by chance at `true` H/s while it reports `told` H/s."""

    def __init__(self, true: float, told: float, *, seed: int = 1, difficulty: float = 50_000.0) -> None:
        self.prover, self.rng, self.now = Prover(), random.Random(seed), 0.0
        self.true, self.told, self.difficulty = true, told, difficulty
        self.shares, self.uptime, self.proof = 0, 1000.0, None

    def poll(self, *, counts: bool = True, rate: float | None = None) -> None:
        self.now += EVERY
        self.uptime += EVERY
        mean = self.true * EVERY / (self.difficulty * HASHES_PER_DIFFICULTY_1)
        self.shares += poisson(self.rng, mean)
        slot = PoolSlot(
            index=0,
            url=URL,
            accepted=self.shares,
            active=True,
            difficulty_accepted=self.shares * self.difficulty if counts else None,
        )
        reading = Reading(driver="x", uptime=self.uptime, pools=(slot,), hashing=True)
        told = self.told if rate is None else rate
        self.proof = self.prover.advance("a", reading, Judged(hashrate=told), self.now)

    def hours(self, hours: float) -> None:
        for _ in range(round(hours * HOUR / EVERY)):
            self.poll()


def poisson(rng: random.Random, mean: float) -> int:
    count, total = 0, rng.expovariate(1.0)
    while total < mean:
        count, total = count + 1, total + rng.expovariate(1.0)
    return count


def test_an_honest_rig_proves_what_it_reports():
    bench = Bench(100 * TH, 100 * TH)
    bench.hours(6)
    proof = bench.proof
    assert proof.low < 100 * TH < proof.high
    assert proof.alarm is None
    assert proof.reported == pytest.approx(100 * TH)
    assert abs(proof.unaccounted) < 4 * proof.unaccounted_error


def test_nothing_is_proved_before_a_whole_hour_or_without_counters():
    bench = Bench(100 * TH, 100 * TH)
    bench.hours(0.9)
    assert bench.proof is None
    blind = Bench(100 * TH, 100 * TH)
    for _ in range(200):
        blind.poll(counts=False)
    assert blind.proof is None


def test_a_rig_that_claims_a_fifth_too_much_is_found_in_three_hours():
    bench = Bench(100 * TH, 125 * TH)
    bench.hours(3.1)
    assert bench.proof.alarm == "missing"
    assert bench.proof.unaccounted == pytest.approx(0.2, abs=4 * bench.proof.unaccounted_error)


def test_false_alarms_are_as_rare_as_two_windows_of_one_side_by_chance():
    alarms = 0
    for seed in range(150):
        bench = Bench(100 * TH, 100 * TH, seed=seed)
        for _ in range(4):
            bench.hours(1)
            alarms += bench.proof is not None and bench.proof.alarm is not None
    assert alarms <= 3  # 150 rigs x 3 pairs of windows x 2 sides x 0.025^2 = 0.56 to be expected; 4 come once in 300


def test_a_restart_of_the_rig_neither_proves_nor_disproves():
    bench = Bench(100 * TH, 100 * TH)
    bench.hours(2.2)
    before = bench.proof
    bench.shares, bench.uptime = 0, 0.0
    bench.hours(0.5)
    assert bench.proof is before
    bench.hours(1)
    assert bench.proof is not before
    assert bench.proof.low < 100 * TH < bench.proof.high


def test_a_gap_begins_the_window_anew():
    bench = Bench(100 * TH, 100 * TH)
    bench.hours(0.9)
    bench.now += 3 * HOUR  # the agent slept; the rig went on and its counters show it
    bench.uptime += 3 * HOUR
    bench.shares += 100_000
    bench.hours(0.9)
    assert bench.proof is None
    bench.hours(0.3)
    assert bench.proof.low < 100 * TH < bench.proof.high


def test_an_hour_without_a_share_is_held_against_the_usual_difficulty():
    bench = Bench(100 * TH, 100 * TH)
    bench.hours(1.1)
    bench.true = 0.0
    bench.hours(2.1)
    assert bench.proof.hashrate == 0.0
    assert bench.proof.high < 100 * TH
    assert bench.proof.alarm == "missing"


def test_rigs_of_other_algorithms_are_left_out():
    reading = Reading(driver="x", algorithm="scrypt")
    assert Prover().advance("a", reading, Judged(hashrate=1e9), 0.0) is None


def test_work_is_added_up_by_endpoint_and_endpoints_are_bounded():
    bench = Bench(100 * TH, 100 * TH)
    bench.hours(0.5)
    assert set(bench.prover.accepted) == {"pool.example:3333"}
    grown = bench.prover.accepted["pool.example:3333"]
    assert grown % bench.difficulty == 0
    for at in range(200):
        slots = [PoolSlot(index=0, url=f"stratum+tcp://p{at}.example:1", difficulty_accepted=float(d)) for d in (1, 2)]
        for slot in slots:
            bench.prover.advance("b", Reading(driver="x", pools=(slot,)), Judged(hashrate=1.0), float(at))
    assert len(bench.prover.accepted) <= 65
