"""Defines the metrics that compare what pools credit and pay with the work of the rigs."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from stratoscope.metrics.metric import Labels, MetricFamily, MetricsOf, gauge
from stratoscope.metrics.unit import Unit
from stratoscope.reconcile.comparison import WindowComparison
from stratoscope.reconcile.pool_tracker import DAY_WINDOW, PoolReconciliation, WorkerResult
from stratoscope.reconcile.waterfall import Waterfall
from stratoscope.units import PH, SATOSHIS, TH

Pools = tuple[PoolReconciliation, ...]
SATS_PER_TH: Final = SATOSHIS * TH / PH


class Compared(NamedTuple):
    """One compared window of a pool, with its number of rigs and the tolerance that its band includes."""

    compared: WindowComparison
    rigs: int
    tolerance: float


def _each(pools: Pools) -> Iterable[tuple[Labels, PoolReconciliation]]:
    return (((one.pool,), one) for one in pools)


def _windows(pools: Pools) -> Iterable[tuple[Labels, Compared]]:
    for one in pools:
        for window, compared in one.windows.items():
            yield (one.pool, window), Compared(compared, one.rigs.get("matched", 0), one.tolerance)


def _rigs(pools: Pools) -> Iterable[tuple[Labels, float | None]]:
    return (((one.pool, match), count) for one in pools for match, count in one.rigs.items())


def _workers(pools: Pools) -> Iterable[tuple[Labels, float | None]]:
    return (((one.pool, match), count) for one in pools for match, count in one.worker_matches.items())


def _own(pools: Pools) -> Iterable[tuple[Labels, WorkerResult]]:
    """Yield the workers that belong to one rig. A name shared by several rigs counts only in the pool's totals."""
    for one in pools:
        for worker in one.workers:
            if len(worker.rigs) == 1:
                yield (one.pool, worker.rigs[0]), worker


def _settled(pools: Pools) -> Iterable[tuple[Labels, Waterfall]]:
    return (((one.pool,), one.waterfall) for one in pools if one.waterfall is not None)


def _factors(pools: Pools) -> Iterable[tuple[Labels, float | None]]:
    for (pool,), day in _settled(pools):
        for name, factor in day.factors.items():
            yield (pool, name), factor


def _parts(pools: Pools) -> Iterable[tuple[Labels, float | None]]:
    for (pool,), day in _settled(pools):
        for name, part in day.parts.items():
            yield (pool, name), part


def _costs(pools: Pools) -> Iterable[tuple[Labels, float | None]]:
    for (pool,), day in _settled(pools):
        for name, cost in day.costs.items():
            yield (pool, name), cost


def _odds(pools: Pools) -> Iterable[tuple[Labels, float | None]]:
    for one in pools:
        if one.odds is not None:
            for days, chance in one.odds.chances.items():
                yield (one.pool, f"{days}d"), chance


def _sats(btc_per_ph_day: float | None) -> float | None:
    return None if btc_per_ph_day is None else btc_per_ph_day * SATS_PER_TH


per_window = MetricsOf[Compared]()
per_pool = MetricsOf[PoolReconciliation]()
per_worker = MetricsOf[WorkerResult]()
per_day = MetricsOf[Waterfall]()

CREDIT: MetricFamily[Pools, Compared] = MetricFamily(
    "pool: credited and reported hashrate", _windows, ("pool", "window")
).with_metrics(
    per_window.gauge("pool_reported_hashrate", Unit.HASHES_PER_SECOND, lambda c: c.compared.reported * c.rigs).means(
        "Mean hashrate reported by the pool's matched rigs, over the time that the pool's data covers."
    ),
    per_window.gauge("pool_credited_hashrate", Unit.HASHES_PER_SECOND, lambda c: c.compared.credited * c.rigs).means(
        "Mean hashrate that the pool credited to the matched rigs, over the same time."
    ),
    per_window.gauge("pool_credited", Unit.RATIO, lambda c: c.compared.ratio).means(
        "Credited hashes divided by hashes due: reported hashes minus the configured firmware fee and the rejected and "
        "stale shares."
    ),
    per_window.gauge("pool_credited_band", Unit.RATIO, lambda c: c.compared.band(c.tolerance)).means(
        "Normal deviation of mining_pool_credited_ratio from 1: 2.576 standard errors (99 %) plus the configured "
        "tolerance."
    ),
    per_window.gauge("pool_credited_standard_error", Unit.RATIO, lambda c: c.compared.noise).means(
        "Standard error of mining_pool_credited_ratio: 1/sqrt(shares), widened by the measured dispersion."
    ),
    per_window.gauge("pool_compared_shares", Unit.NONE, lambda c: c.compared.shares).means(
        "Shares due in the compared time."
    ),
)

VERDICT: MetricFamily[Pools, PoolReconciliation] = MetricFamily("pool: shortfall", _each, ("pool",)).with_metrics(
    per_pool.gauge("pool_shortfall", Unit.NONE, lambda p: int(p.shortfall is not None)).means(
        "1 while a statistical test confirms that the pool credits less than is due, beyond the tolerance, else 0. "
        "Expected false alarms: one in a hundred years."
    ),
    per_pool.gauge("pool_shortfall", Unit.RATIO, lambda p: None if p.shortfall is None else 1 - p.shortfall.rate).means(
        "Share of the due hashes that is not credited since the shortfall began; absent without a shortfall."
    ),
    per_pool.gauge(
        "pool_shortfall_since", Unit.TIMESTAMP, lambda p: None if p.shortfall is None else p.shortfall.since
    ).means("Estimated start of the shortfall; absent without a shortfall."),
    per_pool.gauge("pool_shortfall_evidence", Unit.RATIO, lambda p: p.evidence).means(
        "Evidence for a shortfall divided by the evidence required to confirm one, both as logarithms; 1 confirms it."
    ),
    per_pool.gauge("pool_shortfall_detection", Unit.SECONDS, lambda p: p.detection).means(
        "Average time to confirm a shortfall of 3 % at the current rate of shares."
    ),
    per_pool.gauge("pool_share_dispersion", Unit.RATIO, lambda p: p.dispersion).means(
        "Measured variance of credited shares divided by the variance of pure chance; at least 1."
    ),
    per_pool.gauge("pool_matched_hashrate", Unit.RATIO, lambda p: p.coverage).means(
        "Share of the account's hashrate that comes from workers matched with rigs, and is therefore compared."
    ),
    per_pool.gauge("pool_reconciled", Unit.TIMESTAMP, lambda p: p.at or None).means(
        "Time up to which the pool's data has been compared with the rigs."
    ),
    per_pool.gauge("pool_expected_block", Unit.SECONDS, lambda p: None if p.odds is None else p.odds.seconds).means(
        "Mean time to find a block at the credited hashrate, for a solo account."
    ),
)

RIGS: MetricFamily[Pools, float | None] = MetricFamily("pool: rigs by match", _rigs, ("pool", "match")).with_metrics(
    gauge("pool_rigs", Unit.NONE).means(
        "Rigs whose active pool slot is this pool: matched with one of its workers, or unmatched."
    ),
)

WORKERS: MetricFamily[Pools, float | None] = MetricFamily(
    "pool: workers by match", _workers, ("pool", "match")
).with_metrics(
    gauge("pool_worker_matches", Unit.NONE).means(
        "Workers listed by the pool: matched with a rig, unmatched, or ambiguous (a rig could match several of them)."
    ),
)

OWN: MetricFamily[Pools, WorkerResult] = MetricFamily(
    "worker: credited and reported hashrate", _own, ("pool", "rig")
).with_metrics(
    per_worker.gauge("worker_credited", Unit.RATIO, lambda w: w.comparison.ratio).means(
        f"mining_pool_credited_ratio for the worker of one rig, over the last {DAY_WINDOW}."
    ),
    per_worker.gauge("worker_credited_standard_error", Unit.RATIO, lambda w: w.comparison.noise).means(
        "Standard error of mining_worker_credited_ratio."
    ),
    per_worker.gauge("worker_shortfall", Unit.NONE, lambda w: int(w.short)).means(
        "1 while a statistical test confirms that the worker is credited less than is due, beyond the tolerance for "
        "one rig, else 0. A rig that overstates its hashrate gives the same result."
    ),
)

DAY: MetricFamily[Pools, Waterfall] = MetricFamily("pool: the newest settled day", _settled, ("pool",)).with_metrics(
    per_day.gauge("pool_day_theoretical", Unit.SATOSHIS, lambda d: d.theoretical).means(
        "What the pool's rigs would have earned in the newest settled UTC day without downtime, at the market's "
        "hashprice and before fees."
    ),
    per_day.gauge("pool_day_expected", Unit.SATOSHIS, lambda d: d.expected).means(
        "The theoretical earning after every known factor except luck: what the pool should have credited on average."
    ),
    per_day.gauge("pool_day_realised", Unit.SATOSHIS, lambda d: d.realised).means(
        "What the pool credited to the matched rigs for that day, after its fee. With PPLNS, TIDES and solo a single "
        "day says little."
    ),
    per_day.gauge("pool_day_realised", Unit.RATIO, lambda d: d.ratio).means(
        "Realised divided by theoretical earning: the product of the factors in mining_pool_waterfall_ratio."
    ),
    per_day.gauge("pool_day_coverage", Unit.RATIO, lambda d: d.coverage).means(
        "Share of the rigs' day that is known; the rest is assumed to be the same."
    ),
    per_day.gauge("pool_day_market_hashprice", Unit.BTC_PER_PH_DAY, lambda d: d.hashprice).means(
        "Market hashprice over the hashes of that day."
    ),
    per_day.gauge("pool_day_realised_hashprice", Unit.BTC_PER_PH_DAY, lambda d: d.realised_hashprice).means(
        "Effective hashprice: what the pool paid, after its fee, divided by the hashrate it credited."
    ),
    per_day.gauge("pool_day_market_hashprice", Unit.SATOSHIS_PER_TH_DAY, lambda d: _sats(d.hashprice)).means(
        "Market hashprice over the hashes of that day, in satoshis."
    ),
    per_day.gauge("pool_day_realised_hashprice", Unit.SATOSHIS_PER_TH_DAY, lambda d: _sats(d.realised_hashprice)).means(
        "Effective hashprice in satoshis."
    ),
)

FACTORS: MetricFamily[Pools, float | None] = MetricFamily("pool: waterfall", _factors, ("pool", "factor")).with_metrics(
    gauge("pool_waterfall", Unit.RATIO).means(
        "Factors between theoretical and realised earning of the newest settled day, in order: uptime, acceptance, "
        "rate_method, pool_fee, luck, residual. An unknown factor is absent and included in residual."
    ),
)

PARTS: MetricFamily[Pools, float | None] = MetricFamily(
    "pool: components of the acceptance", _parts, ("pool", "part")
).with_metrics(
    gauge("pool_acceptance", Unit.RATIO).means(
        "Components of the factor acceptance: firmware_fee, refused (rejected and stale shares), credit (credited "
        "shares divided by shares due)."
    ),
)

COSTS: MetricFamily[Pools, float | None] = MetricFamily(
    "pool: cost of each loss", _costs, ("pool", "cause")
).with_metrics(
    gauge("pool_day_loss", Unit.SATOSHIS).means(
        "Cost of each loss in the newest settled day at the market's hashprice; negative for a gain."
    ),
)

ODDS: MetricFamily[Pools, float | None] = MetricFamily(
    "pool: probability of a block", _odds, ("pool", "within")
).with_metrics(
    gauge("pool_block_probability", Unit.RATIO).means(
        "Probability of at least one block within the time of the label, for a solo account."
    ),
)

RECONCILED: Final[tuple[MetricFamily[Pools, Any], ...]] = (
    CREDIT,
    VERDICT,
    RIGS,
    WORKERS,
    DAY,
    FACTORS,
    PARTS,
    COSTS,
    ODDS,
    OWN,
)
"""Families of the reconciliation, if pools are configured; only the last has a `rig` label."""
