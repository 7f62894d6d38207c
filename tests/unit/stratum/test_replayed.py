"""The watcher with recorded sessions of ckpool and public-pool, and with jobs of five other pools."""

import asyncio
import json

import orjson
import pytest

from fakes.stratum import ScriptedPool
from fakes.stratum_recording import iter_recording
from stratoscope.stratum.jobs.template import decode_job
from stratoscope.stratum.protocol.messages import Notify, SetDifficulty, parse_line
from stratoscope.stratum.settings import StratumLogin

from .conftest import eventually

pytestmark = pytest.mark.shelf


class Replay:
    """A pool that replies to each method as recorded, and then sends the recorded notifications that followed.

    With `generous`, all notifications follow the subscription, whatever the miner requested after that.
    """

    def __init__(self, file, connection: str, *, generous: bool = False) -> None:
        self.answers: dict[str, dict] = {}  # method → recorded reply
        self.notifications: dict[str, list[bytes]] = {}  # method → notifications after its reply
        asked: dict[str, str] = {}
        last = ""
        for row in iter_recording(file):
            if row.connection != connection:
                continue
            message = json.loads(row.raw) if row.raw.startswith(b"{") else {}
            if not row.from_pool:
                asked[str(message.get("id"))] = message.get("method", "")
            elif message.get("method") is None:
                method = asked.get(str(message.get("id")), "")
                if method not in self.answers and method != "mining.submit":
                    self.answers[method] = message
                    last = "mining.subscribe" if generous else method
            else:
                self.notifications.setdefault(last, []).append(row.raw + b"\n")

    @property
    def jobs(self) -> list[Notify]:
        sent = [parse_line(line) for lines in self.notifications.values() for line in lines]
        return [message for message in sent if isinstance(message, Notify)]

    @property
    def difficulty(self) -> float:
        sent = [parse_line(line) for lines in self.notifications.values() for line in lines]
        return [message.difficulty for message in sent if isinstance(message, SetDifficulty)][-1]

    async def behave(self, pool: ScriptedPool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = set()
        while line := await pool.line(reader):
            asked = json.loads(line)
            method = asked["method"]
            if method in self.answers:
                writer.write(orjson.dumps({**self.answers[method], "id": asked["id"]}) + b"\n")
            if method not in sent:
                sent.add(method)
                writer.writelines(self.notifications.get(method, ()))


async def seen(watch_endpoints, replay: Replay, **more):
    """Return the state of an endpoint once all recorded jobs arrived, and the methods that it received."""
    async with ScriptedPool(replay.behave) as pool:
        watcher = await watch_endpoints(f"127.0.0.1:{pool.port}", **more)
        watched = next(iter(watcher.comparison.endpoints.values()))
        one = await eventually(lambda: sum((r := watched.snapshot()).counts.jobs.values()) == len(replay.jobs) and r)
        watcher.comparison.update()
        return watcher.comparison.snapshot({}).endpoints[one.url], [
            json.loads(line)["method"] for line in pool.received
        ]


async def test_ckpool_sends_jobs_without_a_user(shelf, watch_endpoints):
    replay = Replay(shelf / "captures-stratum/stratum_ckpool-lhr_core.jsonl", "1", generous=True)
    one, asked = await seen(watch_endpoints, replay)
    assert len(replay.jobs) > 20
    last = replay.jobs[-1]
    assert one.template == decode_job(last, bytes.fromhex("e51d036b"), 8)
    assert one.template.chain == "regtest"
    assert one.chain == "test"
    assert (one.extranonce1_size, one.extranonce2_size, one.difficulty) == (4, 8, replay.difficulty)
    changes = sum(a.prev_hash != b.prev_hash for a, b in zip(replay.jobs, replay.jobs[1:], strict=False))
    assert changes > 0
    assert one.counts.blocks == changes
    assert one.counts.missed == 0
    assert one.counts.jobs.get(True, 0) == sum(job.clean for job in replay.jobs)
    assert asked[:2] == ["mining.configure", "mining.subscribe"]
    assert set(asked) <= {"mining.configure", "mining.subscribe"}, "no authorize and no submit"


async def test_public_pool_sends_jobs_only_after_authorize(shelf, watch_endpoints):
    replay = Replay(shelf / "captures-stratum/errprobe_public-pool.jsonl", "submit-errors")
    one, asked = await seen(
        watch_endpoints, replay, login=StratumLogin(user="bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080.watch")
    )
    assert asked[:3] == ["mining.configure", "mining.subscribe", "mining.authorize"]
    assert one.version_mask == 0x1FFFE000
    assert (one.extranonce1_size, one.extranonce2_size, one.difficulty) == (4, 4, 16384)
    assert one.template.fees_sat == 33439, "the fees in the node's mempool"
    assert one.template.height == 121
    assert one.template.tag.startswith("Public-Pool")
    assert "authorize" in one.phases


@pytest.mark.parametrize("scenario", ["sub-only", "resub", "extras", "http", "garbage", "empty-params", "bad-user"])
@pytest.mark.parametrize("pool", ["ckpool-lhr", "public-pool"])
async def test_no_recorded_session_causes_an_internal_error(shelf, watch_endpoints, pool, scenario):
    replay = Replay(shelf / f"captures-stratum/errprobe_{pool}.jsonl", scenario)
    async with ScriptedPool(replay.behave) as pool:
        watcher = await watch_endpoints(f"127.0.0.1:{pool.port}")
        watched = next(iter(watcher.comparison.endpoints.values()))
        await eventually(lambda: pool.sessions)
        await asyncio.sleep(0.05)
        assert "bug" not in watched.snapshot().counts.sessions


async def test_real_jobs_of_bitcoin_and_bitcoin_cash_are_distinguished(shelf, watch_endpoints):
    jobs = json.loads((shelf / "captures-stratum/real_notify_jobs.json").read_text())
    params = {name[:2]: job["params"] for name, job in jobs.items()}

    def sending(name: str):
        async def behave(pool, reader, writer):
            while line := await pool.line(reader):
                asked = json.loads(line)
                subscribed = asked["method"] == "mining.subscribe"
                size = 8 if name == "J7" else 4
                writer.write(
                    orjson.dumps(
                        {
                            "id": asked["id"],
                            "result": [[], "00" * (12 - size), size] if subscribed else {},
                            "error": None,
                        }
                    )
                    + b"\n"
                )
                if subscribed:
                    writer.write(orjson.dumps({"id": None, "method": "mining.notify", "params": params[name]}) + b"\n")

        return behave

    async with (
        ScriptedPool(sending("J5")) as poolin,
        ScriptedPool(sending("J5")) as same,
        ScriptedPool(sending("J7")) as cash,
    ):
        watcher = await watch_endpoints(*(f"127.0.0.1:{pool.port}" for pool in (poolin, same, cash)))
        await eventually(lambda: all(one.template for one in watcher.comparison.endpoints.values()))
        watcher.comparison.update()
        found = [
            watcher.comparison.snapshot({}).endpoints[f"stratum+tcp://127.0.0.1:{pool.port}"]
            for pool in (poolin, same, cash)
        ]
        assert [(one.chain, one.chain_match) for one in found] == [
            ("bitcoin", True),
            ("bitcoin", True),
            ("bitcoin_cash", False),
        ]
        assert [one.template.height for one in found] == [957444, 957444, 920578]
        assert watcher.newest().coinbase_value == 313_698_192
