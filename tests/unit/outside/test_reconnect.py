"""A loop that connects again ends when it is told to, also where a failure comes at the same moment."""

import asyncio

import pytest

from stratoscope.outside.reconnect import end_if_told


class Lost(Exception):
    pass


async def fails(gate: asyncio.Event) -> None:
    await gate.wait()
    raise Lost


async def loop(gate: asyncio.Event, turns: list[int]) -> None:
    while True:
        turns.append(len(turns))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fails(gate))
        except* Lost:
            pass
        end_if_told()
        await asyncio.sleep(0)


async def test_a_cancellation_that_a_failing_group_swallows_still_ends_the_loop():
    gate, turns = asyncio.Event(), []
    task = asyncio.create_task(loop(gate, turns))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gate.set()
    await asyncio.sleep(0)  # the group's task has failed, and the group is ending
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task
    assert turns == [0]


async def test_who_is_not_told_goes_on():
    end_if_told()
