"""The shipped Prometheus and Alertmanager files in the real programs, with faults at a simulated site."""

import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fakes.addresses import free_base, free_port
from fakes.programs import Agent, Program, eventually, get
from stratoscope.clock import SystemClock
from stratoscope.simulate.fleet import SimulatedFleet, targets

ROOT = Path(__file__).resolve().parents[2]
FASTER = 60
pytestmark = [
    pytest.mark.needs("prometheus", "prometheus-alertmanager", "mosquitto"),
    pytest.mark.timeout(420),
]


class Webhook:
    """Receives notifications from Alertmanager: `groups` holds every message, oldest first."""

    def __init__(self) -> None:
        self.groups: list[dict[str, Any]] = []
        groups = self.groups

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                groups.append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def alerts(self, status: str) -> set[tuple[str, str]]:
        """Return (alert, rig or "") of every alert received with `status`."""
        return {
            (alert["labels"]["alertname"], alert["labels"].get("rig", ""))
            for group in list(self.groups)
            for alert in group["alerts"]
            if alert["status"] == status
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def stack(folder: Path, agent: str, webhook: str) -> Iterator[dict[str, str]]:
    """Run scripts/stack and yield the URLs that it prints."""
    ports = ",".join(str(free_port()) for _ in range(3))
    command = [
        sys.executable,
        str(ROOT / "scripts/stack"),
        "--agent",
        agent,
        "--faster",
        str(FASTER),
        "--webhook",
        webhook,
        "--ports",
        ports,
        "--json",
    ]
    program = Program(command, folder, "stack")
    try:
        yield eventually(lambda: json.loads(program.log().splitlines()[0]), what="the stack")
    finally:
        assert program.stop() == 0, program.log()[-2000:]


@pytest.mark.waits(150)
async def test_alerts_of_a_site_are_notified_in_groups_and_resolved(tmp_path: Path):
    fleet = SimulatedFleet(
        rigs=12, seed=3, clock=SystemClock(), mix={"antminer": 1.0}, troubles=False, base=free_base()
    )
    await fleet.start()
    webhook = Webhook()
    own = ["127.0.0.1", *{url.rpartition(":")[0].rpartition("/")[2] for url, _ in fleet.rigs[0].state.own_pools}]
    agent = Agent(
        tmp_path,
        {
            "site": "north",
            "polling": {"interval": 5, "freshness": 10},
            "rigs": targets(fleet),
            "guard": {"endpoints": own},
        },
    )

    async def wait_for(condition, seconds=60.0, what="it"):
        return await asyncio.to_thread(eventually, condition, seconds, what)

    try:
        with stack(tmp_path, agent.url.removeprefix("http://"), webhook.url) as places:
            await check_scenario(fleet, webhook, places, wait_for)
    finally:
        agent.stop()
        webhook.close()
        await fleet.stop()


async def check_scenario(fleet, webhook, places, wait_for):
    await wait_for(lambda: ("DeadMansSwitch", "") in webhook.alerts("firing"), what="the dead man's switch")
    board, off = fleet.rigs[:2]

    def firing() -> set[tuple[str, str]]:
        return {alert for alert in webhook.alerts("firing") if alert[0] != "DeadMansSwitch"}

    up = f"{places['prometheus']}/api/v1/query?query=site:mining_rigs_up:count"
    await wait_for(lambda: json.loads(get(up)[1])["data"]["result"][0]["value"][1] == "12", what="12 rigs up")
    assert firing() == set(), "nothing is wrong with a fresh agent"

    board.force("failing_board", duration=600)
    off.force("offline", duration=600)
    await wait_for(lambda: {("HashboardLost", board.name), ("RigOffline", off.name)} <= firing(), what="two alerts")
    assert {group["groupLabels"].get("site") for group in webhook.groups} >= {"north"}
    for group in webhook.groups:
        assert set(group["groupLabels"]) <= {"site", "alertname"}
        assert len({alert["labels"]["alertname"] for alert in group["alerts"]}) == 1

    hot, cut = fleet.rigs[8:10]
    hot.force("overheat", duration=600)
    cut.force("pool_outage", duration=600)
    stolen = fleet.rigs[7]
    stolen.force("hijack", duration=600)
    await wait_for(lambda: ("TamperRig", stolen.name) in firing(), what="the alert of a hijacked rig")
    others = {("ChipOverTemperature", hot.name), ("RigPoolFailover", cut.name)}
    await wait_for(lambda: others <= firing(), 120.0, what="alerts for overheating and pool failover")

    # Before the site goes offline: Alertmanager does not notify about an alert that resolves while inhibited.
    alone = {("HashboardLost", board.name), ("RigOffline", off.name), ("TamperRig", stolen.name), *others}
    for rig in fleet.rigs:
        rig.recover()
    await wait_for(lambda: alone <= webhook.alerts("resolved"), 120.0, what="all alerts to resolve")

    for rig in fleet.rigs[2:7]:
        rig.force("offline", duration=600)
    await wait_for(lambda: ("SiteRigsOffline", "") in firing(), what="the site alert")
    critical = [g for g in webhook.groups if g["groupLabels"].get("alertname") == "SiteRigsOffline"]
    assert critical[0]["receiver"] == "critical"
    await asyncio.sleep(12)  # the time after which alerts of single rigs would arrive
    assert not {("RigOffline", rig.name) for rig in fleet.rigs[2:7]} & firing(), (
        "the site alert inhibits the alerts of single rigs"
    )
    for rig in fleet.rigs:
        rig.recover()
    await wait_for(
        lambda: ("SiteRigsOffline", "") in webhook.alerts("resolved"), 90.0, what="the site alert to resolve"
    )
