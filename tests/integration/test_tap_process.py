"""`stratoscope tap` as a process: a miner submits shares to a simulated pool through it, and /metrics counts them."""

import asyncio
import json
import signal
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fakes.addresses import free_port
from fakes.programs import get
from stratoscope.clock import SystemClock
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool import StratumPool


class Miner:
    """A miner that sends a request and waits for the response; of other messages it keeps only the job."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self.id, self.job = reader, writer, 0, None

    async def ask(self, method, *params):
        self.id += 1
        self.writer.write(json.dumps({"id": self.id, "method": method, "params": params}).encode() + b"\n")
        while True:
            line = json.loads(await self.reader.readline())
            if line.get("method") == "mining.notify":
                self.job = line["params"][0]
            if line.get("id") == self.id:
                return line

    async def work(self):
        while self.job is None:
            line = json.loads(await self.reader.readline())
            self.job = line["params"][0] if line.get("method") == "mining.notify" else None


async def started(*arguments):
    command = (sys.executable, "-m", "stratoscope", "tap", *arguments)
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def port_in(process, word):
    while word not in (line := (await process.stdout.readline()).decode()):
        assert line, (await process.stderr.read()).decode()
    return line


async def test_relay_metrics_count_the_shares_of_a_miner():
    pool = StratumPool(Chain(seed=1, clock=SystemClock()), clock=SystemClock(), difficulty=2048.0)
    at, page, port = await pool.start(), free_port(), free_port()
    process = await started(
        "--listen", f"127.0.0.1:{port}", "--upstream", f"stratum+tcp://127.0.0.1:{at}", "--metrics", f"127.0.0.1:{page}"
    )
    try:
        await port_in(process, "relaying")
        miner = Miner(*await asyncio.open_connection("127.0.0.1", port))
        assert (await miner.ask("mining.subscribe", "miner/1"))["error"] is None
        assert (await miner.ask("mining.authorize", "bc1qpayout.rig7", "x"))["result"] is True
        await miner.work()
        for nonce in ("00000001", "00000002", "00000002"):
            await miner.ask("mining.submit", "bc1qpayout.rig7", miner.job, "00" * 8, "647025b5", nonce)
        await miner.ask("mining.submit", "bc1qpayout.rig7", "no-such-job", "00" * 8, "647025b5", "00000001")
        status, body = await asyncio.to_thread(get, f"http://127.0.0.1:{page}/metrics")
        assert status == 200
        families = text_string_to_metric_families(body.decode())
        samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }
        rig = ("worker", "rig7")
        assert samples["mining_tap_shares_accepted_total", rig] == 2
        assert samples["mining_tap_shares_difficulty_accepted_total", rig] == 4096
        assert samples["mining_tap_shares_rejected_total", ("reason", "duplicate"), rig] == 1
        assert samples["mining_tap_shares_rejected_total", ("reason", "stale"), rig] == 1
        assert samples["mining_tap_submit_reply_seconds_count", rig] == 4
        assert samples["mining_tap_connections",] == 1
        assert b"payout" not in body
        assert (
            await asyncio.to_thread(get, f"http://127.0.0.1:{page}/metrics", Accept="application/openmetrics-text")
        )[1].endswith(b"# EOF\n")
        assert (await asyncio.to_thread(get, f"http://127.0.0.1:{page}/-/healthy"))[0] == 200
        assert (await asyncio.to_thread(get, f"http://127.0.0.1:{page}/metrics", Host="evil.example"))[0] == 421
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0, (await process.stderr.read()).decode()
        await pool.stop()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--listen", "nonsense", "--upstream", "a:1"), 2, "--listen"),
        (("--listen", "127.0.0.1:0", "--upstream", "stratum+ssl://a:1"), 2, "plain stratum+tcp port"),
        (("--listen", "127.0.0.1:0", "--upstream", "a"), 2, "pool.example.com:3333"),
        (("--listen", "127.0.0.1:0", "--upstream", "user@a:1"), 2, "pool.example.com:3333"),
        (("--listen", "127.0.0.1:3333", "--upstream", "127.0.0.1:3333"), 2, "the relay itself"),
        (("--listen", "192.0.2.1:3333", "--upstream", "a:1", "--metrics", "127.0.0.1:0"), 1, "cannot listen"),
    ],
)
async def test_invalid_address_is_reported_with_the_remedy(arguments, code, words):
    process = await started(*arguments)
    _, errors = await process.communicate()
    assert process.returncode == code
    assert words in errors.decode()
