"""Accepted values: prices that agree, confirmed jumps, and difficulties that can follow each other."""

import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from stratoscope.market.choose import (
    CONFIRMATIONS,
    MAX_JUMP,
    MedianPrice,
    NetworkState,
    PriceQuote,
    PriceState,
    SourcedNetwork,
    choose_price,
    find_contradiction,
    next_network,
    next_price,
    why_implausible,
)
from stratoscope.market.sources.source import NetworkReport

NOW = 5000.0


def quotes(*prices: float, age: float = 0.0) -> list[PriceQuote]:
    return [PriceQuote(f"s{at}", price, NOW - age) for at, price in enumerate(prices)]


def test_the_price_is_the_median_of_the_agreeing_quotes():
    chosen = choose_price(quotes(90_000, 90_100, 90_200, 95_000), 2, NOW)
    assert isinstance(chosen, MedianPrice)
    assert (chosen.price, chosen.sources) == (90_100, ("s0", "s1", "s2"))


def test_the_price_is_as_old_as_its_oldest_quote():
    chosen = choose_price([PriceQuote("a", 90_000, NOW - 100), PriceQuote("b", 90_001, NOW - 7)], 2, NOW)
    assert isinstance(chosen, MedianPrice)
    assert (chosen.as_of, chosen.newest) == (NOW - 100, NOW - 7)


@pytest.mark.parametrize(
    ("given_", "quorum", "why"),
    [
        ([], 1, "0 of 1"),
        (quotes(90_000), 2, "1 of 2"),
        (quotes(90_000, 95_000), 2, "disagree"),
        (quotes(90_000, 90_001, age=601), 2, "0 of 2"),
        (quotes(0.0, -5.0, math.inf, math.nan), 1, "0 of 1"),
        (quotes(10_000, 90_000, 900_000), 2, "disagree"),
    ],
)
def test_no_price_without_agreement(given_, quorum, why):
    found = choose_price(given_, quorum, NOW)
    assert isinstance(found, str)
    assert why in found


@given(
    good=st.floats(1e3, 1e6),
    noise=st.lists(st.floats(-0.004, 0.004), min_size=3, max_size=5),
    bad=st.sampled_from([10, 0.1, 0.0, -1, 1e6, math.inf]),
)
def test_f32_one_wrong_source_among_four_never_moves_the_price(good, noise, bad):
    honest = [good * (1 + part) for part in noise]
    chosen = choose_price(quotes(*honest, good * bad), 2, NOW)
    assert isinstance(chosen, MedianPrice)
    assert min(honest) <= chosen.price <= max(honest)


def believed(prices: list[float], reference: float | None = None) -> list[float | None]:
    """Return the price in use after each round of a single source."""
    state, found = PriceState(reference=reference), []
    for at, price in enumerate(prices):
        chosen = choose_price([PriceQuote("only", price, NOW + at)], 1, NOW + at)
        if isinstance(chosen, MedianPrice):
            state = next_price(state, chosen)
        found.append(None if state.good is None else state.good.price)
    return found


def test_f32_a_jump_is_accepted_after_two_confirmations():
    assert believed([90, 91, 900, 90]) == [90, 91, 91, 90]
    assert believed([90, 900, 901, 902, 903]) == [90, 90, 90, 902, 903]
    assert believed([90, 900, 9, 900, 9, 900]) == [90] * 6
    assert believed([90, 900, 901, 90, 900, 901]) == [90, 90, 90, 90, 90, 90]


def test_f32_the_first_price_is_compared_with_the_last_one_of_an_earlier_run():
    assert believed([900, 901, 902], reference=90) == [None, None, 902]
    assert believed([95, 96], reference=90) == [95, 96]


def test_a_repeated_old_quote_does_not_confirm_a_jump():
    state = PriceState(good=MedianPrice(90, 0, 0, ("a",)), reference=90)
    stuck = MedianPrice(900, NOW, NOW, ("a",))
    for _ in range(20):
        state = next_price(state, stuck)
    assert state.good is not None
    assert state.good.price == 90


@example([(1.0, 10), (1.0, 10), (1.0, 0), (1.0, 10)], 1000.0)
@given(
    st.lists(
        st.tuples(st.floats(0.98, 1.02), st.sampled_from([1, 1, 1, 10, 0.1, 0, -1, 1.3])), min_size=1, max_size=60
    ),
    st.floats(1e3, 1e6),
)
def test_f32_an_unconfirmed_jump_is_never_in_use(steps, start):
    prices, honest = [start], start
    for walk, factor in steps:
        honest *= walk
        prices.append(honest * factor)
    in_force = believed(prices)
    reference = start
    for at, price in enumerate(in_force):
        assert price is not None
        assert price > 0
        if abs(price / reference - 1) > MAX_JUMP:
            rounds = [p for p in prices[: at + 1] if p > 0]  # a round without a price neither confirms nor denies
            assert all(abs(p / price - 1) <= 0.05 for p in rounds[-CONFIRMATIONS - 1 :])
        reference = price


# -- the network ---------------------------------------------------------------------
def network(height: int, difficulty: float = 1e14, **more) -> NetworkReport:
    return NetworkReport(height=height, difficulty=difficulty, **more)


def seen(height: int, difficulty: float = 1e14, at: float = NOW, **more) -> SourcedNetwork:
    return SourcedNetwork(network(height, difficulty, **more), "m", at, at)


START = 2016 * 447


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (network(START), network(START + 5), None),
        (network(START + 5), network(START + 2), None),
        (network(START + 2015), network(START + 2016, 1.02e14), None),
        (network(START + 2016, 1.02e14), network(START + 2014), None),
        (network(START), network(START + 5, 1e14 * (1 + 1e-9)), None),
        (network(START), network(START + 5, 1.01e14), "inside an epoch"),
        (network(START + 2015), network(START + 2016), "still the old one"),
        (network(START + 2015), network(START + 2016, 4.5e14), "more than consensus"),
        (network(START + 2015), network(START + 2016, 0.2e14), "more than consensus"),
        (network(START), network(START + 2 * 2016, 9e14), None),
        (network(START + 50), network(START + 40), "went back"),
    ],
)
def test_f33_difficulty_changes_at_the_end_of_an_epoch_and_only_there(before, after, why):
    found = find_contradiction(before, after)
    assert (found is None) if why is None else (found is not None and why in found)


def doubts(*rounds: SourcedNetwork) -> list[str | None]:
    state, found = NetworkState(), []
    for one in rounds:
        state = next_network(state, one)
        found.append(state.doubt)
    return found


def test_f33_never_accepts_a_new_epoch_with_the_old_difficulty():
    found = doubts(seen(START + 2015), *(seen(START + 2016 + n) for n in range(6)), seen(START + 2022, 1.01e14))
    assert found[0] is None
    assert all(found[1:7])
    assert found[7] is None


def test_f33_a_repeated_difficulty_replaces_a_wrong_first_one():
    found = doubts(seen(START, 1e15), seen(START), seen(START), seen(START + 1), seen(START + 1))
    assert [bool(doubt) for doubt in found] == [False, True, True, False, False]


def test_f33_the_next_good_report_ends_a_glitch():
    found = doubts(seen(START), seen(START, 1e15), seen(START + 1), seen(START + 2))
    assert [bool(doubt) for doubt in found] == [False, True, False, False]


def test_different_glitches_do_not_confirm_each_other():
    rounds = [seen(START, 1e14 * (2 + n)) for n in range(9)]
    assert all(doubts(seen(START), *rounds)[1:])


def test_a_tip_without_a_time_is_as_old_as_its_first_report():
    state = next_network(NetworkState(), seen(START, at=100.0))
    state = next_network(state, seen(START, at=700.0))
    assert state.seen is not None
    assert (state.seen.tip_as_of, state.seen.fetched) == (100.0, 700.0)
    state = next_network(state, seen(START + 1, at=800.0))
    assert state.seen is not None
    assert state.seen.tip_as_of == 800.0


@given(st.floats(1e10, 1e16), st.floats(0.01, 100))
def test_rejects_a_hashrate_that_does_not_match_the_difficulty(difficulty, factor):
    assume(not 0.39 < factor < 0.41)
    assume(not 2.49 < factor < 2.51)
    rate = difficulty * 2**32 / 600 * factor
    found = why_implausible(network(START, difficulty, hashrate={1008: rate}))
    assert (found is None) == (0.4 <= factor <= 2.5)
    assert why_implausible(network(START, difficulty, hashrate={144: rate * 50})) is None  # a few blocks prove nothing
