"""A price of power from a file or a service: what is right is taken exactly, what is wrong never becomes a price."""

import asyncio
import contextlib
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import StillClock, settle
from stratoscope.app.money_service import MoneyService
from stratoscope.economics.quote import quote_of
from stratoscope.economics.terms import Contract
from stratoscope.errors import SourceError
from stratoscope.market.tariff import External, Quote
from stratoscope.outside.feed import Feed, Reader, dotted_path
from stratoscope.outside.fetch import Fetcher
from stratoscope.outside.source_metrics import SourceTally
from unit.economics.stand import AT, tariff, terms


def feed(path: str = "", time_path: str | None = None, **more: Any) -> Feed:
    return Feed(
        **{
            "file": None,
            "url": None,
            "allow_http": False,
            "path": dotted_path(path),
            "time_path": None if time_path is None else dotted_path(time_path),
            "factor": Decimal(1),
            "interval": 60.0,
            **more,
        }
    )


@pytest.mark.parametrize(
    ("body", "path", "time_path", "factor", "price", "at"),
    [
        (b"0.045", "", None, "1", "0.045", AT),
        (b" -12.5 \n", "", None, "0.001", "-0.0125", AT),
        (b'{"state": "0.31"}', "state", None, "1", "0.31", AT),
        (
            b'{"data": {"rtm": {"price": 38.20, "ts": 1768199700}}}',
            "data.rtm.price",
            "data.rtm.ts",
            "0.001",
            "0.0382",
            1768199700.0,
        ),
        (b'{"rows": [{"v": 1}, {"v": 2, "t": 1768199700123}]}', "rows.1.v", "rows.1.t", "1", "2", 1768199700.123),
        (b'{"p": 1e-3, "t": "2026-01-12T00:35:00-06:00"}', "p", "t", "1", "0.001", 1768199700.0),
        (b'{"p": 5, "t": "2026-01-12T06:35:00Z"}', "p", "t", "1", "5", 1768199700.0),
    ],
)
def test_a_price_is_found_exactly_with_its_unit_and_time(body, path, time_path, factor, price, at):
    assert quote_of(body, feed(path, time_path, factor=Decimal(factor)), AT) == Quote(Decimal(price), at)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"<html>", "not_json"),
        (b'{"p": 0.05', "not_json"),
        (b'{"p": NaN}', "not_json"),
        (b"{}", "schema"),
        (b"[]", "schema"),
        (b'{"p": null, "t": 1}', "schema"),
        (b'{"p": true, "t": 1}', "schema"),
        (b'{"p": {}, "t": 1}', "schema"),
        (b'{"p": "", "t": 1}', "schema"),
        (b'{"p": "cheap", "t": 1}', "schema"),
        (b'{"p": "nan", "t": 1}', "schema"),
        (b'{"p": "inf", "t": 1}', "schema"),
        (b'{"p": 1e300, "t": 1}', "schema"),
        (b'{"p": 0.05}', "schema"),
        (b'{"p": 0.05, "t": "noon"}', "schema"),
        (b'{"p": 0.05, "t": null}', "schema"),
        (b'{"p": 0.05, "t": "2026-01-12T00:35:00"}', "schema"),
        (b'{"p": 0.05, "t": 1799999999}', "schema"),
        (b" " * (1 << 20) + b"0.05", "oversize"),
    ],
)
def test_what_is_no_price_is_refused_with_its_reason(body, reason):
    with pytest.raises(SourceError) as caught:
        quote_of(body, feed("p", "t"), AT)
    assert caught.value.reason == reason


@given(st.binary(max_size=60))
def test_whatever_comes_is_a_finite_price_or_a_source_error(body):
    with contextlib.suppress(SourceError):
        quote = quote_of(body, feed(), AT)
        assert quote.price.is_finite()


LEAVES = st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(-9, 9)


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("pt0"), inner)))
def test_whatever_json_comes_is_a_finite_price_or_a_source_error(document):
    with contextlib.suppress(SourceError):
        quote = quote_of(json.dumps(document).encode(), feed("p", "t"), AT)
        assert quote.price.is_finite()


@pytest.fixture
async def fetcher():
    made = Fetcher(StillClock(), lambda: 0.0, SourceTally())
    yield made
    await made.close()


@contextlib.asynccontextmanager
async def service(answer):
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_service_is_asked_with_its_path_and_query(fetcher):
    asked = []

    async def answer(request):
        asked.append(request.path_qs)
        return web.json_response({"data": [{"price": 61.5}]})

    async with service(answer) as url:
        reader = Reader("spot", feed("data.0.price", url=f"{url}/v1/price?hub=LZ%20WEST&n=1"), fetcher, quote_of)
        assert await reader.read(AT) == Quote(Decimal("61.5"), AT)
    assert asked == ["/v1/price?hub=LZ%20WEST&n=1"]


async def test_headers_go_with_the_request_and_show_nowhere_else(fetcher):
    seen = []

    async def answer(request):
        seen.append((request.headers["X-Api-Key"], request.headers["User-Agent"]))
        raise web.HTTPUnauthorized

    async with service(answer) as url:
        keyed = feed(url=url, headers=(("X-Api-Key", "geheim"),))
        with pytest.raises(SourceError) as caught:
            await Reader("spot", keyed, fetcher, quote_of).read(AT)
    assert caught.value.reason == "auth"
    assert "geheim" not in str(caught.value) + repr(keyed)
    ((key, agent),) = seen
    assert (key, agent.partition("/")[0]) == ("geheim", "stratoscope")


async def test_a_service_that_redirects_fails_or_is_gone_gives_a_reason_and_no_price(fetcher):
    async def answer(request):
        if request.path == "/away":
            raise web.HTTPFound("https://example.org/")
        raise web.HTTPInternalServerError

    async with service(answer) as url:
        for path, reason in (("away", "redirect"), ("broken", "http")):
            with pytest.raises(SourceError) as caught:
                await Reader("spot", feed(url=f"{url}/{path}"), fetcher, quote_of).read(AT)
            assert caught.value.reason == reason
    with pytest.raises(SourceError) as caught:
        await Reader("spot", feed(url=f"{url}/gone"), fetcher, quote_of).read(AT)
    assert caught.value.reason == "unreachable"


async def test_a_file_is_as_old_as_it_says_or_as_it_is(fetcher, tmp_path: Path):
    path = tmp_path / "price.json"
    reader = Reader("spot", feed("p", file=path), fetcher, quote_of)
    with pytest.raises(SourceError):
        await reader.read(AT)
    path.write_text('{"p": 0.07}')
    os.utime(path, (AT - 500, AT - 500))
    assert await reader.read(AT) == Quote(Decimal("0.07"), AT - 500)
    os.utime(path, (AT + 500, AT + 500))
    assert (await reader.read(AT)).at == AT
    with pytest.raises(SourceError, match="is a directory"):
        await Reader("spot", feed(file=tmp_path), fetcher, quote_of).read(AT)


async def test_feeds_are_followed_and_a_price_that_stays_away_is_shown_as_stale(fetcher, tmp_path: Path):
    path, clock = tmp_path / "price.json", StillClock(epoch=AT)
    path.write_text("0.07")

    def own(file: Path):
        contract = Contract(
            tariff=tariff(price=Decimal("0.05"), external=External(max_age=120.0, fallback="default")),
            feed=feed(file=file),
        )
        return terms(tariffs={"default": contract})

    async def live(seconds: float) -> None:
        for _ in range(int(seconds // 15)):
            os.utime(path, (clock.time(), clock.time())) if path.exists() else None
            await clock.advance(15.0)
            await asyncio.sleep(0.01)
            await settle()

    money = MoneyService(own(path), "north", None, fetcher, clock, lambda _: None)
    running = asyncio.create_task(money.run({}))
    await live(60)
    told = money.economist.tariffs(clock.time())["default"]
    assert (told.average, told.source, told.stale) == (0.07, "external", False)
    path.unlink()
    await live(240)
    told = money.economist.tariffs(clock.time())["default"]
    assert (told.average, told.source, told.stale) == (0.05, "default", True)
    other = tmp_path / "other.json"
    other.write_text("0.09")
    os.utime(other, (clock.time() + 50, clock.time() + 50))
    money.follow(own(other))
    await live(60)
    assert money.economist.tariffs(clock.time())["default"].average == 0.09
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
