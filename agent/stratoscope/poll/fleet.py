"""Runs one loop per configured address and follows changes of the config."""

import asyncio
from collections.abc import Iterable

from stratoscope.poll.loop import RigLoop
from stratoscope.poll.plan import Plan, PollDeps


class PollFleet:
    """All polling loops. `follow` starts, stops and replaces exactly those whose plan changed."""

    def __init__(self, deps: PollDeps, tasks: asyncio.TaskGroup) -> None:
        self._deps = deps
        self._tasks = tasks
        self.loops: dict[str, tuple[RigLoop, asyncio.Task[None]]] = {}

    def follow(self, plans: Iterable[Plan]) -> tuple[int, int, int]:
        """Make the loops match `plans` (one per address); return how many were added, removed, changed."""
        wanted = {plan.target.address: plan for plan in plans}
        removed = [address for address in self.loops if address not in wanted]
        changed = [
            address for address, (loop, _) in self.loops.items() if address in wanted and loop.plan != wanted[address]
        ]
        for address in changed:
            loop, plan = self.loops[address][0], wanted[address]
            if (plan.target, plan.driver, plan.expected) == (loop.plan.target, loop.plan.driver, loop.plan.expected):
                loop.change_plan(plan)
            else:  # other credentials, ports or firmware: what is known of the rig may be wrong
                self._end(address)
        for address in removed:
            self._end(address)
        added = [address for address in wanted if address not in self.loops]
        for address in added:
            loop = RigLoop(wanted[address], self._deps)
            self.loops[address] = (loop, self._tasks.create_task(loop.run(), name=f"poll {address}"))
        replaced = sum(address in changed for address in added)
        return len(added) - replaced, len(removed), len(changed)

    def _end(self, address: str) -> None:
        loop, task = self.loops.pop(address)
        task.cancel()
        loop.end()

    @property
    def all_tried(self) -> bool:
        """Tell whether every expected rig was polled at least once."""
        return all(loop.tried for loop, _ in self.loops.values() if loop.plan.expected)

    def stop(self) -> None:
        """Stop every loop; exchanges in progress are aborted."""
        for _, task in self.loops.values():
            task.cancel()
        self.loops.clear()
