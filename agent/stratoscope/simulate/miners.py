"""Connects simulated rigs to a pool: each has its own stratum session and submits shares at the rate of its hashrate.

The shares are well formed and use the newest job, but are not hashed: a pool with `strict` behaviour rejects them.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from random import Random
from typing import Any, Final

import orjson

from stratoscope.clock import Clock
from stratoscope.simulate.fleet import SimulatedRig
from stratoscope.stratum.protocol.endpoint import Endpoint
from stratoscope.units import HASHES_PER_DIFFICULTY_1

AGENT: Final = "stratoscope-simulation"
_RECONNECT_S: Final = 5.0  # mean delay before a lost session is reopened
_MIN_SHARE_INTERVAL_S: Final = 0.05  # applies until the pool raises the difficulty
_MAX_LINE_BYTES: Final = 1 << 18


class Miners:
    """One miner per Bitcoin rig of `rigs`, all at one endpoint. `accepted` and `refused` count the pool's replies."""

    def __init__(self, rigs: Sequence[SimulatedRig], endpoint: Endpoint, *, seed: int, clock: Clock) -> None:
        self.accepted = self.refused = 0
        self._rigs = [rig for rig in rigs if rig.state.spec.algorithm == "sha256"]
        self._endpoint, self._seed, self._clock = endpoint, seed, clock

    async def run(self) -> None:
        """Mine until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for rig in self._rigs:
                tasks.create_task(self._mine_forever(rig), name=f"miner {rig.name}")

    async def _mine_forever(self, rig: SimulatedRig) -> None:
        rng = Random(f"{self._seed}/miner/{rig.name}")
        while True:
            with contextlib.suppress(OSError, ValueError):  # ValueError: a line over the limit
                await _Miner(self, rig, rng).mine(self._endpoint)
            await self._clock.sleep(_RECONNECT_S * (0.5 + rng.random()))

    async def pause(self, seconds: float) -> None:
        """Sleep on the clock of the simulation."""
        await self._clock.sleep(seconds)


class _Miner:
    """One session of one rig."""

    def __init__(self, miners: Miners, rig: SimulatedRig, rng: Random) -> None:
        self._miners, self._rig, self._rng = miners, rig, rng
        self._user = rig.state.pools[0][1]
        self._job: list[Any] | None = None
        self._difficulty = 1.0
        self._size = 4  # bytes of extranonce2
        self._worked = asyncio.Event()
        self._last = 3  # id of the latest request

    async def mine(self, endpoint: Endpoint) -> None:
        """Mine until the session ends; raise OSError if the connection fails."""
        reader, self._writer = await asyncio.open_connection(endpoint.host, endpoint.port, limit=_MAX_LINE_BYTES)
        shares = asyncio.ensure_future(self._submit())
        try:
            self._send_request(1, "mining.configure", [["version-rolling"], {"version-rolling.mask": "1fffe000"}])
            self._send_request(2, "mining.subscribe", [AGENT])
            self._send_request(3, "mining.authorize", [self._user, "x"])
            while line := await reader.readline():
                self._receive(line)
        finally:
            shares.cancel()
            self._writer.close()

    def _send_request(self, id_: int, method: str, params: list[Any]) -> None:
        self._writer.write(orjson.dumps({"id": id_, "method": method, "params": params}) + b"\n")

    def _receive(self, line: bytes) -> None:
        message = orjson.loads(line)
        method, params = message.get("method"), message.get("params")
        if method == "mining.notify":
            self._job = params
            self._worked.set()
        elif method == "mining.set_difficulty":
            self._difficulty = float(params[0])
        elif message.get("id") == 2:
            self._size = int(message["result"][-1])
        elif method is None and isinstance(message.get("id"), int) and message["id"] > 3:
            self._miners.accepted += message.get("result") is True
            self._miners.refused += message.get("result") is not True

    async def _submit(self) -> None:
        """Submit shares at exponential intervals; hashrate and difficulty determine the mean."""
        await self._worked.wait()
        while True:
            await self._miners.pause(self._next())
            job, rate = self._job, self._rate()
            if job is None or not rate:
                continue
            self._last += 1
            second, nonce = self._rng.randbytes(self._size).hex(), self._rng.randbytes(4).hex()
            self._send_request(self._last, "mining.submit", [self._user, job[0], second, job[7], nonce])

    def _rate(self) -> float:
        """Update the rig and return its hashrate in H/s; 0 while it is down."""
        state = self._rig.state
        state.advance()
        return 0.0 if state.presence == "refused" else state.physics.hashrate

    def _next(self) -> float:
        rate = self._rate()
        if not rate:
            return 1.0
        return max(_MIN_SHARE_INTERVAL_S, self._rng.expovariate(rate / (self._difficulty * HASHES_PER_DIFFICULTY_1)))
