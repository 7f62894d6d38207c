"""The market cards of the status page, and the generated page of metrics."""

import re

from stratoscope.economics.call import GridCall
from stratoscope.market.choose import PriceState
from stratoscope.market.template import BlockTemplate
from stratoscope_exporters.exposition.docs import metrics_markdown
from unit.export.farm import NOW, farm
from unit.export.known_market import Known, economist


def test_docs_list_every_metric_with_labels():
    page = metrics_markdown()
    assert "| `mining_rig_hashrate_hashes_per_second` | gauge | H/s | stable |" in page
    assert "Labels: `rig`, `board`, `sensor`." in page
    assert "Off by default; enable with `windows: true`." in page
    assert "Labels: `state`." in page
    assert all(line.count("|") - line.count("\\|") in (0, 4, 6) for line in page.splitlines())


async def test_the_status_page_shows_the_market(site):
    session, _ = await site(farm(), market=Known())
    page = await (await session.get("/")).text()
    strip = page.partition('aria-label="Market"')[2].partition("</section>")[0]
    for words in (
        "39.27 USD",
        "91\u202f000 USD",
        "146.47 T",
        "block 931\u202f892",
        "coinbase, kraken · 20 s ago",
        "+1.4\u00a0% in 24 h",
        "39.38 USD by newest job",
    ):
        assert words in strip, words
    assert "contradicts" not in page
    assert "40.36 USD by observed network hashrate" in strip
    assert re.search(r"Next difficulty adjustment.*?[+−]\d+\.\d %", strip, re.DOTALL)


async def test_status_page_gives_the_reason_for_missing_market_values(site):
    wrong = "kraken: refused: <script>window.ran=1</script>"
    session, _ = await site(farm(), market=Known(price=PriceState(), price_wrong=wrong))
    strip = (await (await session.get("/")).text()).partition('aria-label="Market"')[2].partition("</section>")[0]
    assert "43.2 sat" in strip
    assert "&lt;script&gt;" in strip
    assert "<script" not in strip


async def test_contradicting_job_and_grid_request_are_shown_as_banners(site):
    fleet = farm()
    job = BlockTemplate(height=931_600, difficulty=1.2e14, coinbase_value=313_000_000, at=NOW - 5, endpoint="pool <a>")
    own = economist(Known(), fleet)
    own.call("default", GridCall(on=True, at=NOW))
    session, _ = await site(fleet, market=Known(template=job), economist=own)
    page = await (await session.get("/")).text()
    assert "The newest stratum job contradicts the market: different height." in page
    assert "The newest stratum job contradicts the market: different difficulty." in page
    assert "pool &lt;a&gt; works on block 931\u202f600; the market's newest block is 931\u202f892." in page
    assert "Tariff default: the grid requests less load; curtailment is advised." in page
    own.groups["default"].call = GridCall(on=True, at=NOW - 700)
    assert "grid requests are unknown" in await (await session.get("/")).text()


async def test_status_page_without_a_market_has_no_market_cards(site):
    session, _ = await site(farm())
    assert 'aria-label="Market"' not in await (await session.get("/")).text()
