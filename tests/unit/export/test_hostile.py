"""Proves that no string of a rig breaks the exposition, adds a series, or runs in a browser."""

import asyncio
import contextlib
import json
import pathlib
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from fakes.addresses import free_port
from stratoscope.fleet import Fleet
from stratoscope_exporters.exposition.config import PrometheusConfig
from stratoscope_exporters.exposition.metrics import PageMetrics
from stratoscope_exporters.exposition.page import blocks
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.exposition.text import PageFormat
from unit.export.conftest import program, running
from unit.export.farm import HandClock, antminer, context
from unit.export.hostile_rigs import hostile

INJECTIONS = [
    '"} 1\nevil{',
    "a\\",
    '\\"',
    "\\n",
    "#",
    "# EOF",
    "{}",
    "\ud800",
    "\x00",
    "\u2028\u2029\x85",
    "e\u0301\u202e",
    "\U0001d518" * 200,
    "",
    " ",
    '"' * 400,
    "\\" * 400,
    "\r\n# TYPE x counter\r\n",
    "\ufeff\ufffe",
    "a" * 128 + "\\",
    'x",rig="other',
]
TEXT = st.one_of(st.text(st.characters()), st.text(), st.sampled_from(INJECTIONS))
SERIES = (
    19  # of the hostile rig: up, last success, info, 7 states, hashrate, faults, polls, skipped, defects, tag, pool,
)
# its user, fault


async def page_of(fleet: Fleet, form: PageFormat) -> str:
    renderer = Renderer(fleet, HandClock(), PageMetrics(), PrometheusConfig(privacy="full"))
    await renderer.catch_up()
    end = "# EOF\n" if form is PageFormat.OPENMETRICS else ""
    return b"".join(blocks(renderer.sheet(), renderer.columns, form)).decode() + end


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=TEXT, rig=TEXT)
def test_hostile_strings_neither_break_the_page_nor_add_series(text, rig):
    fleet = Fleet()
    fleet.publish(hostile(rig, text))
    for form, parse in ((PageFormat.TEXT, parse_text), (PageFormat.OPENMETRICS, parse_openmetrics)):
        page = asyncio.run(page_of(fleet, form))
        found = [sample for family in parse(page) for sample in family.samples]
        assert len({(s.name, *sorted(s.labels.items())) for s in found}) == len(found)
        assert len(found) == SERIES - (not text)  # an empty pool user has no series
        lines = [line for line in page.split("\n") if line and not line.startswith("#")]
        assert len(lines) == len(found)
        for sample in found:
            assert sample.name.startswith("mining_")
            assert all(len(value) <= 128 and value.isprintable() for value in sample.labels.values() if value.isascii())


@pytest.mark.needs("prometheus")
async def test_real_prometheus_accepts_hostile_strings(tmp_path: pathlib.Path):
    fleet, clock, port, own = Fleet(), HandClock(), free_port(), free_port()
    for number, text in enumerate(INJECTIONS):
        fleet.publish(hostile(f"{text}{number}", text))
    fleet.publish(antminer())
    made = context(fleet, clock, {"listen": f"127.0.0.1:{own}", "max_series_per_rig": 100, "privacy": "full"})
    async with running(made, f"http://127.0.0.1:{own}") as session:
        sd = [{"url": f"http://127.0.0.1:{own}/sd", "refresh_interval": "1s"}]
        job = {"job_name": "mine", "scrape_interval": "1s", "scrape_timeout": "1s", "http_sd_configs": sd}
        (tmp_path / "prometheus.yml").write_text(json.dumps({"scrape_configs": [job]}))
        async with prometheus(tmp_path, port):
            query = f"http://127.0.0.1:{port}/api/v1/query"

            async def ask(expression: str) -> list:
                async with session.get(query, params={"query": expression}) as answer:
                    return (
                        (await answer.json())["data"]["result"] if answer.status == 200 else []
                    )  # 503 while it starts

            for _ in range(300):
                with contextlib.suppress(OSError):
                    if (up := await ask('up{job="mine"}')) and up[0]["value"][1] == "1":
                        break
                await asyncio.sleep(0.1)
            assert [(r["metric"]["site"], r["value"][1]) for r in up] == [("north", "1")]
            rigs = await ask("count(mining_rig_up)")
            assert rigs[0]["value"][1] == str(len(INJECTIONS) + 1)
            names = await ask('count by (__name__) ({job="mine"})')
            strange = [r["metric"]["__name__"] for r in names]
            assert all(name.startswith(("mining_", "stratoscope_", "up", "scrape_")) for name in strange), strange
            rate = await ask('mining_rig_hashrate_hashes_per_second{rig="hall1-07"}')
            assert float(rate[0]["value"][1]) == 109.5e12


@contextlib.asynccontextmanager
async def prometheus(folder: pathlib.Path, port: int):
    """Run Debian's Prometheus on `folder`/prometheus.yml until the block ends."""
    process = await asyncio.create_subprocess_exec(
        program("prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
