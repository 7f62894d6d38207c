"""Tells by how many blocks a rig's work is behind the tip, from what its own API says of the block it builds on."""

from stratoscope.reading import Reading
from stratoscope.stratum.watch.records import StratumNow

LEAST_DIGITS = 40
"""cgminer 2.11.4 and BFGMiner 5.5.0 cut leading zeros off the hash; what is left still names one block."""


def blocks_behind(reading: Reading, now: StratumNow) -> int | None:
    """Return how many blocks the tip is ahead of the rig's work; None where either of them is not known.

    A rig whose pool was first to tell it of a new block is at the tip, not ahead of it. Firmwares differ in whether the
    height they tell is that of the tip or of the block being built, so that one block more or less proves nothing.
    """
    if now.height is None or not reading.hashing:
        return None
    heights = [slot.tip_height for slot in reading.pools if slot.active and slot.tip_height is not None]
    height = max(heights, default=None)
    if height is None and reading.tip_hash is not None:
        height = _height_of(reading.tip_hash, now)
    return None if height is None else max(0, now.height - height)


def _height_of(tip_hash: str, now: StratumNow) -> int | None:
    end = tip_hash.strip().lower()
    if len(end) < LEAST_DIGITS:
        return None
    known = [(now.tip, now.height), *((race.prev_hash, race.height) for race in now.races)]
    return next((height for name, height in known if name is not None and name.endswith(end)), None)
