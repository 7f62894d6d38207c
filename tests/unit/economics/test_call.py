"""Grid calls: a call alone curtails, expires by its own time, and an unknown call never means "run"."""

import asyncio
import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import StillClock, settle
from fakes.web import Says, Web
from stratoscope.app.money_service import MoneyService
from stratoscope.economics.call import GridCall, is_called, parse_call
from stratoscope.economics.demand import DemandTracker
from stratoscope.economics.terms import PowerContract
from stratoscope.errors import SourceError
from stratoscope.judgement.judge import Nameplate
from stratoscope.market.curtailment import INITIAL_STATE, AdvicePolicy, CurtailmentInputs, next_curtailment
from stratoscope.market.tariff import KwhPrice
from stratoscope.metrics import SITE_MONEY
from stratoscope.outside.fetch import Fetcher
from stratoscope.outside.source_metrics import SourceMetrics
from unit.economics.money_bench import AT, FakeMarket, MoneyBench, snapshot, tariff, terms
from unit.economics.test_feed import feed

CONTRACT = PowerContract(
    tariff=tariff(price=Decimal("0.02")),
    call=feed("on", "at"),
    call_max_age=600.0,
    cp_per_kw_year=Decimal(67),
    cp_months=frozenset({6, 7, 8, 9}),
)


@pytest.mark.parametrize(
    ("body", "path", "on"),
    [
        (b"true", "", True),
        (b"false", "", False),
        (b"1", "", True),
        (b"0", "", False),
        (b"1.0", "", True),
        (b'"on"', "", True),
        (b'{"state": "off"}', "state", False),
        (b'[{"on": " TRUE "}]', "0.on", True),
        (b'"yes"', "", True),
        (b'"No"', "", False),
    ],
)
def test_reads_a_call_from_every_spelling_of_a_boolean(body, path, on):
    assert parse_call(body, feed(path), AT) == GridCall(on=on, at=AT)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"on", "not_json"),
        (b"null", "schema"),
        (b"2", "schema"),
        (b'"maybe"', "schema"),
        (b"{}", "schema"),
        (b"[]", "schema"),
        (b" " * (1 << 20) + b"true", "oversize"),
    ],
)
def test_rejects_anything_else_than_a_boolean(body, reason):
    with pytest.raises(SourceError) as caught:
        parse_call(body, feed(), AT)
    assert caught.value.reason == reason


@given(st.binary(max_size=40))
def test_any_body_is_a_call_or_a_source_error(body):
    with contextlib.suppress(SourceError):
        assert parse_call(body, feed(), AT).on in (True, False)


def test_a_call_has_the_time_in_the_document_but_never_a_future_one():
    old = json.dumps({"on": True, "at": AT - 300}).encode()
    assert parse_call(old, CONTRACT.call, AT) == GridCall(on=True, at=AT - 300)
    soon = json.dumps({"on": True, "at": AT + 300}).encode()
    assert parse_call(soon, CONTRACT.call, AT).at == AT
    with pytest.raises(SourceError):
        parse_call(json.dumps({"on": True, "at": AT + 1e6}).encode(), CONTRACT.call, AT)
    assert [is_called(GridCall(on=True, at=AT), 600.0, AT + age) for age in (0, 599, 600)] == [True, True, None]
    assert is_called(None, 600.0, AT) is None


CHEAP = KwhPrice(energy=Decimal("0.01"), marginal=Decimal("0.01"), average=Decimal("0.01"), source="fixed")
DEAR = KwhPrice(energy=Decimal(1), marginal=Decimal(1), average=Decimal(1), source="fixed")


@given(
    st.lists(
        st.tuples(st.sampled_from([True, False, None]), st.sampled_from([CHEAP, DEAR]), st.integers(15, 400)),
        max_size=40,
    )
)
def test_never_advises_run_during_a_call_or_without_a_confirmed_one(steps):
    state, at = INITIAL_STATE, AT
    for word, price, seconds in steps:
        at += seconds
        state = next_curtailment(state, AdvicePolicy(), CurtailmentInputs(price=price, strike=0.05, called=word), at)
        assert (state.advice == "curtail") or word is not True
        assert state.advice != "run" or word is False


def test_after_a_call_run_needs_windows_and_minimum_off_time():
    policy, state, at = AdvicePolicy(), INITIAL_STATE, AT
    state = next_curtailment(state, policy, CurtailmentInputs(price=CHEAP, strike=0.05), at)
    assert state.advice == "run"
    state = next_curtailment(state, policy, CurtailmentInputs(price=CHEAP, strike=0.05, called=True), at + 15)
    assert state.advice == "curtail"
    seen = []
    for n in range(1, 200):
        state = next_curtailment(
            state, policy, CurtailmentInputs(price=CHEAP, strike=0.05, called=False), at + 15 + 15 * n
        )
        seen.append(state.advice)
    assert seen[0] == "curtail"
    assert 3 * 300 / 15 < seen.index("run") <= 5 * 300 / 15 + 1
    assert set(seen[seen.index("run") :]) == {"run"}


def test_a_missing_call_turns_run_into_unknown_and_keeps_curtail():
    run = next_curtailment(INITIAL_STATE, AdvicePolicy(), CurtailmentInputs(price=CHEAP, strike=0.05), AT)
    silent = next_curtailment(run, AdvicePolicy(), CurtailmentInputs(price=CHEAP, strike=0.05, called=None), AT + 15)
    assert (silent.advice, silent.settled) == ("unknown", "run")
    assert (
        next_curtailment(
            silent, AdvicePolicy(), CurtailmentInputs(price=CHEAP, strike=0.05, called=False), AT + 30
        ).advice
        == "run"
    )
    curtailed = next_curtailment(run, AdvicePolicy(), CurtailmentInputs(price=CHEAP, strike=0.05, called=True), AT + 15)
    assert (
        next_curtailment(
            curtailed, AdvicePolicy(), CurtailmentInputs(price=CHEAP, strike=0.05, called=None), AT + 30
        ).advice
        == "curtail"
    )


def told(bench: MoneyBench, at: float) -> dict[str, float]:
    money = bench.economist.site_summation(at)([])
    return {
        metric.series: value
        for family in SITE_MONEY
        for labels, part in family.rows(money)
        for metric in family.metrics
        if "call" in metric.series or "coincident" in metric.series
        if (value := metric.value(part)) is not None
    }


def test_a_call_sends_an_event_sets_the_metric_and_curtails_every_model():
    bench = MoneyBench(FakeMarket(), terms=terms(tariffs={"default": CONTRACT}))
    own = bench.economist
    rig = snapshot(at=AT)
    own.accrued("sha256", None, 0.0, AT, earns=True)
    own.assess(rig, rig.reading, None, Nameplate(), 0.0)
    assert told(bench, AT) == {"mining_tariff_curtail_call_stale": 1}
    for second, word in ((0, False), (15, True), (30, True), (45, False)):
        own.add_call("default", GridCall(on=word, at=AT + second))
        own.update({"a": rig}, float(second), AT + second)
        if second == 30:
            assert told(bench, AT + 31) == {
                "mining_tariff_curtail_called": 1,
                "mining_tariff_curtail_call_age_seconds": 1,
                "mining_tariff_curtail_call_stale": 0,
            }
    own.add_call("default", GridCall(on=True, at=AT + 60))
    own.update({"a": rig}, 60.0, AT + 60)
    own.update({"a": rig}, 660.0, AT + 660)
    assert [event.text for event in bench.events if event.kind == "curtail_call"] == [
        "tariff default: the grid calls for less load",
        "tariff default: the grid no longer calls for less load",
        "tariff default: the grid calls for less load",
        "tariff default: the grid call is no longer confirmed and counts as unknown",
    ]
    advised = [event.details["now"] for event in bench.events if event.kind == "curtail_advice"]
    assert advised == ["run", "curtail"]


def test_an_older_call_does_not_replace_a_newer_one():
    own = MoneyBench(FakeMarket(), terms=terms(tariffs={"default": CONTRACT})).economist
    own.add_call("default", GridCall(on=True, at=AT))
    own.add_call("default", GridCall(on=False, at=AT - 60))
    assert own.groups["default"].called(AT) is True
    own.add_call("nobody", GridCall(on=True, at=AT))  # a tariff that is gone


def test_a_new_call_source_starts_as_unknown():
    own = MoneyBench(FakeMarket(), terms=terms(tariffs={"default": CONTRACT})).economist
    own.add_call("default", GridCall(on=True, at=AT))
    own.apply_terms(
        terms(tariffs={"default": PowerContract(tariff=tariff(), call=feed("other"), call_max_age=600.0)}), 1.0, AT
    )
    assert own.groups["default"].called(AT) is None
    own.apply_terms(terms(tariffs={"default": PowerContract(tariff=tariff())}), 2.0, AT)
    assert own.groups["default"].called(AT) is False


JUNE = 1_780_300_800.0  # 1 June 2026, 08:00 UTC


def test_load_during_calls_determines_the_coincident_peak_charge():
    demand = DemandTracker("north")
    for month, load, word in ((0, 1e6, True), (0, 5e6, False), (1, 2e6, True), (1, 1e6, True)):
        start = JUNE + month * 30 * 86400 + (0 if word else 43200) + (7200 if load == 1e6 and month else 0)
        for second in range(0, 1831, 15):
            demand.add_load("default", CONTRACT, load, start + second, called=word)
    july = JUNE + 31 * 86400
    assert demand.peak("default", CONTRACT, JUNE, called=True).watts == pytest.approx(1e6)
    assert demand.peak("default", CONTRACT, JUNE).watts == pytest.approx(5e6)
    assert demand.peak("default", CONTRACT, july, called=True).watts == pytest.approx(2e6)
    assert demand.coincident_charge("default", CONTRACT, july) == pytest.approx(Decimal(67) * (1000 + 2000) / 4)
    assert {(peak.month, peak.called) for peak in demand.drain()} == {
        ("2026-06", True),
        ("2026-06", False),
        ("2026-07", True),
        ("2026-07", False),
    }


def test_no_charge_without_a_call_in_the_relevant_months():
    demand = DemandTracker("north")
    for second in range(0, 1831, 15):
        demand.add_load("default", CONTRACT, 1e6, AT + second, called=True)  # January
    assert demand.peak("default", CONTRACT, AT, called=True) is not None
    assert demand.coincident_charge("default", CONTRACT, AT) is None


async def test_reads_calls_from_a_service_and_becomes_unknown_when_it_fails(web: Web):
    clock = StillClock(epoch=AT)
    contract = PowerContract(
        tariff=tariff(), call=feed("dr.active", url=f"{web.url}/grid?site=north", interval=30.0), call_max_age=120.0
    )
    fetcher = Fetcher(clock, lambda: 0.0, SourceMetrics())
    money = MoneyService(terms(tariffs={"default": contract}), "north", None, fetcher, clock, lambda _: None)

    async def live(seconds: float) -> None:
        for _ in range(int(seconds // 15)):
            await clock.advance(15.0)
            await asyncio.sleep(0.01)
            await settle()

    running = asyncio.create_task(money.run({}))
    web.answers["/grid?site=north"] = {"dr": {"active": "on"}}
    await live(60)
    assert money.economist.tariffs(clock.time())["default"].called is True
    web.answers["/grid?site=north"] = Says(b"", 500)
    await live(90)
    assert money.economist.tariffs(clock.time())["default"].called is True
    await live(90)
    now = money.economist.tariffs(clock.time())["default"]
    assert (now.called, now.call_stale) == (None, True)
    assert fetcher.tally.outcomes["call default", "ok"] >= 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
