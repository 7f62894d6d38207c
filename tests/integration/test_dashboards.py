"""Asks the real Prometheus every query of every dashboard; it scrapes a simulated site and follows our rules."""

import asyncio
import json
import re
import time
import urllib.parse
from pathlib import Path

import pytest

from fakes.boards import FILES, ROOT, panels, with_values
from fakes.programs import Agent, Prometheus, get
from stratoscope.app.demo import ECONOMICS, TARIFF
from stratoscope.clock import SystemClock
from stratoscope.simulate.fleet import targets
from stratoscope.simulate.serve import site

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.timeout(240)]

RECORDING = ROOT / "deploy/prometheus/rules/dashboards.yml"
RIGS = 36
DEAR = 0.092  # a kWh at which it is advised to curtail at once
FEW = 24
"""More series than that on a page for the whole fleet would be a line per rig."""
ABSENT: dict[tuple[str, str, str], str] = {
    ("economics", "Power at the meter", "B"): "a peak is the mean of a whole quarter of an hour",
    ("economics", "Demand charge", "A"): "a demand charge needs a peak",
}
"""Queries that give nothing here, on purpose: (dashboard, panel, letter) and why."""


def config(fleet, urls, price: Path) -> dict:
    nobody = {"address": "127.72.0.250", "name": "nobody"}  # its polls fail, so that failures can be seen
    source = {"kind": "file", "file": str(price), "interval": "10s"}
    return {
        "site": "test",
        "polling": {"interval": 5, "freshness": 20},
        "rigs": [*targets(fleet), nobody],
        "market": {"interval": 10, "network": [{"kind": "mempool", "url": urls["market"]}],
                   "prices": [{"kind": kind, "url": urls["market"]} for kind in ("mempool", "coinbase")]},
        "tariffs": {"default": {**TARIFF, "energy": {"type": "external", "price": DEAR, "source": source}}},
        "economics": {**ECONOMICS, "curtailment": {"high_strike": DEAR}},
    }  # fmt: skip


async def come_and_go(rig) -> None:
    """Let something happen all the time, so that there are events to count."""
    while True:
        rig.force("failing_board", duration=12)
        await asyncio.sleep(24)


class Asked:
    """One query of a panel, and what Prometheus answered last."""

    def __init__(self, page: str, panel: dict, target: dict) -> None:
        self.page, self.panel, self.target = page, panel, target
        self.name = (page, panel["title"], target["refId"])
        text = target["expr"].replace('rig="$rig"', 'rig=~".+"')  # some rig must have it, not one in particular
        self.expr = with_values(text, __rate_interval="30s", __range="60s")
        self.series: list[dict[str, str]] = []

    def ask(self, prometheus: Prometheus) -> None:
        query = urllib.parse.urlencode({"query": self.expr})
        status, body = get(f"http://127.0.0.1:{prometheus.port}/api/v1/query?{query}")
        assert status == 200, f"{self.name}: {body.decode()}"
        self.series = [row["metric"] for row in json.loads(body)["data"]["result"]]


def every_query() -> list[Asked]:
    return [Asked(file.stem, panel, target) for file in FILES for panel in panels(file) for target in panel["targets"]]


async def test_every_query_of_every_panel_gives_data(tmp_path: Path):
    price = tmp_path / "price.json"
    price.write_text(str(DEAR))
    clock = SystemClock()
    async with site(rigs=RIGS, bind="127.72.0.1", seed=3, clock=clock, troubles=False) as (fleet, urls):
        for at in range(RIGS // 2):
            fleet.rigs[at].force(("failing_board", "overheat", "pool_outage")[at % 3], duration=1e6)
        agent = await asyncio.to_thread(Agent, tmp_path, config(fleet, urls, price))
        prometheus = await asyncio.to_thread(Prometheus, tmp_path, [{"job_name": "stratoscope", "http_sd_configs": [
            {"url": f"{agent.url}/sd", "refresh_interval": "1s"}]}], rules=[RECORDING])  # fmt: skip
        unrest = asyncio.create_task(come_and_go(fleet.rigs[-1]))
        try:
            await asyncio.to_thread(the_answers, prometheus)
        finally:
            unrest.cancel()
            await asyncio.to_thread(prometheus.stop)
            await asyncio.to_thread(agent.stop)
    assert "Traceback" not in agent.log()


def the_answers(prometheus: Prometheus) -> None:
    asked = every_query()
    waiting = [one for one in asked if one.name not in ABSENT]
    end = time.monotonic() + 120
    while waiting and time.monotonic() < end:
        time.sleep(2)
        for one in waiting:
            one.ask(prometheus)
        waiting = [one for one in waiting if not one.series]
    assert not waiting, "\n".join(f"{one.name}: {one.expr}" for one in waiting)
    for one in asked:
        one.ask(prometheus)
    there = [one.name for one in asked if one.name in ABSENT and one.series]
    assert not there, f"no longer absent: {there}"
    for one in asked:
        legends_name_labels_that_are_there(one)
        columns_are_labels_that_are_there(one)
        a_page_for_ten_thousand_rigs_has_no_line_for_each(one)


def legends_name_labels_that_are_there(one: Asked) -> None:
    for label in re.findall(r"\{\{(\w+)\}\}", one.target["legendFormat"]):
        assert all(label in series for series in one.series), f"{one.name}: no label {label} in {one.series[:1]}"


def columns_are_labels_that_are_there(one: Asked) -> None:
    if one.panel["type"] == "table" and one.series:
        (order,) = [step["options"] for step in one.panel["transformations"] if step["id"] == "organize"]
        keys = {name for name in order["indexByName"] if not name.startswith("Value")}
        for series in one.series:
            assert set(series) <= keys, f"{one.name}: {set(series) - keys} would be columns without a header"
        assert keys <= set().union(*one.series), f"{one.name}: {keys} of {one.series[:1]}"


def a_page_for_ten_thousand_rigs_has_no_line_for_each(one: Asked) -> None:
    if one.page != "rig" and one.panel["type"] != "table":
        assert len(one.series) <= FEW, f"{one.name}: {len(one.series)} series from {RIGS} rigs"
