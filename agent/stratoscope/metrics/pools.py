"""Holds the rows of the metric table that tell what pools say of the accounts there, and how the asking fares.

A worker's series carry the rig behind it; its name at the pool only where the config allows it, since it often is a
payout address. Windows are seconds; without one the pool does not say over which time a figure is.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from stratoscope.metrics.metric import Family, Kind, Labels, Metric, one
from stratoscope.metrics.unit import Unit
from stratoscope.pools.records import PoolNow, WorkerRow
from stratoscope.pools.report import Earning, Payout, PoolReport, Tally

Pools = tuple[PoolNow, ...]
COMPLETE: Final = 1.0
"""Seconds that the end of an earning may lie ahead: the sum of a day under way is not yet an earning."""


def _pools(pools: Pools) -> Iterable[tuple[Labels, PoolNow]]:
    return (((pool.name,), pool) for pool in pools)


def _info(pools: Pools) -> Iterable[tuple[Labels, PoolNow]]:
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


def _amounts(tally: Tally) -> Iterator[tuple[str, float]]:
    for result in ("accepted", "rejected", "stale"):
        amount = getattr(tally, result)
        if amount is not None:
            yield result, amount


def _work(pools: Pools) -> Iterator[tuple[Labels, float]]:
    for (name,), report in _reports(pools):
        yield from _once(((name, result, tally.counted, _window(tally.window)), amount)
                         for tally in report.work for result, amount in _amounts(tally))  # fmt: skip


def _once(rows: Iterable[tuple[Labels, float]]) -> Iterator[tuple[Labels, float]]:
    """Yield each series once, its amounts added up."""
    sums: dict[Labels, float] = {}
    for labels, amount in rows:
        sums[labels] = sums.get(labels, 0.0) + amount
    yield from sums.items()


def _states(pools: Pools) -> Iterator[tuple[Labels, float]]:
    for (name,), report in _reports(pools):
        for state, count in report.workers_by_state.items():
            yield (name, state), count


def _earnings(pools: Pools) -> Iterator[tuple[Labels, Earning]]:
    for (name,), report in _reports(pools):
        done = [earning for earning in report.earnings if earning.end <= report.at + COMPLETE]
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
        yield from _once(((*labels, result, tally.counted, _window(tally.window)), amount)
                         for tally in row.report.work for result, amount in _amounts(tally))  # fmt: skip


def _value(number: float | None) -> float | None:
    return number


def _flag(value: bool | None) -> float | None:
    return None if value is None else int(value)


STANDING: Family[Pools, PoolNow] = Family("pool: asking", _pools, (
    Metric("pool_up", Unit.NONE, "1 if everything the pool was asked last was answered, 0 if something was not; absent "
           "before the first answer.", lambda p: _flag(p.up)),
    Metric("pool_last_success", Unit.TIMESTAMP, "When the pool last answered.", lambda p: p.last_success),
    Metric("pool_unreadable_fields", Unit.NONE, "Fields of its answers that were missing or made no sense, since the "
           "agent started.", lambda p: p.unreadable, Kind.COUNTER),
    Metric("pool_workers_left_out", Unit.NONE, "Workers without series of their own, because there are more than "
           "max_workers.", lambda p: p.left_out),
), ("pool",))  # fmt: skip

INFO: Family[Pools, PoolNow] = Family("pool: what it is", _info, (
    Metric("pool", Unit.NONE, "Adapter, and how the pool pays; value 1.", one, Kind.INFO),
), ("pool", "kind", "scheme"))  # fmt: skip

REQUESTS: Family[Pools, float] = Family("pool: requests", _outcomes, (
    Metric("pool_requests", Unit.NONE, "Questions to the pool by outcome since the agent started; waiting ones were "
           "not sent.", _value, Kind.COUNTER),
), ("pool", "outcome"))  # fmt: skip

AGES: Family[Pools, float] = Family("pool: age", _ages, (
    Metric("pool_age", Unit.SECONDS, "Age of a part of what is known of the pool, by the pool's own word where that is "
           "more. A part that grows too old vanishes with all its figures.", _value),
), ("pool", "part"))  # fmt: skip

HASHRATES: Family[Pools, float] = Family("pool: hashrate", _hashrates, (
    Metric("pool_hashrate", Unit.HASHES_PER_SECOND, "Hashrate that the pool credits the account, mean over the window "
           "(s). A count of shares: its standard error is 1/sqrt(shares).", _value),
), ("pool", "window"))  # fmt: skip

ACCOUNT: Family[Pools, PoolReport] = Family("pool: account", _reports, (
    Metric("pool_last_share", Unit.TIMESTAMP, "When the pool last took a share of the account.",
           lambda r: r.last_share),
    Metric("pool_balance", Unit.SATOSHIS, "Credited and not yet paid.", lambda r: r.balance_sat),
    Metric("pool_paid", Unit.SATOSHIS, "Paid since the account began, as far as the pool tells.", lambda r: r.paid_sat),
    Metric("pool_fee", Unit.RATIO, "Fee of the pool, by the config, else by the pool's own word; 0.02 is 2 %.",
           lambda r: r.fee_ratio),
    Metric("pool_hashprice", Unit.BTC_PER_PH_DAY, "Hashprice as the pool itself states it.",
           lambda r: r.hashprice_btc_per_ph_day),
    Metric("pool_total_hashrate", Unit.HASHES_PER_SECOND, "Hashrate of the whole pool.", lambda r: r.pool_hashrate),
    Metric("pool_blocks_found", Unit.NONE, "Blocks found, by the account at a solo pool, else by the pool.",
           lambda r: r.blocks_found),
    Metric("pool_best_difficulty", Unit.NONE, "Difficulty of the best share.", lambda r: r.best_difficulty),
), ("pool",))  # fmt: skip

WORK: Family[Pools, float] = Family("pool: work", _work, (
    Metric("pool_work", Unit.NONE, "Work of the account that the pool accepted, rejected or found stale, in what the "
           "label `counted` names, over the window (s); without a window since the account began.", _value),
), ("pool", "result", "counted", "window"))  # fmt: skip

STATES: Family[Pools, float] = Family("pool: workers by state", _states, (
    Metric("pool_workers", Unit.NONE, "Workers by state: active send shares, inactive sent none for a while, dead ones "
           "are given up.", _value),
), ("pool", "state"))  # fmt: skip

EARNINGS: Family[Pools, Earning] = Family("pool: newest earning", _earnings, (
    Metric("pool_earning", Unit.SATOSHIS, "The newest complete earning, after the pool's fee: of a day, or of a block "
           "where the pool pays by the block.", lambda e: e.sat),
    Metric("pool_earning_end", Unit.TIMESTAMP, "When the span of that earning ended.", lambda e: e.end),
    Metric("pool_earning_fee", Unit.SATOSHIS, "The pool's fee on that earning.", lambda e: e.pool_fee_sat),
    Metric("pool_earning_hashrate", Unit.HASHES_PER_SECOND, "Hashrate that it was credited for.", lambda e: e.hashrate),
    Metric("pool_rate", Unit.RATIO, "Rate of FPPS over the span: 1.05 pays 5 % on top of the subsidy.",
           lambda e: e.rate_ratio),
), ("pool",))  # fmt: skip

PAYOUTS: Family[Pools, Payout] = Family("pool: newest payout", _payouts, (
    Metric("pool_payout", Unit.SATOSHIS, "The newest payment out of the account.", lambda p: p.sat),
    Metric("pool_payout", Unit.TIMESTAMP, "When it was made.", lambda p: p.at),
), ("pool",))  # fmt: skip

WORKER_HASHRATES: Family[Pools, float] = Family("worker: hashrate", _worker_hashrates, (
    Metric("worker_hashrate", Unit.HASHES_PER_SECOND, "Hashrate that the pool credits the worker, mean over the window "
           "(s).", _value),
), ("pool", "rig", "worker", "window"), free=("worker",))  # fmt: skip

WORKERS: Family[Pools, WorkerRow] = Family("worker: state", _workers, (
    Metric("worker_active", Unit.NONE, "1 if the pool sees shares of the worker, else 0.",
           lambda w: None if w.report.state is None else int(w.report.state == "active")),
    Metric("worker_last_share", Unit.TIMESTAMP, "When the pool last took a share of the worker.",
           lambda w: w.report.last_share),
), ("pool", "rig", "worker"), free=("worker",))  # fmt: skip

WORKER_WORK: Family[Pools, float] = Family("worker: work", _worker_work, (
    Metric("worker_work", Unit.NONE, "Work of the worker that the pool accepted, rejected or found stale; labels as of "
           "mining_pool_work.", _value),
), ("pool", "rig", "worker", "result", "counted", "window"), free=("worker",))  # fmt: skip
