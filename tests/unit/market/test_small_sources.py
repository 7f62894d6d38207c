"""Files, fixed values and paced services give their values with the right time."""

import asyncio

import pytest

from stratoscope.errors import SourceError
from stratoscope.market.settings import MarketSourceSettings
from stratoscope.market.sources import MarketSources
from stratoscope.market.sources.file import FileSource
from stratoscope.market.sources.fixed import FixedSource
from stratoscope.market.sources.source import PriceReport
from stratoscope.outside.source_metrics import SourceMetrics


async def test_reads_a_file_with_its_time(tmp_path):
    path = tmp_path / "market.json"
    path.write_text(
        '{"time": 1768209000, "currency": "USD", "price": 91000, "height": 931392,'
        ' "difficulty": 146472570619930.8, "fees": 0.0169}'
    )
    source = FileSource("file", path, SourceMetrics())
    assert await source.price("USD") == PriceReport(91000.0, 1768209000.0)
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
async def test_an_unusable_file_is_an_error(tmp_path, text):
    (tmp_path / "m.json").write_text(text)
    tally = SourceMetrics()
    with pytest.raises(SourceError):
        await FileSource("file", tmp_path / "m.json", tally).price("USD")
    assert sum(tally.outcomes.values()) == 1


async def test_a_missing_file_or_a_pipe_is_an_immediate_error(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", "pipe", "."):
        with pytest.raises(SourceError, match="unreachable"):
            await asyncio.wait_for(FileSource("file", tmp_path / name, SourceMetrics()).price("USD"), 60)


async def test_fixed_values_always_have_the_current_time(clock):
    settings = MarketSourceSettings(kind="fixed", price=91000.0, height=931392, difficulty=1.5e14, fees=0.02)
    source = FixedSource("fixed", settings, clock)
    assert await source.price("EUR") == PriceReport(91000.0)
    found = await source.network()
    assert (found.height, found.difficulty, found.fees, found.tip_time) == (931392, 1.5e14, 2e6, clock.time())


async def test_coingecko_is_queried_at_most_every_five_minutes(web, fetcher, clock):
    path = "/api/v3/simple/price?ids=bitcoin&vs_currencies=usd&include_last_updated_at=true"
    web.answers[path] = {"bitcoin": {"usd": 91000, "last_updated_at": 1_699_999_900}}
    (source,) = MarketSources((), (MarketSourceSettings(kind="coingecko", url=web.url),), fetcher).prices
    for _ in range(10):
        assert await source.price("USD") == PriceReport(91000.0, 1_699_999_900.0)
        await clock.advance(59)
    assert len(web.asked) == 2


async def test_a_failed_request_of_a_paced_source_is_repeated_in_the_next_round(web, fetcher, clock):
    (source,) = MarketSources((), (MarketSourceSettings(kind="coingecko", url=web.url),), fetcher).prices
    for _ in range(2):
        with pytest.raises(SourceError):
            await source.price("USD")
        await clock.advance(60)
    assert len(web.asked) == 2
