"""Holds the rows of the metric table that describe the parts of a rig: hashboards, fans and pool slots."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

from stratoscope.fields import redacted_url
from stratoscope.metrics.metric import WORKS, Family, Kind, Labels, Levels, Metric, Stability, Subject, one
from stratoscope.metrics.unit import Unit
from stratoscope.reading import Fan, Hashboard, PoolSlot

MAX_BOARDS: Final = 16
MAX_FANS: Final = 32
MAX_SLOTS: Final = 8


class Numbered(Protocol):
    """A part with the number its firmware gives it."""

    @property
    def index(self) -> int:
        """Return the number."""
        ...


P = TypeVar("P", bound=Numbered)


def numbered(parts: Sequence[P], limit: int) -> Iterator[tuple[str, P]]:
    """Yield the first `limit` parts with a label each: its index, made unique where a firmware repeats one.

    An index from 2 × `limit` on is called `other`, so that no rig can invent labels without end. (The boards of an
    S9 count 6 to 8.)
    """
    seen: dict[str, int] = {}
    for part in parts[:limit]:
        label = str(part.index) if 0 <= part.index < 2 * limit else "other"
        times = seen[label] = seen.get(label, 0) + 1
        yield (label if times == 1 else f"{label}-{times}"), part


def _boards(subject: Subject) -> Iterable[tuple[Labels, Hashboard]]:
    reading = subject.snapshot.reading
    if reading is None:
        return ()
    return (((label,), board) for label, board in numbered(reading.boards, MAX_BOARDS))


def _board_sensors(subject: Subject) -> Iterator[tuple[Labels, float | None]]:
    for (label,), board in _boards(subject):
        yield (label, "board"), board.temperature_board
        yield (label, "chip"), board.temperature_chip


def _fans(subject: Subject) -> Iterable[tuple[Labels, Fan]]:
    reading = subject.snapshot.reading
    if reading is None:
        return ()
    return (((label,), fan) for label, fan in numbered(reading.fans, MAX_FANS))


def _slots(subject: Subject) -> Iterator[tuple[str, PoolSlot]]:
    reading = subject.snapshot.reading
    return numbered(reading.pools if reading is not None else (), MAX_SLOTS)


def _pools(subject: Subject) -> Iterable[tuple[Labels, PoolSlot]]:
    return (((label, redacted_url(slot.url or "")), slot) for label, slot in _slots(subject))


def _pool_results(subject: Subject) -> Iterator[tuple[Labels, float | None]]:
    for label, slot in _slots(subject):
        url = redacted_url(slot.url or "")
        yield (label, url, "accepted"), slot.accepted
        yield (label, url, "rejected"), slot.rejected
        yield (label, url, "stale"), slot.stale


def _pool_users(subject: Subject) -> Iterable[tuple[Labels, PoolSlot]]:
    return (((label, slot.user), slot) for label, slot in _slots(subject) if slot.user)


def _flag(value: bool | None) -> float | None:
    return None if value is None else int(value)


def _value(number: float | None) -> float | None:
    return number


BOARDS: Family[Subject, Hashboard] = Family("hashboard", _boards, (
    Metric("hashboard_hashrate", Unit.HASHES_PER_SECOND, "Hashrate of the hashboard.", lambda b: b.hashrate),
    Metric("hashboard_chips", Unit.NONE, "Chips of the hashboard that answer.", lambda b: b.chips),
    Metric("hashboard_hardware_errors", Unit.NONE, "Hardware errors of the hashboard since the rig started.",
           lambda b: b.hardware_errors, Kind.COUNTER),
    Metric("hashboard_frequency", Unit.HERTZ, "Clock frequency of the chips.", lambda b: b.frequency),
    Metric("hashboard_voltage", Unit.VOLTS, "Voltage of the hashboard.", lambda b: b.voltage),
), ("board",))  # fmt: skip

BOARD_SENSORS: Family[Subject, float | None] = Family("hashboard: temperature", _board_sensors, (
    Metric("hashboard_temperature", Unit.CELSIUS, "Hottest sensor on the board, and hottest chip.", _value,
           levels=Levels(attention=85, bad=95)),
), ("board", "sensor"))  # fmt: skip

FANS: Family[Subject, Fan] = Family("fan", _fans, (
    Metric("fan_speed", Unit.RPM, "Speed of the fan; 0 is a fan that stands still.", lambda f: f.rpm, levels=WORKS),
), ("fan",))  # fmt: skip

POOLS: Family[Subject, PoolSlot] = Family("pool slot", _pools, (
    Metric("rig_pool_active", Unit.NONE, "1 if the rig works for this pool slot now, else 0.",
           lambda p: _flag(p.active)),
    Metric("rig_pool_alive", Unit.NONE, "1 if the rig finds the pool of this slot reachable, else 0.",
           lambda p: _flag(p.alive), levels=WORKS),
), ("slot", "url"), free=("url",))  # fmt: skip

POOL_COUNTERS: Family[Subject, float | None] = Family("pool slot: shares", _pool_results, (
    Metric("rig_pool_shares", Unit.NONE, "Shares of this pool slot since the rig started, as the rig counts them.",
           _value, Kind.COUNTER),
), ("slot", "url", "result"), option="pool_counters", free=("url",))  # fmt: skip

POOL_WORK: Family[Subject, PoolSlot] = Family("pool slot: work", _pools, (
    Metric("rig_pool_difficulty_accepted", Unit.NONE, "Summed difficulty of accepted shares since the rig started.",
           lambda p: p.difficulty_accepted, Kind.COUNTER),
    Metric("rig_pool_last_share_age", Unit.SECONDS, "Time since the last share of this slot when the rig was read.",
           lambda p: p.last_share_seconds_ago),
), ("slot", "url"), option="pool_counters", free=("url",))  # fmt: skip

POOL_USERS: Family[Subject, PoolSlot] = Family("pool slot: user", _pool_users, (
    Metric("rig_pool_user", Unit.NONE, "The worker name the rig uses at this pool slot; value 1. Off by default, since "
           "it may hold a payout address.", one, Kind.INFO, Stability.EXPERIMENTAL),
), ("slot", "user"), option="pool_users", free=("user",))  # fmt: skip
