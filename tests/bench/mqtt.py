"""Measures the MQTT exporter on a large fleet against a real mosquitto: CPU, memory, and what became of each message.

    python -m tests.bench.mqtt [--rigs 10000] [--interval 30] [--minutes 5] [--speed 5] [--outage 60] [--json]

Snapshots arrive as polls would bring them, `--speed` times faster than in life; CPU is given for the time they stand
for, so that shares of a core hold at the pace of life. The broker is killed in the middle for `--outage` of those
seconds. Times belong to the machine, ratios and the balance of messages hold anywhere.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from prometheus_client import CollectorRegistry
from tests.bench.memory import status
from tests.bench.scrape import rig

from fakes.mosquitto import Mosquitto
from stratoscope import logs
from stratoscope.clock import SystemClock
from stratoscope.events import Event, Events
from stratoscope.exporter import AgentHealth, Context
from stratoscope.fleet import Fleet
from stratoscope.ledger import Ledger, Outbox
from stratoscope.outside.broker import Account, Connection
from stratoscope_exporters.mqtt.counts import KINDS
from stratoscope_exporters.mqtt.publisher import Publisher
from stratoscope_exporters.mqtt.settings import Settings


class Bench:
    """A fleet that changes, a publisher, a broker."""

    def __init__(self, options: argparse.Namespace, folder: Path, broker: Mosquitto) -> None:
        self.options, self.broker = options, broker
        self.fleet, self.events = Fleet(), Events()
        self.ledger = Ledger(folder / "state")
        self.outbox = Outbox(self.ledger)
        account = Account(host="127.0.0.1", port=broker.port)
        context = Context(
            fleet=self.fleet,
            clock=SystemClock(),
            health=AgentHealth(ready=True),
            site="bench",
            settings=None,
            registry=CollectorRegistry(),
            events=self.events,
            outbox=self.outbox,
        )
        settings = Settings(rate=min(5000, 500 * options.speed), site_interval=10 / options.speed)
        self.publisher = Publisher(context, settings, lambda: Connection(account), lambda: 0.1)
        self.longest = 0.0

    def poll(self, number: int, turn: int) -> None:
        """Publish a new snapshot of a rig."""
        identity = f"mac:02:00:00:{number >> 16:02X}:{number >> 8 & 255:02X}:{number & 255:02X}"
        self.fleet.publish(replace(rig(number, turn), identity=identity))

    async def minutes(self) -> None:
        """Let the fleet change for as long as was asked for, evenly, with the broker away in the middle."""
        options, loop = self.options, asyncio.get_running_loop()
        total = round(options.minutes * 60 / options.interval * options.rigs)
        per_second = options.rigs / options.interval * options.speed
        start, done, down, back = loop.time(), 0, None, None
        half = options.minutes * 60 / 2
        while done < total:
            before = loop.time()
            lived = (before - start) * options.speed
            if down is None and options.outage and lived > half:
                down = lived
                self.broker.kill()
            if back is None and down is not None and lived > down + options.outage:
                back = lived
                self.broker = self.broker.again()
            due = min(total, int((before - start) * per_second))
            for at in range(done, due):
                self.poll(at % options.rigs, at // options.rigs)
            if done // 1000 != due // 1000:
                self.events(Event(kind="rig_state", at=time.time(), text="bench", rig="hall-0-000"))
            done = due
            self.longest = max(self.longest, loop.time() - before)
            await asyncio.sleep(0.01)


async def measure(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Return the figures."""
    (folder / "broker").mkdir()
    bench = Bench(options, folder, Mosquitto(folder / "broker", "max_queued_messages 0", "log_type error"))
    try:
        for number in range(options.rigs):
            bench.poll(number, 0)
        task = asyncio.create_task(bench.publisher.run())
        counts = bench.publisher.counts
        while not counts.connected or any(counts.waiting(kind) for kind in KINDS):  # the first round is not counted
            await asyncio.sleep(0.1)
        memory, cpu = status(os.getpid())
        before, sent = time.process_time(), counts.sent["state"]
        await bench.minutes()
        ended = time.monotonic()
        while not counts.connected or any(counts.waiting(kind) for kind in ("state", "event", "retained")):
            await asyncio.sleep(0.02)
        caught_up = time.monotonic() - ended
        used = time.process_time() - before
        peak, _ = status(os.getpid())
        figures = {
            "rigs": options.rigs,
            "lived_seconds": options.minutes * 60,
            "documents_sent": counts.sent["state"] - sent,
            "documents_conflated": counts.conflated["state"],
            "events_confirmed": counts.confirmed["event"],
            "messages_unaccounted": sum(abs(counts.balance(kind)) for kind in KINDS),
            "cpu_seconds": used,
            "cpu_of_making_the_fleet": making(options),
            "memory_before_mb": memory,
            "memory_after_mb": peak,
            "caught_up_seconds": caught_up,
        }
        figures["core_share"] = max(0.0, used - figures["cpu_of_making_the_fleet"]) / (options.minutes * 60)
        figures["cpu_us_per_document"] = 1e6 * (used - figures["cpu_of_making_the_fleet"]) / figures["documents_sent"]
        del cpu
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return figures
    finally:
        bench.broker.stop()
        bench.ledger.close()


def making(options: argparse.Namespace) -> float:
    """Return the CPU seconds that making the snapshots alone costs: polls would do that, not the exporter."""
    fleet, before = Fleet(), time.process_time()
    for at in range(options.rigs):
        fleet.publish(replace(rig(at, 1), identity="mac:02:00:00:00:00:00"))
    return (time.process_time() - before) * options.minutes * 60 / options.interval


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rigs", type=int, default=10_000)
    parser.add_argument("--interval", type=float, default=30)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--speed", type=int, default=5)
    parser.add_argument("--outage", type=float, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    logs.setup("error")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(options, Path(folder)))
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name.replace('_', ' '):28} {value:,.3f}".rstrip("0").rstrip("."))
    return int(figures["messages_unaccounted"] != 0)


if __name__ == "__main__":
    sys.exit(main())
