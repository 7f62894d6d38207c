"""Runs every dashboard query on a real Prometheus that scrapes a simulated site and evaluates the shipped rules."""

import asyncio
import json
import re
import time
import urllib.parse
from pathlib import Path

import pytest

from fakes.addresses import free_base, free_block, free_port
from fakes.boards import FILES, ROOT, panels, with_values
from fakes.programs import Prometheus, get
from stratoscope.app.agent import Agent
from stratoscope.app.demo import ECONOMICS, TARIFF
from stratoscope.app.demo_pools import pool_entries, reconciler_with_history
from stratoscope.clock import SystemClock
from stratoscope.config import Config
from stratoscope.simulate.fleet import targets
from stratoscope.simulate.serve import site

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.timeout(400)]

RULES = [ROOT / f"deploy/prometheus/rules/{name}.yml" for name in ("recording", "dashboards")]
RIGS = 36
DEAR = 0.092  # price per kWh at which curtailment is advised immediately
FEW = 24
"""Maximum series per panel on fleet pages; more would mean one line per rig."""
ABSENT: dict[tuple[str, str, str], str] = {
    ("economics", "Metered power", "B"): "a peak is the mean of a full 15 minutes",
    ("economics", "Demand charge", "A"): "a demand charge needs a peak",
    ("pools", "Earnings and payouts", "C"): "the simulated pools list no payouts",
    ("pools", "Earnings and payouts", "D"): "the simulated pools list no payouts",
    ("rig", "Hashrate by accepted shares", "A"): "shares are evaluated after a full hour",
    ("rig", "Hashrate by accepted shares", "B"): "shares are evaluated after a full hour",
    ("rig", "Unaccounted hashrate", "A"): "shares are evaluated after a full hour",
    ("rig", "Unaccounted hashrate", "B"): "shares are evaluated after a full hour",
    ("stratum", "Rigs with unknown pools", "A"): "all pools of the simulated rigs are known",
    ("stratum", "Endpoints with signs of tampering", "A"): "the simulated endpoints show no tampering",
    ("stratum", "Active alarms", "A"): "an unreachable endpoint raises an alarm after two minutes",
    ("stratum", "Endpoints not watched", "A"): "all endpoints of the simulated rigs are watched",
    ("stratum", "Endpoints", "I"): "the simulated endpoints do not use TLS",
}
"""Queries that intentionally return no data here: (dashboard, panel, letter) → reason."""


DEAD = ("stratum", "Active alarms", "A")


def config(fleet, urls, folder: Path, port: int) -> dict:
    nobody = {"address": f"{free_block()}.250", "name": "nobody"}  # its polls fail, so that failure metrics have data
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
        "stratum": {"endpoints": ["stratum+tcp://127.0.0.1:9"]},  # nothing listens there: sessions fail
        "economics": {**ECONOMICS, "curtailment": {"high_strike": DEAR}},
    }


async def cause_events(rig) -> None:
    """Cause events continuously."""
    while True:
        rig.force("failing_board", duration=12)
        await asyncio.sleep(24)


class PanelQuery:
    """One query of a panel, and the latest series returned by Prometheus."""

    def __init__(self, page: str, panel: dict, target: dict) -> None:
        self.page, self.panel, self.target = page, panel, target
        self.name = (page, panel["title"], target["refId"])
        text = target["expr"].replace('rig="$rig"', 'rig=~".+"')  # at least one rig must have data
        self.expr = with_values(text, __rate_interval="30s", __range="60s")
        self.series: list[dict[str, str]] = []

    def run(self, prometheus: Prometheus) -> None:
        query = urllib.parse.urlencode({"query": self.expr})
        status, body = get(f"http://127.0.0.1:{prometheus.port}/api/v1/query?{query}")
        assert status == 200, f"{self.name}: {body.decode()}"
        self.series = [row["metric"] for row in json.loads(body)["data"]["result"]]


def every_query() -> list[PanelQuery]:
    return [
        PanelQuery(file.stem, panel, target) for file in FILES for panel in panels(file) for target in panel["targets"]
    ]


@pytest.mark.waits(24)
async def test_every_query_of_every_panel_returns_data(tmp_path: Path):
    (tmp_path / "price.json").write_text(str(DEAR))
    clock, port = SystemClock(), free_port()
    async with site(
        rigs=RIGS,
        bind=free_base(),
        seed=3,
        clock=clock,
        troubles=False,
        shared=True,
        first_blocks_s=(15.0, 25.0, 35.0, 45.0),
    ) as (fleet, urls):
        for at in range(RIGS // 2):
            fleet.rigs[at].force(("failing_board", "overheat", "pool_outage")[at % 3], duration=1e6)
        settings = Config.model_validate(config(fleet, urls, tmp_path, port))
        agent = Agent(settings, clock, past=reconciler_with_history(fleet.past, settings))
        running = [asyncio.create_task(agent.run()), asyncio.create_task(cause_events(fleet.rigs[-1]))]
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
            await asyncio.to_thread(check_all_queries, prometheus)
        finally:
            await asyncio.to_thread(prometheus.stop)
            running[1].cancel()
            agent.stop()
            await running[0]


def check_all_queries(prometheus: Prometheus) -> None:
    queries = every_query()
    waiting = [one for one in queries if one.name not in ABSENT]
    end = time.monotonic() + 180
    while waiting and time.monotonic() < end:
        time.sleep(2)
        for one in waiting:
            one.run(prometheus)
        waiting = [one for one in waiting if not one.series]
    assert not waiting, "\n".join(f"{one.name}: {one.expr}" for one in waiting)
    for one in queries:
        one.run(prometheus)
    late = time.monotonic() > end - 60  # the unreachable endpoint may have raised its alarm by now
    there = [one.name for one in queries if one.name in ABSENT and one.series and not (late and one.name == DEAD)]
    assert not there, f"no longer absent: {there}"
    for one in (one for one in queries if one.series):
        check_legend_labels_exist(one)
        check_columns_match_labels(one)
        check_fleet_panel_has_few_series(one)


def check_legend_labels_exist(one: PanelQuery) -> None:
    for label in re.findall(r"\{\{(\w+)\}\}", one.target["legendFormat"]):
        assert any(label in series for series in one.series), f"{one.name}: no label {label} in {one.series[:1]}"


def check_columns_match_labels(one: PanelQuery) -> None:
    if one.panel["type"] == "table":
        (order,) = [step["options"] for step in one.panel["transformations"] if step["id"] == "organize"]
        keys = {name for name in order["indexByName"] if not name.startswith("Value")}
        for series in one.series:
            assert set(series) <= keys, f"{one.name}: {set(series) - keys} would be columns without a header"
        assert keys <= set().union(*one.series), f"{one.name}: {keys} of {one.series[:1]}"


def check_fleet_panel_has_few_series(one: PanelQuery) -> None:
    if one.page != "rig" and one.panel["type"] != "table":
        assert len(one.series) <= FEW, f"{one.name}: {len(one.series)} series from {RIGS} rigs"
