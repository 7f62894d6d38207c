"""Defines the metrics of the relay between miners and pool: shares by worker, and traffic.

The label `worker` is the text after the first dot of the user name; change it with `stratoscope tap --workers`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

from stratoscope.metrics.metric import Distribution, Labels, MetricFamily, MetricsOf, counter
from stratoscope.metrics.unit import Unit
from stratoscope.stratum.jobs.shares import HashrateEstimate
from stratoscope.stratum.tap.submits import HASHRATE_WINDOW_MINUTES, REPLY_BUCKETS_S, TapCounts, TapWorker
from stratoscope.stratum.tap.tap import CONNECT_FAILURES, TapTraffic

WORKER: Final = ("worker",)


@dataclass(frozen=True, slots=True)
class TapState:
    """Counts of a relay, with the time of the scrape on both clocks."""

    book: TapCounts
    traffic: TapTraffic
    monotonic: float
    time: float  # UTC s


class _Row(NamedTuple):
    worker: TapWorker
    last: float | None  # UTC s


def _workers(now: TapState) -> Iterator[tuple[Labels, _Row]]:
    for name, worker in now.book.workers.items():
        last = None if worker.last is None else now.time - (now.monotonic - worker.last)
        yield (name,), _Row(worker, last)


def _hashrates(now: TapState) -> Iterator[tuple[Labels, HashrateEstimate]]:
    for name, worker in now.book.workers.items():
        found = worker.hashrate(now.monotonic)
        if found is not None:
            yield (name,), found


def _rejected(now: TapState) -> Iterator[tuple[Labels, float]]:
    for name, worker in now.book.workers.items():
        for reason, count in worker.rejected.items():
            yield (name, reason), count


def _whole(now: TapState) -> Iterable[tuple[Labels, TapState]]:
    return (((), now),)


def _bytes(now: TapState) -> Iterable[tuple[Labels, float]]:
    return ((("to_pool",), now.traffic.from_miners), (("to_miner",), now.traffic.from_pool))


def _failures(now: TapState) -> Iterable[tuple[Labels, float]]:
    return (((reason,), now.traffic.failures.get(reason, 0)) for reason in CONNECT_FAILURES)


def _noise(now: TapState) -> Iterable[tuple[Labels, float]]:
    return (((reason,), count) for reason, count in now.book.invalid_lines.items())


def _replies(row: _Row) -> Distribution:
    worker = row.worker
    counts = list(accumulate(worker.replies))
    return Distribution(tuple(zip(REPLY_BUCKETS_S, counts, strict=False)), counts[-1], worker.reply_seconds)


per_worker = MetricsOf[_Row]()
per_hashrate = MetricsOf[HashrateEstimate]()
per_relay = MetricsOf[TapState]()

WORKERS: MetricFamily[TapState, _Row] = MetricFamily("tap: workers", _workers, WORKER).with_metrics(
    per_worker.counter("tap_shares_accepted", Unit.NONE, lambda r: r.worker.accepted).means(
        "Shares accepted by the pool."
    ),
    per_worker.counter("tap_shares_difficulty_accepted", Unit.NONE, lambda r: r.worker.difficulty_accepted).means(
        "Sum of the difficulty of these shares, as set by the pool. Its rate x 2^48/65535 is the hashrate."
    ),
    per_worker.counter("tap_shares_unanswered", Unit.NONE, lambda r: r.worker.unanswered).means(
        "Shares without a response: after two minutes, or when the connection closed."
    ),
    per_worker.histogram("tap_submit_reply", Unit.SECONDS, _replies).means(
        "Time between a submit and the pool's response, measured at the relay."
    ),
    per_worker.gauge("tap_share_difficulty", Unit.NONE, lambda r: r.worker.difficulty).means(
        "Difficulty of the newest share."
    ),
    per_worker.gauge("tap_last_share", Unit.TIMESTAMP, lambda r: r.last).means("Time of the newest accepted share."),
)

HASHRATES: MetricFamily[TapState, HashrateEstimate] = MetricFamily(
    "tap: hashrate from shares", _hashrates, WORKER
).with_metrics(
    per_hashrate.gauge("tap_hashrate", Unit.HASHES_PER_SECOND, lambda h: h.value).means(
        f"Hashrate computed from the accepted shares of the last {HASHRATE_WINDOW_MINUTES} minutes; absent without any."
    ),
    per_hashrate.gauge("tap_hashrate_low", Unit.HASHES_PER_SECOND, lambda h: h.low).means(
        "Lower bound of its exact 95 % confidence interval."
    ),
    per_hashrate.gauge("tap_hashrate_high", Unit.HASHES_PER_SECOND, lambda h: h.high).means(
        "Upper bound of its exact 95 % confidence interval."
    ),
)

REJECTED: MetricFamily[TapState, float] = MetricFamily(
    "tap: rejected shares", _rejected, ("worker", "reason")
).with_metrics(
    counter("tap_shares_rejected", Unit.NONE).means(
        "Shares rejected by the pool: stale, duplicate, low_difficulty, unauthorized, not_subscribed, time, version, "
        "other."
    ),
)

RELAY: MetricFamily[TapState, TapState] = MetricFamily("tap: relay", _whole).with_metrics(
    per_relay.gauge("tap_connections", Unit.NONE, lambda n: n.traffic.open).means("Open miner connections."),
    per_relay.counter("tap_connections_opened", Unit.NONE, lambda n: n.traffic.opened).means(
        "Miner connections since the start."
    ),
    per_relay.counter("tap_jobs", Unit.NONE, lambda n: n.book.jobs).means("Jobs sent by the pool."),
    per_relay.counter("tap_unread", Unit.BYTES, lambda n: n.book.skipped_bytes).means(
        "Bytes that were relayed but not decoded, because the decoder was too slow."
    ),
    per_relay.counter("tap_faults", Unit.NONE, lambda n: n.book.faults).means(
        "Connections that are relayed but no longer decoded, after an error in the decoder."
    ),
    per_relay.counter("tap_replies_unmatched", Unit.NONE, lambda n: n.book.unmatched).means(
        "Responses to unknown requests."
    ),
)

BYTES: MetricFamily[TapState, float] = MetricFamily("tap: traffic", _bytes, ("direction",)).with_metrics(
    counter("tap_relayed", Unit.BYTES).means("Relayed bytes by direction: to_pool, to_miner."),
)

UNREACHED: MetricFamily[TapState, float] = MetricFamily("tap: pool unreachable", _failures, ("reason",)).with_metrics(
    counter("tap_upstream_failures", Unit.NONE).means(
        "Miner connections closed because the pool was unreachable (refused, timeout, dns, unreachable) or because "
        "there were too many (crowded)."
    ),
)

NOISE: MetricFamily[TapState, float] = MetricFamily("tap: invalid lines", _noise, ("reason",)).with_metrics(
    counter("tap_noise_lines", Unit.NONE).means(
        "Relayed lines that are not valid stratum messages: not_json, not_object, shape, params, oversize."
    ),
)
