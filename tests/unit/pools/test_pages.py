"""Tests pools on /metrics and on the status page: names, labels, and the absence of unreported values."""

import dataclasses

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from fakes.pool_answers import ADDRESS, NOW
from fakes.pool_site import KEY
from fakes.web import Says
from stratoscope.fleet import Fleet
from stratoscope.metrics import POOLS, Section
from stratoscope_exporters.exposition.config import PrometheusConfig
from stratoscope_exporters.exposition.metrics import PageMetrics
from stratoscope_exporters.exposition.page import PageRequest, Pages
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.exposition.text import PageFormat
from stratoscope_exporters.web.status.pages import StatusPages, TableQuery
from stratoscope_exporters.web.status.pool_windows import credited_hashrates, window_label
from unit.export.farm import HandClock, context


async def page(live, form=PageFormat.TEXT) -> str:
    clock, meters = HandClock(), PageMetrics()
    pages = Pages(
        Renderer(Fleet(), clock, meters, PrometheusConfig()),
        context(Fleet(), clock).registry,
        clock,
        meters,
        (Section(POOLS, lambda: live.now),),
    )
    try:
        return b"".join(await pages.get(PageRequest(form))).decode()
    finally:
        pages.close()


def samples(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(f",{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_foundry_account_on_the_metrics_page(pool_of):
    async with pool_of("foundry", workers={"acct.rig01": "rack1-top"}) as (live, _):
        await live.poll_once()
        text = await page(live)
        found = samples(text)
    assert found["mining_pool_up,here"] == 1
    assert found["mining_pool_info,foundry,here,fpps"] == 1
    assert found["mining_pool_hashrate_hashes_per_second,here,3600"] == 300e12
    assert found["mining_pool_balance_satoshis,here"] == 1_230_000
    assert found["mining_pool_paid_satoshis,here"] == 150_000_000
    assert found["mining_pool_earning_satoshis,here"] == 61_081
    assert found["mining_pool_earning_end_timestamp_seconds,here"] == 1_749_945_600
    assert found["mining_pool_rate_ratio,here"] == 1.018
    assert found["mining_pool_fee_ratio,here"] == 0
    assert found["mining_pool_workers,here,active"] == 2
    assert found["mining_pool_work,hashes,here,rejected,3600"] == 20e9 * 3600
    assert found["mining_pool_total_hashrate_hashes_per_second,here"] == 250e18
    assert found["mining_pool_requests_total,ok,here"] == 6
    assert found["mining_pool_age_seconds,account,here"] >= 0
    assert found["mining_worker_hashrate_hashes_per_second,here,rack1-top,3600,"] == 100e12
    assert not [name for name in found if "rig02" in name or "acct" in name]
    assert "mining_pool_payout_satoshis,here" not in found


async def test_the_page_is_valid_openmetrics_without_duplicate_series(pool_of):
    async with pool_of("public-pool", worker_names=True) as (live, _):
        await live.poll_once()
        text = await page(live, PageFormat.OPENMETRICS)
        plain = await page(live)
    assert {family.name for family in openmetrics(text)} >= {
        "mining_pool_hashrate_hashes_per_second",
        "mining_worker_active",
    }
    lines = [line.rpartition(" ")[0] for line in plain.splitlines() if not line.startswith("#")]
    assert len(lines) == len(set(lines))


async def test_an_unreadable_pool_has_only_series_about_polling(pool_of):
    async with pool_of("viabtc") as (live, site):
        site.instead = lambda _: Says(b"<html>", 200)
        await live.poll_once()
        found = samples(await page(live))
    names = {name.partition(",")[0] for name in found if name.startswith(("mining_pool", "mining_worker"))}
    assert names == {
        "mining_pool_up",
        "mining_pool_info",
        "mining_pool_requests_total",
        "mining_pool_workers_left_out",
        "mining_pool_unreadable_fields_total",
    }
    assert found["mining_pool_up,here"] == 0
    assert found["mining_pool_requests_total,not_json,here"] == 3


async def test_a_missing_field_is_counted_and_the_others_are_shown(pool_of):
    answer = {"code": 0, "data": {"hashrate_10min": "5000", "hashrate_1hour": "five", "active_workers": 1}}
    async with pool_of("viabtc") as (live, site):
        site.instead = lambda asked: Says(answer)
        await live.poll_once()
        found = samples(await page(live))
    assert found["mining_pool_unreadable_fields_total,here"] >= 2
    assert found["mining_pool_hashrate_hashes_per_second,here,600"] == 5000
    assert "mining_pool_hashrate_hashes_per_second,here,3600" not in found


async def test_no_secret_and_no_address_is_on_the_pages(pool_of):
    for kind in ("emcd", "ckpool"):
        async with pool_of(kind) as (live, _):
            await live.poll_once()
            text = await page(live) + overview(live)
        assert KEY not in text
        assert ADDRESS not in text


def overview(live) -> str:
    clock = HandClock()
    clock.now = NOW + 60 - clock.time()
    web_context = context(Fleet(), clock, pools=live)
    return StatusPages(
        web_context, Renderer(Fleet(), clock, PageMetrics(), PrometheusConfig()), PrometheusConfig()
    ).overview(TableQuery(), [])


async def test_the_status_page_shows_the_pools(pool_of):
    async with pool_of("foundry") as (live, _):
        await live.poll_once()
        text = overview(live)
    for expected in (
        "here",
        "300.0 TH/s" if "300.0 TH/s" in text else "300 TH/s",
        "in 1 h",
        "in 1 d",
        "61\u202f081 sat",
        "fpps",
    ):
        assert expected in text


async def test_the_status_page_shows_the_error_and_no_section_without_pools(pool_of):
    async with pool_of("viabtc") as (live, site):
        site.instead = lambda _: Says({"code": 12002, "message": "<b>bad</b> key"})
        await live.poll_once()
        text = overview(live)
        assert "auth: the pool says: 12002 &lt;b&gt;bad&lt;/b&gt; key" in text
        live.follow([])
        assert 'aria-label="Pools"' not in overview(live)


def test_shows_the_window_nearest_to_an_hour_and_the_day():
    from stratoscope.pools.report import PoolReport

    report = PoolReport(pool="a", kind="b", at=0.0, hashrate={60.0: 1.0, 300.0: 2.0, 86400.0: 3.0})
    assert credited_hashrates(report) == [(300.0, 2.0), (86400.0, 3.0)]
    assert credited_hashrates(dataclasses.replace(report, hashrate={0.0: 1.0})) == [(0.0, 1.0)]
    assert credited_hashrates(dataclasses.replace(report, hashrate={})) == credited_hashrates(None) == []
    assert [window_label(seconds) for seconds in (0.0, 600.0, 3600.0)] == ["now", "in 10 min", "in 1 h"]


@pytest.mark.parametrize("family", POOLS, ids=lambda family: family.title)
def test_an_empty_site_has_no_series(family):
    assert list(family.rows(())) == []
