"""The status page's word on pools: the verdict, the band with its mark, the day in steps that lead to what was paid."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.reconcile.waterfall import PoolDay, waterfall
from stratoscope.text import quantities
from stratoscope.units import DAY, PH
from stratoscope_exporters.exposition.meters import Meters
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.exposition.settings import Settings
from stratoscope_exporters.web.status.pages import Query, StatusPages
from stratoscope_exporters.web.status.pool_card import paid, scaled, steps
from unit.export.farm import context, farm
from unit.reconcile.farm import Farm

GROSS = 430_000.0


def day(**more) -> PoolDay:
    return PoolDay(
        **{
            "day": "2026-01-12",
            "site": "s",
            "pool": "p",
            "scheme": "fpps",
            "fee": 0.02,
            "firmware_fee": 0.02,
            "reported_hashes": PH * DAY,
            "valued_hashes": PH * DAY,
            "reported_sat": GROSS,
            "subsidy_sat": GROSS / 1.01,
            "watched_seconds": DAY,
            "rig_seconds": DAY,
            "heard_seconds": DAY,
            "hashing_seconds": 0.95 * DAY,
            "accepted": 990.0,
            "rejected": 10.0,
            "compared_hashes": PH * DAY,
            "credited_hashes": 0.95 * PH * DAY,
            "rate_ratio": 1.012,
            "earned_sat": 390_000,
            **more,
        }
    )


def test_the_steps_lead_from_theoretical_to_what_was_credited():
    fall = waterfall(day())
    assert fall is not None
    found = steps(fall)
    assert [step.words for step in found] == [
        "Downtime",
        "Firmware's fee",
        "Refused shares",
        "Not credited",
        "Rate for fees",
        "Pool's fee",
        "Unexplained",
    ]
    assert fall.theoretical - sum(step.satoshis for step in found) == pytest.approx(390_000)
    assert max(step.bar for step in found) == pytest.approx(100.0)
    assert found[0].satoshis == pytest.approx(fall.costs["downtime"])


def test_an_unknown_factor_has_no_step():
    fall = waterfall(day(compared_hashes=0.0, credited_hashes=0.0, fee=None, rate_ratio=None))
    assert fall is not None
    assert [step.words for step in steps(fall)] == ["Downtime", "Unexplained"]
    assert fall.theoretical - sum(step.satoshis for step in steps(fall)) == pytest.approx(390_000)


@given(st.floats(0, 3), st.floats(0, 5))
def test_band_and_mark_lie_on_the_scale(ratio, band):
    found = scaled(ratio, band)
    assert 0 <= found.left <= 50 <= found.right <= 100
    assert 0 <= found.mark <= 100
    assert (found.mark < 50) == (ratio < 1) or found.mark == pytest.approx(50)


def page(clock, reckoner) -> str:
    fleet = farm()
    made = replace(context(fleet, clock), reckoner=reckoner)
    renderer = Renderer(fleet, clock, Meters(), Settings())
    return StatusPages(made, renderer, Settings()).overview(Query(), [])


@pytest.fixture(scope="module")
def skimmed() -> Farm:
    made = Farm("page", count=80)
    made.credits = 0.94
    made.run(4)
    return made


def test_the_page_says_that_a_pool_credits_too_little_and_how_much(clock, skimmed):
    html = page(clock, skimmed.reckoner)
    assert "credits too little" in html
    one = paid(skimmed.now)
    assert f"{quantities.percent_hundredths(one.compared.ratio)} <small>of what was due in 24 h" in html
    assert f"{quantities.percent_hundredths(1 - skimmed.now.finding.rate)} (±" in html
    assert "80 rigs matched." in html


def test_a_pool_that_was_just_added_says_that_it_takes_a_while(clock):
    made = Farm("new", count=2)
    made.run(0.1)
    html = page(clock, made.reckoner)
    assert "too early to say" in html
    assert "Nothing compared yet" in html


def test_without_pools_the_page_says_nothing_of_them(clock):
    assert 'class="paid"' not in page(clock, None)


def test_a_pools_name_is_text_and_nothing_else(clock, skimmed):
    skimmed.reckoner._records = {"p": replace(skimmed.now, pool="<script>alert(1)</script>")}
    html = page(clock, skimmed.reckoner)
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "50.0 %"), (0.0012, "0.1 %"), (0.0001, "1 in 10\u202f000"), (0.0, "0 %"), (None, "–")]
)
def test_small_chances_are_told_as_one_in_so_many(value, text):
    assert quantities.probability(value) == text


def test_long_durations_are_told_in_years():
    assert quantities.long_duration(3 * DAY) == "3 d"
    assert quantities.long_duration(3836 * 365.25 * DAY) == "3\u202f836 years"


def test_satoshis_of_a_step_carry_their_sign():
    assert [quantities.signed_satoshis(value) for value in (-3210.4, 63.2, 0.2, -0.4)] == [
        "−3\u202f210",
        "+63",
        "0",
        "0",
    ]
