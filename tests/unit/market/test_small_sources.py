"""Files, fixed figures and paced services give what they hold, as of when it was true."""

import asyncio

import pytest

from stratoscope.errors import SourceError
from stratoscope.market.settings import SourceSettings
from stratoscope.market.sources import coingecko
from stratoscope.market.sources.file import File
from stratoscope.market.sources.fixed import Fixed
from stratoscope.market.sources.source import Price
from stratoscope.outside.fetch import Remote
from stratoscope.outside.source_metrics import SourceTally


async def test_a_file_gives_what_it_holds_as_of_its_time(tmp_path):
    path = tmp_path / "market.json"
    path.write_text(
        '{"time": 1768209000, "currency": "USD", "price": 91000, "height": 931392,'
        ' "difficulty": 146472570619930.8, "fees": 0.0169}'
    )
    source = File("file", path, SourceTally())
    assert await source.price("USD") == Price(91000.0, 1768209000.0)
    found = await source.network()
    assert (found.height, found.difficulty, found.tip_time) == (931392, 146472570619930.8, 1768209000.0)
    assert found.fees == pytest.approx(1_690_000)
    with pytest.raises(SourceError, match="no price in EUR"):
        await source.price("EUR")
    path.write_text('{"price": "91000.5"}')
    assert (await source.price("USD")).at == pytest.approx(path.stat().st_mtime)
    with pytest.raises(SourceError, match="no height"):
        await source.network()


@pytest.mark.parametrize(
    "text", ["", "{", '{"price": 0}', '{"price": -5}', '{"price": true}', '{"price": 1e13}', " " * 70000]
)
async def test_a_file_that_holds_nothing_usable_is_an_error(tmp_path, text):
    (tmp_path / "m.json").write_text(text)
    tally = SourceTally()
    with pytest.raises(SourceError):
        await File("file", tmp_path / "m.json", tally).price("USD")
    assert sum(tally.outcomes.values()) == 1


async def test_a_missing_file_and_a_pipe_are_errors_at_once(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", "pipe", "."):
        with pytest.raises(SourceError, match="unreachable"):
            await asyncio.wait_for(File("file", tmp_path / name, SourceTally()).price("USD"), 5)


async def test_fixed_figures_are_always_of_now(clock):
    settings = SourceSettings(kind="fixed", price=91000.0, height=931392, difficulty=1.5e14, fees=0.02)
    source = Fixed("fixed", settings, clock)
    assert await source.price("EUR") == Price(91000.0)
    found = await source.network()
    assert (found.height, found.difficulty, found.fees, found.tip_time) == (931392, 1.5e14, 2e6, clock.time())


async def test_coingecko_is_asked_every_five_minutes_at_most(web, fetcher, clock):
    path = "/api/v3/simple/price?ids=bitcoin&vs_currencies=usd&include_last_updated_at=true"
    web.answers[path] = {"bitcoin": {"usd": 91000, "last_updated_at": 1_699_999_900}}
    source = coingecko.Coingecko(Remote("coingecko", web.url, fetcher), clock)
    for _ in range(10):
        assert await source.price("USD") == Price(91000.0, 1_699_999_900.0)
        await clock.advance(59)
    assert len(web.asked) == 2
