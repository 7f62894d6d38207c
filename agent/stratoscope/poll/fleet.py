"""Runs one loop per configured address and follows the config when it changes."""

import asyncio
from collections.abc import Iterable

from stratoscope.poll.loop import RigLoop
from stratoscope.poll.plan import Plan, PollDeps


class PollFleet:
    """All polling loops. `follow` starts, stops and replaces exactly those whose plan changed."""

    def __init__(self, rooms: PollDeps, tasks: asyncio.TaskGroup) -> None:
        self._rooms = rooms
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
            loop, task = self.loops[address]
            plan = wanted[address]
            if (plan.target, plan.driver, plan.expected) == (loop.plan.target, loop.plan.driver, loop.plan.expected):
                loop.replan(plan)
            else:  # other credentials, ports or firmware: what is known of the rig may be wrong
                task.cancel()
                del self.loops[address]
                loop.end()
        for address in removed:
            loop, task = self.loops.pop(address)
            task.cancel()
            loop.end()
        added = [address for address in wanted if address not in self.loops]
        for address in added:
            loop = RigLoop(wanted[address], self._rooms)
            self.loops[address] = (loop, self._tasks.create_task(loop.run(), name=f"poll {address}"))
        replaced = sum(address in changed for address in added)
        return len(added) - replaced, len(removed), len(changed)

    @property
    def all_tried(self) -> bool:
        """Tell whether every expected rig was asked at least once."""
        return all(loop.tried for loop, _ in self.loops.values() if loop.plan.expected)

    def stop(self) -> None:
        """End every loop; exchanges under way are broken off."""
        for _, task in self.loops.values():
            task.cancel()
        self.loops.clear()
