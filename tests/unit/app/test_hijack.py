"""From a rig's response to the alarm: a real agent on simulated rigs whose pool is changed to a thief's."""

import asyncio

from stratoscope.app.agent import Agent
from stratoscope.clock import SystemClock
from stratoscope.config import Config
from stratoscope.simulate.fleet import SimulatedFleet, targets

OWN = "stratum+tcp://pool.example:3333"


async def until(condition, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def test_a_hijacked_rig_raises_an_alarm_within_two_polls_and_clears_it_when_restored():
    fleet = SimulatedFleet(
        rigs=4,
        seed=4,
        clock=SystemClock(),
        troubles=False,
        base="127.97.0.1",
        pool_url=OWN,
        mix={"antminer": 1, "whatsminer": 1, "luxos": 1, "espminer": 1},
    )
    await fleet.start()
    agent = Agent(
        Config.model_validate(
            {
                "polling": {"interval": 5},
                "rigs": targets(fleet),
                "exporters": {},
                "guard": {"endpoints": ["pool.example"]},
            }
        ),
        SystemClock(),
        remember=False,
    )
    events: list = []
    agent.events.listeners.append(events.append)
    running = asyncio.create_task(agent.run())
    try:
        snapshots = agent.fleet.snapshots

        def polls(rig: str) -> int:
            return snapshots[rig].polling.polls.get("ok", 0) if rig in snapshots else 0

        await until(lambda: all(polls(rig.name) >= 2 for rig in fleet.rigs))
        assert agent.services.tamper.now.alarms == ()
        before = {rig.name: polls(rig.name) for rig in fleet.rigs}
        for rig in fleet.rigs:
            rig.force("hijack", duration=600)
        took: dict[str, int] = {}

        def all_reported() -> bool:
            for event in events:
                if event.kind == "tamper":
                    took.setdefault(event.rig, polls(event.rig) - before[event.rig])
            return len(took) == len(fleet.rigs)

        await until(all_reported)
        assert max(took.values()) <= 2, took
        for rig in fleet.rigs:
            rig.recover()
        await until(lambda: sum(event.kind == "tamper_cleared" for event in events) >= len(fleet.rigs))
        assert agent.services.tamper.now.alarms == ()
    finally:
        agent.stop()
        await asyncio.wait_for(running, 30)
        await fleet.stop()
