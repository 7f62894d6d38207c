"""Published hashprices are compared with our own, with age and checks, and change no other figure."""

import contextlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.market_site import DIFFICULTY
from fakes.web import Says, Web
from stratoscope.errors import SourceError
from stratoscope.market.hashprice import hashprice
from stratoscope.market.published import VERDICTS, check_published
from stratoscope.market.references import (
    OwnHashprice,
    PublishedFigure,
    ReferenceSettings,
    compare_references,
    parse_figure,
)
from stratoscope.market.service import MarketService
from stratoscope.market.settings import MarketSettings, MarketSourceSettings
from stratoscope.metrics import MARKET
from unit.economics.test_feed import feed
from unit.market.conftest import START

OWN = hashprice(DIFFICULTY, 312_500_000 + 2e6, 91_000)


@pytest.fixture
async def make(clock, market_site: Web):
    url = market_site.url
    made = []

    def market(*references: ReferenceSettings) -> MarketService:
        settings = MarketSettings(
            network=(MarketSourceSettings(kind="mempool", url=url),),
            prices=(MarketSourceSettings(kind="coinbase", url=url),),
            references=references,
        )
        made.append(MarketService(settings, clock, random01=lambda: 0.0))
        return made[-1]

    yield market
    for one in made:
        await one.close()


def told(now) -> dict:
    return {
        (metric.series, *labels): value
        for family in MARKET
        for labels, part in family.rows(now)
        for metric in family.metrics
        if "reference" in metric.series and (value := metric.value(part)) is not None
    }


async def test_reports_deviation_and_check_of_each_reference(make):
    market = make(
        ReferenceSettings(name="right", unit="fiat_per_ph_day", value=OWN.fiat_per_ph_day * 1.001),
        ReferenceSettings(name="old", unit="btc_per_ph_day", value=OWN.btc_per_ph_day * 1.012),
        ReferenceSettings(name="net", unit="sats_per_th_day", value=OWN.sats_per_th_day * 0.98),
    )
    now = await market.once()
    found = told(now)
    doubtful = "mining_hashprice_reference_doubtful"
    assert [found[doubtful, name, "subsidy"] for name in ("right", "old", "net")] == [0, 0, 1]
    assert [found[doubtful, name, "fees"] for name in ("right", "old", "net")] == [0, 1, 1]
    assert found["mining_hashprice_reference_deviation_ratio", "right"] == pytest.approx(0.001)
    assert found["mining_hashprice_reference_btc_per_ph_day", "net"] == pytest.approx(OWN.btc_per_ph_day * 0.98)
    assert found["mining_hashprice_reference_fees_ratio", "right"] == pytest.approx(1 - 3.125 / (3.145 * 1.001))
    assert found["mining_hashprice_reference_age_seconds", "old"] == 0
    assert now.hashprice == OWN  # none of them enters a figure
    assert [now.published[name].check.verdict for name in ("right", "old", "net")] == [
        "fits",
        "fees_differ",
        "below_subsidy",
    ]


async def test_a_missing_reference_is_absent_once_it_is_too_old(make, clock, web):
    web.answers["/index"] = {"hp": "0.00058", "at": START - 100}
    market = make(
        ReferenceSettings(
            name="index", unit="btc_per_ph_day", max_age=300.0, feed=feed("hp", "at", url=f"{web.url}/index")
        )
    )
    assert (await market.once()).published["index"].age == 100
    web.answers["/index"] = Says(b"<html>", 200)
    await clock.advance(200)
    now = await market.once()
    assert (now.published["index"].age, now.published["index"].btc_per_ph_day) == (300, 0.00058)
    await clock.advance(1)
    assert told(market.now) == {("mining_hashprice_reference_age_seconds", "index"): 301}
    assert market.tally.outcomes == {
        **market.tally.outcomes,
        ("reference index", "ok"): 1,
        ("reference index", "not_json"): 1,
    }


async def test_reads_a_file_repeatedly_while_the_market_runs(make, clock, tmp_path):
    import asyncio

    path = tmp_path / "index.json"
    path.write_text("0.0005")
    os.utime(path, (START, START))
    market = make(ReferenceSettings(name="index", unit="btc_per_ph_day", feed=feed(file=path, interval=30.0)))
    running = asyncio.create_task(market.run())
    for _ in range(5):
        await clock.advance(10)
        await asyncio.sleep(0.02)
    assert market.now.published["index"].btc_per_ph_day == 0.0005
    path.write_text("0.0006")
    os.utime(path, (START + 60, START + 60))
    for _ in range(5):
        await clock.advance(10)
        await asyncio.sleep(0.02)
    assert market.now.published["index"].btc_per_ph_day == 0.0006
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_fiat_references_need_a_price_and_checks_need_a_network(make, web):
    fiat = ReferenceSettings(name="fiat", unit="fiat_per_ph_day", value=45.0)
    plain = ReferenceSettings(name="plain", unit="btc_per_ph_day", value=0.0005)
    web.answers.clear()
    now = await make(fiat, plain).once()
    assert now.published["fiat"].btc_per_ph_day is None
    assert (now.published["plain"].btc_per_ph_day, now.published["plain"].check) == (0.0005, None)


@pytest.mark.parametrize("body", [b"", b"0", b"-1", b"1e12", b'"x"', b"true", b"null", b"{}", b"[]"])
def test_rejects_a_value_that_is_not_a_hashprice(body):
    with pytest.raises(SourceError):
        parse_figure(body, feed(), START)


@given(st.binary(max_size=40))
def test_any_body_is_a_figure_or_a_source_error(body):
    with contextlib.suppress(SourceError):
        assert parse_figure(body, feed(), START).value > 0


def test_a_figure_has_the_time_in_the_document():
    body = json.dumps({"v": 0.0005, "t": START - 60}).encode()
    assert parse_figure(body, feed("v", "t"), START) == PublishedFigure(0.0005, START - 60)


@given(
    st.floats(1e-9, 1e3),
    st.floats(1e6, 1e18),
    st.sampled_from([5_000_000_000, 312_500_000, 1, 0]),
    st.one_of(st.none(), st.floats(0, 1e10)),
)
def test_every_check_has_one_verdict(value, difficulty, subsidy, fees):
    found = check_published(value, difficulty, subsidy, fees)
    assert found.verdict in VERDICTS
    assert (found.verdict == "unchecked") == (fees is None and found.plausible)
    setting = ReferenceSettings(name="a", unit="btc_per_ph_day")
    own = OwnHashprice(None, difficulty, subsidy, fees, None)
    assert compare_references({"a": (setting, PublishedFigure(value, 0.0))}, own, 5.0)["a"].check == found
