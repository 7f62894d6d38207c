"""The status page's word on pools: the verdict, the band with its mark, the day in steps that lead to what was paid."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.reconcile.waterfall import PoolDay, split_day
from stratoscope.text import quantities
from stratoscope.units import DAY, PH
from stratoscope_exporters.exposition.config import PrometheusConfig
from stratoscope_exporters.exposition.metrics import PageMetrics
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.web.status.pages import StatusPages, TableQuery
from stratoscope_exporters.web.status.pool_card import band_scale, make_pool_card, waterfall_steps
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


def test_steps_lead_from_theoretical_to_credited():
    fall = split_day(day())
    assert fall is not None
    found = waterfall_steps(fall)
    assert [step.name for step in found] == [
        "Downtime",
        "Firmware fee",
        "Rejected shares",
        "Not credited",
        "Payout rate",
        "Pool fee",
        "Unexplained",
    ]
    assert fall.theoretical - sum(step.satoshis for step in found) == pytest.approx(390_000)
    assert max(step.bar for step in found) == pytest.approx(100.0)
    assert found[0].satoshis == pytest.approx(fall.costs["downtime"])


def test_an_unknown_factor_has_no_step():
    fall = split_day(day(compared_hashes=0.0, credited_hashes=0.0, fee=None, rate_ratio=None))
    assert fall is not None
    assert [step.name for step in waterfall_steps(fall)] == ["Downtime", "Unexplained"]
    assert fall.theoretical - sum(step.satoshis for step in waterfall_steps(fall)) == pytest.approx(390_000)


@given(st.floats(0, 3), st.floats(0, 5))
def test_band_and_mark_are_on_the_scale(ratio, band):
    found = band_scale(ratio, band)
    assert 0 <= found.left <= 50 <= found.right <= 100
    assert 0 <= found.mark <= 100
    assert (found.mark < 50) == (ratio < 1) or found.mark == pytest.approx(50)


def page(clock, reconciler) -> str:
    fleet = farm()
    made = replace(context(fleet, clock), reconciler=reconciler)
    renderer = Renderer(fleet, clock, PageMetrics(), PrometheusConfig())
    return StatusPages(made, renderer, PrometheusConfig()).overview(TableQuery(), [])


@pytest.fixture(scope="module")
def skimmed() -> Farm:
    made = Farm("page", count=80)
    made.credits = 0.94
    made.run(4)
    return made


def test_page_shows_that_a_pool_credits_too_little_and_how_much(clock, skimmed):
    html = page(clock, skimmed.reconciler)
    assert "credits too little" in html
    one = make_pool_card(skimmed.now)
    assert f"{quantities.percent_hundredths(one.compared.ratio)} <small>of the work due in 24 h" in html
    assert f"{quantities.percent_hundredths(1 - skimmed.now.shortfall.rate)} (±" in html
    assert "80 rigs matched." in html


def test_new_pool_shows_how_long_the_first_comparison_takes(clock):
    made = Farm("new", count=2)
    made.run(0.1)
    html = page(clock, made.reconciler)
    assert "not enough data yet" in html
    assert "No comparison yet" in html


def test_page_without_pools_has_no_pool_cards(clock):
    assert 'class="paid"' not in page(clock, None)


def test_pool_name_is_escaped(clock, skimmed):
    skimmed.reconciler._results = {"p": replace(skimmed.now, pool="<script>alert(1)</script>")}
    html = page(clock, skimmed.reconciler)
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "50.0 %"), (0.0012, "0.1 %"), (0.0001, "1 in 10\u202f000"), (0.0, "0 %"), (None, "–")]
)
def test_small_probabilities_are_shown_as_one_in_n(value, text):
    assert quantities.probability(value) == text


def test_long_durations_are_shown_in_years():
    assert quantities.long_duration(3 * DAY) == "3 d"
    assert quantities.long_duration(3836 * 365.25 * DAY) == "3\u202f836 years"


def test_satoshis_of_a_step_have_a_sign():
    assert [quantities.signed_satoshis(value) for value in (-3210.4, 63.2, 0.2, -0.4)] == [
        "−3\u202f210",
        "+63",
        "0",
        "0",
    ]
