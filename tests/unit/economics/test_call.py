"""A call of the grid decides alone, is as old as its source says, and leaves nothing running on a guess."""

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
from stratoscope.economics.call import Call, call_of, called
from stratoscope.economics.demand import Demand
from stratoscope.economics.terms import Contract
from stratoscope.errors import SourceError
from stratoscope.judgement.judge import Nameplate
from stratoscope.market.curtailment import START, Outlook, Policy, advance
from stratoscope.market.tariff import Price
from stratoscope.metrics import SITE_MONEY
from stratoscope.outside.fetch import Fetcher
from stratoscope.outside.source_metrics import SourceTally
from unit.economics.stand import AT, Bench, ToldMarket, snapshot, tariff, terms
from unit.economics.test_feed import feed

CONTRACT = Contract(
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
def test_a_call_is_a_boolean_however_services_spell_it(body, path, on):
    assert call_of(body, feed(path), AT) == Call(on=on, at=AT)


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
def test_what_is_no_boolean_is_refused_with_its_reason(body, reason):
    with pytest.raises(SourceError) as caught:
        call_of(body, feed(), AT)
    assert caught.value.reason == reason


@given(st.binary(max_size=40))
def test_whatever_comes_is_a_call_or_a_source_error(body):
    with contextlib.suppress(SourceError):
        assert call_of(body, feed(), AT).on in (True, False)


def test_a_call_is_as_old_as_it_says_and_never_from_the_future():
    old = json.dumps({"on": True, "at": AT - 300}).encode()
    assert call_of(old, CONTRACT.call, AT) == Call(on=True, at=AT - 300)
    soon = json.dumps({"on": True, "at": AT + 300}).encode()
    assert call_of(soon, CONTRACT.call, AT).at == AT
    with pytest.raises(SourceError):
        call_of(json.dumps({"on": True, "at": AT + 1e6}).encode(), CONTRACT.call, AT)
    assert [called(Call(on=True, at=AT), 600.0, AT + age) for age in (0, 599, 600)] == [True, True, None]
    assert called(None, 600.0, AT) is None


CHEAP = Price(energy=Decimal("0.01"), marginal=Decimal("0.01"), average=Decimal("0.01"), source="fixed")
DEAR = Price(energy=Decimal(1), marginal=Decimal(1), average=Decimal(1), source="fixed")


@given(
    st.lists(
        st.tuples(st.sampled_from([True, False, None]), st.sampled_from([CHEAP, DEAR]), st.integers(15, 400)),
        max_size=40,
    )
)
def test_while_the_grid_calls_or_is_silent_nothing_is_advised_to_run(steps):
    state, at = START, AT
    for word, price, seconds in steps:
        at += seconds
        state = advance(state, Policy(), Outlook(price=price, strike=0.05, called=word), at)
        assert (state.advice == "curtail") or word is not True
        assert state.advice != "run" or word is False


def test_after_a_call_the_advice_runs_again_only_past_windows_and_rest():
    policy, state, at = Policy(), START, AT
    state = advance(state, policy, Outlook(price=CHEAP, strike=0.05), at)
    assert state.advice == "run"
    state = advance(state, policy, Outlook(price=CHEAP, strike=0.05, called=True), at + 15)
    assert state.advice == "curtail"
    seen = []
    for n in range(1, 200):
        state = advance(state, policy, Outlook(price=CHEAP, strike=0.05, called=False), at + 15 + 15 * n)
        seen.append(state.advice)
    assert seen[0] == "curtail"
    assert 3 * 300 / 15 < seen.index("run") <= 5 * 300 / 15 + 1
    assert set(seen[seen.index("run") :]) == {"run"}


def test_a_source_that_falls_silent_makes_run_unknown_and_leaves_curtail():
    run = advance(START, Policy(), Outlook(price=CHEAP, strike=0.05), AT)
    silent = advance(run, Policy(), Outlook(price=CHEAP, strike=0.05, called=None), AT + 15)
    assert (silent.advice, silent.settled) == ("unknown", "run")
    assert advance(silent, Policy(), Outlook(price=CHEAP, strike=0.05, called=False), AT + 30).advice == "run"
    curtailed = advance(run, Policy(), Outlook(price=CHEAP, strike=0.05, called=True), AT + 15)
    assert advance(curtailed, Policy(), Outlook(price=CHEAP, strike=0.05, called=None), AT + 30).advice == "curtail"


def told(bench: Bench, at: float) -> dict[str, float]:
    money = bench.economist.books(at)([])
    return {
        metric.series: value
        for family in SITE_MONEY
        for labels, part in family.rows(money)
        for metric in family.metrics
        if "call" in metric.series or "coincident" in metric.series
        if (value := metric.value(part)) is not None
    }


def test_a_call_is_an_event_a_metric_and_the_advice_of_every_model_of_the_tariff():
    bench = Bench(ToldMarket(), terms=terms(tariffs={"default": CONTRACT}))
    own = bench.economist
    rig = snapshot(at=AT)
    own.accrued("sha256", None, 0.0, AT, earns=True)
    own.assess(rig, rig.reading, None, Nameplate(), 0.0)
    assert told(bench, AT) == {"mining_tariff_curtail_call_stale": 1}
    for second, word in ((0, False), (15, True), (30, True), (45, False)):
        own.call("default", Call(on=word, at=AT + second))
        own.tick({"a": rig}, float(second), AT + second)
        if second == 30:
            assert told(bench, AT + 31) == {
                "mining_tariff_curtail_called": 1,
                "mining_tariff_curtail_call_age_seconds": 1,
                "mining_tariff_curtail_call_stale": 0,
            }
    own.call("default", Call(on=True, at=AT + 60))
    own.tick({"a": rig}, 60.0, AT + 60)
    own.tick({"a": rig}, 660.0, AT + 660)
    assert [event.text for event in bench.events if event.kind == "curtail_call"] == [
        "tariff default: the grid calls for less load",
        "tariff default: the grid no longer calls",
        "tariff default: the grid calls for less load",
        "tariff default: the grid was not heard of: whether it calls is unknown",
    ]
    advices = [event.details["now"] for event in bench.events if event.kind == "curtail_advice"]
    assert advices == ["run", "curtail"]


def test_an_older_word_does_not_undo_a_newer_one():
    own = Bench(ToldMarket(), terms=terms(tariffs={"default": CONTRACT})).economist
    own.call("default", Call(on=True, at=AT))
    own.call("default", Call(on=False, at=AT - 60))
    assert own.groups["default"].called(AT) is True
    own.call("nobody", Call(on=True, at=AT))  # a tariff that is gone


def test_another_source_of_calls_starts_without_a_word():
    own = Bench(ToldMarket(), terms=terms(tariffs={"default": CONTRACT})).economist
    own.call("default", Call(on=True, at=AT))
    own.follow(terms(tariffs={"default": Contract(tariff=tariff(), call=feed("other"), call_max_age=600.0)}), 1.0, AT)
    assert own.groups["default"].called(AT) is None
    own.follow(terms(tariffs={"default": Contract(tariff=tariff())}), 2.0, AT)
    assert own.groups["default"].called(AT) is False


JUNE = 1_780_300_800.0  # 1 June 2026, 08:00 UTC


def test_the_load_in_calls_makes_the_coincident_peak_charge_of_the_year():
    demand = Demand("north")
    for month, load, word in ((0, 1e6, True), (0, 5e6, False), (1, 2e6, True), (1, 1e6, True)):
        start = JUNE + month * 30 * 86400 + (0 if word else 43200) + (7200 if load == 1e6 and month else 0)
        for second in range(0, 1831, 15):
            demand.saw("default", CONTRACT, load, start + second, called=word)
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


def test_without_a_call_in_the_months_that_count_there_is_no_charge():
    demand = Demand("north")
    for second in range(0, 1831, 15):
        demand.saw("default", CONTRACT, 1e6, AT + second, called=True)  # January
    assert demand.peak("default", CONTRACT, AT, called=True) is not None
    assert demand.coincident_charge("default", CONTRACT, AT) is None


async def test_a_service_that_calls_is_heard_and_one_that_is_gone_becomes_silence(web: Web):
    clock = StillClock(epoch=AT)
    contract = Contract(
        tariff=tariff(), call=feed("dr.active", url=f"{web.url}/grid?site=north", interval=30.0), call_max_age=120.0
    )
    fetcher = Fetcher(clock, lambda: 0.0, SourceTally())
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
