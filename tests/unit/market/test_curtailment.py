"""The advice follows the price with hysteresis, and a stale price is never advice to run."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.market.curtailment import START, Curtailment, Outlook, Policy, advance, decision_price, strike_price
from stratoscope.market.tariff import External, Price, Quote, Tariff, price_at

WINDOW = 300.0
STRIKE = 0.08
CHEAP, DEAR, EXTREME = 0.05, 0.10, 0.20
LEADER = Policy(high_strike=0.15)


def priced(price: float | None, *, stale: bool = False) -> Price:
    return Price(marginal=None if price is None else Decimal(str(price)), source="external", stale=stale)


def advice(
    prices: list[float | None],
    policy: Policy = LEADER,
    state: Curtailment = START,
    *,
    begin: float = 0.0,
    step: float = WINDOW,
) -> list[str]:
    said = []
    for index, price in enumerate(prices):
        state = advance(state, policy, Outlook(price=priced(price), strike=STRIKE), begin + index * step)
        said.append(state.advice)
    return said


def after(prices: list[float | None], policy: Policy = LEADER, *, step: float = WINDOW) -> Curtailment:
    state = START
    for index, price in enumerate(prices):
        state = advance(state, policy, Outlook(price=priced(price), strike=STRIKE), index * step)
    return state


def test_two_windows_above_the_strike_curtail_and_four_below_run_again() -> None:
    prices: list[float | None] = [CHEAP, DEAR, DEAR, CHEAP, CHEAP, CHEAP, CHEAP, CHEAP]
    said = advice(prices)
    #      below    window 1  and 2 closed above                4 closed below
    assert said == ["run", "run", "run", "curtail", "curtail", "curtail", "curtail", "run"]


def test_one_window_above_the_strike_changes_nothing() -> None:
    assert advice([CHEAP, DEAR, CHEAP, DEAR, CHEAP, DEAR, CHEAP]) == ["run"] * 7


def test_one_window_above_starts_the_count_of_cheap_ones_again() -> None:
    curtailed: list[float | None] = [CHEAP, DEAR, DEAR]
    prices = [*curtailed, CHEAP, CHEAP, CHEAP, DEAR, CHEAP, CHEAP, CHEAP, CHEAP]
    assert advice(prices) == [*["run"] * 3, *["curtail"] * 8]
    assert advice([*prices, CHEAP])[-1] == "run"


def test_a_rig_is_not_told_to_run_at_a_moment_above_the_strike() -> None:
    rested: list[float | None] = [CHEAP, DEAR, DEAR, CHEAP, CHEAP, CHEAP, CHEAP]
    assert advice([*rested, CHEAP])[-1] == "run"
    assert advice([*rested, DEAR])[-1] == "curtail"


def test_a_window_counts_by_the_mean_of_its_samples() -> None:
    dear_on_the_whole: list[float | None] = [CHEAP, 0.14, 0.14]
    cheap_on_the_whole: list[float | None] = [DEAR, CHEAP, CHEAP]
    step = WINDOW / 3
    assert advice([*[CHEAP] * 3, *dear_on_the_whole * 2, CHEAP], step=step)[-1] == "curtail"
    assert advice([*[CHEAP] * 3, *cheap_on_the_whole * 4, CHEAP], step=step)[-1] == "run"


def test_the_high_strike_curtails_at_once() -> None:
    assert advice([CHEAP, EXTREME, CHEAP]) == ["run", "curtail", "curtail"]
    assert advice([EXTREME]) == ["curtail"]
    assert advice([CHEAP, EXTREME, CHEAP], Policy()) == ["run", "run", "run"]


def test_at_the_strike_itself_a_rig_earns_nothing_and_is_curtailed() -> None:
    assert advice([CHEAP, STRIKE, STRIKE, STRIKE])[-1] == "curtail"


def test_a_rig_rests_for_its_minimum_off_time() -> None:
    policy = Policy(window=60, off_after=1, on_after=1, min_off=600)
    said = advice([CHEAP, DEAR, *[CHEAP] * 12], policy, step=60)
    assert said == ["run", "run", *["curtail"] * 10, "run", "run"]


def test_a_clock_set_back_does_not_prolong_the_rest() -> None:
    policy = Policy(window=60, off_after=1, on_after=1, min_off=600)
    state = START
    for price, now in ((EXTREME, 100_000.0), (CHEAP, 90_000.0), (CHEAP, 90_060.0), (CHEAP, 90_120.0)):
        state = advance(
            state,
            Policy(window=60, off_after=1, on_after=1, min_off=600, high_strike=0.15),
            Outlook(price=priced(price), strike=STRIKE),
            now,
        )
    assert policy.min_off > 120
    assert state.advice == "run"


def test_a_call_of_the_grid_curtails_whatever_the_price() -> None:
    running = after([CHEAP, CHEAP])
    for price in (priced(CHEAP), priced(None), priced(CHEAP, stale=True), None):
        assert advance(running, LEADER, Outlook(price=price, strike=STRIKE, called=True), 600.0).advice == "curtail"


def test_before_the_first_price_nothing_is_advised() -> None:
    assert START.advice == "unknown"
    assert advice([None, None]) == ["unknown", "unknown"]
    assert advice([DEAR, DEAR, DEAR]) == ["unknown", "unknown", "curtail"]


@pytest.mark.parametrize(
    "outlook",
    [
        Outlook(price=None, strike=STRIKE),
        Outlook(price=Price(), strike=STRIKE),
        Outlook(price=priced(CHEAP, stale=True), strike=STRIKE),
        Outlook(price=priced(CHEAP), strike=None),
        Outlook(price=priced(CHEAP), strike=float("nan")),
    ],
)
def test_what_is_stale_or_unknown_makes_the_advice_unknown(outlook: Outlook) -> None:
    state = advance(after([CHEAP, CHEAP]), LEADER, outlook, 600.0)
    assert (state.advice, state.since) == ("unknown", 600.0)


def test_a_curtailed_rig_stays_curtailed_when_the_price_comes_back() -> None:
    assert advice([CHEAP, DEAR, DEAR, DEAR, None, CHEAP])[-2:] == ["unknown", "curtail"]


def test_a_running_rig_whose_price_comes_back_dear_is_not_told_to_run() -> None:
    assert advice([CHEAP, None, DEAR, DEAR, DEAR]) == ["run", "unknown", "unknown", "unknown", "curtail"]
    assert advice([CHEAP, None, CHEAP]) == ["run", "unknown", "run"]


def test_a_gap_between_windows_starts_the_counts_again() -> None:
    state = after([CHEAP, DEAR, DEAR])
    state = advance(state, LEADER, Outlook(price=priced(DEAR), strike=STRIKE), 5000.0)
    assert (state.advice, state.above) == ("run", 0)


def test_the_time_of_a_change_is_kept_until_the_next() -> None:
    state = after([CHEAP, CHEAP, CHEAP])
    assert state.since == 0.0


prices_and_staleness = st.lists(
    st.tuples(st.one_of(st.none(), st.floats(-0.5, 0.5)), st.booleans(), st.booleans(), st.floats(1.0, 1000.0)),
    max_size=60,
)


@given(prices_and_staleness, st.one_of(st.none(), st.floats(-0.1, 0.3)))
def test_run_is_never_advised_on_a_stale_price_nor_while_the_grid_calls(
    steps: list[tuple[float | None, bool, bool, float]], strike: float | None
) -> None:
    state, now = START, 0.0
    for price, stale, called, pause in steps:
        now += pause
        state = advance(state, LEADER, Outlook(price=priced(price, stale=stale), strike=strike, called=called), now)
        if price is None or stale or called or strike is None or price >= 0.15:
            assert state.advice != "run"
        if called:
            assert state.advice == "curtail"


@given(prices_and_staleness)
def test_no_rig_is_told_to_run_before_its_minimum_off_time(steps: list[tuple[float | None, bool, bool, float]]) -> None:
    state, now, off = START, 0.0, None
    for price, stale, called, pause in steps:
        now += pause
        before = state.advice
        state = advance(state, LEADER, Outlook(price=priced(price, stale=stale), strike=STRIKE, called=called), now)
        if state.advice == "curtail" and before == "run":
            off = now
        if state.advice == "run" and off is not None:
            assert now - off >= LEADER.min_off


@pytest.mark.parametrize("fallback", ["default", "last"])
def test_a_fallback_price_is_for_the_bill_not_for_the_advice(fallback: str) -> None:
    outside = External(max_age=1200.0, fallback="last" if fallback == "last" else "default")
    tariff = Tariff(currency="USD", timezone=ZoneInfo("UTC"), price=Decimal("0.03"), external=outside)
    quotes = [Quote(Decimal("0.03"), 0.0)]
    fresh, old = price_at(tariff, 600.0, quotes), price_at(tariff, 1800.0, quotes)
    assert (decision_price(fresh), decision_price(old)) == (0.03, None)
    assert old.average == Decimal("0.03")
    state = advance(START, LEADER, Outlook(price=fresh, strike=STRIKE), 600.0)
    assert state.advice == "run"
    assert advance(state, LEADER, Outlook(price=old, strike=STRIKE), 1800.0).advice == "unknown"


def test_each_model_has_its_own_strike_at_the_meter() -> None:
    assert strike_price(39.53, 17.5) == pytest.approx(0.0941, abs=1e-4)
    assert strike_price(39.53, 29.5) == pytest.approx(0.0558, abs=1e-4)
    assert strike_price(39.53, 17.5, 0.02, overhead_ratio=1.04, margin=0.05) == pytest.approx(
        39.53 * 0.98 / (24 * 17.5 * 1.04) * 0.95
    )
    assert strike_price(None, 17.5) is None
    assert strike_price(39.53, None) is None
    assert strike_price(39.53, 17.5, overhead_ratio=0.0) is None


@pytest.mark.parametrize("wrong", [{"window": 0.0}, {"off_after": 0}, {"on_after": 0}, {"min_off": -1.0}])
def test_a_policy_that_could_never_decide_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Policy(**wrong)  # type: ignore[arg-type]  # the wrong values are the test
