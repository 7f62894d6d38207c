"""Proves the metrics page: its golden text, what parsers read from it, what is dropped and what is shared."""

import asyncio
import difflib
import os
import pathlib
import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from stratoscope.fleet import Fleet
from stratoscope.market.choose import NetworkState, PriceState
from stratoscope.metrics import MARKET, SITE_MONEY, TABLE, MetricKind
from stratoscope_exporters.exposition.text import PageFormat, rig_label
from unit.export.conftest import program
from unit.export.farm import NOW, antminer, farm, offline, whatsminer
from unit.export.known_market import Known, economist

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "metrics.txt"


def samples(page: str, form: PageFormat = PageFormat.TEXT) -> dict[tuple, float]:
    parse = parse_text if form is PageFormat.TEXT else parse_openmetrics
    found = {}
    for family in parse(page):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"the series {key} is there twice"
            found[key] = sample.value
    return found


def of(page: str, name: str, **labels) -> float | None:
    return samples(page).get((name, tuple(sorted(labels.items()))))


async def test_page_of_the_fixture_fleet_equals_the_golden_file(text_of):
    market, fleet = Known(), farm()
    page = await text_of(fleet, market=market, economist=economist(market, fleet))
    if os.environ.get("STRATOSCOPE_REWRITE_GOLDEN"):
        GOLDEN.write_text(page)
    wanted = GOLDEN.read_text()
    difference = "\n".join(difflib.unified_diff(wanted.splitlines(), page.splitlines(), "golden", "page", n=0))
    assert not difference, f"set STRATOSCOPE_REWRITE_GOLDEN=1 if this is meant:\n{difference}"


async def test_text_and_openmetrics_contain_the_same_samples(text_of):
    options = {"windows": True, "pool_counters": True, "privacy": "full", "max_series_per_rig": 200}
    text = samples(await text_of(farm(), **options))
    modern_page = await text_of(farm(), PageFormat.OPENMETRICS, **options)
    assert modern_page.endswith("# EOF\n")
    assert samples(modern_page, PageFormat.OPENMETRICS) == text
    assert len(text) > 200
    assert text[("mining_rig_hashrate_hashes_per_second", (("rig", "hall1-07"),))] == 109.5e12
    assert (
        text[("mining_hashboard_temperature_celsius", (("board", "2"), ("rig", "hall1-07"), ("sensor", "chip")))]
        == 73.5
    )


async def test_every_metric_of_the_table_appears_for_some_rig(text_of):
    fleet = farm()
    fleet.publish(antminer("full", reading=None))
    page = await text_of(fleet, windows=True, pool_counters=True, privacy="full", max_series_per_rig=200)
    names = {name for name, _ in samples(page)}
    table = {metric.series for family in TABLE for metric in family.metrics}
    assert table <= names, sorted(table - names)


async def test_every_market_metric_appears_once_it_is_known(text_of):
    page = await text_of(farm(), market=Known())
    table = {metric.series for family in MARKET for metric in family.metrics}
    assert table == {name for name, _ in samples(page)} & table
    assert samples(await text_of(farm(), PageFormat.OPENMETRICS, market=Known()), PageFormat.OPENMETRICS) == samples(
        page
    )


async def test_every_site_money_metric_appears_once_it_is_known(text_of):
    market, fleet = Known(), farm()
    page = await text_of(fleet, market=market, economist=economist(market, fleet))
    table = {metric.series for family in SITE_MONEY for metric in family.metrics}
    assert table == {name for name, _ in samples(page)} & table


async def test_unknown_market_values_have_no_series(text_of):
    page = await text_of(farm(), market=Known(price=PriceState()))
    names = {name for name, _ in samples(page)}
    assert not [
        name
        for name in names
        if (name.startswith("mining_hashprice") and "fiat" in name)
        or name in ("mining_btc_price", "mining_hashprice_change_ratio")
    ]
    assert of(page, "mining_hashprice_btc_per_ph_day") == pytest.approx(0.00043151, rel=1e-4)
    assert of(page, "mining_market_input_usable", input="price") == 0
    page = await text_of(farm(), market=Known(network=NetworkState(), template=None, references={}))
    names = {name for name, _ in samples(page) if name.startswith("mining_") and "rig" not in name}
    assert not [name for name in names if "hashprice" in name or "network" in name]
    assert of(page, "mining_btc_price", currency="USD") == 91_000
    assert of(page, "mining_market_input_usable", input="tip") == 0


async def test_no_market_series_without_a_market(text_of):
    table = {metric.series for family in MARKET for metric in family.metrics}
    assert not table & {name for name, _ in samples(await text_of(farm()))}


async def test_market_is_only_on_the_first_part(text_of):
    parts = [await text_of(farm(), part=(k, 2), market=Known()) for k in (1, 2)]
    assert ["mining_btc_price" in part for part in parts] == [True, False]


async def test_families_are_contiguous_and_each_has_help_and_type_once(text_of):
    seen, current = set(), None
    for line in (await text_of(farm(), market=Known())).splitlines():
        name = line.split()[2] if line.startswith("#") else line.partition("{")[0].partition(" ")[0]
        if line.startswith("# HELP"):
            assert name not in seen, f"{name} is there twice"
            seen.add(name)
            current = name
        assert name == current, f"{line!r} stands among the lines of {current}"


@pytest.mark.needs("promtool")
async def test_promtool_accepts_the_page(text_of):
    page = await text_of(farm(), windows=True, pool_counters=True, privacy="full", max_series_per_rig=200)
    done = await asyncio.to_thread(
        subprocess.run, [program("promtool"), "check", "metrics"], input=page.encode(), capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_counters_and_only_counters_end_in_total():
    for family in TABLE:
        for metric in family.metrics:
            assert metric.series.endswith("_total") == (metric.kind is MetricKind.COUNTER)
            assert '"' not in metric.help


async def test_unknown_is_absent_and_never_zero(text_of):
    fleet = Fleet()
    fleet.publish(whatsminer())
    page = await text_of(fleet)
    assert of(page, "mining_rig_shares_total", rig="hall1-08", result="accepted") is None
    assert "mining_rig_expected_hashes_per_second" not in page
    assert of(page, "mining_hashboard_hashrate_hashes_per_second", rig="hall1-08", board="2") == 0
    assert of(page, "mining_fan_speed_rpm", rig="hall1-08", fan="1") == 0
    assert " NaN" not in page
    assert " None" not in page


async def test_site_totals_have_a_coverage(text_of):
    page = await text_of(farm())
    name = "mining_site_hashrate_hashes_per_second"
    assert of(page, name, algorithm="sha256") == pytest.approx(109.5e12)
    assert of(page, name, algorithm="unknown") == pytest.approx(76e12 + 1.14e12 + 9e12)
    assert of(page, "mining_site_coverage_ratio") == pytest.approx(4 / 6)
    assert of(page, "mining_site_power_watts") == pytest.approx(3250 + 3306 + 17.4)
    assert of(page, "mining_site_rigs", state="hashing") == 3
    assert of(page, "mining_site_rigs", state="locked") == 0


async def test_user_names_and_url_secrets_are_hidden_by_default(text_of):
    page = await text_of(farm())
    assert "secret" not in page
    assert "acct.rig07" not in page
    assert 'url="stratum+tcp://pool0.example.net:3333/"' in page
    full = await text_of(farm(), privacy="full", max_series_per_rig=100)
    assert 'user="acct.rig07"' in full
    assert "secret" not in full


async def test_hashrate_windows_are_off_by_default(text_of):
    assert "mining_rig_hashrate_window" not in await text_of(farm())
    page = await text_of(farm(), windows=True, max_series_per_rig=100)
    assert of(page, "mining_rig_hashrate_window_hashes_per_second", rig="hall1-07", window="5s") == 111.2e12


def test_rig_ids_that_are_equal_after_cleaning_stay_different():
    assert rig_label("a\n") != rig_label("a") == "a"
    assert rig_label("a\n") != rig_label("a\t")
    assert rig_label("x" * 200) != rig_label("x" * 201)
    assert rig_label("\udc80").isascii()


async def test_rig_without_a_reading_is_down(text_of):
    fleet = Fleet()
    fleet.publish(offline())
    page = await text_of(fleet)
    assert of(page, "mining_rig_up", rig="hall1-09") == 0
    assert of(page, "mining_rig_polls_total", rig="hall1-09", outcome="timeout") == 31
    assert of(page, "mining_rig_last_success_timestamp_seconds", rig="hall1-09") == NOW - 900


def test_nameplate_ratio_uses_only_rigs_with_a_nameplate():
    from stratoscope.metrics import RigContribution, totals

    known = RigContribution("hashing", fresh=True, hashrate=90e12, nameplate=100e12, algorithm="sha256")
    unknown = RigContribution("hashing", fresh=True, hashrate=150e12, algorithm="sha256")

    assert totals([known, unknown]).nameplate_ratio == 0.9
    assert totals([unknown]).nameplate_ratio is None
    assert totals([known, unknown]).hashrate == 240e12
