"""What remains on the metrics page when readings become stale, rigs leave and money is unknown."""

import math
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from stratoscope.fleet import Fleet
from stratoscope_exporters.exposition.config import PrometheusConfig
from stratoscope_exporters.exposition.metrics import PageMetrics
from stratoscope_exporters.exposition.page import PageRequest, Pages
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.exposition.text import PageFormat
from unit.economics.money_bench import MoneyBench
from unit.export.farm import MONEY, NOW, antminer, farm, whatsminer
from unit.export.test_page import samples


def of(page: str, name: str, **labels) -> float | None:
    return samples(page).get((name, tuple(sorted(labels.items()))))


async def test_stale_reading_leaves_only_health_state_identity_and_polling(exporter, clock):
    fleet = Fleet()
    fleet.publish(antminer())
    _, pages, _ = exporter(fleet)
    clock.now = 80  # 84 s old, limit 90 s
    assert "mining_rig_hashrate_hashes_per_second{" in b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()
    clock.now = 87  # nobody published since: its loop died
    page = b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()
    left = {name for name, labels in samples(page) if ("rig", "hall1-07") in labels}
    assert left == {
        "mining_rig_up",
        "mining_rig_last_success_timestamp_seconds",
        "mining_rig_info",
        "mining_rig_state",
        "mining_rig_polls_total",
        "mining_rig_poll_duration_seconds",
        "mining_rig_polls_skipped_total",
        "mining_rig_defects_total",
        "mining_rig_tag_info",
        "mining_rig_commands_refused_total",
    }
    assert of(page, "mining_rig_up", rig="hall1-07") == 0
    assert of(page, "mining_rig_state", rig="hall1-07", state="hashing") == 0
    assert of(page, "mining_rig_state", rig="hall1-07", state="offline") == 1
    assert of(page, "mining_site_coverage_ratio") == 0
    assert "mining_site_hashrate_hashes_per_second{" not in page
    assert 'model="S19 Pro"' in page


async def test_failed_poll_does_not_extend_the_freshness_of_the_old_reading(exporter, clock):
    fleet = Fleet()
    fleet.publish(antminer())
    _, pages, _ = exporter(fleet)
    for clock.now in (30, 60):
        fleet.publish(antminer())
        await pages.get(PageRequest(PageFormat.TEXT))
    clock.now = 87
    assert "mining_rig_power_watts{" not in b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()


async def test_wall_clock_step_makes_nothing_stale(exporter, clock):
    fleet = Fleet()
    fleet.publish(antminer())
    _, pages, _ = exporter(fleet)
    await pages.get(PageRequest(PageFormat.TEXT))
    clock.stepped = 3600
    clock.now = 5
    assert "mining_rig_power_watts{" in b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()


async def test_removed_rig_disappears_and_new_value_appears_immediately(exporter):
    fleet = farm()
    renderer, pages, meters = exporter(fleet)
    before = samples(b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode())
    assert len([1 for name, _ in before if name.startswith("mining_rig") or "board" in name or "fan" in name]) == (
        renderer.series
    )
    fleet.remove("hall1-07")
    fleet.publish(whatsminer())
    page = b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()
    assert "hall1-07" not in page
    assert meters.series == renderer.series < len(before)


async def test_site_energy_counts_since_the_start_and_never_decreases(exporter, clock):
    fleet = Fleet()
    _, pages, _ = exporter(fleet)
    seen = []
    for clock.now, energy in ((0, 5e9), (30, 5e9 + 100), (60, 5e9 + 250), (90, 10.0)):
        counters = antminer().counters
        fleet.publish(antminer(at=NOW + clock.now, counters=type(counters)(energy=energy)))
        seen.append(
            of(b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode(), "mining_site_energy_joules_total")
        )
    fleet.remove("hall1-07")
    seen.append(of(b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode(), "mining_site_energy_joules_total"))
    assert seen == [0, 100, 250, 250, 250]


async def test_money_disappears_with_the_reading_or_the_economist(exporter, clock):
    fleet = Fleet()
    fleet.publish(antminer())
    _, pages, _ = exporter(fleet)
    page = b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()
    assert of(page, "mining_rig_revenue_satoshis_total", rig="hall1-07") == 9312
    assert of(page, "mining_rig_margin_fiat_per_day", rig="hall1-07", currency="USD") == 0.15825
    assert of(page, "mining_rig_power_credit_fiat_total", rig="hall1-07", currency="USD") == 0.0025
    assert of(page, "mining_rig_curtail_advised", rig="hall1-07") == 0
    fleet.publish(antminer(at=NOW + 1, economics=None))
    assert "fiat" not in b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()
    fleet.publish(antminer(at=NOW + 2))
    assert "fiat" in b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()
    clock.now = 93
    page = b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()
    assert "fiat" not in page
    assert "satoshis" not in page


@pytest.mark.parametrize(("advice", "value"), [("run", 0), ("curtail", 1), ("unknown", None), (None, None)])
async def test_unknown_curtailment_advice_is_absent(text_of, advice, value):
    fleet = Fleet()
    fleet.publish(antminer(economics=replace(MONEY, advice=advice, payback=math.inf)))
    page = await text_of(fleet)
    assert of(page, "mining_rig_curtail_advised", rig="hall1-07") == value
    assert of(page, "mining_rig_payback_seconds", rig="hall1-07") is None


async def test_site_money_is_on_the_page_with_its_coverage(clock):
    bench = MoneyBench(hosting_per_kw_month=121.0)
    bench.economist.update({}, clock.monotonic(), clock.time())
    fleet, meters = farm(), PageMetrics()
    pages = Pages(
        Renderer(fleet, clock, meters, PrometheusConfig()),
        CollectorRegistry(),
        clock,
        meters,
        (),
        bench.economist,
    )
    for form in PageFormat:
        page = b"".join(await pages.get(PageRequest(form))).decode()
        found = samples(page, form)
        assert found["mining_site_margin_fiat_per_day", (("currency", "USD"),)] == pytest.approx(0.15825)
        assert found["mining_site_money_coverage_ratio", (("quantity", "gross_margin"),)] == pytest.approx(1 / 6)
        price = ("currency", "USD"), ("kind", "average"), ("tariff", "default")
        assert found["mining_tariff_price_fiat_per_kwh", price] == 0.05
        assert found["mining_tariff_price_source_info", (("source", "fixed"), ("tariff", "default"))] == 1
    pages.close()
