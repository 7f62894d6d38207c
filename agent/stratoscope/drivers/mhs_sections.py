"""Decodes the CGMiner sections that WhatsMiner v1/v2, Avalon and FluxOS share: MHS windows, shares, pools."""

from collections.abc import Iterable
from typing import Final

from stratoscope.fields import Fields
from stratoscope.reading import PoolSlot, Shares
from stratoscope.units import MH

WINDOW_KEYS: Final = (("5s", "MHS 5s"), ("1m", "MHS 1m"), ("5m", "MHS 5m"), ("15m", "MHS 15m"), ("avg", "MHS av"))
RECENT_WINDOWS: Final = ("realtime", "5s", "1m", "5m")
"""Windows short enough to show that a rig hashes now; "15m" and "avg" stay positive after a stop."""

MIN_CELSIUS: Final = -60.0
MAX_CELSIUS: Final = 200.0
MAX_RPM: Final = 65_535
MAX_SLOT: Final = 255
ALIVE: Final = {"alive": True, "dead": False}  # "Disabled" and "Rejecting" mean neither


def windows(row: Fields) -> dict[str, float]:
    """Return the `MHS *` values of a summary or device row as window → H/s."""
    raw = row.raw
    found = ((name, row.number(key, scale=MH)) for name, key in WINDOW_KEYS if key in raw)
    return {name: value for name, value in found if value is not None}


def is_hashing(hashrate: dict[str, float]) -> bool | None:
    """Return whether the shortest recent window shows hashing; None without a recent window."""
    for name in RECENT_WINDOWS:
        value = hashrate.get(name)
        if value is not None:
            return value > 0.0
    return None


def celsius(row: Fields, *keys: str) -> float | None:
    """Return the first present key in °C within sensor range; anything else is a defect."""
    return row.number(*keys, low=MIN_CELSIUS, high=MAX_CELSIUS)


def shares(row: Fields) -> Shares:
    """Return the share counters of a summary row."""
    return Shares(accepted=row.integer("Accepted"), rejected=row.integer("Rejected"), stale=row.integer("Stale"))


def answered_at(reply: Fields) -> float | None:
    """Return the rig's own clock at the answer in s: `When` in the STATUS row, or next to a flat STATUS."""
    status = reply.raw.get("STATUS")
    row = status[0] if isinstance(status, list) and status else reply.raw
    when = row.get("When") if isinstance(row, dict) else None
    return float(when) if isinstance(when, int | float) and 0 < when < 1e12 else None


def slot(row: Fields, at: int, used: set[int], *keys: str, first: int = 0) -> int | None:
    """Return the 0-based slot of `row`: its first present key of `keys` minus `first`, else its position `at`.

    Adds the slot to `used`. A slot that is already in `used` is a defect and None: two rows with one slot would be two
    values of one series.
    """
    number = row.integer(*keys, low=first, high=MAX_SLOT)
    index = at if number is None else number - first
    if index in used:
        row.add_defect(keys[0], index, "duplicate slot number")
        return None
    used.add(index)
    return index


def pools(rows: list[Fields], when: float | None, first: int = 0) -> tuple[PoolSlot, ...]:
    """Return the pool slots of a POOLS section; `first` is the firmware's number of its first slot.

    `Last Share Time` is in seconds of the rig's own clock (0: never), so its age is relative to `when`.
    """
    if first and any(row.raw.get("POOL") == 0 for row in rows):
        first = 0
    used: set[int] = set()
    return tuple(_pool(row, when, index) for row, index in _slotted(rows, used, first))


def _slotted(rows: list[Fields], used: set[int], first: int) -> Iterable[tuple[Fields, int]]:
    for at, row in enumerate(rows):
        if row.raw.get("URL") or row.raw.get("User"):  # otherwise the slot is not configured
            index = slot(row, at, used, "POOL", first=first)
            if index is not None:
                yield row, index


def _pool(row: Fields, when: float | None, index: int) -> PoolSlot:
    last = row.number("Last Share Time")
    age = when - last if when and last else None
    return PoolSlot(
        index=index,
        url=row.text("URL"),
        user=row.text("User"),
        alive=ALIVE.get((row.text("Status") or "").lower()),
        active=row.flag("Stratum Active"),
        accepted=row.integer("Accepted"),
        rejected=row.integer("Rejected"),
        stale=row.integer("Stale"),
        difficulty_accepted=row.number("Difficulty Accepted"),
        last_share_seconds_ago=age if age is not None and age >= 0 else None,
    )
