"""End to end: recorded and simulated rigs, the agent as a process, and a real Prometheus."""

from pathlib import Path

import pytest

from fakes.addresses import free_base, free_block
from fakes.programs import Agent, Prometheus, eventually
from fakes.shelf import PORTS, ReplayServer, recordings
from stratoscope.clock import SystemClock
from stratoscope.simulate.fleet import SimulatedFleet, targets

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.shelf, pytest.mark.timeout(300)]

QUIRKS = (
    {"keep_open": True},
    {"no_nul": True},
    {"newline": True},
    {"split": 700},
    {"bad_comma": True},
    {"trailing_comma": True},
    {"delay": 120},
)
S19 = "asicrs-antminer-v2020"


def replayed(shelf: Path) -> list[dict[str, object]]:
    """Return every recording once, and the S19 again for each wire quirk."""
    devices = recordings(shelf)
    rows: list[dict[str, object]] = [
        {"dir": str(d.folder), "host": d.host, **({"variant": d.variant} if d.variant else {})} for d in devices
    ]
    block = free_block()
    for at, quirk in enumerate(QUIRKS):
        rows.append({"dir": str(shelf / "captures" / S19), "host": f"{block}.{at + 1}", **quirk})
    return rows


@pytest.mark.waits(43)
async def test_polling_end_to_end_with_rigs_going_down_and_back(shelf: Path, tmp_path: Path):
    rows = replayed(shelf)
    assert len(rows) >= 20
    server = ReplayServer(shelf, rows, tmp_path)
    fleet = SimulatedFleet(rigs=100, seed=5, clock=SystemClock(), troubles=False, base=free_base())
    await fleet.start()
    rigs: list[dict[str, object]] = [
        {"address": row["host"], "ports": PORTS, "name": f"replay-{at:02d}"} for at, row in enumerate(rows)
    ]
    rigs += targets(fleet)
    agent = prometheus = None
    try:
        agent = Agent(tmp_path, {"site": "test", "polling": {"interval": 5, "freshness": 10}, "rigs": rigs})
        prometheus = Prometheus(
            tmp_path,
            [{"job_name": "stratoscope", "http_sd_configs": [{"url": f"{agent.url}/sd", "refresh_interval": "1s"}]}],
        )
        await check_scenario(agent, prometheus, server, fleet, rows)
    finally:
        for program in (prometheus, agent):
            if program is not None:
                code = program.stop()
                assert code in (0, None) or program is prometheus, program.log()[-3000:]
        await fleet.stop()
        server.stop()
    log = agent.log()
    assert "Traceback" not in log
    assert fleet.privileged_seen == 0
    assert [r for r in server.requests() if r["privileged"]] == []


async def check_scenario(agent, prometheus, server, fleet, rows):
    import asyncio

    async def wait_for(condition, seconds=90.0, what="it"):
        return await asyncio.to_thread(eventually, condition, seconds, what)

    async def ask(expression):
        return await asyncio.to_thread(prometheus.query, expression)

    total = len(rows) + 100
    await wait_for(lambda: prometheus.query("sum(mining_rig_up)") == {"": float(total)}, what=f"{total} rigs up")
    assert (await ask('up{job="stratoscope",site="test"}')).popitem()[1] == 1.0

    at = next(n for n, row in enumerate(rows) if str(row["dir"]).endswith(S19))
    one = f'{{rig="replay-{at:02d}"}}'
    assert (await ask(f"mining_rig_shares_total{one}"))[f"result=accepted,rig=replay-{at:02d}"] == 4057.0
    assert sum((await ask(f"mining_hashboard_chips{one}")).values()) == 342.0
    # The S19's steady window is its 30-minute or average rate: 111.83 .. 111.88 TH/s.
    (hashrate,) = (await ask(f"mining_rig_hashrate_hashes_per_second{one}")).values()
    assert hashrate == pytest.approx(111.86e12, rel=0.001)

    victims = [rig for rig in fleet.rigs if rig.family.startswith("antminer")][:3]
    killed, hung, garbage = victims
    await wait_for(
        lambda: min(prometheus.query('mining_rig_polls_total{outcome="ok"}').values()) >= 2, what="second polls"
    )
    names = {victim.name for victim in victims}
    skipped = "mining_rig_polls_skipped_total"  # identification may take longer than the interval, polling may not
    skipped_before = await ask(skipped)
    before = await ask('mining_rig_polls_total{outcome="ok"}')
    killed.force("offline", duration=600)
    hung.force("hung", duration=600)
    garbage.force("garbage", duration=600)
    await wait_for(lambda: prometheus.query("sum(mining_rig_up)") == {"": float(total - 3)}, what="three rigs down")
    await wait_for(
        lambda: f"{killed.name}" not in prometheus.query("mining_rig_hashrate_hashes_per_second"),
        what="its values to disappear",
    )
    assert (await ask(f'mining_rig_up{{rig="{killed.name}"}}')) == {killed.name: 0.0}
    assert (await ask(f'mining_hashboard_temperature_celsius{{rig="{killed.name}"}}')) == {}
    reasons = await ask(f'sum by (outcome) (mining_rig_polls_total{{rig=~"{"|".join(v.name for v in victims)}"}})')
    assert {"outcome=refused", "outcome=timeout", "outcome=ok"} <= set(reasons)
    assert {"outcome=decode", "outcome=not_json"} & set(reasons)

    others = 'mining_rig_polls_total{outcome!="ok",rig!~"' + "|".join(v.name for v in victims) + '"}'
    assert await ask(others) == {}, "the other rigs lose no poll"
    gone = {f"outcome=ok,rig={v.name}" for v in victims}

    def all_polled_again():
        after = prometheus.query('mining_rig_polls_total{outcome="ok"}')
        return all(after[rig] > count for rig, count in before.items() if rig not in gone)

    await wait_for(all_polled_again, what="every other rig polled again")
    assert await ask(others) == {}, "the other rigs lose no poll"
    skipped_now = await ask(skipped)
    assert {rig: n for rig, n in skipped_now.items() if n != skipped_before[rig] and rig not in names} == {}

    killed.recover()
    await wait_for(
        lambda: prometheus.query(f'mining_rig_up{{rig="{killed.name}"}}') == {killed.name: 1.0}, 120.0, "back"
    )
