"""The agent as a process: start, config reload, invalid config, clean stop, and counters kept across restarts."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.addresses import free_base, free_port
from fakes.programs import Agent, eventually, get
from stratoscope.clock import SystemClock
from stratoscope.simulate.fleet import SimulatedFleet, targets

pytestmark = pytest.mark.timeout(240)


def metric(agent: Agent, name: str) -> dict[str, float]:
    """Return the samples of one metric by their label text."""
    lines = get(f"{agent.url}/metrics")[1].decode().splitlines()
    found = [line.rpartition(" ") for line in lines if line.split("{")[0].split(" ")[0] == name]
    return {labels.removeprefix(name): float(value) for labels, _, value in found}


@pytest.fixture
async def fleet():
    made = SimulatedFleet(rigs=12, seed=3, clock=SystemClock(), troubles=False, base=free_base())
    await made.start()
    yield made
    await made.stop()


async def off_loop(work, *args):
    return await asyncio.to_thread(work, *args)


@pytest.mark.waits(24)
async def test_f47_f48_reloads_stops_cleanly_and_keeps_counters_across_a_restart(fleet, tmp_path: Path):
    rigs = targets(fleet)
    config = {"polling": {"interval": 5, "freshness": 10}, "rigs": rigs[:10]}
    agent = await off_loop(Agent, tmp_path, config)
    try:
        await off_loop(eventually, lambda: sum(metric(agent, "mining_rig_up").values()) == 10, 60, "ten rigs up")
        await off_loop(eventually, lambda: get(f"{agent.url}/-/ready")[0] == 200)
        written = json.loads(agent.config.read_text())

        for round_ in range(3):  # F48: bad, good, bad, good
            bad = ["rigs: [", json.dumps({**written, "polling": {"interval": 1}}), ""][round_]
            agent.config.write_text(bad)
            agent.process.send_signal(signal.SIGHUP)
            name = "stratoscope_config_last_reload_successful"
            await off_loop(eventually, lambda: metric(agent, "stratoscope_config_last_reload_successful") == {"": 0.0})
            assert sum(metric(agent, "mining_rig_up").values()) >= 10
            more = rigs[: 11 if round_ % 2 == 0 else 12]
            agent.config.write_text(json.dumps({**written, "rigs": more}))
            agent.process.send_signal(signal.SIGHUP)
            await off_loop(eventually, lambda: metric(agent, "stratoscope_config_last_reload_successful") == {"": 1.0})
            await off_loop(
                eventually, lambda m=more: sum(metric(agent, "mining_rig_up").values()) == len(m), 60, "the new fleet"
            )
            assert name in get(f"{agent.url}/metrics")[1].decode()
        accepted = metric(agent, "mining_rig_shares_total")
        energy = metric(agent, "mining_rig_energy_joules_total")
    finally:
        started = time.monotonic()
        code = await off_loop(agent.stop)
    assert code == 0, agent.log()[-2000:]
    assert time.monotonic() - started < 10
    assert "Traceback" not in agent.log()
    assert "interval is 1 s" in agent.log()

    again = await off_loop(Agent, tmp_path, {**config, "rigs": rigs})
    try:
        await off_loop(eventually, lambda: sum(metric(again, "mining_rig_up").values()) == 12, 60, "all rigs up again")
        later = metric(again, "mining_rig_shares_total")
        assert all(later[labels] >= count for labels, count in accepted.items() if 'result="accepted"' in labels)
        assert all(metric(again, "mining_rig_energy_joules_total")[rig] >= joules for rig, joules in energy.items())
    finally:
        await off_loop(again.stop)


@pytest.mark.waits(20)
async def test_f47_stops_cleanly_at_any_time(fleet, tmp_path: Path):
    chance = random.Random(11)
    for number in range(5):
        folder = tmp_path / str(number)
        folder.mkdir()
        agent = await off_loop(Agent, folder, {"polling": {"interval": 5}, "rigs": targets(fleet)})
        await asyncio.sleep(chance.uniform(0, 4))
        assert await off_loop(agent.stop) == 0, agent.log()[-2000:]
        assert "Traceback" not in agent.log()


def test_invalid_config_exits_with_code_1_and_names_every_mistake(tmp_path: Path):
    config = tmp_path / "wrong.yaml"
    config.write_text(
        "pooling: {}\npolling:\n  interval: 2\nrigs:\n  - address: 10.0.0.1\n    password: env:NOT_THERE\n"
    )
    command = [sys.executable, "-m", "stratoscope", "run", "--config", str(config)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)

    assert result.returncode == 1
    for words in ("wrong.yaml:1", "polling", "wrong.yaml:3", "the minimum is 5 s", "NOT_THERE"):
        assert words in result.stderr, result.stderr
    assert "Traceback" not in result.stderr


def test_port_in_use_is_reported_in_one_sentence(tmp_path: Path):
    import socket

    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        config = tmp_path / "a.yaml"
        config.write_text(
            json.dumps(
                {
                    "rigs": ["127.0.0.1"],
                    "state_dir": str(tmp_path / "state"),
                    "exporters": {"prometheus": {"listen": f"127.0.0.1:{port}"}},
                }
            )
        )
        command = [sys.executable, "-m", "stratoscope", "run", "--config", str(config)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ))

    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
    assert "Traceback" not in result.stderr
