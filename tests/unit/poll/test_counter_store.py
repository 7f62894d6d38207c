"""Sums over a cut: what may be shown when the agent did not end in order."""

import pytest

from stratoscope.fleet import Counters
from stratoscope.judgement.counters import Accrued, Sample
from stratoscope.poll.counter_store import HOLD_S, CounterStore

KEPT = Counters(accepted=10, energy=1000.0, hashes=1e15, revenue_sat=36.4, revenue_micro=5.0, currency="USD")
INTERVAL = 30.0


def sample(at: float) -> Sample:
    return Sample(raw=(10, 0, 0, 0), at=at, power=100.0, hashrate=1e12, time=at, accrued=Accrued(sat=at * 1e-15))


def shown_over(book: CounterStore, seconds: float) -> list[Counters]:
    seen, at = [], 0.0
    while at <= seconds:
        seen.append(book.shown("a", book.advance("a", sample(at), INTERVAL)))
        at += INTERVAL
    return seen


def test_after_a_cut_integrals_are_absent_until_they_have_passed_what_was_shown():
    seen = shown_over(CounterStore([("a", KEPT, Sample())], cut_off=True), 300)
    held = [one for one in seen if one.energy is None]
    assert len(held) == HOLD_S / INTERVAL
    assert all(one.revenue_sat is None and one.currency is None and one.accepted == 10 for one in held)
    first = seen[len(held)]
    assert first.energy == pytest.approx(1000.0 + 100.0 * HOLD_S)
    assert first.energy > 1000.0 + 100.0 * 60.0, "a minute was shown and lost at most"


def test_after_an_orderly_end_nothing_is_held_back():
    assert all(one.energy is not None for one in shown_over(CounterStore([("a", KEPT, Sample())]), 120))


def test_a_machine_that_was_not_known_before_the_cut_is_shown_at_once():
    book = CounterStore([("b", KEPT, Sample())], cut_off=True)
    assert book.shown("a", book.advance("a", sample(0.0), INTERVAL)).energy == 0.0


def test_a_gap_counts_for_nothing():
    book = CounterStore([("a", KEPT, Sample())], cut_off=True)
    for at in (0.0, 10_000.0, 20_000.0):
        counters = book.advance("a", sample(at), INTERVAL)
    assert book.shown("a", counters).energy is None
