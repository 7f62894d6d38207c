"""Reported hashrate against accepted shares: windows, restarts, gaps and false alarms."""

import random

import pytest

from stratoscope.fleet import Judged
from stratoscope.reading import PoolSlot, Reading
from stratoscope.tamper.share_proof import ShareProver
from stratoscope.units import HASHES_PER_DIFFICULTY_1, HOUR, TH

URL = "stratum+tcp://pool.example:3333"
EVERY = 60.0


class Bench:
    """A rig that finds random shares at `true` H/s and reports `reported` H/s."""

    def __init__(self, true: float, reported: float, *, seed: int = 1, difficulty: float = 50_000.0) -> None:
        self.prover, self.rng, self.now = ShareProver(), random.Random(seed), 0.0
        self.true, self.reported, self.difficulty = true, reported, difficulty
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
        reported = self.reported if rate is None else rate
        self.proof = self.prover.advance("a", reading, Judged(hashrate=reported), self.now)

    def hours(self, hours: float) -> None:
        for _ in range(round(hours * HOUR / EVERY)):
            self.poll()


def poisson(rng: random.Random, mean: float) -> int:
    count, total = 0, rng.expovariate(1.0)
    while total < mean:
        count, total = count + 1, total + rng.expovariate(1.0)
    return count


def test_honest_rig_proves_its_reported_hashrate():
    bench = Bench(100 * TH, 100 * TH)
    bench.hours(6)
    proof = bench.proof
    assert proof.low < 100 * TH < proof.high
    assert proof.alarm is None
    assert proof.reported == pytest.approx(100 * TH)
    assert abs(proof.unaccounted) < 4 * proof.unaccounted_error


def test_no_proof_before_a_full_hour_or_without_counters():
    bench = Bench(100 * TH, 100 * TH)
    bench.hours(0.9)
    assert bench.proof is None
    blind = Bench(100 * TH, 100 * TH)
    for _ in range(200):
        blind.poll(counts=False)
    assert blind.proof is None


def test_hashrate_reported_a_quarter_too_high_is_detected_within_three_hours():
    bench = Bench(100 * TH, 125 * TH)
    bench.hours(3.1)
    assert bench.proof.alarm == "missing"
    assert bench.proof.unaccounted == pytest.approx(0.2, abs=4 * bench.proof.unaccounted_error)


def test_false_alarms_are_as_rare_as_expected():
    alarms = 0
    for seed in range(150):
        bench = Bench(100 * TH, 100 * TH, seed=seed)
        for _ in range(4):
            bench.hours(1)
            alarms += bench.proof is not None and bench.proof.alarm is not None
    assert alarms <= 3  # 150 rigs x 3 pairs of windows x 2 sides x 0.025^2 = 0.56 to be expected; 4 come once in 300


def test_restart_of_the_rig_keeps_the_last_proof():
    bench = Bench(100 * TH, 100 * TH)
    bench.hours(2.2)
    before = bench.proof
    bench.shares, bench.uptime = 0, 0.0
    bench.hours(0.5)
    assert bench.proof is before
    bench.hours(1)
    assert bench.proof is not before
    assert bench.proof.low < 100 * TH < bench.proof.high


def test_gap_begins_a_new_window():
    bench = Bench(100 * TH, 100 * TH)
    bench.hours(0.9)
    bench.now += 3 * HOUR  # the agent slept while the rig kept hashing
    bench.uptime += 3 * HOUR
    bench.shares += 100_000
    bench.hours(0.9)
    assert bench.proof is None
    bench.hours(0.3)
    assert bench.proof.low < 100 * TH < bench.proof.high


def test_hour_without_shares_is_compared_by_the_usual_difficulty():
    bench = Bench(100 * TH, 100 * TH)
    bench.hours(1.1)
    bench.true = 0.0
    bench.hours(2.1)
    assert bench.proof.hashrate == 0.0
    assert bench.proof.high < 100 * TH
    assert bench.proof.alarm == "missing"


def test_rigs_of_other_algorithms_are_ignored():
    reading = Reading(driver="x", algorithm="scrypt")
    assert ShareProver().advance("a", reading, Judged(hashrate=1e9), 0.0) is None


def test_work_is_summed_by_a_bounded_number_of_endpoints():
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
