"""Runs a simulated fleet in a separate process, so that its cost is not measured."""

import asyncio
import json
import subprocess
import sys

import uvloop

from stratoscope.clock import SystemClock
from stratoscope.simulate.fleet import SimulatedFleet, targets
from stratoscope.simulate.serve import site


class FleetProcess:
    """The child process. `targets` are its rig entries; `urls` are the pools and market of a `whole` site."""

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
            await wait_for_parent_exit(*made)
        return
    fleet = SimulatedFleet(rigs=rigs, seed=3, clock=SystemClock(), mix=mix, troubles=False, base=base)
    await fleet.start()
    await wait_for_parent_exit(fleet, {})


async def wait_for_parent_exit(fleet: SimulatedFleet, urls: dict[str, str]) -> None:
    print(json.dumps([targets(fleet), urls]), flush=True)
    await asyncio.to_thread(sys.stdin.read)  # returns when the parent exits for any reason


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])))
