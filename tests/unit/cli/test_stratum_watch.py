"""`stratoscope stratum URL` with pools on loopback, in a thread since the command runs its own event loop."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from fakes.children import child
from fakes.programs import eventually
from stratoscope.cli import app
from stratoscope.clock import SystemClock
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool import PoolBehaviour, StratumPool


@pytest.fixture(scope="module")
def ports(pools) -> list[int]:
    return pools[0]


@pytest.fixture(scope="module")
def pools() -> Iterator[tuple[list[int], list[StratumPool]]]:
    """Two pools that send work to everyone, and one that requires a user; a block every second."""
    loop, found, started = asyncio.new_event_loop(), [], threading.Event()
    clock = SystemClock()
    chain = Chain(seed=1, clock=clock, first_blocks_s=tuple(float(n) for n in range(1, 600)))
    behaviour = (PoolBehaviour(open=True), PoolBehaviour(open=True, delay=0.2), PoolBehaviour())
    pools = [StratumPool(chain, clock=clock, seed=n, behaviour=one) for n, one in enumerate(behaviour)]

    async def start() -> None:
        found.extend([await pool.start() for pool in pools])

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        for pool in pools:
            loop.run_until_complete(pool.stop())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert started.wait(60)
    yield found, pools
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)


def run(*arguments: str):
    return CliRunner().invoke(app, ["stratum", *arguments])


def test_watching_once_prints_timings_difficulty_and_the_job_as_json(ports):
    result = run(f"127.0.0.1:{ports[0]}", "--json")
    assert result.exit_code == 0, result.output
    endpoint = json.loads(result.stdout)
    assert endpoint["endpoint"] == f"stratum+tcp://127.0.0.1:{ports[0]}"
    assert set(endpoint["timings_seconds"]) == {"connect", "subscribe", "first_job"}
    assert endpoint["rtt_configure_seconds"] > 0
    assert endpoint["difficulty"] == 65536.0
    assert (endpoint["subsidy_sats"], endpoint["chain"], endpoint["tag"]) == (312_500_000, "BTC", "/simulated pool/")
    assert (
        endpoint["coinbase_value_sats"]
        == endpoint["subsidy_sats"] + endpoint["fees_sats"]
        == endpoint["payout"][0]["sats"]
    )
    assert endpoint["hashprice_sats_per_ph_day"] > 0
    assert len(endpoint["prev_hash"]) == 64


def test_watching_two_endpoints_once_prints_two_tables_and_options_can_come_first(ports):
    result = run("--timeout", "20", f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}")
    assert result.exit_code == 0, result.output
    for words in (f"stratum+tcp://127.0.0.1:{ports[1]}", "share difficulty", "65\u202f536", "previous block", "bc1q"):
        assert words in result.stdout, words
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_user_is_sent_to_a_pool_that_requires_one_only_if_given(ports):
    result = run(f"127.0.0.1:{ports[2]}", "--user", "account.watch", "--json")
    assert result.exit_code == 0, result.output
    assert "authorize" in json.loads(result.stdout)["timings_seconds"]
    result = run(f"127.0.0.1:{ports[2]}", "--timeout", "3")
    assert result.exit_code == 1
    assert "no job in time" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("127.0.0.1:1",), 1, "nothing listens at 127.0.0.1 port 1"),
        (("pool.example",), 2, "it must name a host and a port"),
        (("http://pool.example:80",), 2, "it must begin with stratum+tcp://"),
        (("stratum2+tcp://pool.example:34254/abc",), 2, "has an invalid authority key"),
        (("127.0.0.1:1", "--password", "x"), 2, "--password requires --user"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(arguments, code, expected):
    result = run(*arguments)
    assert result.exit_code == code
    assert expected in result.stderr
    assert "Traceback" not in result.output


def following(ports: list[int], *more: str, **options):
    urls = [f"127.0.0.1:{port}" for port in ports[:2]]
    command = [sys.executable, "-m", "stratoscope", "stratum", *urls, "--follow", *more]
    return child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def interrupted(process: subprocess.Popen) -> bytes:
    """Press Ctrl-C and return the remaining output."""
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert b"Traceback" not in error
    return out


def test_following_as_json_prints_a_line_per_job(ports):
    with following(ports, "--json") as process:
        jobs: list[dict] = []
        while len({line["height"] for line in jobs}) < 3 or len({line["endpoint"] for line in jobs}) < 2:
            jobs.append(json.loads(process.stdout.readline()))
        interrupted(process)
    assert len(jobs) < 40, "one line per job, not per check"


def test_the_live_table_runs_until_it_is_interrupted(ports, pools):
    with following(ports) as process:
        eventually(lambda: process.poll() is not None or all(pool.sessions for pool in pools[1][:2]), what="sessions")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
        assert process.poll() is None, process.stderr.read()
        shown = interrupted(process).decode()
    assert "first" in shown
    assert f"127.0.0.1:{ports[0]}" in shown


def test_interrupt_ends_a_command_that_a_shell_started_in_the_background(ports):
    with following(ports, "--json", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as process:
        assert process.stdout.readline()
        interrupted(process)
