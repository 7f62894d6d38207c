"""Opens the status page in headless Chromium: nothing of a rig runs there, and it reads well at any width."""

import asyncio
import contextlib
import os
import pathlib
import random
from dataclasses import replace
from urllib.parse import quote

import pytest
from playwright.async_api import async_playwright

from stratoscope.economics.terms import Contract
from stratoscope.fleet import Counters, Fleet, Judged, PollStatus, RigEconomics, RigSnapshot
from stratoscope.market.tariff import External
from stratoscope.reading import Reading
from stratoscope_exporters.exposition.text import rig_label
from unit.economics.stand import Bench, tariff
from unit.export.conftest import program
from unit.export.farm import MONEY, NOW, Known, antminer, bitaxe, board, farm, hostile, offline, unread, whatsminer

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RUN = "window.ran=1;alert(1)"
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<body onload={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"<iframe src=javascript:{RUN}>",
    f"<a href=javascript:{RUN}>x</a>",
    f"javascript:{RUN}",
    f'"><script>{RUN}</script>',
    f"'><script>{RUN}</script>",
    f'" autofocus onfocus={RUN} x="',
    f"' autofocus onfocus={RUN} x='",
    f"<input autofocus onfocus={RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<style>@import 'data:text/css,x';</style><script>{RUN}</script>",
    f"<link rel=stylesheet href=x onerror={RUN}>",
    f"<object data='data:text/html,<script>{RUN}</script>'>",
    f"<embed src=javascript:{RUN}>",
    f"{{{{{RUN}}}}}",
    "{{ ''.__class__.__mro__ }}",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    f"<base href=//x><x>{RUN}",
    f"<math><mtext><script>{RUN}</script></mtext></math>",
    f"<!--><script>{RUN}</script>-->",
    f"<title></title><script>{RUN}//",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"<form><button formaction=javascript:{RUN} autofocus>x</button></form>",
    f"]]><script>{RUN}</script>",
    f"<marquee onstart={RUN}>",
]


@contextlib.asynccontextmanager
async def browser():
    async with async_playwright() as play:
        chromium = await play.chromium.launch(executable_path=program("chromium"), args=FLAGS)
        try:
            yield await chromium.new_page()
        finally:
            await chromium.close()


@pytest.mark.needs("chromium")
async def test_s08_thirty_payloads_in_every_string_run_nothing(site):
    fleet = Fleet()
    for number, payload in enumerate(PAYLOADS):  # each alone in every column of the table
        fleet.publish(hostile(f"{number:02d} {payload}"[:128], payload))
    for first in range(0, len(PAYLOADS), 6):  # six at a time in every string of a rig's own page
        fleet.publish(hostile(f"six {first}", " ".join(PAYLOADS[first : first + 6])))
    session, made = await site(fleet, PAYLOADS[0], privacy="full")
    made.health.config_ok, made.health.config_error = False, PAYLOADS[2]
    origin = str(session._base_url)
    searches = [f"/?q={quote(payload)}&state={quote(payload)}&sort={quote(payload)}" for payload in PAYLOADS[:3]]
    rigs = [f"/rig/{quote(rig_label(rig), safe='')}" for rig in fleet.snapshots if rig[:2] in ("si", "00", "12")]
    missing = [f"/rig/{quote(payload, safe='')}" for payload in PAYLOADS[:2]]
    dialogs, foreign, seen = [], [], 0
    async with browser() as page:
        page.on("dialog", lambda dialog: dialogs.append(dialog) or asyncio.ensure_future(dialog.dismiss()))
        page.on("request", lambda request: request.url.startswith(origin) or foreign.append(request.url))
        for path in ["/", *searches, *rigs, *missing]:
            await page.goto(origin.rstrip("/") + path)
            assert await page.evaluate("window.ran === undefined"), path
            assert await page.locator("main script, main iframe, main [onerror], main [onload]").count() == 0
            seen += await page.locator("main").get_by_text("window.ran=1").count()
    assert (dialogs, foreign) == ([], [])
    assert seen > len(PAYLOADS)  # the words were there to be read


def earning(rate: float, power: float) -> RigEconomics:
    """Return what a rig earns at 39.32 USD/PH/day and pays at 0.08 USD/kWh."""
    revenue, cost = rate / 1e15 * 39.32, power * 0.024 * 0.08
    return replace(
        MONEY,
        metered_power=power,
        revenue_per_day=revenue,
        power_cost_per_day=cost,
        margin_per_day=revenue - cost,
        gross_margin_ratio=1 - cost / revenue if revenue else None,
    )


def crowd(rigs: int = 240) -> Fleet:
    """Return a believable fleet for the eye."""
    dice = random.Random(7)
    fleet = Fleet()
    for snapshot in (antminer(), whatsminer(), bitaxe(), offline(), unread()):
        fleet.publish(snapshot)
    kinds = [
        ("Antminer", "S19 Pro", 110e12, 29.5),
        ("Antminer", "S21", 200e12, 17.5),
        ("WhatsMiner", "M50S", 126e12, 26.0),
        ("Avalon", "A1466", 150e12, 21.5),
    ]
    for number in range(rigs):
        make, model, nameplate, efficiency = kinds[number % len(kinds)]
        state = dice.choices(["hashing", "degraded", "offline", "idle", "locked"], [90, 4, 4, 1, 1])[0]
        polling = PollStatus(
            address=f"10.2.{number // 200}.{number % 200 + 1}",
            interval=30.0,
            polls={"ok": 900},
            last_success=NOW - dice.uniform(1, 30),
            last_reason="ok",
        )
        rate = nameplate * (dice.uniform(0.95, 1.03) if state == "hashing" else 0.66 if state == "degraded" else 0)
        reading = Reading(
            driver="cgminer",
            make=make,
            model=model,
            boards=tuple(board(n, temperature_chip=dice.uniform(62, 79)) for n in range(3)),
        )
        power = rate / 1e12 * efficiency if rate else 45.0
        judged = Judged(hashrate=rate, nameplate=nameplate, power=power, efficiency=efficiency if rate else None)
        known = state not in ("offline", "locked")
        fleet.publish(
            RigSnapshot(
                rig=f"hall-{number // 60 + 1}-{number % 60 + 1}",
                state=state,
                polling=polling,
                at=NOW - 3,
                reading=reading if known else None,
                judged=judged if known else Judged(),
                counters=Counters(),
                economics=earning(rate, power) if known else None,
                tags={"group": f"hall-{number // 60 + 1}"},
            )
        )
    for at in range(110):
        wave = antminer(at=NOW - 3300 + 30 * at)
        hot = 71 + 3 * dice.random()
        rate = 109e12 + 2e12 * dice.random()
        history = Judged(hashrate=None if 40 <= at < 48 else rate, power=3230 + 40 * dice.random())
        object.__setattr__(wave.reading, "boards", (board(0, temperature_chip=hot),))
        fleet.remember(
            RigSnapshot(
                rig=wave.rig, state="hashing", polling=wave.polling, reading=wave.reading, judged=history, at=wave.at
            )
        )
    return fleet


VIEWS = [("light", 1320, 900), ("dark", 1320, 900), ("light", 390, 844), ("dark", 768, 1024)]
PATHS = {"fleet": "/", "rig": "/rig/hall1-07", "offline": "/rig/hall1-09", "faulty": "/rig/hall1-08"}


@pytest.mark.needs("chromium")
async def test_pages_fit_every_width_and_load_without_complaint(site):
    economist = Bench(hosting_per_kw_month=121.0).economist
    economist.groups["default"].contract = Contract(tariff=tariff(external=External(max_age=60.0)))
    economist.tick({}, 0.0, NOW)
    session, _ = await site(crowd(), "Northfield 2", Known(), economist)
    origin, folder, complaints = str(session._base_url).rstrip("/"), os.environ.get("STRATOSCOPE_SCREENSHOTS"), []
    async with browser() as page:
        page.on("console", lambda message: complaints.append(message.text))
        for scheme, width, height in VIEWS:
            await page.emulate_media(color_scheme=scheme)
            await page.set_viewport_size({"width": width, "height": height})
            for name, path in PATHS.items():
                assert (await page.goto(origin + path)).status == 200
                over = await page.evaluate("document.body.scrollWidth - document.documentElement.clientWidth")
                assert over <= 0, f"{path} is {over} px too wide at {width}"
                if folder:
                    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
                    await page.screenshot(path=f"{folder}/{name}-{scheme}-{width}.png", full_page=name != "fleet")
    assert complaints == []


async def rows(session, path: str) -> list[str]:
    async with session.get(path) as answer:
        text = await answer.text()
    return [line.partition("</a>")[0].rpartition(">")[2] for line in text.splitlines() if '<td class="name">' in line]


async def test_the_table_sorts_filters_and_pages_on_the_server(site):
    session, _ = await site(crowd())
    assert await rows(session, "/") != await rows(session, "/?page=2")
    assert len(await rows(session, "/")) == 100
    assert len(await rows(session, "/?page=3")) == 45
    assert await rows(session, "/?page=9999") == await rows(session, "/?page=3")
    assert (await rows(session, "/?sort=power&order=desc"))[0].startswith("hall-")
    assert (await rows(session, "/?sort=power"))[0] == "desk"
    assert (await rows(session, "/?sort=hashrate&page=3"))[-1] in {"hall1-09", "hall1-10"} | {
        f"hall-{a}-{b}" for a in range(1, 5) for b in range(1, 61)
    }
    assert await rows(session, "/?state=identifying") == ["hall1-10"]
    assert await rows(session, "/?q=GAMMA") == ["desk"]
    assert await rows(session, "/?q=10.1.0.8") == ["hall1-08"]
    assert len(await rows(session, "/?q=group%3Dhall-4")) == 60
    assert await rows(session, "/?q=nothing+like+it") == []


async def test_rigs_without_a_figure_come_last_in_either_direction(site):
    session, _ = await site(farm())
    for order in ("asc", "desc"):
        assert set((await rows(session, f"/?sort=hashrate&order={order}"))[-2:]) == {"hall1-09", "hall1-10"}


async def test_rig_page_shows_parts_faults_defects_and_hides_secrets(site):
    session, _ = await site(farm())
    async with session.get("/rig/hall1-08") as answer:
        text = await answer.text()
    for words in (
        "hashboard 2 does not hash",
        "fan lost",
        "/summary/SUMMARY/0/Temperature",
        "not a number",
        "67 %",
        "measured",
        "6\u202f000 rpm",
        "20230420.22.REL",
    ):
        assert words in text
    async with session.get("/rig/hall1-07") as answer:
        text = await answer.text()
    assert "secret" not in text
    assert "acct.rig07" not in text
    async with session.get("/rig/hall1-09") as answer:
        assert "no answer within 5 s" in await answer.text()
    async with session.get("/rig/nobody") as answer:
        assert answer.status == 404


async def test_a_stale_reading_is_not_shown_on_the_pages(site, clock):
    session, _ = await site(farm())
    clock.now = 600
    async with session.get("/rig/hall1-07") as answer:
        text = await answer.text()
    assert "older values are not shown" in text
    assert "TH/s" not in text
    assert "Antminer S19 Pro" in text
    async with session.get("/") as answer:
        assert "0 %\xa0coverage" in (text := await answer.text()) or "0 % coverage" in text


async def test_the_table_sorts_by_revenue_and_margin_where_money_is_reckoned(site):
    fleet = crowd()
    session, _ = await site(fleet, economist=Bench().economist)
    for key, figure in (("revenue", "revenue_per_day"), ("margin", "gross_margin_ratio")):
        shown = await rows(session, f"/?sort={key}&order=desc")
        values = [getattr(fleet.snapshots[rig].economics, figure) for rig in shown]
        assert values == sorted(values, reverse=True)
        assert len(values) == 100
    async with session.get("/") as answer:
        text = await answer.text()
    assert 'class="cards money"' in text
    assert ">4.22 USD<" in text
    assert "margin loss" in text
    session, _ = await site(fleet)
    async with session.get("/?sort=revenue") as answer:
        text = await answer.text()
    assert "Revenue" not in text
    assert "USD" not in text


async def test_the_rig_page_shows_its_money_while_the_reading_is_fresh(site, clock):
    session, _ = await site(farm())
    async with session.get("/rig/hall1-07") as answer:
        text = await answer.text()
    for words in (
        "4.22 USD",
        "9\u202f313 sat",
        "0.0520 USD/kWh",
        "strike 0.0511 USD/kWh",
        "advice run",
        "tariff default",
    ):
        assert words in text
    async with session.get("/rig/hall1-08") as answer:
        assert "USD" not in await answer.text()
    clock.now = 600
    async with session.get("/rig/hall1-07") as answer:
        assert "USD" not in await answer.text()
