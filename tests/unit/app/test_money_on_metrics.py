"""A site from end to end: simulated rigs, a fixed market and tariff, a clock that only the test moves.

The table "A site on /metrics" of docs/economics.md is calculated by hand; the test compares every figure with the page.
"""

import asyncio
import re
import socket
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from fakes.clock import StillClock
from fakes.web import Says, Web
from stratoscope.app.agent import Agent
from stratoscope.config import Config
from stratoscope.ledger import Ledger
from stratoscope.market.chain import nbits_of, target_of_difficulty
from stratoscope.simulate import physics
from stratoscope.simulate.fleet import SimulatedFleet, targets

ROOT = Path(__file__).resolve().parents[3]
START = 1_768_249_720.0  # 12 January 2026, 14:28:40 in Chicago: the third poll is at 14:30
STEP = 30.0
FAMILIES = {"sealminer": 1, "auradine": 1, "antminer-scrypt": 1, "whatsminer3": 1}
NAMES = ("a", "b", "l7", "dark")
ROW = re.compile(r"^\| (.+?) \| .+ \| `(mining_[a-z_]+)(?:\{([^}]*)\})?` \| (-?[\d,]+(?:\.\d+)?) \|$", re.MULTILINE)


def documented_rows() -> list[tuple[str, str, dict[str, str], str]]:
    """Return figure, metric, labels and value of every row of the table."""
    text = (ROOT / "docs/economics.md").read_text("utf-8").split("### A site on /metrics", 1)[1].split("\n## ", 1)[0]
    return [
        (name, metric, dict(re.findall(r'(\w+)="([^"]*)"', labels)), value)
        for name, metric, labels, value in ROW.findall(text)
    ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers() -> dict[str, Any]:
    """Return the responses of a mempool server, Coinbase and Kraken on the day of the worked example."""
    difficulty, tip, week = 146.48088e12, 932_000, 1.024e21
    first, name = tip - tip % 2016, "{:064x}".format
    bits = nbits_of(target_of_difficulty(difficulty))

    def block(height: int) -> dict[str, Any]:
        at = int(START) - 120 - (tip - height) * 590
        return {"id": name(height), "height": height, "timestamp": at, "bits": bits, "difficulty": difficulty}

    heights = (tip, tip - 144, tip - 432)
    return {
        "/api/blocks/tip/hash": Says(name(tip).encode(), headers={"Content-Type": "text/plain"}),
        **{f"/api/block/{name(height)}": block(height) for height in heights},
        **{f"/api/block-height/{height}": Says(name(height).encode()) for height in heights},
        "/api/v1/mining/reward-stats/144": {
            "startBlock": tip - 143,
            "endBlock": tip,
            "totalReward": str(144 * (312_500_000 + 1_686_508)),
            "totalFee": str(144 * 1_686_508),
            "totalTx": "410000",
        },
        "/api/v1/mining/hashrate/3d": {
            "hashrates": [],
            "difficulty": [],
            "currentHashrate": week,
            "currentDifficulty": difficulty,
        },
        "/api/v1/difficulty-adjustment": {
            "progressPercent": 30.2,
            "remainingBlocks": 2016 - tip % 2016,
            "nextRetargetHeight": first + 2016,
            "previousRetarget": -1.2,
            "previousTime": int(START) - 120 - (tip % 2016) * 590,
            "estimatedRetargetDate": (int(START) + 820_000) * 1000,
        },
        "/v2/prices/BTC-USD/spot": {"data": {"amount": "91132.00", "base": "BTC", "currency": "USD"}},
        "/0/public/Ticker?pair=XBTUSD": {
            "error": [],
            "result": {
                "XXBTZUSD": {"a": ["91132.1", "1", "1.000"], "b": ["91131.9", "1", "1.000"], "c": ["91132.0", "0.01"]}
            },
        },
    }


def freeze(fleet: SimulatedFleet) -> None:
    """Make every rig match its data sheet exactly; the last one is offline."""
    for rig in fleet.rigs:
        state = rig.state.physics
        state.wander = 0.0
        for board in state.boards:
            board.full = state.spec.hashrate / len(state.boards)
        state.step(0.0)
        state.windows = dict.fromkeys(state.windows, state.hashrate)
        state.hashes = state.hashrate * state.uptime
        assert state.power == state.spec.watts
    fleet.rigs[-1].state.force("offline", duration=1e9)


@pytest.fixture
async def site(tmp_path, monkeypatch, web: Web):
    """A running agent on four rigs and three market services; yields (clock, step, page, stop)."""
    web.answers = answers()
    monkeypatch.setattr(physics, "_WANDER", 0.0)
    monkeypatch.setattr("stratoscope.poll.loop.phase", lambda _address, _interval: 0.0)  # every rig at :00 and :30
    clock = StillClock(epoch=START)
    fleet = SimulatedFleet(rigs=4, seed=3, clock=clock, mix=FAMILIES, troubles=False, base="127.95.0.1")
    await fleet.start()
    freeze(fleet)
    entries = [{**entry, "name": name} for entry, name in zip(targets(fleet), NAMES, strict=True)]
    port = free_port()
    config = Config.model_validate(
        {
            "site": "north",
            "polling": {"interval": STEP, "freshness": 90},
            "rigs": entries,
            "state_dir": str(tmp_path),
            "market": {
                "network": [{"kind": "mempool", "url": web.url}],
                "prices": [{"kind": "coinbase", "url": web.url}, {"kind": "kraken", "url": web.url}],
            },
            "tariffs": {
                "default": {
                    "timezone": "America/Chicago",
                    "energy": {"type": "zones", "price": 0.04, "zones": [{"hours": "15-19", "price": 0.07}]},
                    "adders": {"per_kwh": 0.01, "loss_ratio": 0.02},
                }
            },
            "economics": {
                "pool_fee": 0.02,
                "overhead_ratio": 1.04,
                "capex": [{"model": "A2", "price": 900}],
                "hosting_per_kw_month": 121,
                "algorithms": {"scrypt": {"price": 0.9, "per": "GH"}},
            },
            "exporters": {"prometheus": {"listen": f"127.0.0.1:{port}"}},
        }
    )
    agent = Agent(config, clock)
    running = asyncio.create_task(agent.run())
    for _ in range(2000):  # the market is queried at once, in real time
        if agent.services.market.now.hashprice is not None and agent.services.market.now.price is not None:
            break
        await asyncio.sleep(0.002)

    async def step() -> None:
        """Let one interval pass and every poll of it end."""
        end = clock.monotonic() + STEP
        while clock.monotonic() < end:  # from one wake-up to the next: no time passes while rigs respond
            await clock.advance(min(clock.pending() or end, end) - clock.monotonic())
            for _ in range(2000):
                if not sum(agent.poll_metrics.in_flight.values()):
                    break
                await asyncio.sleep(0.002)
            else:
                raise AssertionError("polls do not finish")

    async def page() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        async with ClientSession(f"http://127.0.0.1:{port}") as session, session.get("/metrics") as answer:
            text = await answer.text()
        return {
            (s.name, frozenset(s.labels.items())): s.value
            for family in text_string_to_metric_families(text)
            for s in family.samples
        }

    async def stop() -> None:
        agent.stop()
        await asyncio.wait_for(running, 30)

    yield clock, step, page, stop
    if not running.done():
        await stop()
    await fleet.stop()


def rounded(value: float, documented: str) -> str:
    digits = -int(Decimal(documented.replace(",", "")).as_tuple().exponent)
    return f"{value:,.{digits}f}" if "," in documented else f"{value:.{digits}f}"


async def test_revenue_cost_and_margin_on_metrics_are_the_documented_ones(site, tmp_path):
    clock, step, page, _ = site
    rows = documented_rows()
    assert len(rows) > 40
    for _ in range(3):
        await step()
    before = await page()
    start = clock.time()
    assert before["mining_rig_last_success_timestamp_seconds", frozenset({("rig", "a")})] == START + 80
    for _ in range(120):
        await step()
    after = await page()
    assert clock.time() - start == 3600
    for name, metric, labels, documented in rows:
        key = metric, frozenset(labels.items())
        assert key in after, f"{name}: {metric} {labels} is not on the page"
        value = after[key] - before.get(key, 0.0) if metric.endswith("_total") else after[key]
        assert rounded(value, documented) == documented, f"{name}: {value}"
    absent = {(name, dict(labels).get("rig")) for name, labels in after}
    for metric in (
        "mining_rig_revenue_satoshis_total",
        "mining_rig_revenue_satoshis_per_day",
        "mining_rig_hashcost_fiat_per_ph_day",
        "mining_rig_payback_seconds",
    ):
        assert (metric, "l7") not in absent
    assert ("mining_rig_margin_fiat_per_day", "dark") not in absent
    assert ("mining_rig_power_cost_fiat_total", "dark") not in absent


async def test_the_day_in_the_ledger_is_the_sum_of_the_rigs_counters(site, tmp_path):
    _, step, page, stop = site
    for _ in range(10):
        await step()
    seen = await page()
    await stop()
    ledger = Ledger(tmp_path)
    sums = [counters for _, counters, _ in ledger.counters()]
    (day,) = [row for row in ledger.money_days() if row.rig == ""]
    ledger.close()
    assert (day.day, day.site) == ("2026-01-12", "north")
    assert day.sat == pytest.approx(sum(own.revenue_sat or 0.0 for own in sums))
    assert day.revenue == pytest.approx(sum(own.revenue_micro or 0.0 for own in sums))
    assert day.cost == pytest.approx(sum(own.cost_micro or 0.0 for own in sums))
    assert day.energy == pytest.approx(sum(own.energy or 0.0 for own in sums))
    for metric, total in (("revenue", day.revenue), ("power_cost", day.cost)):
        shown = sum(value for (name, _), value in seen.items() if name == f"mining_rig_{metric}_fiat_total")
        assert shown == pytest.approx(total / 1e6)
    # Three of four rigs respond; the first interval had no reading yet.
    assert day.scheduled_seconds == pytest.approx(4 * 300, abs=4 * 15)
    assert day.revenue_seconds == pytest.approx(sum(own.revenue_seconds for own in sums))
    assert 0.5 < day.revenue_seconds / day.scheduled_seconds < 0.75
    assert (day.price, day.difficulty, day.fee) == (
        pytest.approx(91_132),
        pytest.approx(146.48088e12),
        pytest.approx(0.02),
    )
