"""Names a rig's health state from its polling, its last reading and what was judged of it."""

from typing import Final

from stratoscope.fleet import Judged
from stratoscope.judgement.judge import Nameplate
from stratoscope.reading import Reading

DEGRADED_BELOW_RATIO: Final = 0.8
"""Share of nameplate (or of what the firmware expects) below which a hashing rig is degraded."""

WARM_UP_S: Final = 900.0
"""Seconds of uptime during which low hashrate is warming up, not a fault."""

LOCKED_REASONS: Final = frozenset({"auth", "denied"})


def find_problems(reading: Reading, judged: Judged, nameplate: Nameplate) -> tuple[str, ...]:
    """Return what is wrong with a hashing rig, one phrase each; empty when nothing is."""
    found = []
    if judged.flatline:
        found.append("hashrate is shown but no shares are submitted")
    expected = reading.hashrate_expected or nameplate.hashrate
    warm = reading.uptime is None or reading.uptime > WARM_UP_S
    if expected and judged.hashrate is not None and judged.hashrate < DEGRADED_BELOW_RATIO * expected and warm:
        found.append(f"hashrate is {judged.hashrate / expected:.0%} of what is expected")
    working = [board for board in reading.boards if board.hashrate is None or board.hashrate > 0]
    if nameplate.boards and reading.boards and len(working) < nameplate.boards and warm:
        found.append(f"{len(working)} of {nameplate.boards} hashboards work")
    stopped = [str(fan.index) for fan in reading.fans if fan.rpm == 0]
    if stopped and len(stopped) < len(reading.fans):
        found.append(f"fan {', '.join(stopped)} stands still")
    if reading.faults:
        found.append(f"{len(reading.faults)} fault{'s' if len(reading.faults) > 1 else ''} reported")
    return tuple(found)


def state_of(*, failures: int, reason: str | None, reading: Reading | None, suspect: bool, degraded: bool) -> str:
    """Return one of fleet.STATES.

    One failed poll changes nothing while the last reading is fresh (`reading` is not None); two in a row, or no
    fresh reading, make it offline, or locked when the rig answers that we may not read.
    """
    if reading is None or failures >= 2:
        if reason is None:
            return "identifying"
        return "locked" if reason in LOCKED_REASONS else "offline"
    if suspect:
        return "suspect"
    if reading.hashing:
        return "degraded" if degraded else "hashing"
    return "idle" if reading.hashing is False else "identifying"
