"""Detects a flatline: the rig reports a hashrate but submits no shares.

ESP-Miner and other firmwares can freeze with a constant hashrate; only the share counter shows it.
"""

from dataclasses import dataclass
from typing import Final

from stratoscope.reading import Reading

MIN_PATIENCE_S: Final = 600.0
PATIENCE_MEAN_INTERVALS: Final = 20.0
DEFAULT_PATIENCE_S: Final = 3600.0
"""Patience while fewer than MIN_SHARES shares are known."""
MIN_SHARES: Final = 5


@dataclass(frozen=True, slots=True)
class ShareProgress:
    """The last share count and the monotonic time (s) when it last changed."""

    shares: int
    at: float


def submitted(reading: Reading) -> int | None:
    """Return how many shares the rig has submitted since its start: accepted, rejected and stale."""
    known = [n for n in (reading.shares.accepted, reading.shares.rejected, reading.shares.stale) if n is not None]
    return sum(known) if known else None


def patience(shares: int, uptime: float | None) -> float:
    """Return the seconds without a share after which a hashing rig is flatlined.

    Shares arrive as a Poisson process: twenty mean intervals without one happen by chance once in 5e8 times. With
    fewer than five shares the mean is unknown, and the limit is an hour.
    """
    if shares < MIN_SHARES or not uptime:
        return DEFAULT_PATIENCE_S
    return max(MIN_PATIENCE_S, PATIENCE_MEAN_INTERVALS * uptime / shares)


def advance(progress: ShareProgress | None, reading: Reading, now: float) -> tuple[ShareProgress | None, bool]:
    """Return the new progress and whether the rig is flatlined at monotonic `now`."""
    shares = submitted(reading)
    if shares is None:
        return None, False
    if progress is None or shares != progress.shares or not reading.hashing:
        return ShareProgress(shares, now), False
    return progress, now - progress.at > patience(shares, reading.uptime)
