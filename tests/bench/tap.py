"""Measures the latency that the relay adds between a submit and its reply, and its CPU time per share.

Three processes: a pool that answers every submit immediately, the relay as users start it, and the miners. Rounds with
and without the relay alternate, so that other load on the machine affects both.
"""

import argparse
import asyncio
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop
from tests.fakes.addresses import free_port

from stratoscope.stratum.tap.submits import SubmitTracker, TapCounts

BRANCHES = b",".join(b'"%s"' % (b"ef" * 32) for _ in range(12))
JOB = (
    b'{"id":null,"method":"mining.notify","params":["j1","%s","%s","%s",[%s],"20000000","1705ae3a","647025b5",true]}\n'
)
JOB %= (b"0" * 64, b"ab" * 120, b"cd" * 160, BRANCHES)
SUBMIT = b'{"id":4,"method":"mining.submit","params":["a.rig%d","j1","00000000","647025b5","%08x"]}\n'
REPLY = b'{"id":4,"result":true,"error":null}\n'


class Pool(asyncio.Protocol):
    """Sends a difficulty and a job, then accepts every share."""

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b'{"id":null,"method":"mining.set_difficulty","params":[1024]}\n' + JOB)

    def data_received(self, data):
        self.transport.write(REPLY * data.count(b"\n"))


def pool(listening: socket.socket) -> None:
    async def main():
        server = await asyncio.get_running_loop().create_server(Pool, sock=listening)
        await server.serve_forever()

    uvloop.run(main())


async def mine(port: int, miners: int, shares: int, pause: float) -> list[float]:
    """Return the seconds from each submit to its reply; every miner waits for its reply and then `pause` seconds."""

    async def one(number: int) -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        await reader.readline()
        times = []
        await asyncio.sleep(pause * number / miners)
        for nonce in range(shares):
            begun = time.perf_counter()
            writer.write(SUBMIT % (number, nonce))
            await reader.readline()
            times.append(time.perf_counter() - begun)
            await asyncio.sleep(pause)
        writer.close()
        return times

    return [t for times in await asyncio.gather(*map(one, range(miners))) for t in times]


@contextmanager
def relay(upstream: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "stratoscope",
        "tap",
        "--listen",
        f"127.0.0.1:{port}",
        "--upstream",
        f"127.0.0.1:{upstream}",
        "--metrics",
        f"127.0.0.1:{free_port()}",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while "relaying" not in process.stdout.readline():
        assert process.poll() is None
    yield process, port
    process.terminate()
    process.wait()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quantiles(times: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(times, n=100)
    return cuts[49] * 1e6, cuts[98] * 1e6


def reading() -> float:
    """Return the CPU seconds that the tracker uses for a share and its reply."""
    conversation, pairs = SubmitTracker(TapCounts()), 20_000
    conversation.hear(0.0, JOB, from_pool=True)
    begun = time.process_time()
    for nonce in range(pairs):
        conversation.hear(0.0, SUBMIT % (1, nonce), from_pool=False)
        conversation.hear(0.0, REPLY, from_pool=True)
    return (time.process_time() - begun) / pairs


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--miners", type=int, default=100)
    parser.add_argument("--shares", type=int, default=100, help="shares per miner and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between a reply and the next share")
    wanted = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    child = multiprocessing.Process(target=pool, args=(listening,), daemon=True)
    child.start()
    direct, through, used, count = [], [], 0.0, 0
    with relay(listening.getsockname()[1]) as (process, port):
        for _ in range(wanted.rounds):
            direct += uvloop.run(mine(listening.getsockname()[1], wanted.miners, wanted.shares, wanted.pause))
            before = cpu_seconds(process.pid)
            times = uvloop.run(mine(port, wanted.miners, wanted.shares, wanted.pause))
            used, count = used + cpu_seconds(process.pid) - before, count + len(times)
            through += times
    child.terminate()
    (d50, d99), (t50, t99) = quantiles(direct), quantiles(through)
    print(f"{wanted.miners} miners, {count} shares each way")
    print(f"direct   p50 {d50:7.0f} us   p99 {d99:7.0f} us")
    print(f"relayed  p50 {t50:7.0f} us   p99 {t99:7.0f} us")
    print(f"added    p50 {t50 - d50:7.0f} us   p99 {t99 - d99:7.0f} us")
    print(f"CPU time of the relay: {used / count * 1e6:.0f} us per share, of which parsing {reading() * 1e6:.0f} us")


if __name__ == "__main__":
    main()
