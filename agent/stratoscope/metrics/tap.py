"""Holds the rows of the metric table that describe a relay between miners and pool: shares by worker, and its traffic.

The label `worker` is what follows the first dot of the user name; `stratoscope tap --workers` can change that.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

from stratoscope.metrics.metric import Family, Kind, Labels, Metric, Spread
from stratoscope.metrics.unit import Unit
from stratoscope.stratum.jobs.shares import Hashrate
from stratoscope.stratum.tap.submits import BUCKETS, WINDOW, Book, Worker
from stratoscope.stratum.tap.tap import FAILURES, Traffic

WORKER: Final = ("worker",)


@dataclass(frozen=True, slots=True)
class TapNow:
    """What a relay counted, with the two times at which that is looked at."""

    book: Book
    traffic: Traffic
    monotonic: float
    time: float  # UTC s


class _Row(NamedTuple):
    worker: Worker
    last: float | None  # UTC s


def _workers(now: TapNow) -> Iterator[tuple[Labels, _Row]]:
    for name, worker in now.book.workers.items():
        last = None if worker.last is None else now.time - (now.monotonic - worker.last)
        yield (name,), _Row(worker, last)


def _hashrates(now: TapNow) -> Iterator[tuple[Labels, Hashrate]]:
    for name, worker in now.book.workers.items():
        found = worker.hashrate(now.monotonic)
        if found is not None:
            yield (name,), found


def _rejected(now: TapNow) -> Iterator[tuple[Labels, float]]:
    for name, worker in now.book.workers.items():
        for reason, count in worker.rejected.items():
            yield (name, reason), count


def _whole(now: TapNow) -> Iterable[tuple[Labels, TapNow]]:
    return (((), now),)


def _bytes(now: TapNow) -> Iterable[tuple[Labels, float]]:
    return ((("to_pool",), now.traffic.from_miners), (("to_miner",), now.traffic.from_pool))


def _failures(now: TapNow) -> Iterable[tuple[Labels, float]]:
    return (((reason,), now.traffic.failures.get(reason, 0)) for reason in FAILURES)


def _noise(now: TapNow) -> Iterable[tuple[Labels, float]]:
    return (((reason,), count) for reason, count in now.book.noise.items())


def _value(number: float) -> float:
    return number


def _replies(row: _Row) -> Spread:
    worker = row.worker
    counts = list(accumulate(worker.replies))
    return Spread(tuple(zip(BUCKETS, counts, strict=False)), counts[-1], worker.reply_seconds)


WORKERS: Family[TapNow, _Row] = Family("tap: workers", _workers, (
    Metric("tap_shares_accepted", Unit.NONE, "Shares that the pool took.", lambda r: r.worker.accepted, Kind.COUNTER),
    Metric("tap_shares_difficulty_accepted", Unit.NONE, "Sum of the difficulties of these shares, as the pool had set "
           "them. Its rate x 2^48/65535 is the hashrate.", lambda r: r.worker.difficulty_accepted, Kind.COUNTER),
    Metric("tap_shares_unanswered", Unit.NONE, "Shares without a reply: after two minutes, or when the connection "
           "ended.", lambda r: r.worker.unanswered, Kind.COUNTER),
    Metric("tap_submit_reply", Unit.SECONDS, "Time from a submit to the pool's reply, as the relay saw both.",
           lambda r: sum(r.worker.replies), Kind.HISTOGRAM, spread=_replies),
    Metric("tap_share_difficulty", Unit.NONE, "Difficulty of the newest share.", lambda r: r.worker.difficulty),
    Metric("tap_last_share", Unit.TIMESTAMP, "When the newest share was accepted.", lambda r: r.last),
), WORKER)  # fmt: skip

HASHRATES: Family[TapNow, Hashrate] = Family("tap: hashrate from shares", _hashrates, (
    Metric("tap_hashrate", Unit.HASHES_PER_SECOND, f"Hashrate that the accepted shares of the last {WINDOW} minutes "
           "prove. Absent once there was none for so long.", lambda h: h.value),
    Metric("tap_hashrate_low", Unit.HASHES_PER_SECOND, "Lower end of its exact 95 % interval.", lambda h: h.low),
    Metric("tap_hashrate_high", Unit.HASHES_PER_SECOND, "Upper end of its exact 95 % interval.", lambda h: h.high),
), WORKER)  # fmt: skip

REJECTED: Family[TapNow, float] = Family("tap: refused shares", _rejected, (
    Metric("tap_shares_rejected", Unit.NONE, "Shares that the pool refused: stale, duplicate, low_difficulty, "
           "unauthorized, not_subscribed, time, version, other.", _value, Kind.COUNTER),
), ("worker", "reason"))  # fmt: skip

RELAY: Family[TapNow, TapNow] = Family("tap: relay", _whole, (
    Metric("tap_connections", Unit.NONE, "Miners connected now.", lambda n: n.traffic.open),
    Metric("tap_connections_opened", Unit.NONE, "Connections of miners since the start.",
           lambda n: n.traffic.opened, Kind.COUNTER),
    Metric("tap_jobs", Unit.NONE, "Jobs that the pool sent to miners.", lambda n: n.book.jobs, Kind.COUNTER),
    Metric("tap_unread", Unit.BYTES, "Bytes that were relayed but not read, because reading fell behind.",
           lambda n: n.book.skipped_bytes, Kind.COUNTER),
    Metric("tap_faults", Unit.NONE, "Connections that are relayed but no longer read, after a fault of the reader.",
           lambda n: n.book.faults, Kind.COUNTER),
    Metric("tap_replies_unmatched", Unit.NONE, "Replies to requests that were not seen.",
           lambda n: n.book.unmatched, Kind.COUNTER),
))  # fmt: skip

BYTES: Family[TapNow, float] = Family("tap: traffic", _bytes, (
    Metric("tap_relayed", Unit.BYTES, "Bytes passed on: to_pool, to_miner.", _value, Kind.COUNTER),
), ("direction",))  # fmt: skip

UNREACHED: Family[TapNow, float] = Family("tap: pool not reached", _failures, (
    Metric("tap_upstream_failures", Unit.NONE, "Connections of miners that were cut because the pool could not be "
           "reached: refused, timeout, dns, unreachable; or because there were too many: crowded.", _value,
           Kind.COUNTER),
), ("reason",))  # fmt: skip

NOISE: Family[TapNow, float] = Family("tap: lines not understood", _noise, (
    Metric("tap_noise_lines", Unit.NONE, "Lines that were relayed but are no stratum messages: not_json, not_object, "
           "shape, params, oversize.", _value, Kind.COUNTER),
), ("reason",))  # fmt: skip
