"""Asks the real Prometheus every query of every dashboard; it scrapes a simulated site and follows our rules."""

import asyncio
import json
import re
import time
import urllib.parse
from pathlib import Path

import pytest

from fakes.boards import FILES, ROOT, panels, with_values
from fakes.programs import Prometheus, free_port, get
from stratoscope.app.agent import Agent
from stratoscope.app.demo import ECONOMICS, TARIFF
from stratoscope.app.demo_pools import pool_entries, reconciler_with_history
from stratoscope.clock import SystemClock
from stratoscope.config import Config
from stratoscope.simulate.fleet import targets
from stratoscope.simulate.serve import site

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.timeout(240)]

RULES = [ROOT / f"deploy/prometheus/rules/{name}.yml" for name in ("recording", "dashboards")]
RIGS = 36
DEAR = 0.092  # a kWh at which it is advised to curtail at once
FEW = 24
"""More series than that on a page for the whole fleet would be a line per rig."""
ABSENT: dict[tuple[str, str, str], str] = {
    ("economics", "Power at the meter", "B"): "a peak is the mean of a whole quarter of an hour",
    ("economics", "Demand charge", "A"): "a demand charge needs a peak",
    ("pools", "Earnings and payouts", "C"): "the simulated pools list no payouts",
    ("pools", "Earnings and payouts", "D"): "the simulated pools list no payouts",
    ("rig", "What its shares prove", "A"): "shares prove something after a whole hour",
    ("rig", "What its shares prove", "B"): "shares prove something after a whole hour",
    ("rig", "Unaccounted work", "A"): "shares prove something after a whole hour",
    ("rig", "Unaccounted work", "B"): "shares prove something after a whole hour",
    ("stratum", "Rigs whose pools are not yours", "A"): "all pools of the simulated rigs are theirs",
    ("stratum", "Endpoints that are amiss", "A"): "nothing is amiss with the simulated endpoints",
    ("stratum", "Alarms that stand", "A"): "a dead endpoint gives an alarm after two minutes",
    ("stratum", "Named by rigs and not watched", "A"): "all that the simulated rigs name is watched",
    ("stratum", "Endpoints", "I"): "the simulated endpoints speak no TLS",
}
"""Queries that give nothing here, on purpose: (dashboard, panel, letter) and why."""


def config(fleet, urls, folder: Path, port: int) -> dict:
    nobody = {"address": "127.72.0.250", "name": "nobody"}  # its polls fail, so that failures can be seen
    source = {"kind": "file", "file": str(folder / "price.json"), "interval": "10s"}
    return {
        "site": "test",
        "state_dir": str(folder / "state"),
        "exporters": {"prometheus": {"listen": f"127.0.0.1:{port}"}},
        "polling": {"interval": 5, "freshness": 20},
        "rigs": [*targets(fleet), nobody],
        "market": {
            "interval": 10,
            "network": [{"kind": "mempool", "url": urls["market"]}],
            "prices": [{"kind": kind, "url": urls["market"]} for kind in ("mempool", "coinbase")],
        },
        "tariffs": {"default": {**TARIFF, "energy": {"type": "external", "price": DEAR, "source": source}}},
        "pools": pool_entries(urls),
        "stratum": {"endpoints": ["stratum+tcp://127.0.0.1:9"]},  # nobody is there: sessions end
        "economics": {**ECONOMICS, "curtailment": {"high_strike": DEAR}},
    }


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
    (tmp_path / "price.json").write_text(str(DEAR))
    clock, port = SystemClock(), free_port()
    async with site(
        rigs=RIGS, bind="127.72.0.1", seed=3, clock=clock, troubles=False, shared=True, early=(15.0, 25.0, 35.0, 45.0)
    ) as (fleet, urls):
        for at in range(RIGS // 2):
            fleet.rigs[at].force(("failing_board", "overheat", "pool_outage")[at % 3], duration=1e6)
        settings = Config.model_validate(config(fleet, urls, tmp_path, port))
        agent = Agent(settings, clock, past=reconciler_with_history(fleet.past, settings))
        running = [asyncio.create_task(agent.run()), asyncio.create_task(come_and_go(fleet.rigs[-1]))]
        prometheus = await asyncio.to_thread(
            Prometheus,
            tmp_path,
            [
                {
                    "job_name": "stratoscope",
                    "http_sd_configs": [{"url": f"http://127.0.0.1:{port}/sd", "refresh_interval": "1s"}],
                }
            ],
            rules=RULES,
        )
        try:
            await asyncio.to_thread(the_answers, prometheus)
        finally:
            await asyncio.to_thread(prometheus.stop)
            running[1].cancel()
            agent.stop()
            await running[0]


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
    for one in (one for one in asked if one.series):
        legends_name_labels_that_are_there(one)
        columns_are_labels_that_are_there(one)
        a_page_for_ten_thousand_rigs_has_no_line_for_each(one)


def legends_name_labels_that_are_there(one: Asked) -> None:
    for label in re.findall(r"\{\{(\w+)\}\}", one.target["legendFormat"]):
        assert any(label in series for series in one.series), f"{one.name}: no label {label} in {one.series[:1]}"


def columns_are_labels_that_are_there(one: Asked) -> None:
    if one.panel["type"] == "table":
        (order,) = [step["options"] for step in one.panel["transformations"] if step["id"] == "organize"]
        keys = {name for name in order["indexByName"] if not name.startswith("Value")}
        for series in one.series:
            assert set(series) <= keys, f"{one.name}: {set(series) - keys} would be columns without a header"
        assert keys <= set().union(*one.series), f"{one.name}: {keys} of {one.series[:1]}"


def a_page_for_ten_thousand_rigs_has_no_line_for_each(one: Asked) -> None:
    if one.page != "rig" and one.panel["type"] != "table":
        assert len(one.series) <= FEW, f"{one.name}: {len(one.series)} series from {RIGS} rigs"
