"""Decides when a reading is too old to be shown, and what remains of a rig then."""

from typing import Final

from stratoscope.fleet import RigSnapshot

FRESH_INTERVALS: Final = 2.5
FRESH_SECONDS: Final = 90.0


def fresh_for(snapshot: RigSnapshot) -> float:
    """Return for how many seconds the snapshot's reading may be shown: as polled, else 2.5 intervals, at least 90 s."""
    if snapshot.polling.freshness is not None:
        return snapshot.polling.freshness
    return max(FRESH_INTERVALS * snapshot.polling.interval, FRESH_SECONDS)


def without_reading(snapshot: RigSnapshot) -> RigSnapshot:
    """Return what remains of a rig that nobody has heard for too long: its polling, and the state offline.

    States that say why nothing is known (offline, locked, identifying) are kept.
    """
    silent = snapshot.state in ("offline", "locked", "identifying")
    return RigSnapshot(
        rig=snapshot.rig,
        state=snapshot.state if silent else "offline",
        polling=snapshot.polling,
        identity=snapshot.identity,
        tags=snapshot.tags,
        at=snapshot.at,
    )
