"""The relay reads copies of the data to count shares, without affecting the relay; on both event loops."""

import json

from stratoscope.stratum.tap import traffic_reader
from stratoscope.stratum.tap.submits import SubmitTracker

from .relay import closing, relayed, until


def test_error_while_reading_does_not_stop_the_relay(run, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(SubmitTracker, "feed", broken)

    async def main():
        async def echo(reader, writer):
            while piece := await reader.read(100):
                writer.write(piece)
            closing(writer)

        async with relayed(echo) as (tap, connect):
            reader, writer = await connect()
            for _ in range(5):
                writer.write(b"share\n")
                assert await reader.readexactly(6) == b"share\n"
            assert tap.reader.counts.faults == 1
            closing(writer)
            await until(lambda: not tap.links and not tap.reader._failed)

    run(main)


def test_data_above_the_reading_limit_is_skipped_counted_and_relayed(run, monkeypatch):
    monkeypatch.setattr(traffic_reader, "MAX_WAITING_BYTES", 1000)

    async def main():
        async def echo(reader, writer):
            while piece := await reader.read(100_000):
                writer.write(piece)
            closing(writer)

        async with relayed(echo) as (tap, connect):
            reader, writer = await connect()
            writer.write(b"x" * 50_000 + b"\n")
            assert len(await reader.readexactly(50_001)) == 50_001
            assert tap.reader.counts.skipped_bytes > 40_000
            writer.write(b'{"id":1,"method":"mining.submit","params":["w","j"]}\n')
            await until(lambda: "w" in tap.reader.counts.workers)
            assert tap.reader._waiting_bytes == 0
            assert not tap.reader._gaps
            closing(writer)

    run(main)


def test_accepted_and_rejected_shares_are_counted_per_worker(run):
    replies = {
        1: {"result": True, "error": None},
        2: {"result": None, "error": [21, "Job not found", ""]},
        3: {"result": False, "error": [23, "Above target", None]},
    }

    async def main():
        async def pool(reader, writer):
            job = ["j1", "0" * 64, "00", "00", [], "20000000", "1705ae3a", "647025b5", True]
            for method, params in (("mining.set_difficulty", [512]), ("mining.notify", job)):
                writer.write(json.dumps({"id": None, "method": method, "params": params}).encode() + b"\n")
            while line := await reader.readline():
                if line.startswith(b"{"):
                    id_ = json.loads(line)["id"]
                    writer.write(json.dumps({"id": id_, **replies[id_]}).encode() + b"\n")
            closing(writer)

        async with relayed(pool) as (tap, connect):
            reader, writer = await connect()
            await reader.readline()
            await reader.readline()
            writer.write(b"\x16\x03\x01 a TLS hello on the wrong port\n")
            for id_ in replies:
                submit = {"id": id_, "method": "mining.submit", "params": ["a.rig1", "j1", "00", "00", "00"]}
                writer.write(json.dumps(submit).encode() + b"\n")
                await reader.readline()
            counts = tap.reader.counts
            await until(lambda: "a.rig1" in counts.workers and sum(counts.workers["a.rig1"].replies) == 3)
            worker = counts.workers["a.rig1"]
            assert (worker.accepted, worker.difficulty_accepted) == (1, 512.0)
            assert worker.rejected == {"stale": 1, "low_difficulty": 1}
            assert (counts.jobs, counts.invalid_lines, counts.unmatched) == (1, {"not_json": 1}, 0)
            closing(writer)

    run(main)
