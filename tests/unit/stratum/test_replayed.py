"""Real pools, recorded, as the watcher sees them: ckpool, public-pool, and jobs of five others."""

import asyncio
import json

import orjson
import pytest

from fakes.stratum import Crank
from fakes.stratum_recording import recorded
from stratoscope.stratum.jobs.template import decode
from stratoscope.stratum.protocol.messages import Notify, SetDifficulty, parse
from stratoscope.stratum.watch.settings import Login

from .conftest import eventually

pytestmark = pytest.mark.shelf


class Replay:
    """A pool that answers each method as the recorded one did, and then says what that one said unasked.

    `generous`: all of that came because the recorded miner had subscribed, whatever it asked for later.
    """

    def __init__(self, file, connection: str, *, generous: bool = False) -> None:
        self.answers: dict[str, dict] = {}  # method → recorded reply
        self.then: dict[str, list[bytes]] = {}  # method → what came after its reply, unasked
        asked: dict[str, str] = {}
        last = ""
        for row in recorded(file):
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
                self.then.setdefault(last, []).append(row.raw + b"\n")

    @property
    def jobs(self) -> list[Notify]:
        said = [parse(line) for lines in self.then.values() for line in lines]
        return [message for message in said if isinstance(message, Notify)]

    @property
    def difficulty(self) -> float:
        said = [parse(line) for lines in self.then.values() for line in lines]
        return [message.difficulty for message in said if isinstance(message, SetDifficulty)][-1]

    async def behave(self, crank: Crank, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = set()
        while line := await crank.line(reader):
            asked = json.loads(line)
            method = asked["method"]
            if method in self.answers:
                writer.write(orjson.dumps({**self.answers[method], "id": asked["id"]}) + b"\n")
            if method not in said:
                said.add(method)
                writer.writelines(self.then.get(method, ()))


async def seen(watch, replay: Replay, **more):
    """Return the record of an endpoint once all jobs of the recording came, and what was asked of it."""
    async with Crank(replay.behave) as crank:
        made = await watch(f"127.0.0.1:{crank.port}", **more)
        watched = next(iter(made.standing.endpoints.values()))
        one = await eventually(lambda: sum((r := watched.record()).counts.jobs.values()) == len(replay.jobs) and r)
        made.standing.tick()
        return made.standing.record({}).endpoints[one.url], [json.loads(line)["method"] for line in crank.heard]


async def test_ckpool_gives_jobs_without_a_user(shelf, watch):
    replay = Replay(shelf / "captures-stratum/stratum_ckpool-lhr_core.jsonl", "1", generous=True)
    one, asked = await seen(watch, replay)
    assert len(replay.jobs) > 20
    last = replay.jobs[-1]
    assert one.template == decode(last, bytes.fromhex("e51d036b"), 8)
    assert one.template.chain == "regtest"
    assert one.chain == "test"
    assert (one.extranonce1_size, one.extranonce2_size, one.difficulty) == (4, 8, replay.difficulty)
    changes = sum(a.prev_hash != b.prev_hash for a, b in zip(replay.jobs, replay.jobs[1:], strict=False))
    assert changes > 0
    assert one.counts.blocks == changes
    assert one.counts.missed == 0
    assert one.counts.jobs.get(True, 0) == sum(job.clean for job in replay.jobs)
    assert asked[:2] == ["mining.configure", "mining.subscribe"]
    assert set(asked) <= {"mining.configure", "mining.subscribe"}, "nobody was authorised, nothing submitted"


async def test_public_pool_gives_no_job_before_a_user(shelf, watch):
    replay = Replay(shelf / "captures-stratum/errprobe_public-pool.jsonl", "submit-errors")
    one, asked = await seen(watch, replay, login=Login(user="bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080.watch"))
    assert asked[:3] == ["mining.configure", "mining.subscribe", "mining.authorize"]
    assert one.version_mask == 0x1FFFE000
    assert (one.extranonce1_size, one.extranonce2_size, one.difficulty) == (4, 4, 16384)
    assert one.template.fees_sat == 33439, "as the node knew"
    assert one.template.height == 121
    assert one.template.tag.startswith("Public-Pool")
    assert "authorize" in one.phases


@pytest.mark.parametrize("scenario", ["sub-only", "resub", "extras", "http", "garbage", "empty-params", "bad-user"])
@pytest.mark.parametrize("pool", ["ckpool-lhr", "public-pool"])
async def test_no_recorded_probe_of_a_pool_makes_the_watch_fail(shelf, watch, pool, scenario):
    replay = Replay(shelf / f"captures-stratum/errprobe_{pool}.jsonl", scenario)
    async with Crank(replay.behave) as crank:
        made = await watch(f"127.0.0.1:{crank.port}")
        watched = next(iter(made.standing.endpoints.values()))
        await eventually(lambda: crank.sessions)
        await asyncio.sleep(0.05)
        assert "bug" not in watched.record().counts.sessions


async def test_real_jobs_of_bitcoin_and_bitcoin_cash_are_told_apart(shelf, watch):
    jobs = json.loads((shelf / "captures-stratum/real_notify_jobs.json").read_text())
    chosen = {name[:2]: job["params"] for name, job in jobs.items()}

    def giving(name: str):
        async def behave(crank, reader, writer):
            while line := await crank.line(reader):
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
                    writer.write(orjson.dumps({"id": None, "method": "mining.notify", "params": chosen[name]}) + b"\n")

        return behave

    async with Crank(giving("J5")) as poolin, Crank(giving("J5")) as same, Crank(giving("J7")) as cash:
        made = await watch(*(f"127.0.0.1:{crank.port}" for crank in (poolin, same, cash)))
        await eventually(lambda: all(one.template for one in made.standing.endpoints.values()))
        made.standing.tick()
        found = [
            made.standing.record({}).endpoints[f"stratum+tcp://127.0.0.1:{crank.port}"]
            for crank in (poolin, same, cash)
        ]
        assert [(one.chain, one.chain_match) for one in found] == [
            ("bitcoin", True),
            ("bitcoin", True),
            ("bitcoin_cash", False),
        ]
        assert [one.template.height for one in found] == [957444, 957444, 920578]
        assert made.newest().coinbase_value == 313_698_192
