"""Configurable behaviour of the simulated pool: late blocks, empty templates, strict shares, vardiff, redirects."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from stratoscope.cli import app
from stratoscope.clock import SystemClock
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.fleet import SimulatedFleet
from stratoscope.simulate.miners import Miners
from stratoscope.simulate.pool import PoolBehaviour, StratumPool
from stratoscope.simulate.shares import Share, Vardiff
from stratoscope.stratum.jobs.template import decode_job
from stratoscope.stratum.protocol.endpoint import parse_endpoint
from stratoscope.stratum.protocol.messages import parse_notify


def pool_of(clock, chain=None, **behaviour) -> StratumPool:
    return StratumPool(
        chain or Chain(seed=1, clock=clock, first_blocks_s=(100.0, 1e9)),
        clock=clock,
        seed=1,
        behaviour=PoolBehaviour(**behaviour),
    )


async def session(pool: StratumPool):
    """Open a session; return (send a request, wait for a notification, writer)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", pool.port)
    notifications: list[dict] = []

    async def ask(method: str, *params):
        writer.write(json.dumps({"id": 1, "method": method, "params": params}).encode() + b"\n")
        while True:
            message = json.loads(await asyncio.wait_for(reader.readline(), 60))
            if message["id"] == 1:
                return message
            notifications.append(message)

    async def receive(method: str):
        while True:
            message = (
                notifications.pop(0) if notifications else json.loads(await asyncio.wait_for(reader.readline(), 60))
            )
            if message.get("method") == method:
                return message["params"]

    return ask, receive, writer


@pytest.fixture
async def started(clock):
    pools = []

    async def start(**behaviour) -> StratumPool:
        pool = pool_of(clock, **behaviour)
        pool.port = await pool.start()
        pools.append(pool)
        return pool

    yield start
    for pool in pools:
        await pool.stop()


async def test_open_pool_sends_work_right_after_subscribe(started):
    pool = await started(open=True)
    ask, receive, writer = await session(pool)
    await ask("mining.subscribe", "x")
    assert await receive("mining.set_difficulty") == [65536.0]
    assert len(await receive("mining.notify")) == 9
    writer.close()


async def test_pool_learns_of_a_block_after_its_delay(started, clock):
    prompt, late = await started(), await started(delay=30.0)
    late.chain = prompt.chain
    before = late.job[1]
    for _ in range(101):
        await clock.pass_(1)
    assert prompt.job[1] != before
    assert late.job[1] == before
    for _ in range(31):
        await clock.pass_(1)
    assert late.job[1] == prompt.job[1]
    (block,) = set(late.announced) & set(prompt.announced) - {next(iter(prompt.announced))}
    assert late.announced[block] - prompt.announced[block] == pytest.approx(30.0, abs=1.0)


async def test_templates_are_empty_for_the_configured_time_after_a_block(started, clock):
    pool = await started(empty=5.0)
    assert pool.job[4], "the first template has transactions"
    for _ in range(101):
        await clock.pass_(1)
    job = decode_job(parse_notify(pool.job))
    assert (job.empty, job.fees_sat, job.clean) == (True, 0, True)
    for _ in range(5):
        await clock.pass_(1)
    job = decode_job(parse_notify(pool.job))
    assert (job.empty, job.clean) == (False, False)
    assert job.fees_sat > 0


async def test_jobs_without_witness_are_bitcoin_cash(clock):
    pool = pool_of(clock, Chain(seed=1, clock=clock, bits=0x18018D09), witness=False, tag="/cash/")
    pool._new_job()
    job = decode_job(parse_notify(pool.job))
    assert (job.chain, job.tag, len(job.outputs)) == ("BCH", "/cash/", 1)
    assert job.outputs[0].script.startswith("76a914")


async def test_strict_pool_accepts_only_shares_that_meet_the_difficulty(started):
    pool = await started(open=True, strict=True)
    pool.difficulty = 1e-6  # about 4,000 hashes
    ask, receive, writer = await session(pool)
    extranonce1 = (await ask("mining.subscribe", "x"))["result"][1]
    await ask("mining.authorize", "a.b", "x")
    job = await receive("mining.notify")

    def worth(nonce: int) -> float:
        return Share.of(["a.b", job[0], "00" * 8, job[7], f"{nonce:08x}"], extranonce1).worth(job)

    nonces = range(100_000)
    good = next(nonce for nonce in nonces if worth(nonce) >= 1e-6)
    bad = next(nonce for nonce in nonces if worth(nonce) < 1e-6)

    async def submit(nonce: int, second: str = "00" * 8):
        return await ask("mining.submit", "a.b", job[0], second, job[7], f"{nonce:08x}")

    assert (await submit(good))["result"] is True
    assert (await submit(good))["error"][0] == 22
    assert (await submit(bad))["error"][0] == 23
    assert (await submit(good, "00"))["error"][0] == 20
    assert (await submit(good, "zz" * 8))["error"][0] == 20
    writer.close()


async def test_difficulty_follows_the_share_rate_of_a_session(started, clock):
    pool = await started(open=True, vardiff=10.0)
    ask, receive, writer = await session(pool)
    await ask("mining.subscribe", "x")
    await ask("mining.authorize", "a.b", "x")
    assert await receive("mining.set_difficulty") == [65536.0]
    for number in range(6):
        clock.now += 5.0
        await ask("mining.submit", "a.b", pool.job[0], f"{number:016x}", pool.job[7], "00000000")
    assert await receive("mining.set_difficulty") == [pytest.approx(131072.0)]
    assert (await receive("mining.notify"))[0] == pool.job[0], "it applies starting with a new job"
    writer.close()


def test_difficulty_changes_by_at_most_a_factor_of_four_and_ignores_small_deviations():
    vardiff = Vardiff(100.0, 10.0, 0.0)
    assert [vardiff.share(0.1 * n) for n in range(1, 7)][-1] == 400.0
    steady = Vardiff(100.0, 10.0, 0.0)
    assert {steady.share(9.0 * n) for n in range(1, 20)} == {None}
    assert Vardiff(100.0, None, 0.0).share(1.0) is None


async def test_redirect_is_sent_to_every_session(started):
    pool = await started(open=True)
    ask, receive, writer = await session(pool)
    await ask("mining.subscribe", "x")
    pool.send_to_all("client.reconnect", "other.example", 3333, 5)
    assert await receive("client.reconnect") == ["other.example", 3333, 5]
    writer.close()


def test_first_blocks_arrive_at_the_configured_times(clock):
    chain = Chain(seed=1, clock=clock, first_blocks_s=(10.0, 15.0))
    first = chain.tip().height
    clock.now += 9.9
    assert chain.tip().height == first
    clock.now += 0.2
    assert chain.tip().height == first + 1
    assert chain.tip_before(clock.time() - 1.0).height == first
    clock.now += 5.0
    assert chain.tip().height == first + 2


async def test_mining_rigs_submit_shares_at_the_rate_of_their_hashrate(base):
    clock = SystemClock()
    pool = StratumPool(Chain(seed=1, clock=clock), clock=clock, difficulty=2048.0, behaviour=PoolBehaviour())
    port = await pool.start()
    fleet = SimulatedFleet(
        rigs=4, seed=3, clock=clock, mix={"antminer": 3, "antminer-scrypt": 1}, troubles=False, base=base
    )
    await fleet.start()
    miners = Miners(fleet.rigs, parse_endpoint(f"127.0.0.1:{port}"), seed=1, clock=clock)
    task = asyncio.create_task(miners.run())
    try:
        for _ in range(1000):
            if miners.accepted >= 30:
                break
            await asyncio.sleep(0.02)
        assert miners.accepted >= 30, "about ten per second"
        assert miners.refused == 0
        assert pool.shares["accepted"] >= miners.accepted
        assert len(pool.sessions) == 3, "the scrypt rig does not mine bitcoin"
        for one in tuple(pool.sessions):
            one.transport.abort()
        before = miners.accepted
        for _ in range(1000):
            if miners.accepted > before + 10:
                break
            await asyncio.sleep(0.02)
        assert miners.accepted > before + 10, "they come back"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await fleet.stop()
        await pool.stop()


def test_unusable_mining_endpoint_is_reported_in_one_sentence():
    for url, told in (
        ("http://a:1", "is not a stratum endpoint"),
        ("stratum+ssl://a:1", "support stratum+tcp:// only"),
    ):
        result = CliRunner().invoke(app, ["simulate", "--mine", url])
        assert result.exit_code == 2
        assert told in result.stderr
