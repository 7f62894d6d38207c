"""Decides when a reading is stale, and what remains of the rig's snapshot then."""

from typing import Final

from stratoscope.fleet import RigSnapshot

FRESH_INTERVALS: Final = 2.5
MIN_FRESH_S: Final = 90.0


def freshness_seconds(snapshot: RigSnapshot) -> float:
    """Return how many seconds a reading is fresh: as configured, else 2.5 poll intervals, at least 90 s."""
    if snapshot.polling.freshness is not None:
        return snapshot.polling.freshness
    return max(FRESH_INTERVALS * snapshot.polling.interval, MIN_FRESH_S)


def without_reading(snapshot: RigSnapshot) -> RigSnapshot:
    """Return the snapshot of a rig whose reading is stale: its poll status, and the state offline.

    The states offline, locked and identifying are kept, because they give the reason.
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
