"""Measures a whole agent on a large simulated fleet: memory, CPU, loop lag, scrapes, skipped ticks.

    python -m tests.bench.memory [--rigs 10000] [--interval 60] [--intervals 3] [--whole] [--json]

The agent is a process of its own, started as users start it; the fleet is another one. Figures are read from outside
(/proc) and from the agent's own metrics. The first interval, in which every rig is identified, is left out of CPU.
With `--whole` it also asks three pools about every worker, watches two stratum endpoints, guards, reckons the money and
publishes over MQTT to a real mosquitto, as `stratoscope demo --mqtt` does.
"""

import argparse
import contextlib
import gzip
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

from tests.bench.fleet import FleetProcess

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fakes.mosquitto import Mosquitto
from fakes.programs import Agent
from stratoscope.app.demo import demo_config
from stratoscope.outside.broker import Account

WHOLE = (
    "mining_pool_up",
    "mining_stratum_up",
    "stratoscope_mqtt_messages_confirmed_total",
    "stratoscope_series_dropped_total",
)
"""Shown where they are on the page."""


def status(pid: int) -> tuple[float, float]:
    """Return resident memory in MB and CPU seconds of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return pages * 4096 / 1e6, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def scrape(url: str) -> tuple[dict[str, float], float, int]:
    """Return summed samples by metric name, the seconds the scrape took, and the bytes sent."""
    started = time.perf_counter()
    with urlopen(Request(url + "/metrics", headers={"Accept-Encoding": "gzip"}), timeout=60) as answer:
        page = answer.read()
    seconds = time.perf_counter() - started
    sums: dict[str, float] = {}
    for raw in gzip.decompress(page).splitlines():
        if not raw.startswith(b"#"):
            name, value = raw.decode().split("{", 1)[0].split(" ")[0], float(raw.rsplit(b" ", 1)[1])
            sums[name] = sums.get(name, 0.0) + value
            sums["lines"] = sums.get("lines", 0) + 1
    return sums, seconds, len(page)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rigs", type=int, default=10_000)
    parser.add_argument("--interval", type=int, default=60)
    parser.add_argument("--intervals", type=int, default=3)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    fleet = FleetProcess(options.rigs, None, base="127.80.0.1", whole=options.whole)
    try:
        figures = measure(fleet, options)
    finally:
        fleet.stop()
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:34} {value:,.3f}")
    return 0


def measure(fleet: FleetProcess, options: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        polling = {"interval": options.interval}
        config = {"polling": polling, "rigs": fleet.targets}
        if options.whole:
            broker = Mosquitto(folder)
            stack.callback(broker.stop)
            made = demo_config(fleet.targets, fleet.urls, "", Account(host="127.0.0.1", port=broker.port))
            config = made | {"polling": polling, "mqtt": {"host": "127.0.0.1", "port": broker.port}}
        agent = Agent(folder, config)
        stack.callback(agent.stop)
        return watch(agent, options)


def watch(agent: Agent, options: argparse.Namespace) -> dict[str, float]:
    pid = agent.process.pid
    time.sleep(2 * options.interval)
    before, _, _ = scrape(agent.url)
    _, cpu_before = status(pid)
    lags, scrapes, peak = [], [], 0.0
    for _ in range(options.intervals):
        time.sleep(options.interval)
        memory, cpu = status(pid)
        peak = max(peak, memory)
        after, seconds, sent = scrape(agent.url)
        lags.append(after["stratoscope_loop_lag_seconds"])
        scrapes.append(seconds)
    polls = after["stratoscope_polls_total"] - before["stratoscope_polls_total"]
    return {
        "rigs": options.rigs,
        "rigs_up": after["mining_rig_up"],
        "lines_on_the_page": after["lines"],
        "polls_measured": polls,
        "cpu_seconds_per_1000_polls": 1000 * (cpu - cpu_before) / polls,
        "share_of_one_core": (cpu - cpu_before) / (options.intervals * options.interval),
        "longest_loop_lag_seconds": max(lags),
        "median_scrape_seconds_gzip": sorted(scrapes)[len(scrapes) // 2],
        "gzip_page_mb": sent / 1e6,
        "skipped_ticks": after["stratoscope_ticks_skipped_total"] - before["stratoscope_ticks_skipped_total"],
        "rss_mb": peak,
        **{name: after[name] for name in WHOLE if name in after},
    }


if __name__ == "__main__":
    sys.exit(main())
