"""Defines the metrics of pool accounts and workers as the pools report them, and of the requests to the pools.

The series of a worker have a label with its rig. They have the worker's name only if the config allows it, because it
is often a payout address. Windows are in seconds; an empty window means that the pool does not report it.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from stratoscope.metrics.metric import Labels, MetricFamily, MetricsOf, counter, gauge, info
from stratoscope.metrics.unit import Unit
from stratoscope.pools.records import PoolState, WorkerRow
from stratoscope.pools.report import Earning, Payout, PoolReport, WorkTotals

Pools = tuple[PoolState, ...]
MAX_AHEAD_S: Final = 1.0
"""Tolerance in seconds for the end of an earning. The sum of a day that has not ended is not an earning."""


def _pools(pools: Pools) -> Iterable[tuple[Labels, PoolState]]:
    return (((pool.name,), pool) for pool in pools)


def _info(pools: Pools) -> Iterable[tuple[Labels, PoolState]]:
    for pool in pools:
        yield (pool.name, pool.kind, pool.scheme or ""), pool


def _ages(pools: Pools) -> Iterator[tuple[Labels, float]]:
    for pool in pools:
        for part, age in pool.ages.items():
            yield (pool.name, part), age


def _outcomes(pools: Pools) -> Iterator[tuple[Labels, float]]:
    for pool in pools:
        for outcome, count in sorted(pool.outcomes.items()):
            yield (pool.name, outcome), count


def _reports(pools: Pools) -> Iterator[tuple[Labels, PoolReport]]:
    for pool in pools:
        if pool.report is not None:
            yield (pool.name,), pool.report


def _window(seconds: float | None) -> str:
    return f"{seconds:.0f}" if seconds else ""


def _hashrates(pools: Pools) -> Iterator[tuple[Labels, float]]:
    for (name,), report in _reports(pools):
        for window, rate in sorted(report.hashrate.items()):
            yield (name, _window(window)), rate


def _amounts(tally: WorkTotals) -> Iterator[tuple[str, float]]:
    for result in ("accepted", "rejected", "stale"):
        amount = getattr(tally, result)
        if amount is not None:
            yield result, amount


def _work(pools: Pools) -> Iterator[tuple[Labels, float]]:
    for (name,), report in _reports(pools):
        yield from _merged((name,), report.work)


def _merged(labels: Labels, work: Iterable[WorkTotals]) -> Iterable[tuple[Labels, float]]:
    """Return each series of `work` once, with its amounts added up; `labels` come first."""
    sums: dict[Labels, float] = {}
    for tally in work:
        for result, amount in _amounts(tally):
            key = (*labels, result, tally.counted, _window(tally.window))
            sums[key] = sums.get(key, 0.0) + amount
    return sums.items()


def _states(pools: Pools) -> Iterator[tuple[Labels, float]]:
    for (name,), report in _reports(pools):
        for state, count in report.workers_by_state.items():
            yield (name, state), count


def _earnings(pools: Pools) -> Iterator[tuple[Labels, Earning]]:
    for (name,), report in _reports(pools):
        done = [earning for earning in report.earnings if earning.end <= report.at + MAX_AHEAD_S]
        if done:
            yield (name,), done[-1]


def _payouts(pools: Pools) -> Iterator[tuple[Labels, Payout]]:
    for (name,), report in _reports(pools):
        if report.payouts:
            yield (name,), report.payouts[-1]


def _workers(pools: Pools) -> Iterator[tuple[Labels, WorkerRow]]:
    for pool in pools:
        for row in pool.workers:
            yield (pool.name, row.rig, row.worker), row


def _worker_hashrates(pools: Pools) -> Iterator[tuple[Labels, float]]:
    for labels, row in _workers(pools):
        for window, rate in row.report.hashrate.items():
            yield (*labels, _window(window)), rate


def _worker_work(pools: Pools) -> Iterator[tuple[Labels, float]]:
    for labels, row in _workers(pools):
        yield from _merged(labels, row.report.work)


def _flag(value: bool | None) -> float | None:
    return None if value is None else int(value)


per_pool = MetricsOf[PoolState]()
per_report = MetricsOf[PoolReport]()
per_earning = MetricsOf[Earning]()
per_payout = MetricsOf[Payout]()
per_worker = MetricsOf[WorkerRow]()

STANDING: MetricFamily[Pools, PoolState] = MetricFamily("pool: availability", _pools, ("pool",)).with_metrics(
    per_pool.gauge("pool_up", Unit.NONE, lambda p: _flag(p.up)).means(
        "1 if all last queries of the pool succeeded, 0 if one failed; absent before the first response."
    ),
    per_pool.gauge("pool_last_success", Unit.TIMESTAMP, lambda p: p.last_success).means(
        "Time of the pool's last response."
    ),
    per_pool.counter("pool_unreadable_fields", Unit.NONE, lambda p: p.unreadable).means(
        "Fields of the pool's responses that were missing or invalid, since the agent started."
    ),
    per_pool.gauge("pool_workers_left_out", Unit.NONE, lambda p: p.left_out).means(
        "Workers without their own series, because there are more than max_workers."
    ),
)

INFO: MetricFamily[Pools, PoolState] = MetricFamily(
    "pool: adapter and payout scheme", _info, ("pool", "kind", "scheme")
).with_metrics(
    info("pool").means("Adapter and payout scheme of the pool; value 1."),
)

REQUESTS: MetricFamily[Pools, float] = MetricFamily("pool: requests", _outcomes, ("pool", "outcome")).with_metrics(
    counter("pool_requests", Unit.NONE).means(
        "Requests to the pool by outcome since the agent started; waiting ones were not sent."
    ),
)

AGES: MetricFamily[Pools, float] = MetricFamily("pool: age of the data", _ages, ("pool", "part")).with_metrics(
    gauge("pool_age", Unit.SECONDS).means(
        "Age of each group of pool data, or the age that the pool itself reports if that is higher. Data that is too "
        "old is removed with all its series."
    ),
)

HASHRATES: MetricFamily[Pools, float] = MetricFamily("pool: hashrate", _hashrates, ("pool", "window")).with_metrics(
    gauge("pool_hashrate", Unit.HASHES_PER_SECOND).means(
        "Hashrate that the pool credits to the account, averaged over the window (s). It is estimated from shares: the "
        "relative standard error is 1/sqrt(shares)."
    ),
)

ACCOUNT: MetricFamily[Pools, PoolReport] = MetricFamily("pool: account", _reports, ("pool",)).with_metrics(
    per_report.gauge("pool_last_share", Unit.TIMESTAMP, lambda r: r.last_share).means(
        "Time of the last share that the pool accepted for the account."
    ),
    per_report.gauge("pool_balance", Unit.SATOSHIS, lambda r: r.balance_sat).means(
        "Earnings credited but not yet paid."
    ),
    per_report.gauge("pool_paid", Unit.SATOSHIS, lambda r: r.paid_sat).means(
        "Total paid since the account was opened, as far as the pool reports it."
    ),
    per_report.gauge("pool_fee", Unit.RATIO, lambda r: r.fee_ratio).means(
        "Pool fee from the config, or else as the pool reports it; 0.02 is 2 %."
    ),
    per_report.gauge("pool_hashprice", Unit.BTC_PER_PH_DAY, lambda r: r.hashprice_btc_per_ph_day).means(
        "Hashprice reported by the pool."
    ),
    per_report.gauge("pool_total_hashrate", Unit.HASHES_PER_SECOND, lambda r: r.pool_hashrate).means(
        "Hashrate of the whole pool."
    ),
    per_report.gauge("pool_blocks_found", Unit.NONE, lambda r: r.blocks_found).means(
        "Blocks found by the account (solo pool) or by the whole pool."
    ),
    per_report.gauge("pool_best_difficulty", Unit.NONE, lambda r: r.best_difficulty).means(
        "Difficulty of the best share."
    ),
)

WORK: MetricFamily[Pools, float] = MetricFamily(
    "pool: work", _work, ("pool", "result", "counted", "window")
).with_metrics(
    gauge("pool_work", Unit.NONE).means(
        "Accepted, rejected or stale work of the account in the unit named by the label `counted`, over the window "
        "(s); without a window since the account was opened."
    ),
)

STATES: MetricFamily[Pools, float] = MetricFamily("pool: workers by state", _states, ("pool", "state")).with_metrics(
    gauge("pool_workers", Unit.NONE).means(
        "Workers by state: active (sends shares), inactive (no recent shares) or dead (given up by the pool)."
    ),
)

EARNINGS: MetricFamily[Pools, Earning] = MetricFamily("pool: newest earning", _earnings, ("pool",)).with_metrics(
    per_earning.gauge("pool_earning", Unit.SATOSHIS, lambda e: e.sat).means(
        "Newest complete earning after the pool's fee: of one day, or of one block if the pool pays per block."
    ),
    per_earning.gauge("pool_earning_end", Unit.TIMESTAMP, lambda e: e.end).means("End of the period of that earning."),
    per_earning.gauge("pool_earning_fee", Unit.SATOSHIS, lambda e: e.pool_fee_sat).means("Pool fee on that earning."),
    per_earning.gauge("pool_earning_hashrate", Unit.HASHES_PER_SECOND, lambda e: e.hashrate).means(
        "Hashrate credited for that earning."
    ),
    per_earning.gauge("pool_rate", Unit.RATIO, lambda e: e.rate_ratio).means(
        "FPPS rate of that earning: 1.05 pays 5 % on top of the subsidy."
    ),
)

PAYOUTS: MetricFamily[Pools, Payout] = MetricFamily("pool: newest payout", _payouts, ("pool",)).with_metrics(
    per_payout.gauge("pool_payout", Unit.SATOSHIS, lambda p: p.sat).means("Newest payout from the account."),
    per_payout.gauge("pool_payout", Unit.TIMESTAMP, lambda p: p.at).means("Time of the newest payout."),
)

WORKER_HASHRATES: MetricFamily[Pools, float] = MetricFamily(
    "worker: hashrate", _worker_hashrates, ("pool", "rig", "worker", "window"), free=("worker",)
).with_metrics(
    gauge("worker_hashrate", Unit.HASHES_PER_SECOND).means(
        "Hashrate that the pool credits to the worker, averaged over the window (s)."
    ),
)

WORKERS: MetricFamily[Pools, WorkerRow] = MetricFamily(
    "worker: state", _workers, ("pool", "rig", "worker"), free=("worker",)
).with_metrics(
    per_worker.gauge(
        "worker_active", Unit.NONE, lambda w: None if w.report.state is None else int(w.report.state == "active")
    ).means("1 if the pool receives shares from the worker, else 0."),
    per_worker.gauge("worker_last_share", Unit.TIMESTAMP, lambda w: w.report.last_share).means(
        "Time of the last share that the pool accepted from the worker."
    ),
)

WORKER_WORK: MetricFamily[Pools, float] = MetricFamily(
    "worker: work", _worker_work, ("pool", "rig", "worker", "result", "counted", "window"), free=("worker",)
).with_metrics(
    gauge("worker_work", Unit.NONE).means(
        "Accepted, rejected or stale work of the worker; labels as in mining_pool_work."
    ),
)
