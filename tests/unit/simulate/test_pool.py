"""Stratum sessions and statistics page of the simulated pool, over real sockets."""

import asyncio
import hashlib
import json

import aiohttp
import pytest

from stratoscope.simulate.chain import Chain, difficulty, subsidy, target
from stratoscope.simulate.jobs import compact_size, height_push
from stratoscope.simulate.pool import StratumPool
from stratoscope.simulate.pool_statistics import suffixed
from stratoscope.simulate.serve import serve, site


class Miner:
    """A stratum client; messages other than the awaited response are queued in `notifications`."""

    def __init__(self, reader, writer) -> None:
        self.reader, self.writer = reader, writer
        self.notifications: list[dict] = []
        self.last = 0

    async def line(self) -> dict:
        return json.loads(await asyncio.wait_for(self.reader.readline(), 60))

    async def ask(self, method: str, *params) -> dict:
        self.last += 1
        self.writer.write(json.dumps({"id": self.last, "method": method, "params": params}).encode() + b"\n")
        while True:
            message = await self.line()
            if message["id"] == self.last:
                return message
            self.notifications.append(message)

    async def receive(self, method: str) -> dict:
        while True:
            message = self.notifications.pop(0) if self.notifications else await self.line()
            if message.get("method") == method:
                return message


@pytest.fixture
async def pool(clock):
    pool = StratumPool(Chain(seed=1, clock=clock), clock=clock, seed=1)
    pool.port = await pool.start()
    yield pool
    await pool.stop()


@pytest.fixture
async def connect(pool):
    writers = []

    async def connect() -> Miner:
        reader, writer = await asyncio.open_connection("127.0.0.1", pool.port)
        writers.append(writer)
        return Miner(reader, writer)

    yield connect
    for writer in writers:
        writer.close()


@pytest.fixture
async def miner(connect) -> Miner:
    miner = await connect()
    await miner.ask("mining.subscribe", "test/1")
    await miner.ask("mining.authorize", "account.a", "x")
    return miner


async def test_subscribe_authorize_set_difficulty_notify(connect):
    miner = await connect()
    answer = await miner.ask("mining.subscribe", "test/1")
    subscriptions, extranonce1, size = answer["result"]
    assert [name for name, _ in subscriptions] == ["mining.set_difficulty", "mining.notify"]
    assert (len(extranonce1), size) == (8, 8)
    assert (await miner.ask("mining.authorize", "account.a", "x"))["result"] is True
    assert (await miner.receive("mining.set_difficulty"))["params"] == [65536.0]
    job = (await miner.receive("mining.notify"))["params"]
    assert len(job) == 9
    assert job[8] is True


async def test_extranonces_differ_between_sessions(connect):
    given = {(await (await connect()).ask("mining.subscribe"))["result"][1] for _ in range(5)}
    assert len(given) == 5


async def test_configure_grants_version_rolling_every_time(connect):
    miner = await connect()
    for _ in range(2):
        answer = await miner.ask("mining.configure", ["version-rolling", "info"], {})
        assert answer["result"] == {"version-rolling": True, "version-rolling.mask": "1fffe000", "info": False}


async def test_rejects_authorize_before_subscribe_or_without_a_name(connect):
    miner = await connect()
    assert (await miner.ask("mining.authorize", "a", "x"))["error"][0] == 25
    await miner.ask("mining.subscribe")
    assert (await miner.ask("mining.authorize"))["error"][0] == 24


async def test_accepts_a_share_once_and_only_for_known_jobs(miner, pool):
    job = (await miner.receive("mining.notify"))["params"][0]
    share = ("account.a", job, "00" * 8, "6b031bbc", "deadbeef")
    assert (await miner.ask("mining.submit", *share))["result"] is True
    assert (await miner.ask("mining.submit", *share))["error"][0] == 22
    assert (await miner.ask("mining.submit", "account.a", "nojob", "00", "00", "00"))["error"][0] == 21
    assert (await miner.ask("mining.submit", "account.a"))["error"][0] == 20
    assert pool.shares == {"accepted": 1, "22": 1, "21": 1, "20": 1}


async def test_rejects_shares_of_an_unauthorized_session(connect, pool):
    miner = await connect()
    await miner.ask("mining.subscribe")
    assert (await miner.ask("mining.submit", "a", pool.job[0], "00", "00", "00"))["error"][0] == 24


async def test_sends_a_job_every_30_s_and_a_clean_job_with_a_new_block(miner, pool, clock):
    first = (await miner.receive("mining.notify"))["params"]
    pool.chain._next = clock.time() + 1000
    await clock.pass_(31)
    second = (await miner.receive("mining.notify"))["params"]
    assert second[0] != first[0]
    assert (second[1], second[8]) == (first[1], False)
    pool.chain.mine()
    pool.announce()
    third = (await miner.receive("mining.notify"))["params"]
    assert third[1] != first[1]
    assert third[8] is True
    assert (await miner.ask("mining.submit", "account.a", first[0], "00", "00", "00"))["error"][0] == 21


async def test_overlong_line_ends_the_session(connect):
    miner = await connect()
    miner.writer.write(b'{"id":1,"method":"' + b"x" * 5000)
    with pytest.raises((json.JSONDecodeError, ConnectionError)):
        await miner.line()


@pytest.mark.parametrize("line", [b"\xff\xfe\n", b"[1]\n", b"GET / HTTP/1.1\n"])
async def test_line_that_is_not_a_json_object_ends_the_session(connect, line):
    miner = await connect()
    miner.writer.write(line)
    with pytest.raises((json.JSONDecodeError, ConnectionError)):
        await miner.line()


async def test_unknown_method_gets_its_own_error_code(connect):
    assert (await (await connect()).ask("mining.dance"))["error"][0] == -3


def read_coinbase(raw: bytes) -> tuple[int, int]:
    """Parse a coinbase without witness, with no bytes left over; return the height and the sum of the outputs."""
    assert raw[:5] == b"\x01\0\0\0\x01"
    assert raw[5:41] == bytes(32) + b"\xff" * 4
    length = raw[41]
    script, at = raw[42 : 42 + length], 42 + length
    assert raw[at : at + 4] == b"\xff" * 4
    count, at, total = raw[at + 4], at + 5, 0
    for _ in range(count):
        total += int.from_bytes(raw[at : at + 8], "little")
        size = raw[at + 8]
        at += 9 + size
    assert raw[at:] == bytes(4)
    return int.from_bytes(script[1 : 1 + script[0]], "little"), total


async def test_jobs_have_the_height_difficulty_and_value_of_the_chain(miner, pool):
    answer = await miner.ask("mining.subscribe")
    _, prevhash, first, second, branches, version, bits, ntime, _ = (await miner.receive("mining.notify"))["params"]
    tip = pool.chain.tip()
    raw = bytes.fromhex(first + answer["result"][1] + "00" * answer["result"][2] + second)
    height, value = read_coinbase(raw)
    assert height == tip.height + 1
    assert value == subsidy(height) + pool.chain.fees()
    assert 3.125e8 < value < 3.6e8
    assert 11 <= len(branches) <= 13
    words = bytes.fromhex(prevhash)
    header_order = b"".join(words[at : at + 4][::-1] for at in range(0, 32, 4))
    assert header_order == tip.hash
    assert int.from_bytes(header_order, "little") <= target(int(bits, 16))
    assert 1e14 < difficulty(int(bits, 16)) < 2e14
    assert (len(version), len(ntime)) == (8, 8)
    root = hashlib.sha256(hashlib.sha256(raw).digest()).digest()
    for branch in branches:
        root = hashlib.sha256(hashlib.sha256(root + bytes.fromhex(branch)).digest()).digest()
    assert len(root) == 32


def test_numbers_are_encoded_like_bitcoin():
    assert height_push(923_456).hex() == "0340170e"
    assert height_push(127).hex() == "017f"
    assert height_push(128).hex() == "028000"
    assert compact_size(252) == b"\xfc"
    assert compact_size(253) == b"\xfd\xfd\x00"
    assert difficulty(0x1705AE3A) == pytest.approx(49549703178592.68)
    assert (subsidy(839_999), subsidy(840_000)) == (625_000_000, 312_500_000)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (8.54e13, "85.4T"),
        (4.57e9, "4.57G"),
        (3.14e17, "314P"),
        (999.6e12, "1P"),
        (1.0, "1"),
        (5.2e21, "5200E"),
    ],
)
def test_ckpool_hashrates_have_a_suffix(value, text):
    assert suffixed(value) == text


async def test_pool_page_shows_the_hashrate_of_the_rigs(clock, base):
    async with (
        site(rigs=12, bind=base, seed=2, clock=clock, troubles=False) as (fleet, urls),
        aiohttp.ClientSession() as session,
    ):
        for _ in range(60):
            await clock.pass_(60)
            for rig in fleet.rigs:
                rig.truth()
        async with session.get(urls["pool"] + "/users/account") as response:
            user = json.loads(await response.text())
        assert user["workers"] == 12
        by_name = {worker["workername"]: worker for worker in user["worker"]}
        factor = {"T": 1e12, "G": 1e9, "M": 1e6, "P": 1e15}
        for rig in fleet.rigs:
            text = by_name[f"account.{rig.name}"]["hashrate1hr"]
            assert float(text[:-1]) * factor[text[-1]] == pytest.approx(rig.truth()["hashrate"], rel=0.25)
        async with session.get(urls["pool"] + "/pool/pool.status") as response:
            lines = [json.loads(line) for line in (await response.text()).splitlines()]
        assert lines[1]["hashrate1hr"] == user["hashrate1hr"]
        async with session.get(urls["pool"] + "/users/unknown") as response:
            assert response.status == 404


async def test_hashrate_of_a_flatlined_rig_decays_at_the_pool(clock, base):
    async with site(rigs=1, bind=base, seed=2, clock=clock, troubles=False) as (fleet, _):
        rig = fleet.rigs[0]
        rig.force("flatline", duration=1e6)
        for _ in range(30):
            await clock.pass_(60)
            rig.truth()
        truth = rig.truth()
        assert truth["hashrate"] > 0.9 * rig.nameplate
        assert truth["pool_hashrates"]["5m"] < 0.05 * rig.nameplate


async def test_rigs_of_a_site_point_to_a_pool_that_answers(clock, base):
    async with site(rigs=1, bind=base, seed=0, clock=clock) as (fleet, urls):
        assert fleet.rigs[0].state.pools[0][0] == urls["stratum"]
        port = int(urls["stratum"].rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await Miner(reader, writer).ask("mining.subscribe"))["error"] is None
        writer.close()


async def test_two_sites_at_once_use_different_ports(clock, base):
    second = base.rsplit(".", 1)[0] + ".77"
    async with (
        site(rigs=1, bind=base, seed=0, clock=clock) as (_, one),
        site(rigs=1, bind=second, seed=0, clock=clock) as (_, two),
    ):
        assert not set(one.values()) & set(two.values())


async def test_serve_runs_until_cancelled_and_frees_its_ports(clock, base):
    started = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(2, base, 0, clock, lambda fleet, urls: started.set_result((fleet, urls))))
    fleet, urls = await asyncio.wait_for(started, 60)
    assert set(urls) == {"stratum", "backup", "pool", "north", "south", "market"}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(fleet.rigs[0].address, next(iter(fleet.rigs[0].ports.values())))
