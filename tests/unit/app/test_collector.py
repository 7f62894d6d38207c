"""The collector's settings: young garbage goes, old objects are not walked, references free as ever."""

import gc
import weakref

import pytest

from stratoscope.app.collector import FULL_AFTER, Collector


@pytest.fixture(autouse=True)
def as_before():
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Node:
    def __init__(self) -> None:
        self.me: object = None


def test_what_lives_is_set_aside_and_freed_by_its_last_reference():
    collector = Collector()
    collector.start()
    kept = Node()
    collector.settle()
    gone = weakref.ref(kept)

    assert gc.get_freeze_count() > 0
    del kept
    assert gone() is None


def test_young_cycles_are_collected_and_old_ones_once_a_day():
    collector = Collector()
    collector.start()
    young = Node()
    young.me = young
    lost = weakref.ref(young)
    del young
    collector.settle()
    assert lost() is None

    old = Node()
    old.me = old
    collector.settle()
    left = weakref.ref(old)
    del old
    collector.settle()
    assert left() is not None
    collector._calls = FULL_AFTER - 1
    collector.settle()
    assert left() is None
