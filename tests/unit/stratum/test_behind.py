"""Blocks that a rig's work is behind the tip."""

import pytest

from stratoscope.reading import PoolSlot, Reading
from stratoscope.stratum.watch.behind import blocks_behind
from stratoscope.stratum.watch.records import BlockDelays, StratumState

TIP = "0000000000000000000" + "a" * 45
OLD = "0000000000000000000" + "b" * 45
NOW = StratumState(
    at=0.0, height=900_000, tip=TIP, races=(BlockDelays(prev_hash=OLD, height=899_998, at=0.0, delays={}),)
)


def rig(
    height: int | None = None, tip_hash: str | None = None, *, active: bool = True, hashing: bool = True
) -> Reading:
    slot = PoolSlot(index=0, url="stratum+tcp://a:1", active=active, tip_height=height)
    return Reading(driver="x", pools=(slot,), tip_hash=tip_hash, hashing=hashing)


@pytest.mark.parametrize(
    ("reading", "behind"),
    [
        (rig(900_000), 0),
        (rig(899_997), 3),
        (rig(900_001), 0),  # its pool announced the block first
        (rig(899_997, active=False), None),
        (rig(899_997, hashing=False), None),
        (rig(), None),
        (rig(tip_hash=TIP.removeprefix("00")), 0),
        (rig(tip_hash=OLD.upper()), 2),
        (rig(tip_hash="c" * 64), None),
        (rig(tip_hash="aaaa"), None),
    ],
)
def test_blocks_behind_from_the_reported_height_or_hash(reading, behind):
    assert blocks_behind(reading, NOW) == behind


def test_blocks_behind_is_unknown_without_a_tip():
    assert blocks_behind(rig(1), StratumState(at=0.0)) is None
