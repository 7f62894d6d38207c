"""Counters after an unclean shutdown: what may be exported when the ledger is up to a minute old."""

import pytest

from stratoscope.fleet import Counters
from stratoscope.judgement.counters import Accrued, Sample
from stratoscope.poll.counter_store import HOLD_S, CounterStore

KEPT = Counters(accepted=10, energy=1000.0, hashes=1e15, revenue_sat=36.4, revenue_micro=5.0, currency="USD")
INTERVAL = 30.0


def sample(at: float) -> Sample:
    return Sample(raw=(10, 0, 0, 0), at=at, power=100.0, hashrate=1e12, time=at, accrued=Accrued(sat=at * 1e-15))


def exported_over(store: CounterStore, seconds: float) -> list[Counters]:
    seen, at = [], 0.0
    while at <= seconds:
        seen.append(store.exportable("a", store.advance("a", sample(at), INTERVAL)))
        at += INTERVAL
    return seen


def test_after_an_unclean_shutdown_integrals_are_absent_until_they_have_passed_every_exported_value():
    seen = exported_over(CounterStore([("a", KEPT, Sample())], unclean_shutdown=True), 300)
    held = [one for one in seen if one.energy is None]
    assert len(held) == HOLD_S / INTERVAL
    assert all(one.revenue_sat is None and one.currency is None and one.accepted == 10 for one in held)
    first = seen[len(held)]
    assert first.energy == pytest.approx(1000.0 + 100.0 * HOLD_S)
    assert first.energy > 1000.0 + 100.0 * 60.0, "at most a minute was exported and lost"


def test_after_a_clean_shutdown_nothing_is_held_back():
    assert all(one.energy is not None for one in exported_over(CounterStore([("a", KEPT, Sample())]), 120))


def test_a_machine_that_was_unknown_before_the_shutdown_is_exported_at_once():
    store = CounterStore([("b", KEPT, Sample())], unclean_shutdown=True)
    assert store.exportable("a", store.advance("a", sample(0.0), INTERVAL)).energy == 0.0


def test_a_gap_does_not_shorten_the_hold():
    store = CounterStore([("a", KEPT, Sample())], unclean_shutdown=True)
    for at in (0.0, 10_000.0, 20_000.0):
        counters = store.advance("a", sample(at), INTERVAL)
    assert store.exportable("a", counters).energy is None


def test_only_changed_counters_go_to_the_ledger_and_only_once():
    store = CounterStore([("a", KEPT, Sample()), ("b", KEPT, Sample())])
    assert store.drain() == []
    counters = store.advance("a", sample(30.0), INTERVAL)

    assert store.drain() == [("a", counters, sample(30.0))]
    assert store.drain() == []


def test_an_unknown_machine_has_empty_counters_and_no_sample():
    store = CounterStore()

    assert (store.counters("a"), store.sample("a")) == (Counters(), None)
