"""Proves the metrics page: its golden text, what parsers read from it, what is dropped and what is shared."""

import asyncio
import difflib
import gzip
import math
import os
import pathlib
import subprocess
import zlib
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from stratoscope.fleet import Fleet
from stratoscope.market.choose import NetworkState, PriceState
from stratoscope.metrics import MARKET, SITE_MONEY, TABLE, Kind
from stratoscope.reading import Fan, Fault, PoolSlot
from stratoscope_exporters.exposition.meters import Meters
from stratoscope_exporters.exposition.page import Pages, Wanted, parse_part
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.exposition.settings import Settings
from stratoscope_exporters.exposition.text import Form, rig_label
from unit.economics.stand import Bench
from unit.export.conftest import program
from unit.export.farm import MONEY, NOW, Known, antminer, board, economist, farm, offline, whatsminer

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "metrics.txt"


def samples(page: str, form: Form = Form.TEXT) -> dict[tuple, float]:
    parse = parse_text if form is Form.TEXT else parse_openmetrics
    found = {}
    for family in parse(page):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"the series {key} is there twice"
            found[key] = sample.value
    return found


def of(page: str, name: str, **labels) -> float | None:
    return samples(page).get((name, tuple(sorted(labels.items()))))


async def test_page_of_the_fixture_fleet_is_the_golden_one(text_of):
    market, fleet = Known(), farm()
    page = await text_of(fleet, market=market, economist=economist(market, fleet))
    if os.environ.get("STRATOSCOPE_REWRITE_GOLDEN"):
        GOLDEN.write_text(page)
    wanted = GOLDEN.read_text()
    difference = "\n".join(difflib.unified_diff(wanted.splitlines(), page.splitlines(), "golden", "page", n=0))
    assert not difference, f"set STRATOSCOPE_REWRITE_GOLDEN=1 if this is meant:\n{difference}"


async def test_text_and_openmetrics_hold_the_same_samples(text_of):
    options = {"windows": True, "pool_counters": True, "privacy": "full", "max_series_per_rig": 200}
    text = samples(await text_of(farm(), **options))
    modern_page = await text_of(farm(), Form.OPENMETRICS, **options)
    assert modern_page.endswith("# EOF\n")
    assert samples(modern_page, Form.OPENMETRICS) == text
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


async def test_every_metric_of_the_market_appears_once_it_is_known(text_of):
    page = await text_of(farm(), market=Known())
    table = {metric.series for family in MARKET for metric in family.metrics}
    assert table == {name for name, _ in samples(page)} & table
    assert samples(await text_of(farm(), Form.OPENMETRICS, market=Known()), Form.OPENMETRICS) == samples(page)


async def test_every_metric_of_the_sites_money_appears_once_it_is_known(text_of):
    market, fleet = Known(), farm()
    page = await text_of(fleet, market=market, economist=economist(market, fleet))
    table = {metric.series for family in SITE_MONEY for metric in family.metrics}
    assert table == {name for name, _ in samples(page)} & table


async def test_what_the_market_does_not_know_has_no_series(text_of):
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


async def test_without_a_market_there_is_no_series_of_one(text_of):
    table = {metric.series for family in MARKET for metric in family.metrics}
    assert not table & {name for name, _ in samples(await text_of(farm()))}


async def test_the_market_stands_on_the_first_part_only(text_of):
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
async def test_promtool_finds_nothing_to_complain_of(text_of):
    page = await text_of(farm(), windows=True, pool_counters=True, privacy="full", max_series_per_rig=200)
    done = await asyncio.to_thread(
        subprocess.run, [program("promtool"), "check", "metrics"], input=page.encode(), capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_counters_and_only_counters_end_in_total():
    for family in TABLE:
        for metric in family.metrics:
            assert metric.series.endswith("_total") == (metric.kind is Kind.COUNTER)
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


async def test_f40_stale_reading_leaves_only_health_state_identity_and_polling(exporter, clock):
    fleet = Fleet()
    fleet.publish(antminer())
    _, pages, _ = exporter(fleet)
    clock.now = 80  # 84 s old, limit 90 s
    assert "mining_rig_hashrate_hashes_per_second{" in b"".join(await pages.get(Wanted(Form.TEXT))).decode()
    clock.now = 87  # nobody published since: its loop died
    page = b"".join(await pages.get(Wanted(Form.TEXT))).decode()
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


async def test_a_failed_poll_that_publishes_the_old_reading_does_not_prolong_it(exporter, clock):
    fleet = Fleet()
    fleet.publish(antminer())
    _, pages, _ = exporter(fleet)
    for clock.now in (30, 60):
        fleet.publish(antminer())
        await pages.get(Wanted(Form.TEXT))
    clock.now = 87
    assert "mining_rig_power_watts{" not in b"".join(await pages.get(Wanted(Form.TEXT))).decode()


async def test_f40_a_step_of_the_wall_clock_makes_nothing_stale(exporter, clock):
    fleet = Fleet()
    fleet.publish(antminer())
    _, pages, _ = exporter(fleet)
    await pages.get(Wanted(Form.TEXT))
    clock.stepped = 3600
    clock.now = 5
    assert "mining_rig_power_watts{" in b"".join(await pages.get(Wanted(Form.TEXT))).decode()


async def test_a_removed_rig_vanishes_and_a_new_value_shows_at_once(exporter):
    fleet = farm()
    renderer, pages, meters = exporter(fleet)
    before = samples(b"".join(await pages.get(Wanted(Form.TEXT))).decode())
    assert len([1 for name, _ in before if name.startswith("mining_rig") or "board" in name or "fan" in name]) == (
        renderer.series
    )
    fleet.remove("hall1-07")
    fleet.publish(whatsminer())
    page = b"".join(await pages.get(Wanted(Form.TEXT))).decode()
    assert "hall1-07" not in page
    assert meters.series._value.get() == renderer.series < len(before)


async def test_site_sums_come_with_their_coverage(text_of):
    page = await text_of(farm())
    name = "mining_site_hashrate_hashes_per_second"
    assert of(page, name, algorithm="sha256") == pytest.approx(109.5e12)
    assert of(page, name, algorithm="unknown") == pytest.approx(76e12 + 1.14e12 + 9e12)
    assert of(page, "mining_site_coverage_ratio") == pytest.approx(4 / 6)
    assert of(page, "mining_site_power_watts") == pytest.approx(3250 + 3306 + 17.4)
    assert of(page, "mining_site_rigs", state="hashing") == 3
    assert of(page, "mining_site_rigs", state="locked") == 0


async def test_site_energy_counts_what_was_drawn_since_the_start_and_never_falls(exporter, clock):
    fleet = Fleet()
    _, pages, _ = exporter(fleet)
    seen = []
    for clock.now, energy in ((0, 5e9), (30, 5e9 + 100), (60, 5e9 + 250), (90, 10.0)):
        counters = antminer().counters
        fleet.publish(antminer(at=NOW + clock.now, counters=type(counters)(energy=energy)))
        seen.append(of(b"".join(await pages.get(Wanted(Form.TEXT))).decode(), "mining_site_energy_joules_total"))
    fleet.remove("hall1-07")
    seen.append(of(b"".join(await pages.get(Wanted(Form.TEXT))).decode(), "mining_site_energy_joules_total"))
    assert seen == [0, 100, 250, 250, 250]


async def test_f53_a_family_that_raises_is_left_out_and_counted(exporter):
    class Wicked(Fan):
        @property
        def rpm(self):
            raise RuntimeError("boom")

    fleet = farm()
    broken = antminer("broken")
    object.__setattr__(broken.reading, "fans", (Wicked.__new__(Wicked),))
    object.__setattr__(broken.reading.fans[0], "index", 0)
    fleet.publish(broken)
    _, pages, meters = exporter(fleet)
    page = b"".join(await pages.get(Wanted(Form.TEXT))).decode()
    assert of(page, "mining_fan_speed_rpm", rig="broken", fan="0") is None
    assert of(page, "mining_rig_hashrate_hashes_per_second", rig="broken") == 109.5e12
    assert of(page, "mining_fan_speed_rpm", rig="hall1-07", fan="0") == 5880
    assert meters.errors.labels("fan")._value.get() == 1


async def test_f53_a_rig_that_cannot_be_rendered_at_all_is_left_out_and_counted(exporter):
    fleet = farm()
    renderer, pages, meters = exporter(fleet)
    await pages.get(Wanted(Form.TEXT))
    fleet.publish(antminer(at=NOW - 1, judged=None))
    page = b"".join(await pages.get(Wanted(Form.TEXT))).decode()
    assert "hall1-07" not in page
    assert of(page, "mining_rig_up", rig="hall1-08") == 1
    assert meters.errors.labels("rig")._value.get() == 1
    fleet.publish(antminer())
    page = b"".join(await pages.get(Wanted(Form.TEXT))).decode()
    assert of(page, "mining_rig_up", rig="hall1-07") == 1
    assert renderer.series == sum(1 for _, labels in samples(page) if "rig" in dict(labels))


async def test_a_broken_collector_of_the_agent_leaves_the_fleet_visible(exporter):
    class Broken:
        def collect(self):
            raise RuntimeError("boom")

    _, pages, meters = exporter(farm())
    pages._registry.register(type("Quiet", (Broken,), {"describe": lambda self: []})())
    page = b"".join(await pages.get(Wanted(Form.OPENMETRICS))).decode()
    assert ("mining_rig_up", (("rig", "hall1-07"),)) in samples(page, Form.OPENMETRICS)
    assert meters.errors.labels("own")._value.get() == 1


async def test_f54_a_rig_keeps_its_series_budget_and_loses_whole_metrics(exporter):
    rig = antminer("wide")
    object.__setattr__(rig.reading, "boards", tuple(board(n) for n in range(40)))
    object.__setattr__(rig.reading, "fans", tuple(Fan(index=n, rpm=1) for n in range(99)))
    fleet = Fleet()
    fleet.publish(rig)
    _, pages, meters = exporter(fleet)
    found = samples(b"".join(await pages.get(Wanted(Form.TEXT))).decode())
    mine = [key for key in found if ("rig", "wide") in key[1]]
    assert len(mine) <= 128
    assert meters.dropped.labels("rig_limit")._value.get() > 0
    boards = {name: sum(1 for other, _ in mine if other == name) for name, labels in mine if "board" in dict(labels)}
    assert boards
    assert set(boards.values()) == {16}
    assert not [name for name, _ in mine if name == "mining_fan_speed_rpm"]


@pytest.mark.parametrize("boards", [3, 4, 6])
async def test_a_rig_of_the_usual_size_fits_the_budget_with_its_money(exporter, boards):
    fleet, rig = Fleet(), antminer()
    object.__setattr__(rig.reading, "boards", tuple(board(n) for n in range(boards)))
    fleet.publish(rig)
    _, pages, meters = exporter(fleet)
    await pages.get(Wanted(Form.TEXT))
    assert meters.dropped.labels("rig_limit")._value.get() == 0


async def test_f54_words_without_end_become_other(exporter, clock):
    fleet = Fleet()
    _, pages, meters = exporter(fleet)
    names: set[tuple] = set()
    for at in range(400):
        clock.now = at
        rig = antminer(at=NOW + at)
        object.__setattr__(rig.reading, "model", f"S{at}")
        object.__setattr__(rig.reading, "faults", (Fault(code=at), Fault(code=-at)))
        object.__setattr__(
            rig.reading, "pools", tuple(PoolSlot(index=at * n, url=f"p{at}", active=True) for n in (1, 2))
        )
        fleet.publish(rig)
        names |= samples(b"".join(await pages.get(Wanted(Form.TEXT))).decode()).keys()
    assert len(names) < 128 + 5 * 40 + 30
    assert ("mining_rig_pool_active", (("rig", "hall1-07"), ("slot", "other-2"), ("url", "other"))) in names
    assert meters.dropped.labels("label_churn")._value.get() > 300


async def test_f54_the_global_limit_holds(exporter):
    fleet = Fleet()
    for number in range(40):
        fleet.publish(antminer(f"rig-{number}"))
    renderer, pages, meters = exporter(fleet, max_series=1000)
    page = b"".join(await pages.get(Wanted(Form.TEXT))).decode()
    assert renderer.series <= 1000
    assert len([1 for _, labels in samples(page) if "rig" in dict(labels)]) == renderer.series
    assert meters.dropped.labels("global_limit")._value.get() > 0


async def test_s16_user_names_and_url_secrets_are_hidden_unless_asked_for(text_of):
    page = await text_of(farm())
    assert "secret" not in page
    assert "acct.rig07" not in page
    assert 'url="stratum+tcp://pool0.example.net:3333/"' in page
    full = await text_of(farm(), privacy="full", max_series_per_rig=100)
    assert 'user="acct.rig07"' in full
    assert "secret" not in full


async def test_windows_are_opt_in(text_of):
    assert "mining_rig_hashrate_window" not in await text_of(farm())
    page = await text_of(farm(), windows=True, max_series_per_rig=100)
    assert of(page, "mining_rig_hashrate_window_hashes_per_second", rig="hall1-07", window="5s") == 111.2e12


async def test_parts_split_the_rigs_exactly_and_the_site_stands_on_the_first(exporter):
    fleet = farm()
    for number in range(60):
        fleet.publish(antminer(f"rig-{number}"))
    _, pages, _ = exporter(fleet)
    whole = samples(b"".join(await pages.get(Wanted(Form.TEXT))).decode())
    parts = [samples(b"".join(await pages.get(Wanted(Form.TEXT, part=(k, 4)))).decode()) for k in range(1, 5)]
    assert sum(len(part) for part in parts) == len(whole)
    assert {key: value for part in parts for key, value in part.items()} == whole
    assert all(any("rig" in dict(labels) for _, labels in part) for part in parts)
    assert [any(name.startswith("mining_site") for name, _ in part) for part in parts] == [True, False, False, False]


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1/0", "-1/2", "1/1001", "a/b", "1/2/3", "１/２", "1/99999"])
def test_a_wrong_part_is_refused_with_the_remedy(text):
    with pytest.raises(ValueError, match="1 <= k <= n"):
        parse_part(text)


async def test_f52_fifty_scrapers_share_one_page(exporter):
    _, pages, _ = exporter(farm())
    answers = await asyncio.gather(*(pages.get(Wanted(Form.TEXT, gzip=True)) for _ in range(50)))
    assert len({id(answer) for answer in answers}) == 1
    assert b"mining_rig_up" in gzip.decompress(b"".join(answers[0]))


async def test_compressed_and_plain_page_are_the_same(exporter):
    _, pages, _ = exporter(farm())
    plain = b"".join(await pages.get(Wanted(Form.OPENMETRICS)))
    assert zlib.decompress(b"".join(await pages.get(Wanted(Form.OPENMETRICS, gzip=True))), 31) == plain


async def test_kept_pages_are_bounded(exporter):
    _, pages, _ = exporter(farm())
    for n in range(1, 60):
        await pages.get(Wanted(Form.TEXT, part=(1, n)))
    assert len(pages._shared) <= 17


def test_rig_ids_that_clean_to_the_same_stay_two():
    assert rig_label("a\n") != rig_label("a") == "a"
    assert rig_label("a\n") != rig_label("a\t")
    assert rig_label("x" * 200) != rig_label("x" * 201)
    assert rig_label("\udc80").isascii()


async def test_a_rig_never_read_is_shown_as_down(text_of):
    fleet = Fleet()
    fleet.publish(offline())
    page = await text_of(fleet)
    assert of(page, "mining_rig_up", rig="hall1-09") == 0
    assert of(page, "mining_rig_polls_total", rig="hall1-09", outcome="timeout") == 31
    assert of(page, "mining_rig_last_success_timestamp_seconds", rig="hall1-09") == NOW - 900


async def test_money_goes_with_the_reading_and_with_whoever_reckons_it(exporter, clock):
    fleet = Fleet()
    fleet.publish(antminer())
    _, pages, _ = exporter(fleet)
    page = b"".join(await pages.get(Wanted(Form.TEXT))).decode()
    assert of(page, "mining_rig_revenue_satoshis_total", rig="hall1-07") == 9312
    assert of(page, "mining_rig_margin_fiat_per_day", rig="hall1-07", currency="USD") == 0.15825
    assert of(page, "mining_rig_power_credit_fiat_total", rig="hall1-07", currency="USD") == 0.0025
    assert of(page, "mining_rig_curtail_advised", rig="hall1-07") == 0
    fleet.publish(antminer(at=NOW + 1, economics=None))
    assert "fiat" not in b"".join(await pages.get(Wanted(Form.TEXT))).decode()
    fleet.publish(antminer(at=NOW + 2))
    assert "fiat" in b"".join(await pages.get(Wanted(Form.TEXT))).decode()
    clock.now = 93
    page = b"".join(await pages.get(Wanted(Form.TEXT))).decode()
    assert "fiat" not in page
    assert "satoshis" not in page


@pytest.mark.parametrize(("advice", "value"), [("run", 0), ("curtail", 1), ("unknown", None), (None, None)])
async def test_unknown_advice_is_absent_and_never_run(text_of, advice, value):
    fleet = Fleet()
    fleet.publish(antminer(economics=replace(MONEY, advice=advice, payback=math.inf)))
    page = await text_of(fleet)
    assert of(page, "mining_rig_curtail_advised", rig="hall1-07") == value
    assert of(page, "mining_rig_payback_seconds", rig="hall1-07") is None


async def test_the_sites_money_stands_on_the_page_with_its_coverage(clock):
    bench = Bench(hosting_per_kw_month=121.0)
    bench.economist.tick({}, clock.monotonic(), clock.time())
    fleet, meters = farm(), Meters()
    pages = Pages(Renderer(fleet, clock, meters, Settings()), CollectorRegistry(), clock, meters, (), bench.economist)
    for form in Form:
        page = b"".join(await pages.get(Wanted(form))).decode()
        found = samples(page, form)
        assert found["mining_site_margin_fiat_per_day", (("currency", "USD"),)] == pytest.approx(0.15825)
        assert found["mining_site_money_coverage_ratio", (("of", "gross_margin"),)] == pytest.approx(1 / 6)
        price = ("currency", "USD"), ("kind", "average"), ("tariff", "default")
        assert found["mining_tariff_price_fiat_per_kwh", price] == 0.05
        assert found["mining_tariff_price_source_info", (("source", "fixed"), ("tariff", "default"))] == 1
    pages.close()


def test_share_of_nameplate_is_of_the_rigs_that_have_a_nameplate():
    from stratoscope.metrics import Tally, totals

    known = Tally("hashing", fresh=True, hashrate=90e12, nameplate=100e12, algorithm="sha256")
    unknown = Tally("hashing", fresh=True, hashrate=150e12, algorithm="sha256")

    assert totals([known, unknown]).nameplate_ratio == 0.9
    assert totals([unknown]).nameplate_ratio is None
    assert totals([known, unknown]).hashrate == 240e12
