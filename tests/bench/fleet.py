"""Serves a simulated fleet in a process of its own, so that its cost is not in the measurement."""

import asyncio
import json
import subprocess
import sys

import uvloop

from stratoscope.clock import SystemClock
from stratoscope.simulate.fleet import SimulatedFleet, targets
from stratoscope.simulate.serve import site


class FleetProcess:
    """The child process; `targets` is where its rigs are, `urls` where pools and market are if it is a `whole` site."""

    def __init__(
        self, rigs: int, mix: dict[str, float] | None, base: str = "127.70.0.1", *, whole: bool = False
    ) -> None:
        command = [sys.executable, "-m", "tests.bench.fleet", str(rigs), json.dumps(mix), base, json.dumps(whole)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.targets, self.urls = json.loads(self.process.stdout.readline())

    def stop(self) -> None:
        """End the child by its pid."""
        self.process.terminate()
        self.process.wait(20)


async def main(rigs: int, mix: dict[str, float] | None, base: str, whole: bool) -> None:
    if whole:
        async with site(
            rigs=rigs, bind=base, seed=3, clock=SystemClock(), mix=mix, troubles=False, shared=True
        ) as made:
            await until_the_parent_ends(*made)
        return
    fleet = SimulatedFleet(rigs=rigs, seed=3, clock=SystemClock(), mix=mix, troubles=False, base=base)
    await fleet.start()
    await until_the_parent_ends(fleet, {})


async def until_the_parent_ends(fleet: SimulatedFleet, urls: dict[str, str]) -> None:
    print(json.dumps([targets(fleet), urls]), flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until the parent ends, however it ends


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])))
