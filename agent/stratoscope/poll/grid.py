"""Places each rig's polls on a fixed grid in time: equidistant, spread over the fleet, the same after a restart."""

import math
from zlib import crc32


def phase(address: str, interval: float) -> float:
    """Return the rig's offset on the grid in s: the same after every restart, spread evenly over the interval."""
    return crc32(address.encode()) % 1_000_000 / 1_000_000 * interval


class Grid:
    """Equidistant ticks; each call to `advance` moves by at least one, so that rounding never repeats a tick."""

    __slots__ = ("base", "index", "interval")

    def __init__(self, now: float, interval: float, offset: float) -> None:
        """Put the first tick at or after monotonic `now`, where time modulo `interval` is `offset` (s)."""
        self.base = now + (offset - now) % interval
        self.interval = interval
        self.index = 0

    @property
    def moment(self) -> float:
        """Return the monotonic time of the current tick."""
        return self.base + self.index * self.interval

    def missed(self, now: float) -> int:
        """Return how many ticks after the current one have passed by `now`."""
        return max(0, math.floor((now - self.base) / self.interval) - self.index)

    def advance(self, moment: float) -> float:
        """Move to the first later tick that is not before `moment`, and return its time."""
        self.index = max(self.index + 1, math.ceil((moment - self.base) / self.interval - 1e-9))
        return self.moment
