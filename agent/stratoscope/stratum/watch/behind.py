"""Calculates how many blocks a rig's work is behind the tip, from the block that its own API reports."""

from stratoscope.reading import Reading
from stratoscope.stratum.watch.records import StratumState

MIN_HASH_DIGITS = 40
"""cgminer 2.11.4 and BFGMiner 5.5.0 strip leading zeros from the hash; the rest still identifies one block."""


def blocks_behind(reading: Reading, state: StratumState) -> int | None:
    """Return how many blocks the tip is ahead of the rig's work; None if either is unknown.

    The result is 0 if the rig's pool announced the newest block first. Some firmwares report the height of the tip,
    others that of the block being built, so a difference of one block proves nothing.
    """
    if state.height is None or not reading.hashing:
        return None
    heights = [slot.tip_height for slot in reading.pools if slot.active and slot.tip_height is not None]
    height = max(heights, default=None)
    if height is None and reading.tip_hash is not None:
        height = _height_of(reading.tip_hash, state)
    return None if height is None else max(0, state.height - height)


def _height_of(tip_hash: str, state: StratumState) -> int | None:
    suffix = tip_hash.strip().lower()
    if len(suffix) < MIN_HASH_DIGITS:
        return None
    known = [(state.tip, state.height), *((race.prev_hash, race.height) for race in state.races)]
    return next((height for name, height in known if name is not None and name.endswith(suffix)), None)
