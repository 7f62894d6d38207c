"""A stratum job as a third source: its hashprice, its network, and its disagreements with the market."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.market_site import DIFFICULTY
from fakes.web import Says, Web
from stratoscope.errors import SourceError
from stratoscope.market.chain import subsidy
from stratoscope.market.hashprice import template_hashprice
from stratoscope.market.service import MarketService
from stratoscope.market.settings import MarketSettings, MarketSourceSettings
from stratoscope.market.sources.stratum import StratumSource
from stratoscope.market.template import BlockTemplate, find_disagreements
from stratoscope.metrics import MARKET
from stratoscope.outside.source_metrics import SourceMetrics
from unit.market.conftest import HEIGHT, START

PAYS = 312_500_000 + 4_000_000


class Stratum:
    """A template source with one newest job that a test can replace."""

    def __init__(self, job: BlockTemplate | None = None) -> None:
        self.job = job

    def newest(self) -> BlockTemplate | None:
        return self.job


def job(height: int = HEIGHT + 1, at: float = START, **over) -> BlockTemplate:
    given = {"difficulty": DIFFICULTY, "coinbase_value": PAYS, "endpoint": "pool-a"} | over
    return BlockTemplate(height=height, at=at, **given)


@pytest.fixture
async def make(clock, market_site: Web):
    url = market_site.url
    made = []

    def market(stratum: Stratum | None, network=None, events=None) -> MarketService:
        settings = MarketSettings(
            network=tuple(network or (MarketSourceSettings(kind="mempool", url=url),)),
            prices=(MarketSourceSettings(kind="coinbase", url=url),),
        )
        heard = [].append if events is None else events.append
        made.append(MarketService(settings, clock, random01=lambda: 0.0, templates=stratum, events=heard))
        return made[-1]

    yield market
    for one in made:
        await one.close()


def told(now) -> dict:
    return {
        (metric.series, labels): metric.value(part)
        for family in MARKET
        for labels, part in family.rows(now)
        for metric in family.metrics
        if "template" in metric.series or "template" in labels
    }


async def test_the_newest_job_gives_a_template_hashprice(make):
    now = await make(Stratum(job(at=START - 20))).once()
    assert now.template.hashprice == template_hashprice(DIFFICULTY, PAYS, 91000)
    assert now.template.hashprice.template_btc_per_ph_day == pytest.approx(86400e15 * 3.165 / (DIFFICULTY * 2**32))
    assert now.ages["template", "stratum"] == 20
    assert told(now) == {
        ("mining_hashprice_template_btc_per_ph_day", ()): now.template.hashprice.template_btc_per_ph_day,
        ("mining_hashprice_template_sats_per_th_day", ()): now.template.hashprice.template_sats_per_th_day,
        ("mining_hashprice_template_fiat_per_ph_day", ("USD",)): now.template.hashprice.template_fiat_per_ph_day,
        ("mining_template_coinbase_satoshis", ()): PAYS,
        ("mining_template_height", ()): HEIGHT + 1,
        ("mining_template_disagrees", ("coinbase",)): 0,
        ("mining_template_disagrees", ("difficulty",)): 0,
        ("mining_template_disagrees", ("height",)): 0,
        ("mining_market_input_age_seconds", ("template", "stratum")): 20,
        ("mining_market_input_usable", ("template",)): 1,
    }
    assert now.hashprice.btc_per_ph_day < now.template.hashprice.template_btc_per_ph_day  # 2 M sat of fees against 4 M


async def test_no_template_without_watched_endpoints(make):
    now = await make(None).once()
    assert (now.template, told(now)) == (None, {})


async def test_the_template_of_a_silent_endpoint_expires(make, clock):
    market = make(Stratum(job()))
    await market.once()
    await clock.advance(900)
    assert market.now.template is not None
    await clock.advance(1)
    assert (market.now.template, market.now.stale["template"]) == (None, "the newest job is 901 s old")
    assert told(market.now)["mining_market_input_usable", ("template",)] == 0


async def test_reports_that_no_job_has_been_received_yet(make):
    assert (await make(Stratum()).once()).stale["template"] == "no job has been received yet"


async def test_the_template_hashprice_in_bitcoin_needs_neither_price_nor_network(make, web):
    web.answers.clear()
    now = await make(Stratum(job())).once()
    assert now.hashprice is None
    assert now.template.hashprice.template_btc_per_ph_day > 0
    assert now.template.hashprice.template_fiat_per_ph_day is None
    assert dict(now.template.disagreements) == {"coinbase": False}


async def test_sends_one_event_for_a_disagreement_and_one_for_its_end(make, clock):
    events, stratum = [], Stratum(job())
    market = make(stratum, events=events)
    await market.once()
    assert events == []
    stratum.job = job(HEIGHT - 500, START + 60, difficulty=DIFFICULTY)
    for _ in range(3):
        await clock.advance(60)
        stratum.job = job(HEIGHT - 500, clock.time())
        await market.once()
    stratum.job = job(HEIGHT + 1, clock.time())
    await clock.advance(60)
    await market.once()
    assert [(e.kind, e.details["what"], e.details["differs"]) for e in events] == [
        ("market_disagreement", "height", True),
        ("market_disagreement", "height", False),
    ]
    assert events[0].text == "the job of pool-a and the market disagree about height: job 900,499, market 901,000"


async def test_no_hashprice_from_a_coinbase_below_the_subsidy(make):
    now = await make(Stratum(job(coinbase_value=312_499_999))).once()
    assert now.template.hashprice is None
    assert now.template.disagreements["coinbase"] is True
    assert now.stale["template"] == "the coinbase pays less than the subsidy of its height"


@pytest.mark.parametrize(
    ("height", "difficulty", "expected"),
    [
        (HEIGHT + 1, DIFFICULTY, {"height": False, "difficulty": False}),
        (HEIGHT + 4, DIFFICULTY * (1 + 1e-9), {"height": False, "difficulty": False}),
        (HEIGHT + 5, DIFFICULTY, {"height": True, "difficulty": False}),
        (HEIGHT - 3, DIFFICULTY * 1.01, {"height": True, "difficulty": True}),
        (901152, DIFFICULTY * 1.07, {"height": True}),  # the next epoch: its difficulty is another by right
    ],
)
def test_compares_height_and_difficulty_if_possible(height, difficulty, expected):
    pays = subsidy(height) + 1
    found = find_disagreements(job(height, difficulty=difficulty, coinbase_value=pays), (HEIGHT, DIFFICULTY))
    assert found == expected | {"coinbase": False}


async def test_stratum_alone_gives_the_network_and_after_a_day_the_fees(make, clock):
    stratum = Stratum(job())
    market = make(stratum, network=[MarketSourceSettings(kind="stratum")])
    now = await market.once()
    assert (now.height.value, now.difficulty.value, now.height.source) == (HEIGHT, DIFFICULTY, "stratum")
    assert now.hashprice is None
    assert now.stale["fees"] == "too few jobs were received for the mean fees of a day"
    assert (now.template.hashprice is not None, dict(now.template.disagreements)) == (True, {"coinbase": False})
    for more in range(1, 109):
        await clock.advance(600)
        stratum.job = job(HEIGHT + 1 + more, clock.time(), coinbase_value=PAYS + more)
        now = await market.once()
        assert (now.fees is None) == (more < 108), more
    assert now.fees.value == pytest.approx(4_000_000 + sum(range(108)) / 108)
    assert market.tally.outcomes["stratum", "ok"] == 109


async def test_a_complete_report_of_another_source_takes_precedence(make, web):
    network = [MarketSourceSettings(kind="stratum"), MarketSourceSettings(kind="mempool", url=web.url)]
    assert (await make(Stratum(job()), network).once()).difficulty.source == "mempool"
    web.answers.clear()
    web.answers["/"] = Says(b"", 500)
    assert (await make(Stratum(job()), network).once()).difficulty.source == "stratum"


async def test_does_not_use_the_difficulty_of_the_first_job_of_an_epoch_for_the_tip(clock):
    stratum = Stratum(job(901152, difficulty=DIFFICULTY * 1.05))
    source = StratumSource("stratum", stratum, clock, SourceMetrics())
    with pytest.raises(SourceError, match="starts an epoch"):
        await source.network()
    stratum.job = job(901151)
    assert (await source.network()).difficulty == DIFFICULTY
    stratum.job = job(901152, difficulty=DIFFICULTY * 1.05)
    found = await source.network()
    assert (found.height, found.difficulty) == (901151, DIFFICULTY)
    stratum.job = job(901153, difficulty=DIFFICULTY * 1.05)
    found = await source.network()
    assert (found.height, found.difficulty) == (901152, DIFFICULTY * 1.05)


@pytest.mark.parametrize(
    ("stratum", "why"),
    [
        (None, "no stratum endpoint is watched"),
        (Stratum(), "no job has been received yet"),
        (Stratum(job(at=START - 901)), "901 s old"),
        (Stratum(job(coinbase_value=1)), "less than the subsidy"),
    ],
)
async def test_a_stratum_source_without_a_usable_job_names_the_reason(clock, stratum, why):
    tally = SourceMetrics()
    with pytest.raises(SourceError, match=why):
        await StratumSource("stratum", stratum, clock, tally).network()
    assert sum(tally.outcomes.values()) == 1


@given(st.integers(1, 7_000_000), st.floats(1, 1e20), st.integers(0, 2**63 - 1))
def test_any_job_is_judged_without_an_exception(height, difficulty, value):
    found = job(height, difficulty=difficulty, coinbase_value=value)
    assert found.is_plausible == (value >= subsidy(height))
    assert set(find_disagreements(found, (HEIGHT, DIFFICULTY))) >= {"height", "coinbase"}
