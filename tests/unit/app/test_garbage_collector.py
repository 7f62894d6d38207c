"""Garbage collection in steps: young cycles are freed, old objects are not scanned, references free at once."""

import asyncio
import contextlib
import gc
import weakref

import pytest

from stratoscope.app.garbage_collector import STEPS_TO_FREEZE, STEPS_TO_FULL, GarbageCollector


@pytest.fixture(autouse=True)
def automatic_collection_afterwards():
    yield
    gc.unfreeze()
    gc.enable()


class Node:
    def __init__(self) -> None:
        self.me: object = None


def cycle() -> Node:
    node = Node()
    node.me = node
    return node


@pytest.fixture
def collector() -> GarbageCollector:
    made = GarbageCollector()
    made.start()
    return made


def step_until_frozen(collector: GarbageCollector) -> None:
    for _ in range(STEPS_TO_FREEZE):
        collector.step()


def test_long_lived_objects_are_frozen_and_freed_by_their_last_reference(collector):
    kept = Node()
    step_until_frozen(collector)
    gone = weakref.ref(kept)

    assert not any(one is kept for one in gc.get_objects())  # frozen objects are not scanned
    del kept
    assert gone() is None


def test_young_cycles_are_freed_at_the_next_step(collector):
    young = cycle()
    lost = weakref.ref(young)
    del young
    assert lost() is not None
    collector.step()
    assert lost() is None


def test_cycles_of_some_seconds_are_freed_before_the_rest_is_frozen(collector):
    some = cycle()
    collector.step()
    lost = weakref.ref(some)
    del some
    collector.step()
    assert lost() is not None
    step_until_frozen(collector)
    assert lost() is None


def test_old_cycles_are_freed_once_a_day(collector):
    old = cycle()
    step_until_frozen(collector)
    lost = weakref.ref(old)
    del old
    step_until_frozen(collector)
    assert lost() is not None
    collector._steps = STEPS_TO_FULL - 1
    collector.step()
    assert lost() is None
    assert gc.get_freeze_count() > 0


async def test_automatic_collection_is_enabled_again_at_the_end():
    running = asyncio.create_task(GarbageCollector().run())
    await asyncio.sleep(0)
    assert not gc.isenabled()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert gc.isenabled()
