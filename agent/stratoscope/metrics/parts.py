"""Defines the metrics of the parts of a rig: hashboards, fans and pool slots."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

from stratoscope.fields import redacted_url
from stratoscope.metrics.metric import (
    WORKS,
    Labels,
    Levels,
    MetricFamily,
    MetricsOf,
    Stability,
    Subject,
    counter,
    gauge,
    info,
)
from stratoscope.metrics.unit import Unit
from stratoscope.reading import Fan, Hashboard, PoolSlot

MAX_BOARDS: Final = 16
MAX_FANS: Final = 32
MAX_SLOTS: Final = 8


class Numbered(Protocol):
    """A part with the number that the firmware assigns to it."""

    @property
    def index(self) -> int:
        """Return the number."""
        ...


P = TypeVar("P", bound=Numbered)


def numbered(parts: Sequence[P], limit: int) -> Iterator[tuple[str, P]]:
    """Yield the first `limit` parts, each with a label: its index, made unique if the firmware repeats it.

    An index of 2 × `limit` or more gets the label `other`, so that a rig cannot create unlimited labels. (The boards
    of an S9 have the numbers 6 to 8.)
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


per_board = MetricsOf[Hashboard]()
per_fan = MetricsOf[Fan]()
per_slot = MetricsOf[PoolSlot]()

BOARDS: MetricFamily[Subject, Hashboard] = MetricFamily("hashboard", _boards, ("board",)).with_metrics(
    per_board.gauge("hashboard_hashrate", Unit.HASHES_PER_SECOND, lambda b: b.hashrate).means(
        "Hashrate of the hashboard."
    ),
    per_board.gauge("hashboard_chips", Unit.NONE, lambda b: b.chips).means("Working chips on the hashboard."),
    per_board.counter("hashboard_hardware_errors", Unit.NONE, lambda b: b.hardware_errors).means(
        "Hardware errors of the hashboard since the rig started."
    ),
    per_board.gauge("hashboard_frequency", Unit.HERTZ, lambda b: b.frequency).means("Clock frequency of the chips."),
    per_board.gauge("hashboard_voltage", Unit.VOLTS, lambda b: b.voltage).means("Voltage of the hashboard."),
)

BOARD_SENSORS: MetricFamily[Subject, float | None] = MetricFamily(
    "hashboard: temperature", _board_sensors, ("board", "sensor")
).with_metrics(
    gauge("hashboard_temperature", Unit.CELSIUS, levels=Levels(attention=85, bad=95)).means(
        "Hottest board sensor and hottest chip sensor of the hashboard."
    ),
)

FANS: MetricFamily[Subject, Fan] = MetricFamily("fan", _fans, ("fan",)).with_metrics(
    per_fan.gauge("fan_speed", Unit.RPM, lambda f: f.rpm, levels=WORKS).means(
        "Fan speed; 0 means that the fan has stopped."
    ),
)

POOLS: MetricFamily[Subject, PoolSlot] = MetricFamily("pool slot", _pools, ("slot", "url"), free=("url",)).with_metrics(
    per_slot.gauge("rig_pool_active", Unit.NONE, lambda p: _flag(p.active)).means(
        "1 if the rig currently mines to this pool slot, else 0."
    ),
    per_slot.gauge("rig_pool_alive", Unit.NONE, lambda p: _flag(p.alive), levels=WORKS).means(
        "1 if the rig reports the pool of this slot as reachable, else 0."
    ),
)

POOL_COUNTERS: MetricFamily[Subject, float | None] = MetricFamily(
    "pool slot: shares", _pool_results, ("slot", "url", "result"), option="pool_counters", free=("url",)
).with_metrics(
    counter("rig_pool_shares", Unit.NONE).means(
        "Shares sent to this pool slot since the rig started, as counted by the rig."
    ),
)

POOL_WORK: MetricFamily[Subject, PoolSlot] = MetricFamily(
    "pool slot: work", _pools, ("slot", "url"), option="pool_counters", free=("url",)
).with_metrics(
    per_slot.counter("rig_pool_difficulty_accepted", Unit.NONE, lambda p: p.difficulty_accepted).means(
        "Sum of the difficulty of accepted shares since the rig started."
    ),
    per_slot.gauge("rig_pool_last_share_age", Unit.SECONDS, lambda p: p.last_share_seconds_ago).means(
        "Age of the last share of this slot when the rig was polled."
    ),
)

POOL_USERS: MetricFamily[Subject, PoolSlot] = MetricFamily(
    "pool slot: user", _pool_users, ("slot", "user"), option="pool_users", free=("user",)
).with_metrics(
    info("rig_pool_user", stability=Stability.EXPERIMENTAL).means(
        "Worker name of the rig at this pool slot; value 1. Off by default because it can contain a payout address."
    ),
)
