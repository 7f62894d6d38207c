"""Measures a scrape of a large fleet against prometheus_client.generate_latest on the same samples.

    python -m tests.bench.scrape [--rigs 10000] [--json]

Prints CPU and wall time of rendering on arrival, joining and compressing, the longest pause of the event loop while
pages are made over HTTP, and the memory of the process. Ratios hold on any machine, times do not.
"""

import argparse
import asyncio
import gc
import json
import pathlib
import socket
import sys
import threading
import time

from aiohttp import ClientSession
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from stratoscope.clock import SystemClock
from stratoscope.exporter import AgentHealth, Context
from stratoscope.fleet import Counters, Fleet, Judged, PollStatus, RigSnapshot
from stratoscope.reading import Fan, Hashboard, PoolSlot, Reading, Shares
from stratoscope_exporters.exposition.meters import Meters
from stratoscope_exporters.exposition.page import Pages, Wanted
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.exposition.settings import Settings
from stratoscope_exporters.exposition.text import Form
from stratoscope_exporters.web.exporter import serve


def rig(number: int, turn: int) -> RigSnapshot:
    """Return a rig with some 50 series; every object is its own, as after decoding."""
    wave = (number * 31 + turn * 17) % 1000 / 1000
    rate, watts, now = (108 + wave) * 1e12, 3250.0 + wave, time.time()
    boards = tuple(
        Hashboard(
            index=at,
            hashrate=rate / 3 + at,
            temperature_board=55 + wave,
            temperature_chip=70 + wave,
            chips=114,
            hardware_errors=number % 7 + turn,
        )
        for at in range(3)
    )
    reading = Reading(
        driver="antminer-stock",
        make="Antminer",
        model="S19 Pro",
        firmware="stock",
        firmware_version="2022-11-03",
        mac=f"02:00:00:{number >> 16:02X}:{number >> 8 & 255:02X}:{number & 255:02X}",
        uptime=86400.0 + turn,
        hashing=True,
        hashrate={"5s": rate, "30m": rate},
        hashrate_expected=110e12,
        power=watts,
        power_source="reported",
        boards=boards,
        fans=tuple(Fan(index=at, rpm=5800 + number % 100 + at) for at in range(4)),
        pools=tuple(
            PoolSlot(index=at, url=f"stratum+tcp://pool{at}.example.net:3333", alive=True, active=at == 0)
            for at in range(2)
        ),
        shares=Shares(accepted=5000 + turn, rejected=3, stale=0),
        hardware_errors=21,
        faults=(),
    )
    return RigSnapshot(
        rig=f"hall-{number // 500}-{number % 500:03d}",
        state="hashing",
        at=now,
        reading=reading,
        polling=PollStatus(
            address=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
            interval=30.0,
            polls={"ok": turn},
            duration=0.1 + wave,
            last_success=now,
            last_attempt=now,
            last_reason="ok",
        ),
        judged=Judged(hashrate=rate, nameplate=110e12, power=watts, power_source="reported", efficiency=watts / 108),
        counters=Counters(
            accepted=5000 + turn, rejected=3, stale=0, hardware_errors=21, energy=watts * turn, hashes=rate * turn
        ),
    )


def resident() -> float:
    """Return the memory of this process in MB."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def timed(work, times: int = 1) -> tuple[float, object]:
    """Return the best wall seconds of `times` runs, and the last result."""
    best, result = float("inf"), None
    for _ in range(times):
        gc.collect()
        started = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - started)
    return best, result


def gauges(page: str) -> CollectorRegistry:
    """Return a registry of plain Gauges that holds the samples of `page`."""
    registry = CollectorRegistry()
    for family in text_string_to_metric_families(page):
        names = list(family.samples[0].labels)
        gauge = Gauge(family.name, family.documentation, names, registry=registry)
        for sample in family.samples:
            (gauge.labels(*sample.labels.values()) if names else gauge).set(sample.value)
    return registry


def collector(page: str) -> CollectorRegistry:
    """Return a registry with a custom collector that makes the samples of `page` anew at each scrape."""
    families = [
        (
            f.name,
            f.documentation,
            f.type,
            list(f.samples[0].labels),
            [(tuple(s.labels.values()), s.value) for s in f.samples],
        )
        for f in text_string_to_metric_families(page)
    ]

    class Samples:
        def describe(self):
            return []

        def collect(self):
            for name, text, kind, labels, rows in families:
                made = (CounterMetricFamily if kind == "counter" else GaugeMetricFamily)(name, text, labels=labels)
                for values, value in rows:
                    made.add_metric(values, value)
                yield made

    registry = CollectorRegistry()
    registry.register(Samples())
    return registry


class Lag:
    """Measures the longest time the loop did not come round."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def run(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.002)
            self.worst = max(self.worst, time.perf_counter() - before - 0.002)


async def over_http(fleet: Fleet, rigs: int) -> dict[str, float]:
    """Serve the fleet while every rig changes in 5 s and five scrapers ask; return times, longest pause, memory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(listen=f"127.0.0.1:{port}")
    context = Context(fleet, SystemClock(), AgentHealth(ready=True), CollectorRegistry(), "bench", settings)
    server, lag, spent, stop = asyncio.create_task(serve(context)), Lag(), [], threading.Event()
    await asyncio.sleep(rigs / 2000 + 0.5)

    def scrape() -> None:  # in a thread with a loop of its own, so that only the server's pauses are measured
        async def go() -> None:
            async with ClientSession(f"http://127.0.0.1:{port}", auto_decompress=False) as session:
                while not stop.is_set():
                    started = time.perf_counter()
                    async with session.get("/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
                        await answer.read()
                    spent.append(time.perf_counter() - started)
                    await asyncio.sleep(1)

        asyncio.run(go())

    gc.collect()
    gc.freeze()
    watch = asyncio.create_task(lag.run())
    threads = [asyncio.create_task(asyncio.to_thread(scrape)) for _ in range(2)]
    for number in range(rigs):
        fleet.publish(rig(number, 3))
        if number % 20 == 19:
            await asyncio.sleep(5 * 20 / rigs)
    stop.set()
    await asyncio.gather(*threads)
    watch.cancel()
    server.cancel()
    return {
        "scrape_seconds": max(spent),
        "scrapes": len(spent),
        "longest_pause_ms": lag.worst * 1e3,
        "rss_mb": resident(),
    }


def join(pages: Pages, renderer: Renderer) -> tuple[str, dict[str, float]]:
    """Return the page and what joining it takes, plain and compressed: what a scrape costs when all is rendered."""
    sheet = renderer.sheet()
    plain, page = timed(lambda: pages._make(sheet, Wanted(Form.TEXT), sheet, b""), 5)
    packed, small = timed(lambda: pages._make(sheet, Wanted(Form.TEXT, gzip=True), sheet, b""), 5)
    sizes = {"page_mb": sum(map(len, page)) / 1e6, "gzip_mb": sum(map(len, small)) / 1e6}
    return b"".join(page).decode(), {**sizes, "join_s": plain, "join_and_gzip_s": packed}


async def measure(rigs: int) -> dict[str, float]:
    """Return every figure."""
    fleet, empty = Fleet(), resident()
    for number in range(rigs):
        fleet.publish(rig(number, 1))
    held = resident()
    renderer = Renderer(fleet, SystemClock(), Meters(), Settings())
    started = time.perf_counter()
    await renderer.catch_up()
    rendered = time.perf_counter() - started
    figures = {
        "rigs": rigs,
        "series": renderer.series,
        "series_per_rig": renderer.series / rigs,
        "snapshots_mb": held - empty,
        "finished_lines_mb": resident() - held,
        "render_ms_per_rig": rendered / rigs * 1e3,
    }
    pages = Pages(renderer, CollectorRegistry(), SystemClock(), Meters())
    text, joined = join(pages, renderer)
    pages.close()
    figures |= joined
    del pages, renderer
    figures |= await over_http(fleet, rigs)
    for name, build in (("gauges", gauges), ("collector", collector)):
        registry = build(text)
        gc.collect()
        slow, other = timed(lambda registry=registry: generate_latest(registry), 2)
        assert other.count(b"\n") >= figures["series"], "not the same samples"
        figures |= {f"generate_latest_{name}_s": slow, f"{name}_times_slower": slow / joined["join_s"]}
        del registry, other
    return figures


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rigs", type=int, default=10_000)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    figures = asyncio.run(measure(chosen.rigs))
    if chosen.json:
        json.dump(figures, sys.stdout, indent=1)
        return
    for name, value in figures.items():
        print(f"{name:28} {value:12,.3f}" if isinstance(value, float) else f"{name:28} {value:12,}")


if __name__ == "__main__":
    main()
