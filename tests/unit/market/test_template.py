"""A stratum job is a third opinion on the market: what it pays, what it says of the network, where it is at odds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.market_site import DIFFICULTY
from fakes.web import Says, Web
from stratoscope.errors import SourceError
from stratoscope.market.chain import subsidy
from stratoscope.market.hashprice import template_hashprice
from stratoscope.market.service import LiveMarket
from stratoscope.market.settings import MarketSettings, SourceSettings
from stratoscope.market.sources.stratum import Watched
from stratoscope.market.template import Template, apart
from stratoscope.metrics import MARKET
from stratoscope.outside.source_metrics import SourceTally
from unit.market.conftest import HEIGHT, START

PAYS = 312_500_000 + 4_000_000


class Stratum:
    """Stands for the stratum room: one newest job, which a test may change."""

    def __init__(self, job: Template | None = None) -> None:
        self.job = job

    def newest(self) -> Template | None:
        return self.job


def job(height: int = HEIGHT + 1, at: float = START, **over) -> Template:
    given = {"difficulty": DIFFICULTY, "coinbase_value": PAYS, "endpoint": "pool-a"} | over
    return Template(height=height, at=at, **given)


@pytest.fixture
async def make(clock, market_site: Web):
    url = market_site.url
    made = []

    def market(stratum: Stratum | None, network=None, events=None) -> LiveMarket:
        settings = MarketSettings(
            network=tuple(network or (SourceSettings(kind="mempool", url=url),)),
            prices=(SourceSettings(kind="coinbase", url=url),),
        )
        heard = [].append if events is None else events.append
        made.append(LiveMarket(settings, clock, chance=lambda: 0.0, templates=stratum, events=heard))
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


async def test_the_newest_job_gives_a_third_hashprice_under_its_own_names(make):
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


async def test_where_no_stratum_is_watched_nothing_is_said_of_templates(make):
    now = await make(None).once()
    assert (now.template, told(now)) == (None, {})


async def test_a_silent_endpoint_leaves_the_template_absent(make, clock):
    market = make(Stratum(job()))
    await market.once()
    await clock.advance(900)
    assert market.now.template is not None
    await clock.advance(1)
    assert (market.now.template, market.now.stale["template"]) == (None, "the newest job is 901 s old")
    assert told(market.now)["mining_market_input_usable", ("template",)] == 0


async def test_before_the_first_job_it_is_said_that_there_was_none(make):
    assert (await make(Stratum()).once()).stale["template"] == "no job was seen yet"


async def test_without_a_price_the_bitcoin_figures_stay_and_without_a_network_too(make, web):
    web.answers.clear()
    now = await make(Stratum(job())).once()
    assert now.hashprice is None
    assert now.template.hashprice.template_btc_per_ph_day > 0
    assert now.template.hashprice.template_fiat_per_ph_day is None
    assert dict(now.template.apart) == {"coinbase": False}


async def test_a_job_at_odds_is_an_event_once_and_once_more_when_it_agrees_again(make, clock):
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
    assert events[0].text == "the job of pool-a and the market disagree about height: 900,499 against 901,000"


async def test_a_coinbase_below_the_subsidy_gives_no_hashprice(make):
    now = await make(Stratum(job(coinbase_value=312_499_999))).once()
    assert now.template.hashprice is None
    assert now.template.apart["coinbase"] is True
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
def test_height_and_difficulty_are_compared_where_they_can_be(height, difficulty, expected):
    pays = subsidy(height) + 1
    found = apart(job(height, difficulty=difficulty, coinbase_value=pays), (HEIGHT, DIFFICULTY))
    assert found == expected | {"coinbase": False}


async def test_stratum_alone_gives_the_network_and_after_a_day_its_fees(make, clock):
    stratum = Stratum(job())
    market = make(stratum, network=[SourceSettings(kind="stratum")])
    now = await market.once()
    assert (now.height.value, now.difficulty.value, now.height.source) == (HEIGHT, DIFFICULTY, "stratum")
    assert now.hashprice is None
    assert now.stale["fees"] == "fewer jobs were seen than a day's mean of fees needs"
    assert (now.template.hashprice is not None, dict(now.template.apart)) == (True, {"coinbase": False})
    for more in range(1, 109):
        await clock.advance(600)
        stratum.job = job(HEIGHT + 1 + more, clock.time(), coinbase_value=PAYS + more)
        now = await market.once()
        assert (now.fees is None) == (more < 108), more
    assert now.fees.value == pytest.approx(4_000_000 + sum(range(108)) / 108)
    assert market.tally.outcomes["stratum", "ok"] == 109


async def test_a_whole_answer_of_another_source_comes_before_one_without_fees(make, web):
    network = [SourceSettings(kind="stratum"), SourceSettings(kind="mempool", url=web.url)]
    assert (await make(Stratum(job()), network).once()).difficulty.source == "mempool"
    web.answers.clear()
    web.answers["/"] = Says(b"", 500)
    assert (await make(Stratum(job()), network).once()).difficulty.source == "stratum"


async def test_the_first_job_of_an_epoch_does_not_pass_its_difficulty_off_as_the_tips(clock):
    stratum = Stratum(job(901152, difficulty=DIFFICULTY * 1.05))
    source = Watched("stratum", stratum, clock, SourceTally())
    with pytest.raises(SourceError, match="begins an epoch"):
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
        (Stratum(), "no job was seen yet"),
        (Stratum(job(at=START - 901)), "901 s old"),
        (Stratum(job(coinbase_value=1)), "less than the subsidy"),
    ],
)
async def test_a_source_without_a_job_to_trust_says_why(clock, stratum, why):
    tally = SourceTally()
    with pytest.raises(SourceError, match=why):
        await Watched("stratum", stratum, clock, tally).network()
    assert sum(tally.outcomes.values()) == 1


@given(st.integers(1, 7_000_000), st.floats(1, 1e20), st.integers(0, 2**63 - 1))
def test_any_job_is_judged_without_an_exception(height, difficulty, value):
    found = job(height, difficulty=difficulty, coinbase_value=value)
    assert found.whole == (value >= subsidy(height))
    assert set(apart(found, (HEIGHT, DIFFICULTY))) >= {"height", "coinbase"}
