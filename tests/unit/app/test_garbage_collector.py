"""The collector's work: young garbage goes, old objects are not walked, references free as ever."""

import asyncio
import contextlib
import gc
import weakref

import pytest

from stratoscope.app.garbage_collector import FULL_AFTER, SETTLE_AFTER, GarbageCollector


@pytest.fixture(autouse=True)
def as_before():
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


def settle(collector: GarbageCollector) -> None:
    for _ in range(SETTLE_AFTER):
        collector.look()


def test_what_lives_is_set_aside_and_freed_by_its_last_reference(collector):
    kept = Node()
    settle(collector)
    gone = weakref.ref(kept)

    assert not any(one is kept for one in gc.get_objects())  # those set aside are not walked
    del kept
    assert gone() is None


def test_young_cycles_are_freed_at_the_next_look(collector):
    young = cycle()
    lost = weakref.ref(young)
    del young
    assert lost() is not None
    collector.look()
    assert lost() is None


def test_cycles_of_some_seconds_are_freed_when_the_rest_is_set_aside(collector):
    some = cycle()
    collector.look()
    lost = weakref.ref(some)
    del some
    collector.look()
    assert lost() is not None
    settle(collector)
    assert lost() is None


def test_old_cycles_are_freed_once_a_day(collector):
    old = cycle()
    settle(collector)
    lost = weakref.ref(old)
    del old
    settle(collector)
    assert lost() is not None
    collector._looks = FULL_AFTER - 1
    collector.look()
    assert lost() is None
    assert gc.get_freeze_count() > 0


async def test_python_collects_by_itself_again_after_the_end():
    running = asyncio.create_task(GarbageCollector().run())
    await asyncio.sleep(0)
    assert not gc.isenabled()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert gc.isenabled()
