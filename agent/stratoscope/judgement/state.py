"""Derives a rig's health state from its polling, its last reading and the judgement of it."""

from typing import Final

from stratoscope.fleet import Judged
from stratoscope.judgement.judge import Nameplate
from stratoscope.reading import Reading

DEGRADED_BELOW_RATIO: Final = 0.8
"""Ratio to the nameplate hashrate (or the firmware's expected one) below which a hashing rig is degraded."""

WARM_UP_S: Final = 900.0
"""Seconds of uptime during which a low hashrate is normal."""

LOCKED_REASONS: Final = frozenset({"auth", "denied"})


def find_problems(reading: Reading, judged: Judged, nameplate: Nameplate) -> tuple[str, ...]:
    """Return the problems of a hashing rig, one phrase each; empty when there are none."""
    found = []
    if judged.flatline:
        found.append("hashrate is reported but no shares are submitted")
    expected = reading.hashrate_expected or nameplate.hashrate
    warm = reading.uptime is None or reading.uptime > WARM_UP_S
    if expected and judged.hashrate is not None and judged.hashrate < DEGRADED_BELOW_RATIO * expected and warm:
        found.append(f"hashrate is {judged.hashrate / expected:.0%} of expected")
    working = [board for board in reading.boards if board.hashrate is None or board.hashrate > 0]
    if nameplate.boards and reading.boards and len(working) < nameplate.boards and warm:
        found.append(f"{len(working)} of {nameplate.boards} hashboards work")
    stopped = [str(fan.index) for fan in reading.fans if fan.rpm == 0]
    if stopped and len(stopped) < len(reading.fans):
        found.append(f"fan {', '.join(stopped)} stopped")
    if reading.faults:
        found.append(f"{len(reading.faults)} fault{'s' if len(reading.faults) > 1 else ''} reported")
    return tuple(found)


def state_of(*, failures: int, reason: str | None, reading: Reading | None, suspect: bool, degraded: bool) -> str:
    """Return one of fleet.STATES.

    One failed poll changes nothing while the last reading is fresh (`reading` is not None). After two in a row, or
    without a fresh reading, the rig is offline, or locked when it responds that access is denied.
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
