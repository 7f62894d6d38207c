"""The advice follows the price with hysteresis; with a stale price it is never "run"."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.market.curtailment import (
    INITIAL_STATE,
    AdvicePolicy,
    CurtailmentInputs,
    CurtailmentState,
    decision_price,
    next_curtailment,
    strike_price,
)
from stratoscope.market.tariff import ExternalPrice, KwhPrice, PowerQuote, Tariff, price_at

WINDOW = 300.0
STRIKE = 0.08
CHEAP, DEAR, EXTREME = 0.05, 0.10, 0.20
LEADER = AdvicePolicy(high_strike=0.15)


def priced(price: float | None, *, stale: bool = False) -> KwhPrice:
    return KwhPrice(marginal=None if price is None else Decimal(str(price)), source="external", stale=stale)


def advice(
    prices: list[float | None],
    policy: AdvicePolicy = LEADER,
    state: CurtailmentState = INITIAL_STATE,
    *,
    begin: float = 0.0,
    step: float = WINDOW,
) -> list[str]:
    said = []
    for index, price in enumerate(prices):
        state = next_curtailment(
            state, policy, CurtailmentInputs(price=priced(price), strike=STRIKE), begin + index * step
        )
        said.append(state.advice)
    return said


def after(prices: list[float | None], policy: AdvicePolicy = LEADER, *, step: float = WINDOW) -> CurtailmentState:
    state = INITIAL_STATE
    for index, price in enumerate(prices):
        state = next_curtailment(state, policy, CurtailmentInputs(price=priced(price), strike=STRIKE), index * step)
    return state


def test_curtails_after_two_windows_above_the_strike_and_runs_after_four_below() -> None:
    prices: list[float | None] = [CHEAP, DEAR, DEAR, CHEAP, CHEAP, CHEAP, CHEAP, CHEAP]
    said = advice(prices)
    #      below    window 1  and 2 closed above                4 closed below
    assert said == ["run", "run", "run", "curtail", "curtail", "curtail", "curtail", "run"]


def test_one_window_above_the_strike_changes_nothing() -> None:
    assert advice([CHEAP, DEAR, CHEAP, DEAR, CHEAP, DEAR, CHEAP]) == ["run"] * 7


def test_one_window_above_the_strike_resets_the_count_of_windows_below() -> None:
    curtailed: list[float | None] = [CHEAP, DEAR, DEAR]
    prices = [*curtailed, CHEAP, CHEAP, CHEAP, DEAR, CHEAP, CHEAP, CHEAP, CHEAP]
    assert advice(prices) == [*["run"] * 3, *["curtail"] * 8]
    assert advice([*prices, CHEAP])[-1] == "run"


def test_never_starts_to_run_while_the_price_is_above_the_strike() -> None:
    rested: list[float | None] = [CHEAP, DEAR, DEAR, CHEAP, CHEAP, CHEAP, CHEAP]
    assert advice([*rested, CHEAP])[-1] == "run"
    assert advice([*rested, DEAR])[-1] == "curtail"


def test_a_window_counts_by_the_mean_of_its_samples() -> None:
    dear_on_the_whole: list[float | None] = [CHEAP, 0.14, 0.14]
    cheap_on_the_whole: list[float | None] = [DEAR, CHEAP, CHEAP]
    step = WINDOW / 3
    assert advice([*[CHEAP] * 3, *dear_on_the_whole * 2, CHEAP], step=step)[-1] == "curtail"
    assert advice([*[CHEAP] * 3, *cheap_on_the_whole * 4, CHEAP], step=step)[-1] == "run"


def test_the_high_strike_curtails_immediately() -> None:
    assert advice([CHEAP, EXTREME, CHEAP]) == ["run", "curtail", "curtail"]
    assert advice([EXTREME]) == ["curtail"]
    assert advice([CHEAP, EXTREME, CHEAP], AdvicePolicy()) == ["run", "run", "run"]


def test_curtails_at_exactly_the_strike() -> None:
    assert advice([CHEAP, STRIKE, STRIKE, STRIKE])[-1] == "curtail"


def test_stays_curtailed_for_the_minimum_off_time() -> None:
    policy = AdvicePolicy(window=60, off_after=1, on_after=1, min_off=600)
    said = advice([CHEAP, DEAR, *[CHEAP] * 12], policy, step=60)
    assert said == ["run", "run", *["curtail"] * 10, "run", "run"]


def test_a_clock_set_back_does_not_extend_the_off_time() -> None:
    policy = AdvicePolicy(window=60, off_after=1, on_after=1, min_off=600)
    state = INITIAL_STATE
    for price, now in ((EXTREME, 100_000.0), (CHEAP, 90_000.0), (CHEAP, 90_060.0), (CHEAP, 90_120.0)):
        state = next_curtailment(
            state,
            AdvicePolicy(window=60, off_after=1, on_after=1, min_off=600, high_strike=0.15),
            CurtailmentInputs(price=priced(price), strike=STRIKE),
            now,
        )
    assert policy.min_off > 120
    assert state.advice == "run"


def test_a_grid_call_curtails_at_any_price() -> None:
    running = after([CHEAP, CHEAP])
    for price in (priced(CHEAP), priced(None), priced(CHEAP, stale=True), None):
        assert (
            next_curtailment(running, LEADER, CurtailmentInputs(price=price, strike=STRIKE, called=True), 600.0).advice
            == "curtail"
        )


def test_the_advice_is_unknown_before_the_first_price() -> None:
    assert INITIAL_STATE.advice == "unknown"
    assert advice([None, None]) == ["unknown", "unknown"]
    assert advice([DEAR, DEAR, DEAR]) == ["unknown", "unknown", "curtail"]


@pytest.mark.parametrize(
    "outlook",
    [
        CurtailmentInputs(price=None, strike=STRIKE),
        CurtailmentInputs(price=KwhPrice(), strike=STRIKE),
        CurtailmentInputs(price=priced(CHEAP, stale=True), strike=STRIKE),
        CurtailmentInputs(price=priced(CHEAP), strike=None),
        CurtailmentInputs(price=priced(CHEAP), strike=float("nan")),
    ],
)
def test_stale_or_unknown_inputs_make_the_advice_unknown(outlook: CurtailmentInputs) -> None:
    state = next_curtailment(after([CHEAP, CHEAP]), LEADER, outlook, 600.0)
    assert (state.advice, state.since) == ("unknown", 600.0)


def test_stays_curtailed_when_the_price_is_known_again() -> None:
    assert advice([CHEAP, DEAR, DEAR, DEAR, None, CHEAP])[-2:] == ["unknown", "curtail"]


def test_does_not_run_when_the_price_is_known_again_above_the_strike() -> None:
    assert advice([CHEAP, None, DEAR, DEAR, DEAR]) == ["run", "unknown", "unknown", "unknown", "curtail"]
    assert advice([CHEAP, None, CHEAP]) == ["run", "unknown", "run"]


def test_a_missing_window_resets_the_counts() -> None:
    state = after([CHEAP, DEAR, DEAR])
    state = next_curtailment(state, LEADER, CurtailmentInputs(price=priced(DEAR), strike=STRIKE), 5000.0)
    assert (state.advice, state.above) == ("run", 0)


def test_since_is_the_time_of_the_last_change() -> None:
    state = after([CHEAP, CHEAP, CHEAP])
    assert state.since == 0.0


prices_and_staleness = st.lists(
    st.tuples(st.one_of(st.none(), st.floats(-0.5, 0.5)), st.booleans(), st.booleans(), st.floats(1.0, 1000.0)),
    max_size=60,
)


@given(prices_and_staleness, st.one_of(st.none(), st.floats(-0.1, 0.3)))
def test_never_advises_run_with_a_stale_price_or_during_a_call(
    steps: list[tuple[float | None, bool, bool, float]], strike: float | None
) -> None:
    state, now = INITIAL_STATE, 0.0
    for price, stale, called, pause in steps:
        now += pause
        state = next_curtailment(
            state, LEADER, CurtailmentInputs(price=priced(price, stale=stale), strike=strike, called=called), now
        )
        if price is None or stale or called or strike is None or price >= 0.15:
            assert state.advice != "run"
        if called:
            assert state.advice == "curtail"


@given(prices_and_staleness)
def test_never_advises_run_before_the_minimum_off_time(steps: list[tuple[float | None, bool, bool, float]]) -> None:
    state, now, off = INITIAL_STATE, 0.0, None
    for price, stale, called, pause in steps:
        now += pause
        before = state.advice
        state = next_curtailment(
            state, LEADER, CurtailmentInputs(price=priced(price, stale=stale), strike=STRIKE, called=called), now
        )
        if state.advice == "curtail" and before == "run":
            off = now
        if state.advice == "run" and off is not None:
            assert now - off >= LEADER.min_off


@pytest.mark.parametrize("fallback", ["default", "last"])
def test_a_fallback_price_is_not_used_for_the_advice(fallback: str) -> None:
    outside = ExternalPrice(max_age=1200.0, fallback="last" if fallback == "last" else "default")
    tariff = Tariff(currency="USD", timezone=ZoneInfo("UTC"), price=Decimal("0.03"), external=outside)
    quotes = [PowerQuote(Decimal("0.03"), 0.0)]
    fresh, old = price_at(tariff, 600.0, quotes), price_at(tariff, 1800.0, quotes)
    assert (decision_price(fresh), decision_price(old)) == (0.03, None)
    assert old.average == Decimal("0.03")
    state = next_curtailment(INITIAL_STATE, LEADER, CurtailmentInputs(price=fresh, strike=STRIKE), 600.0)
    assert state.advice == "run"
    assert next_curtailment(state, LEADER, CurtailmentInputs(price=old, strike=STRIKE), 1800.0).advice == "unknown"


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
def test_rejects_an_invalid_policy(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        AdvicePolicy(**wrong)  # type: ignore[arg-type]  # the wrong values are the test
